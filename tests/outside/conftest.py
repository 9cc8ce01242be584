"""Real input by others, told through the command line alone: OMOP CDM files go from submission to an audited delivery."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kiban_applications.command_line import entry
from kiban_applications.command_line.demonstration import cast
from kiban_applications.review import committee
from kiban_operator import home as homes
from kiban_operator import people
from kiban_operator.circumstances import Circumstances
from kiban_operator.home import Home

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "omop"
APPLICATION = Path(__file__).resolve().parents[2] / "data_examples" / "application"
BEGUN = datetime(2026, 11, 21, 0, 5, tzinfo=UTC)
NOTIFIED = date(2018, 7, 2)
"""Notices go out when the programme begins; whoever is born later is notified two months after birth."""


@dataclass
class Terminal:
    """Somebody at the command line of one home; each command a second after the last, answers read as JSON."""

    home: Path
    at: datetime = BEGUN

    def run(self, *words: str | Path, expected: int = 0) -> Any:
        self.at += timedelta(seconds=1)
        said = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said):
            patch.setenv("KIBAN_NOW", self.at.isoformat())
            code = entry.run(["--home", str(self.home), "--lang", "en", "--json", *(str(word) for word in words)])
        assert code == expected, f"{words[:2]} ended with {code}: {said.getvalue() if code >= 10 else 'see the error stream'}"
        return json.loads(said.getvalue()) if said.getvalue().startswith(("{", "[")) else None

    def open(self) -> Home:
        return homes.open_home(self.home, Circumstances(lambda: self.at, os.urandom, "system"))


@dataclass(frozen=True)
class Told:
    """What the whole way left behind."""

    terminal: Terminal
    source: dict[str, list[dict[str, str]]]  # file → its rows as sent
    sent: Path  # everything that was in the archive
    fields: Path  # the official list of the model's fields
    example: Path
    submission: Path
    receipt: dict[str, Any]
    linkage: dict[str, Any]
    release: str
    opened: Path
    export: Path
    verdict: dict[str, Any]


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data set Synthea27Nj in OMOP CDM 5.4, unpacked outside of the project."""
    place = os.environ.get("KIBAN_SAMPLES")
    if not place:
        pytest.skip("KIBAN_SAMPLES names no folder with omop-synthea27nj-csv")
    archive = Path(place) / "omop-synthea27nj-csv" / "Synthea27Nj_5.4.zip"
    if not archive.is_file():
        pytest.fail("KIBAN_SAMPLES is set, but omop-synthea27nj-csv/Synthea27Nj_5.4.zip is not in it")
    folder = tmp_path_factory.mktemp("omop")
    with zipfile.ZipFile(archive) as packed:
        for name in packed.namelist():
            if name.endswith(".csv") and "/" not in name:
                packed.extract(name, folder)
    return folder


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def write_notices(path: Path, persons: list[dict[str, str]]) -> None:
    """A notice to every person; for those under 16 on that day to the guardian as well."""
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["local_patient_id", "notice_version", "given_on", "means", "guardian_given_on", "lacks_capacity"])
        for person in persons:
            born = date.fromisoformat(person["birth_datetime"][:10])
            given = max(NOTIFIED, born + timedelta(days=60))
            child = (given - born).days < 16 * 366
            out.writerow([person["person_id"], "OMOP1-A-2018-06", given, "post", given if child else "", ""])


@pytest.fixture(scope="session")
def told(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    place = tmp_path_factory.mktemp("omop-home")
    terminal = Terminal(place / "home")
    submission = place / "submission"
    submission.mkdir()
    for name in ("manifest.toml", "mapping.toml"):
        shutil.copyfile(EXAMPLE / name, submission / name)
    mapped = [line.split('"')[1] for line in (EXAMPLE / "mapping.toml").read_text("utf-8").splitlines() if line.startswith("file = ")]
    for name in mapped:
        shutil.copyfile(sample / name, submission / name)
    source = {name.removesuffix(".csv"): rows_of(sample / name) for name in mapped}

    run = terminal.run
    run("init", "--operator", cast.OPERATOR, "--address", cast.OPERATOR_ADDRESS, "--administrator", "江崎 恵", "--administrator", "尾形 隆")
    home = terminal.open()
    with home.transaction() as session:
        operator = session.query(people.Organisation).filter_by(kind=people.OrganisationKind.OPERATOR.value).one().id
    cast.enter(home, operator)

    run("hospital", "register", EXAMPLE / "hospital.toml")
    write_notices(place / "notices.csv", source["PERSON"])
    run("notice", "import", place / "notices.csv", "--hospital", "OMOP1")
    receipt = run("submit", submission)
    linkage = run("link")

    case = run("apply", "draft", EXAMPLE / "application.toml")["id"]
    run("apply", "submit", case)
    run("review", "accept", case)
    run("review", "assign", case, "CM-1", "CM-2", "CM-3", "CH")
    for member in ("CM-1", "CM-2", "CM-3"):
        run("--as", member, "review", "declare", case, "--no-conflict")
        scores = [f"--score={name}=4" for name in committee.CRITERIA]
        run("--as", member, "review", "opinion", case, "--recommendation", "approve", "--reason", "目的は妥当である。", *scores)
    run("--as", "CH", "review", "declare", case, "--no-conflict")
    run("review", "deliberate", case)
    for member in ("CM-1", "CM-2", "CM-3"):
        run("--as", member, "review", "vote", case, "approve")
    run("review", "decide", case, "approve", "--minutes", APPLICATION / "minutes.md", "--reason", "委員三名の一致により承認する。")
    contract = run("contract", "open", case)["id"]
    for step in ("propose", "agree", "sign", "execute", "activate"):
        run("contract", step, contract)

    run("plan", "approve", EXAMPLE / "plan.toml", "--contract", contract)
    made = run("release", "make", "--contract", contract, "--plan", EXAMPLE / "plan.toml")
    release = made["id"]
    for checker in ("CK-1", "CK-2"):
        run("--as", checker, "release", "approve", release, "--manifest", made["manifest"])
    run("release", "commit", release)
    package = run("deliver", release, "--out", place / "handed-over")["package"]
    opened = run("open", package, "--identity", terminal.home / "keys" / cast.RECIPIENT_KEY, "--out", place / "recipient")
    run("receipt", release, "--manifest", opened["manifest"])
    export = place / "export"
    run("--as", "AU", "ledger", "export", export)
    verdict = run("audit", export)
    fields = Path(os.environ["KIBAN_SAMPLES"]) / "omop-synthea27nj-csv" / "OMOP_CDMv5.4_Field_Level.csv"
    yield Told(terminal, source, sample, fields, EXAMPLE, submission, receipt, linkage, release, Path(opened["folder"]), export, verdict)
