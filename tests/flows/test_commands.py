"""The command line: help for every command in both languages, exit codes, JSON that a script can read, refusals, and a manual path."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import click
import pytest
import sqlalchemy as sa
import typer

from kiban_applications.command_line import desk, entry, receiving
from kiban_applications.command_line.door import take_options
from kiban_operator import intake, vault

DATA = Path(__file__).resolve().parents[2] / "data_examples"
JAPANESE = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")


def walk(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command and every group, by the words that name it."""
    yield path
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from walk(below, (*path, name))


def tree() -> click.Command:
    door, _ = take_options([])
    return typer.main.get_command(entry.assemble(door))


COMMANDS = list(walk(tree()))


@dataclass
class Told:
    """One command's outcome."""

    code: int
    out: str
    err: str

    @property
    def value(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def kiban(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Told]:
    for name in ("KIBAN_HOME", "KIBAN_LANG", "KIBAN_AS", "KIBAN_DEBUG", "KIBAN_NOW", "LC_ALL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: object, home: Any = None, lang: str = "en", now: Any = None) -> Told:
        if home is not None:
            monkeypatch.setenv("KIBAN_HOME", str(home.path))
            monkeypatch.setenv("KIBAN_NOW", (now or home.clock()).isoformat())
        capsys.readouterr()
        code = entry.run([*(str(each) for each in arguments), "--lang", lang])
        shown = capsys.readouterr()
        return Told(code, shown.out, shown.err)

    return run


# help


@pytest.mark.parametrize("lang", ["ja", "en"])
@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: " ".join(path) or "kiban")
def test_help_in_both_languages(kiban: Callable[..., Told], path: tuple[str, ...], lang: str) -> None:
    told = kiban(*path, "--help", lang=lang)
    assert told.code == 0 and not told.err
    own = told.out.split("Usage:", 1)[1]
    assert bool(JAPANESE.search(own)) is (lang == "ja")
    assert (" ".join(("kiban", *path)) in told.out) and len(own) > 60


def test_group_without_a_command_shows_its_help(kiban: Callable[..., Told]) -> None:
    for path in ((), ("people",)):
        told = kiban(*path)
        assert told.code == 0 and "Usage" in told.out


# exit codes


def test_wrong_use_is_2(kiban: Callable[..., Told]) -> None:
    for wrong in (("nonsense",), ("submissions", "show"), ("catalogue", "--nonsense"), ("submit", "/nowhere/at/all"), ("--as",)):
        told = kiban(*wrong)
        assert told.code == 2 and told.err and not told.out
        assert "Traceback" not in told.err


def test_done_is_0(kiban: Callable[..., Told]) -> None:
    assert kiban("catalogue", "diagnoses").code == 0


def test_law_is_10(kiban: Callable[..., Told], tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text((DATA / "plans" / "diabetes-cohort.toml").read_text("utf-8").replace("k = 10 ", "k = 2 "), "utf-8")
    told = kiban("plan", "check", plan)
    assert told.code == 10 and "Refused" in told.err and not told.out


def test_input_is_11(kiban: Callable[..., Told], place: Any, tmp_path: Path) -> None:
    broken = tmp_path / "hospital.toml"
    broken.write_text("[hospital\n", "utf-8")
    assert kiban("hospital", "register", broken, home=place).code == 11
    assert kiban("submissions", "show", "s-none", home=place).code == 11


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_no_home_is_12(kiban: Callable[..., Told], tmp_path: Path, lang: str) -> None:
    told = kiban("--home", tmp_path / "nowhere", "hospital", "list", lang=lang)
    assert told.code == 12
    assert "no-home" in told.err and str(tmp_path / "nowhere") in told.err
    assert bool(JAPANESE.search(told.err)) is (lang == "ja")
    assert not (tmp_path / "nowhere").exists()


def test_permission_is_13(kiban: Callable[..., Told], place: Any) -> None:
    told = kiban("clock", "run", "--as", "AP", home=place)
    assert told.code == 13 and "act-not-allowed" in told.err
    assert kiban("clock", "run", "--as", "system", home=place).code == 13
    assert kiban("clock", "run", "--as", "p-0000000000000000", home=place).code == 13


def test_nobody_seated_is_13(kiban: Callable[..., Told], place: Any) -> None:
    (place.path / desk.FILE).unlink()
    told = kiban("clock", "run", home=place)
    assert told.code == 13 and "actor-missing" in told.err


def test_integrity_is_14(kiban: Callable[..., Told], place: Any, tools: Any, tmp_path: Path) -> None:
    place.notify([{"local_patient_id": tools.small(1)["local_patient_id"], "given_on": "2026-06-01"}])
    place.receive(tools.write_submission(tmp_path / "sent", {"patients": [tools.small(1)]}))
    (place.path / "keys" / "master.key").write_bytes(b"x" * 32)
    told = kiban("vault", "check", home=place)
    assert told.code == 14 and "key-wrong" in told.err


def test_audit_found_is_20(kiban: Callable[..., Told], told: Any, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    shutil.copytree(told.told["audit"]["folder"], folder)
    assert kiban("audit", folder).code == 0
    content = bytearray((folder / "entries.jsonl").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "entries.jsonl").write_bytes(bytes(content))
    assert kiban("audit", folder).code == 20
    as_json = kiban("audit", folder, "--json")
    assert as_json.code == 20 and as_json.value["ok"] is False


def test_refusal_as_json(kiban: Callable[..., Told], place: Any) -> None:
    for lang in ("ja", "en"):
        refused = kiban("submissions", "show", "s-none", "--json", home=place, lang=lang)
        assert refused.value["refused"]["code"] == "submission-unknown"
        assert bool(JAPANESE.search(refused.value["refused"]["what"])) is (lang == "ja")


# JSON

READING = {
    "catalogue": (),
    "people list": (),
    "hospital list": (),
    "notice versions": ("H001",),
    "filing changes": ("H001", "H001-A-2026-04", "H001-A-2026-04"),
    "filing form": ("H001", "H001-A-2026-04", "--out", "{scratch}"),
    "filing publication": ("H001", "H001-A-2026-04", "--out", "{scratch}"),
    "optout pending": (),
    "optout matches": (),
    "clock due": (),
    "eligibility forecast": (),
    "submissions list": (),
    "submissions show": ("{submission}",),
    "submissions findings": ("{submission}",),
    "vault check": (),
    "master list": (),
    "master show": ("icd10", "E119"),
    "plan check": ("{plan}",),
    "plan show": ("{plan}",),
    "release evidence": ("{release}",),
    "release list": (),
    "due": (),
    "apply questions": (),
    "apply list": (),
    "contract show": ("{contract}",),
    "contract list": (),
    "ledger list": (),
    "audit": ("{export}",),
    "doubt list": (),
    "erasure list": (),
    "person runs": (),
    "risk": ("{table}", "--qi", "sex"),
    "inspect": ("{hospital}",),
    "hierarchy check": ("{hierarchy}", "--data", "{table}", "--column", "sex"),
}
CHANGING = {
    "init", "submit", "master load", "link", "anonymise", "hierarchy build", "deliver", "receipt", "open", "demo", "serve", "people organisation", "people verify", "people add",
    "people grant", "people confirm", "people seat", "hospital register", "hospital step", "notice import", "optout import", "optout register", "optout identity", "optout withdraw",
    "optout inform", "optout consent", "optout acknowledge", "optout copy", "optout match", "optout settle",
    "clock run", "plan approve", "release make", "release report", "release approve", "release refuse", "release commit", "apply draft", "apply save",
    "apply submit", "apply withdraw", "review accept", "review return", "review assign", "review declare", "review opinion", "review deliberate",
    "review conditions", "review vote", "review decide", "contract open", "contract propose", "contract agree", "contract sign",
    "contract execute", "contract activate", "contract suspend", "ledger export", "ledger checkpoint",
    "erasure order", "erasure approve", "erasure reject", "erasure run",
    "doubt decide", "doubt question", "doubt uphold", "doubt revoke", "doubt report", "doubt sample",
}  # fmt: skip
# They read what a linkage left; their own tests have one to read (test_doubts, test_linkage_register, test_explained_from_state).
READING_AN_ERASURE = {"erasure preview", "erasure scan"}  # of an order: test_erasure has one
READING_A_LINKAGE = {"doubt show", "person history", "link-explain", "link-report", "link-sample"}

# They read a patient ID from standard input; test_eligibility_forecast asks what is behind them.
READING_STANDARD_INPUT = {"eligibility show"}


def test_every_command_is_of_one_sort() -> None:
    leaves = {" ".join(path) for path in COMMANDS if not any(other[:-1] == path for other in COMMANDS if other)}
    assert leaves == READING.keys() | CHANGING | READING_A_LINKAGE | READING_AN_ERASURE | READING_STANDARD_INPUT


@pytest.mark.parametrize("name", READING)
def test_json_and_nothing_else(kiban: Callable[..., Told], told: Any, name: str, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("sex\nmale\nfemale\n", encoding="utf-8")
    (tmp_path / "sex.csv").write_text("male;*\nfemale;*\n", encoding="utf-8")
    where = {
        "submission": told.told["receipts"][0]["submission"], "plan": DATA / "plans" / "diabetes-cohort.toml", "release": told.told["release"],
        "contract": told.told["contract"], "export": told.told["audit"]["folder"],
        "hospital": DATA / "hospitals" / "h001" / "submission", "table": tmp_path / "table.csv", "scratch": tmp_path / "scratch", "hierarchy": tmp_path / "sex.csv",
    }  # fmt: skip
    arguments = [each.format(**where) for each in READING[name]]
    before = told.state()
    for lang in ("ja", "en"):
        shown = kiban(*name.split(), *arguments, "--json", home=told, lang=lang)
        assert shown.code == 0 and not shown.err
        assert shown.value or name in ("optout pending", "optout matches", "doubt list", "erasure list")
        words = kiban(*name.split(), *arguments, home=told, lang=lang)
        assert words.code == 0 and words.out.strip() and not words.err
    assert told.state() == before


def test_reading_tells_no_patient_value(kiban: Callable[..., Told], told: Any) -> None:
    rows = told.rows("vault", "patients")[::5] + told.rows("held", "patients")[::5]
    values = {str(row[name]) for row in rows for name in ("name_kanji", "address", "phone") if row[name]}
    submission = told.told["receipts"][0]["submission"]
    for command in (
        ("submissions", "show", submission),
        ("submissions", "findings", submission),
        ("vault", "check"),
        ("ledger", "list", "--limit", "500"),
        ("optout", "pending"),
    ):
        for extra in ((), ("--json",)):
            shown = kiban(*command, *extra, home=told)
            assert shown.code == 0
            assert not [1 for value in values if len(value) > 3 and value in shown.out + shown.err]


def test_report_is_written_for_insiders_alone(kiban: Callable[..., Told], told: Any, tmp_path: Path) -> None:
    release_id = told.told["release"]
    shown = kiban("release", "report", release_id, "--out", tmp_path / "report", "--json", home=told)
    assert shown.code == 0 and set(shown.value["files"]) == {"evidence.json", "report.json", "report.ja.html", "report.en.html"}
    for name, digest in shown.value["files"].items():
        assert f"sha256:{sha256((tmp_path / 'report' / name).read_bytes()).hexdigest()}" == digest
    for seat in ("AP", "CU"):
        refused = kiban("release", "report", release_id, "--out", tmp_path / seat, "--as", seat, home=told)
        assert refused.code == 13 and not (tmp_path / seat).exists()


def test_global_options_stand_anywhere(kiban: Callable[..., Told], told: Any) -> None:
    submission = told.told["receipts"][0]["submission"]
    home = ("--home", told.path)
    ways = (
        (*home, "--as", "HL", "--json", "submissions", "show", submission),
        ("submissions", *home, "--as", "HL", "show", "--json", submission),
        ("submissions", "show", submission, "--json", "--as=HL", f"--home={told.path}"),
    )
    values = [kiban(*way).value for way in ways]
    assert values[0] == values[1] == values[2] and values[0]["submission"] == submission


def test_after_two_dashes_nothing_is_an_option(kiban: Callable[..., Told], told: Any) -> None:
    shown = kiban("submissions", "show", "--", "--json", home=told)
    assert shown.code != 0 and "{" not in shown.out


# defects


def test_defect_shows_its_place_and_no_value(
    kiban: Callable[..., Told], place: Any, tools: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tools.write_submission(tmp_path / "sent", {"patients": [tools.small(1)]})

    def broken(*_arguments: Any) -> Any:
        raise ValueError(f"cannot convert {tools.small(1)['name_kanji']}")

    monkeypatch.setattr(intake, "_keep", broken)
    for extra in ((), ("--json",)):
        for lang in ("ja", "en"):
            told = kiban("submit", folder, *extra, home=place, lang=lang)
            assert told.code == 1 and not told.out
            assert "ValueError" in told.err and "test_commands.py:" in told.err
            for value in tools.small(1).values():
                assert value not in told.err
            assert "Traceback" not in told.err


def test_defect_of_the_database_shows_no_parameters(kiban: Callable[..., Told], place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Statements and their parameters stand in the message of a database error."""

    def broken(*_arguments: Any) -> Any:
        raise sa.exc.IntegrityError("INSERT INTO x VALUES (?)", {"name": "佐々倉"}, Exception("佐々倉"))

    monkeypatch.setattr(receiving.daily_clock, "run", broken)
    told = kiban("clock", "run", home=place)
    assert told.code == 1 and "佐々倉" not in told.err + told.out and "INSERT" not in told.err


def test_interruption_is_130(kiban: Callable[..., Told], place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_arguments: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(receiving.daily_clock, "run", interrupted)
    assert kiban("clock", "run", home=place).code == 130


# the manual path


def test_manual_path(kiban: Callable[..., Told], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From nothing to a received submission with the commands alone, as a new operator would."""
    home = ("--home", tmp_path / "office")
    monkeypatch.setenv("KIBAN_NOW", "2026-11-21T09:00:00+09:00")

    def done(*arguments: object) -> Any:
        told = kiban(*home, *arguments, "--json")
        assert told.code == 0, told.err
        return told.value

    made = done(
        "init",
        "--operator",
        "試験機構",
        "--administrator",
        "馬場 翔",
        "--administrator",
        "戸田 舞",
        "--address",
        "東京都",
        "--identifier",
        "1",
    )
    assert set(made["seats"]) == {"AD-1", "AD-2"}
    again = kiban(*home, "init", "--operator", "x", "--administrator", "a", "--administrator", "b")
    assert again.code == 12 and "home-exists" in again.err
    for role in ("HL", "OD", "PR"):
        person = done("people", "add", "--name", f"担当 {role}", "--seat", role)["person"]
        grant = done("people", "grant", person, role)["grant"]
        refused = kiban(*home, "people", "confirm", grant, "--as", "AD-1")
        assert refused.code != 0  # whoever proposed does not confirm
        done("people", "confirm", grant)
    folder = DATA / "hospitals" / "h003"
    early = kiban(*home, "submit", folder / "submission")
    assert early.code == 12 and "hospital-unknown" in early.err
    assert done("hospital", "register", folder / "hospital.toml") == {"hospital": "H003"}
    assert done("notice", "import", folder / "notices.csv", "--hospital", "H003")["added"] > 200
    assert done("notice", "import", folder / "notices.csv", "--hospital", "H003")["added"] == 0
    assert done("optout", "import", folder / "stops.csv", "--hospital", "H003")["added"] == 5
    receipt = done("submit", folder / "submission")
    assert receipt["sent"] == receipt["accepted"] + receipt["held"] + receipt["quarantined"] > 10_000
    assert done("submit", folder / "submission")["repeated"] is True
    assert done("vault", "check") == {"rows": receipt["accepted"], "breaches": [], "withheld": []}
    assert done("link")["registrations"] == receipt["tables"]["patients"]["accepted"]
    assert done("hospital", "list")[0]["regime_A"] == "providing"
    pending = done("optout", "pending")
    assert len(pending["documents"]) == 5 and pending["hospitals"] == [], "what the hospital itself took it need not be told"


def test_stop_at_the_desk_reads_the_id_from_standard_input(
    kiban: Callable[..., Told], place: Any, tools: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("９００００００１\n"))  # typed in full width
    told = kiban("optout", "register", "--hospital", "H900", "--channel", "window", "--requester", "person", "--json", home=place)
    assert told.code == 0 and "90000001" not in told.out
    (stop,) = place.stops()
    assert stop.id == told.value["stop"] and stop.patient_key == place.key("H900", "90000001")
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n"))
    empty = kiban("optout", "register", "--hospital", "H900", "--channel", "window", "--requester", "person", home=place)
    assert empty.code == 11


@pytest.mark.parametrize("administrators", [[], ["馬場 翔"], ["馬場 翔", ""]])
def test_failed_init_leaves_nothing_in_the_way(kiban: Callable[..., Told], tmp_path: Path, administrators: list[str]) -> None:
    """Too few administrators: refused, and the same folder can be used right away."""
    place = tmp_path / "office"
    (place / "core").mkdir(parents=True)
    (place / "core" / "mine.txt").write_text("was here before", "utf-8")
    given = [word for name in administrators for word in ("--administrator", name)]
    assert kiban("--home", place, "init", "--operator", "試験機構", *given).code in (2, 10, 11, 12, 13)
    assert [str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()] == ["core/mine.txt"]
    assert kiban("--home", place, "init", "--operator", "試験機構", "--administrator", "馬場 翔", "--administrator", "戸田 舞").code == 0


def test_demo_leaves_any_other_home_alone(kiban: Callable[..., Told], place: Any) -> None:
    before = place.state()
    told = kiban("demo", home=place)
    assert told.code == 12 and "home-exists" in told.err
    assert place.state() == before
    assert kiban("demo", "--data", place.path, home=place).code == 11


def test_demo_as_json(kiban: Callable[..., Told], tmp_path: Path) -> None:
    """The whole story through its command: one JSON document, and an earlier demonstration in its place is replaced."""
    place = tmp_path / "demo"
    place.mkdir()
    (place / "demo.toml").write_text("", "utf-8")
    (place / "kiban.toml").write_text("old", "utf-8")
    told = kiban("--home", place, "demo", "--json")
    assert told.code == 0 and not told.err
    assert told.value["audit"]["ok"] is True and told.value["release_state"]
    assert [each["hospital"] for each in told.value["receipts"]] == ["H001", "H002", "H003"]


# real processes


def process(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("KIBAN_")}
    command = [sys.executable, "-W", "error::UserWarning", "-c", "from kiban_applications.command_line.entry import main; main()"]
    return subprocess.run(
        [*command, *(str(each) for each in arguments)], capture_output=True, text=True, env=clean | environment, timeout=120, check=False
    )


def test_process_gives_json_and_its_code(told: Any) -> None:
    shown = process("hospital", "list", "--json", KIBAN_HOME=str(told.path), KIBAN_LANG="en")
    assert shown.returncode == 0 and not shown.stderr
    assert [each["id"] for each in json.loads(shown.stdout)] == ["H001", "H002", "H003"]


def test_process_refuses_in_the_language_of_the_machine(tmp_path: Path) -> None:
    for lang, japanese in (("ja_JP.UTF-8", True), ("en_US.UTF-8", False)):
        shown = process("--home", tmp_path / "nowhere", "submissions", "list", LANG=lang, LC_ALL=lang)
        assert shown.returncode == 12 and not shown.stdout
        assert bool(JAPANESE.search(shown.stderr)) is japanese


def test_process_does_not_fall_over_a_poor_terminal(told: Any) -> None:
    """A terminal that knows no Japanese gets marks instead of a crash."""
    shown = process("hospital", "list", KIBAN_HOME=str(told.path), KIBAN_LANG="ja", PYTHONIOENCODING="ascii")
    assert shown.returncode == 0 and "H001" in shown.stdout
    shown = process("hospital", "list", "--json", KIBAN_HOME=str(told.path), KIBAN_LANG="ja", PYTHONIOENCODING="ascii")
    assert JAPANESE.search(json.loads(shown.stdout)[0]["name"])


NOTHING_ELSE = {"stopped_anew": 0, "copies_erased": 0}


def test_clock_run_on_the_day(kiban: Callable[..., Told], place: Any, tools: Any, tmp_path: Path) -> None:
    place.notify([{"local_patient_id": tools.small(1)["local_patient_id"], "given_on": "2026-11-11"}])
    place.receive(tools.write_submission(tmp_path / "sent", {"patients": [tools.small(1)]}))
    day = place.clock()
    assert kiban("clock", "run", "--json", home=place).value == {
        "admitted": {},
        "waiting": {"patients": 1},
        "withdrawn": {},
        **NOTHING_ELSE,
    }
    later = kiban("clock", "run", "--json", home=place, now=day + timedelta(days=20))
    assert later.value["admitted"] == {"patients": 1}
    assert len(place.rows("vault", "patients")) == 1
    assert vault.Shelf.VAULT == "vault"
