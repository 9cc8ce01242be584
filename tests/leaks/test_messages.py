"""What kiban says when it refuses: every message stands in both languages with the same particulars, and never quotes a cell it was sent."""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import os
import pkgutil
import string
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

import kiban_applications
import kiban_operator
import kiban_processing
from kiban_applications.command_line import entry
from kiban_applications.command_line.demonstration import cast
from kiban_operator import home as homes
from kiban_operator import people
from kiban_operator.circumstances import Circumstances
from kiban_processing.catalogue.tables import TABLES
from kiban_processing.formats.findings import Rule
from kiban_processing.language import Text
from kiban_processing.refusals import Ground

ROOT = Path(__file__).resolve().parents[2]
HOSPITAL = ROOT / "data_examples" / "hospitals" / "h001"
# Whole and in parts, so that a message that cuts the value short is found as well; nothing kiban says by itself is like them.
SENTINELS = ("縺患者之値", "Qz7xSentinelCell", "9173820465")


def modules() -> Iterator[object]:
    for package in (kiban_processing, kiban_operator, kiban_applications):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith((".__main__", ".env", ".v0001_first_tables")) and ".migrations.versions" not in found.name:
                yield importlib.import_module(found.name)


def declared(kind: type) -> dict[int, object]:
    """Every value of a kind among the names of all modules, and inside their tables and lists, once each."""
    found: dict[int, object] = {}
    for module in modules():
        waiting = list(vars(module).values())
        while waiting:
            one = waiting.pop()
            if isinstance(one, kind):
                found[id(one)] = one
            elif isinstance(one, dict):
                waiting += one.values()
            elif isinstance(one, (tuple, list, frozenset)):
                waiting += one
    return found


