"""One home in which everything has happened, told in a process of its own so that nothing it writes anywhere escapes the search."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import originals
import search

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "data_examples"
HOSPITALS = [DATA / "hospitals" / name for name in ("h001", "h002", "h003")]

TELL = """
import contextlib, io, json, logging, os, sys
logging.basicConfig(level=logging.DEBUG, filename=sys.argv[1], encoding="utf-8")
for name in ("sqlalchemy", "splink", "alembic", "bagit", "duckdb"):
    logging.getLogger(name).setLevel(logging.DEBUG)
from kiban_applications.command_line import entry
data, home, out = sys.argv[2:5]
hospitals = data + "/hospitals/"
def run(*words, expected=(0,)):
    code = entry.run(["--home", home, *words])
    assert code in expected, (words[:2], code)
def ask(*words):
    answer = io.StringIO()
    with contextlib.redirect_stdout(answer):
        run(*words, "--json")
    print(answer.getvalue())
    return json.loads(answer.getvalue())
run("demo", "--data", data, "--lang", "ja")
os.environ["KIBAN_NOW"] = "2026-12-12T09:00:00+09:00"
run("notice", "import", hospitals + "h002/notices-2026-12.csv", "--hospital", "H002")
run("submit", hospitals + "h002/submission-2026-12", "--lang", "en")
run("clock", "run", "--json")
run("link", "--json")
run("vault", "check")
run("submissions", "list", "--json")
for each in sorted(os.listdir(home + "/core/receipt")):
    run("submissions", "show", each)
    run("submissions", "findings", each, "--limit", "5000", "--json")
    run("submissions", "findings", each, "--limit", "5000", "--lang", "en")
(contract,) = [each["id"] for each in ask("contract", "list")]
second, vain = out + "/../second.toml", out + "/../vain.toml"
for plan in (second, vain):
    run("plan", "approve", plan, "--contract", contract)
made = ask("release", "make", "--contract", contract, "--plan", second)
run("release", "make", "--contract", contract, "--plan", vain, expected=(10, 12))
run("release", "refuse", made["id"], "--reason", "差し替えのため", "--lang", "en")
run("ledger", "list", "--limit", "1000", "--json")
run("release", "list", "--json")
for each in sorted(os.listdir(home + "/deliver/releases")):
    run("release", "evidence", each)
    run("release", "report", each, "--out", home + "/reports/" + each, "--json", expected=(0, 14))
run("submit", out + "/nothing", expected=(2, 11))
run("people", "list")
run("optout", "pending")
run("due")
run("--as", "AU", "ledger", "export", home + "/second-export")
run("audit", home + "/second-export", "--lang", "en")
run("link", *sys.argv[5:], "--out", out, "--json")
run("link", *sys.argv[5:], "--out", out, "--previous", out, "--lang", "en")
"""
REGISTRATION = (
    "local_patient_id", "registered_on", "name_kanji", "name_kana", "birth_date", "sex", "postal_code", "address", "phone",
    "insurer_number", "insured_symbol", "insured_number", "insured_branch",
)  # fmt: skip


@dataclass(frozen=True)
class Told:
    """Where the whole story left what: the home, what it said and logged, and the folders in which programs put what they forget."""

    home: Path
    said: Path  # console and log
    linked: Path  # the stand-alone linkage
    left: Path  # temporary folder, user's home and working directory

    @property
    def package(self) -> Path:
        (opened,) = (self.home / "recipient").iterdir()
        return opened

    @property
    def release(self) -> str:
        return self.package.name


def write_registrations(place: Path, given: originals.Originals) -> list[str]:
    """The three patient lists in the columns that the stand-alone linkage reads."""
    paths = []
    for (hospital, table), rows in given.rows.items():
        if table == "patients":
            paths.append(place / f"{hospital}.csv")
            with paths[-1].open("w", encoding="utf-8", newline="") as file:
                out = csv.writer(file)
                out.writerow(("site_id", *REGISTRATION))
                out.writerows([hospital, *(row.get(item, "") for item in REGISTRATION)] for row in rows)
    return [str(path) for path in paths]


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory, given: originals.Originals) -> Told:
    place = tmp_path_factory.mktemp("leaks")
    made = Told(place / "home", place / "said", place / "linked", place / "left")
    for folder in (made.said, made.linked, *(made.left / name for name in ("tmp", "user", "here"))):
        folder.mkdir(parents=True)
    registrations = write_registrations(place, given)
    plan = (DATA / "plans" / "diabetes-cohort.toml").read_text("utf-8")
    (place / "second.toml").write_text(plan.replace("version = 1", "version = 2"), encoding="utf-8")
    (place / "vain.toml").write_text(plan.replace("k = 10 ", "k = 5000 "), encoding="utf-8")
    surroundings = {
        **{name: value for name, value in os.environ.items() if not name.startswith("KIBAN_")},
        **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(made.left / "tmp")), "HOME": str(made.left / "user"), "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    with (made.said / "stdout").open("wb") as out, (made.said / "stderr").open("wb") as err:
        words = [sys.executable, "-c", TELL, str(made.said / "log"), str(DATA), str(made.home), str(made.linked), *registrations]
        done = subprocess.run(
            words, cwd=made.left / "here", env=surroundings, stdout=out, stderr=err, stdin=subprocess.DEVNULL, check=False
        )
    assert done.returncode == 0, (made.said / "stderr").read_text("utf-8")[-2000:]
    return made


@pytest.fixture(scope="session")
def given() -> originals.Originals:
    return originals.read(HOSPITALS)


def words_of(*paths: Path) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def days_of_registers() -> str:
    """The days of notices and stops, which the registers keep (and no patient's ID)."""
    days = []
    for path in DATA.glob("hospitals/*/*.csv"):
        with path.open(encoding="utf-8-sig", newline="") as file:
            days += [cell for row in csv.DictReader(file) for name, cell in row.items() if name.endswith("_on") and cell]
    return "\n".join(sorted(set(days)))


@pytest.fixture(scope="session")
def around(given: originals.Originals) -> search.Search:
    """The search through the operator's own files, in which the hospitals' particulars and periods rightly stand."""
    allowed = words_of(
        *(hospital / "hospital.toml" for hospital in HOSPITALS), *DATA.glob("hospitals/*/submission*/m*.toml"),
        *sorted((DATA / "application").iterdir()), *sorted((DATA / "plans").iterdir()),
        ROOT / "applications/kiban_applications/command_line/demonstration/cast.py",
        ROOT / "processing/kiban_processing/formats/findings.py",  # remedies show how a day is written
    )  # fmt: skip
    return search.Search(given, allowed + days_of_registers(), search.BESIDE_THE_TABLES)


@pytest.fixture(scope="session")
def inside(given: originals.Originals) -> search.Search:
    """The search through what the recipient gets, in which only the contract's own words rightly stand."""
    allowed = words_of(
        DATA / "application/application.toml", DATA / "application/conditions.toml",
        ROOT / "applications/kiban_applications/command_line/demonstration/cast.py",
    )  # fmt: skip
    return search.Search(given, allowed, search.IN_THE_PACKAGE)