def names_in(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_every_ground_and_rule_has_its_own_code() -> None:
    grounds = declared(Ground).values()
    counted = Counter(ground.code for ground in grounds)
    assert len(counted) > 200
    assert [code for code, number in counted.items() if number > 1] == []


def test_every_message_has_the_same_particulars_in_both_languages() -> None:
    """Else the message could be given in one language and break in the other."""
    wrong = [
        (one.code, part)
        for kind in (Ground, Rule)
        for one in declared(kind).values()
        for part in ("what", "remedy")
        if names_in(getattr(one, part).ja) != names_in(getattr(one, part).en)
    ]
    assert wrong == []


def test_every_text_is_written_in_both_languages() -> None:
    empty = [text.en or text.ja for text in declared(Text).values() if not (text.ja.strip() and text.en.strip())]
    assert empty == []


def test_remedies_ask_for_nothing_that_the_message_does_not_know() -> None:
    """`refuse` fills both texts from the same particulars; a name only the remedy has must be given all the same, so it is rare and known."""
    nameless = [g.code for g in declared(Ground).values() for t in (g.what, g.remedy) if any(not n.isidentifier() for n in names_in(t.ja))]
    assert nameless == []


@dataclass(repr=False)
class Desk:
    """A home with one hospital registered, and all that commands say at it: both streams and the log."""

    home: Path
    log: io.StringIO = field(default_factory=io.StringIO)

    def run(self, *words: str | Path) -> tuple[int, str]:
        """Exit code and everything said, in both languages and as JSON."""
        said = io.StringIO()
        codes = []
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            for option in (("--lang", "ja"), ("--lang", "en", "--json")):
                codes.append(entry.run(["--home", str(self.home), *option, *(str(word) for word in words)]))
        return max(codes), said.getvalue() + self.log.getvalue()

    def newest(self) -> str:
        """The submission received last of those with findings."""
        return max((self.home / "receive" / "quarantine").iterdir(), key=lambda path: path.stat().st_mtime_ns).name


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    patch = pytest.MonkeyPatch()
    patch.setenv("KIBAN_NOW", "2026-11-21T09:00:00+09:00")
    made = Desk(tmp_path_factory.mktemp("messages") / "home")
    handler = logging.StreamHandler(made.log)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    assert (
        entry.run(
            ["--home", str(made.home), "init", "--operator", cast.OPERATOR, "--administrator", "江崎 恵", "--administrator", "尾形 隆"]
        )
        == 0
    )
    home = homes.open_home(made.home, Circumstances(lambda: datetime(2026, 11, 21, 0, 0, tzinfo=UTC), os.urandom, "system"))
    with home.transaction() as session:
        operator = session.query(people.Organisation).filter_by(kind=people.OrganisationKind.OPERATOR.value).one().id
    cast.enter(home, operator)
    assert made.run("hospital", "register", HOSPITAL / "hospital.toml")[0] == 0
    yield made
    root.removeHandler(handler)
    root.setLevel(level)
    patch.undo()


def quotes(said: str) -> list[str]:
    return [sentinel for sentinel in SENTINELS if sentinel in said or sentinel[: len(sentinel) // 2 + 1] in said]


def assert_silent(desk: Desk, code: int, said: str) -> None:
    """Refused or taken, but no defect, and the sentinel said nowhere: not on the streams, not in the log, not on disk."""
    assert code != 1, "a defect, not a refusal"
    assert not quotes(said), "a cell was quoted"
    for path in desk.home.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(sentinel.encode(encoding) in content for sentinel in SENTINELS for encoding in ("utf-8", "cp932")), path.name


GOOD: dict[str, dict[str, str]] = {
    "patients": {"local_patient_id": "100", "name_kanji": "甲野 乙子", "birth_date": "1970-01-01", "sex": "female"},
    "encounters": {"local_patient_id": "100", "encounter_id": "1", "started_on": "2020-01-01"},
}


def submission_of(folder: Path, table: str, lines: list[list[str]], encoding: str = "utf-8", head: bool = True, tail: bytes = b"") -> Path:
    """A submission of one file whose columns are called as the catalogue calls them."""
    folder.mkdir()
    columns = list(TABLES[table].columns)
    (folder / "manifest.toml").write_text(
        f'[submission]\nhospital = "H001"\nregime = "A"\nperiod_from = 2015-04-01\nperiod_to = 2025-03-31\nencoding = "{encoding}"\nsent_by = "x"\n',
        encoding="utf-8",
    )
    mapped = "\n".join(f'{name} = "{name}"' for name in columns)
    (folder / "mapping.toml").write_text(f'[[files]]\nfile = "a.csv"\ntable = "{table}"\n[files.columns]\n{mapped}\n', encoding="utf-8")
    rows = ([columns] if head else []) + lines
    (folder / "a.csv").write_bytes("".join(",".join(row) + "\n" for row in rows).encode(encoding) + tail)
    return folder


def line_of(table: str, number: int, **changes: str) -> list[str]:
    row = {**GOOD.get(table, {"local_patient_id": "100"}), **{TABLES[table].key[0]: str(number)}, **changes}
    return [
        row.get(name, "2020-01-01" if TABLES[table].item(name).required and name != "local_patient_id" else "")
        for name in TABLES[table].columns
    ]


@pytest.mark.parametrize("table", TABLES)
def test_a_sentinel_in_every_cell_of_a_submission(desk: Desk, tmp_path: Path, table: str) -> None:
    """One row per column and sentinel; then the receipt, its findings and the daily clock are asked for."""
    cells = [(column, sentinel) for column in TABLES[table].columns for sentinel in SENTINELS]
    folder = submission_of(tmp_path / "s", table, [line_of(table, 500 + n, **{column: value}) for n, (column, value) in enumerate(cells)])
    code, said = desk.run("submit", folder)
    assert code == 0
    receipt = desk.newest()
    said += desk.run("submissions", "show", receipt)[1] + desk.run("submissions", "findings", receipt, "--limit", "100000")[1]
    said += desk.run("clock", "run")[1]
    assert '"rule": "' in said, "nothing was found wrong with any cell"
    assert_silent(desk, code, said)


S = SENTINELS[0]
DAMAGE: dict[str, Callable[[Path], Path]] = {
    "no header line": lambda at: submission_of(at, "patients", [line_of("patients", 1, name_kanji=S, phone=SENTINELS[2])] * 3, head=False),
    "too many cells": lambda at: submission_of(at, "patients", [[*line_of("patients", 1), *SENTINELS]]),
    "too few cells": lambda at: submission_of(at, "patients", [["1", *SENTINELS]]),
    "an open quote": lambda at: submission_of(at, "patients", [['"' + S, *SENTINELS]]),
    "bytes of no encoding": lambda at: submission_of(at, "patients", [line_of("patients", 1)], tail=S.encode() + b"\xff\xfe," + S.encode()),
    "declared otherwise": lambda at: submission_of(at, "patients", [line_of("patients", 1, name_kanji=S)], tail=S.encode("utf-8")[:-1], encoding="cp932"),
    "null bytes": lambda at: submission_of(at, "patients", [line_of("patients", 1)], tail=b"\x00" * 9 + S.encode() + b"\x00\n"),
    "the same key twice": lambda at: submission_of(at, "patients", [line_of("patients", 1, local_patient_id=SENTINELS[2], sex=x) for x in ("male", "female")]),
    "events of nobody known": lambda at: submission_of(at, "encounters", [line_of("encounters", 1, local_patient_id=x) for x in SENTINELS[1:]]),
    "a repeated event": lambda at: submission_of(at, "encounters", [line_of("encounters", 1, physician_name=S, encounter_id=SENTINELS[1])] * 2),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_sentinel_in_a_damaged_submission(desk: Desk, tmp_path: Path, damage: str) -> None:
    code, said = desk.run("submit", DAMAGE[damage](tmp_path / "s"))
    said += desk.run("submissions", "findings", desk.newest())[1]
    assert_silent(desk, code, said)


NOTICES = "local_patient_id,notice_version,given_on,means,guardian_given_on,lacks_capacity"
STOPS = "local_patient_id,requested_on,channel,requester"


@pytest.mark.parametrize(("group", "header"), [("notice", NOTICES), ("optout", STOPS)], ids=["notice", "optout"])
@pytest.mark.parametrize("damage", ["cells", "no header", "width", "quote", "bytes"])
def test_a_sentinel_in_a_register(desk: Desk, tmp_path: Path, group: str, header: str, damage: str) -> None:
    width = header.count(",") + 1
    lines = [",".join(S if place == column else "1" for place in range(width)) for column in range(width) for S in SENTINELS]
    content = {
        "cells": "\n".join([header, *lines]),
        "no header": "\n".join(lines),
        "width": "\n".join([header, *(line + ",".join(SENTINELS) for line in lines), *SENTINELS]),
        "quote": "\n".join([header, f'"{S},{SENTINELS[1]}', *lines]),
        "bytes": "\n".join([header, *lines]),
    }[damage].encode() + (b"\xff" + S.encode() + b"\xfe" if damage == "bytes" else b"")
    path = tmp_path / "register.csv"
    path.write_bytes(content)
    code, said = desk.run(group, "import", path, "--hospital", "H001")
    assert_silent(desk, code, said)


@pytest.mark.parametrize("damage", ["cells", "no header", "bytes"])
def test_a_sentinel_in_a_file_to_be_linked(desk: Desk, tmp_path: Path, damage: str) -> None:
    header = "site_id,local_patient_id,registered_on,name_kanji,name_kana,birth_date,sex,postal_code,address,phone"
    width = header.count(",") + 1
    lines = [",".join(["H", str(n), *(S if place == n % width else "" for place in range(2, width))]) for n in range(2 * width)]
    content = "\n".join([header, *lines] if damage != "no header" else lines).encode() + (
        b"\n\xff" + S.encode() if damage == "bytes" else b""
    )
    path = tmp_path / "registrations.csv"
    path.write_bytes(content)
    code, said = desk.run("link", path, "--out", tmp_path / "out")
    assert_silent(desk, code, said)


@pytest.mark.parametrize("damage", ["cells", "no header", "width", "bytes"])
def test_a_sentinel_in_a_table_to_be_anonymised(desk: Desk, tmp_path: Path, damage: str) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(
        '[anonymity]\nk = 2\nsuppression_limit = 0.5\n[columns.age]\nquasi = true\nhierarchy = "age.csv"\n[columns.code]\nsensitive = true\n',
        encoding="utf-8",
    )
    (tmp_path / "age.csv").write_text("30;30-39;*\n31;30-39;*\n", encoding="utf-8")
    lines = ["30,a", "31,b", f"{S},a", f"30,{SENTINELS[1]}", f"{SENTINELS[2]},b"]
    content = {
        "cells": "\n".join(["age,code", *lines]), "no header": "\n".join(lines[2:] * 2),
        "width": "\n".join(["age,code", f"{S},{S},{S}", *lines]), "bytes": "\n".join(["age,code", *lines]),
    }[damage].encode() + (b"\n\xff" + S.encode() if damage == "bytes" else b"")  # fmt: skip
    (tmp_path / "table.csv").write_bytes(content)
    code, said = desk.run("anonymise", tmp_path / "table.csv", "--plan", plan, "--out", tmp_path / "out")
    assert code >= 10
    assert_silent(desk, code, said)


BROKEN = f'[plan]\nname = "{S}\n{SENTINELS[1]} = = {SENTINELS[2]}\n'


@pytest.mark.parametrize("file", ["manifest.toml", "mapping.toml", "plan.toml", "hospital.toml", "application.toml"])
def test_a_settings_file_that_is_none(desk: Desk, tmp_path: Path, file: str) -> None:
    """A patient list saved under the name of a settings file: the parser's own words, which quote it, are not passed on."""
    folder = submission_of(tmp_path / "s", "patients", [line_of("patients", 1)])
    (folder / file).write_text(BROKEN, encoding="utf-8")
    words = {
        "manifest.toml": ("submit", folder), "mapping.toml": ("submit", folder), "plan.toml": ("plan", "check", folder / file),
        "hospital.toml": ("hospital", "register", folder / file), "application.toml": ("apply", "draft", folder / file),
    }[file]  # fmt: skip
    code, said = desk.run(*words)
    assert code == 11
    assert_silent(desk, code, said)


@pytest.mark.parametrize("setting", ["hospital", "regime", "encoding", "period_from"])
def test_a_cell_pasted_into_the_manifest(desk: Desk, tmp_path: Path, setting: str) -> None:
    """Refused; the hospital's ID alone may be said back, for it names a hospital and whoever sends must learn which was not known."""
    folder = submission_of(tmp_path / "s", "patients", [line_of("patients", 1)])
    lines = (folder / "manifest.toml").read_text("utf-8").splitlines()
    pasted = [f'{setting} = "{S}"' if line.startswith(setting) else line for line in lines]
    (folder / "manifest.toml").write_text("\n".join(pasted), encoding="utf-8")
    code, said = desk.run("submit", folder)
    assert code >= 10
    assert setting == "hospital" or not quotes(said)


def test_a_defect_says_its_place_and_not_its_message(desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An exception whose text quotes a cell is a defect; the door keeps its text to itself."""

    def breaks(*_: object, **__: object) -> None:
        raise KeyError(S)

    monkeypatch.setattr("kiban_operator.intake.receive", breaks)
    code, said = desk.run("submit", submission_of(tmp_path / "s", "patients", [line_of("patients", 1)]))
    assert code == 1
    assert "KeyError" in said
    assert not quotes(said)
