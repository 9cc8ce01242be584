"""Code masters in a home: versions side by side, nothing overwritten, damage noticed, booked; on both databases, and by the commands."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa

from kiban_applications.command_line import entry
from kiban_applications.migrations import steps
from kiban_operator import database, masters
from kiban_operator.circumstances import Circumstances
from kiban_operator.ledger import book, kinds
from kiban_processing.masters import completion, layouts, reading
from kiban_processing.masters.reading import Read
from kiban_processing.refusals import Refusal
from tests.flows.test_databases import fresh

OLD, NEW = date(2024, 4, 1), date(2026, 6, 1)
FIRST = "code,name\nK999,架空手術\nK998-2,別の架空手術\n"
SECOND = "code,name\nK999,架空手術(改)\n"


@dataclass
class Desk:
    """One database, one folder, one person."""

    engine: sa.Engine
    folder: Path

    circumstances: Circumstances

    def read(self, text: str) -> Read:
        path = self.folder.parent / "k.csv"
        path.write_text(text, encoding="utf-8")
        return reading.read(path, layouts.K_CODES)

    def load(self, text: str, version: str, day: date, licence: str | None = None) -> bool:
        with database.transaction(self.engine) as session:
            return masters.load(session, self.circumstances, self.folder, self.read(text), version, day, licence)[1]

    def name(self, code: str, day: date) -> str:
        with database.transaction(self.engine) as session:
            found = masters.in_force(session, self.folder, "k-codes", day)
        return next((row["name"] for row in found.rows.to_pylist() if row["code"] == code), "—")


@pytest.fixture(params=["sqlite", "postgresql"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    url = f"sqlite:///{tmp_path / 'control.db'}" if request.param == "sqlite" else fresh(request.getfixturevalue("postgresql"), "masters")
    engine = database.connect(url)
    steps.upgrade(engine)
    assert steps.differences(engine) == []
    yield Desk(engine, tmp_path / "masters", Circumstances(lambda: datetime(2026, 11, 21, 3, tzinfo=UTC), Random(7).randbytes, "p-test"))
    engine.dispose()


def test_versions_stand_side_by_side_and_the_day_chooses(desk: Desk) -> None:
    assert desk.load(SECOND, "2026", NEW) and desk.load(FIRST, "2024", OLD, "own invention")
    assert (desk.name("K999", OLD), desk.name("K999", NEW), desk.name("K998-2", NEW)) == ("架空手術", "架空手術(改)", "—")
    with pytest.raises(Refusal) as refused:
        desk.name("K999", date(2024, 3, 31))
    assert refused.value.code == "master-none-in-force"
    with database.transaction(desk.engine) as session:
        assert [(one.version, one.rows, one.licence) for one in masters.list_all(session, "k-codes")] == [
            ("2024", 2, "own invention"),
            ("2026", 1, None),
        ]
        assert [one.version for one in masters.opened(session, desk.folder, "k-codes")] == ["2024", "2026"]
        entries = book.entries(session, "master/k-codes", kinds.MASTER_LOADED)
    assert [(one.facts["version"], one.facts["in_force"], one.facts["rows"]) for one in entries] == [
        ("2026", "2026-06-01", 1),
        ("2024", "2024-04-01", 2),
    ]
    assert entries[1].facts["digest"] == f"sha256:{desk.read(FIRST).digest}"


def test_the_same_again_changes_nothing_and_nothing_is_overwritten(desk: Desk) -> None:
    assert desk.load(FIRST, "2024", OLD)
    files = {path: path.read_bytes() for path in desk.folder.iterdir()}
    assert not desk.load(FIRST, "2024", OLD, "another note")
    for text, version, day, code in [
        (SECOND, "2024", OLD, "master-version-taken"), (FIRST, "2024", NEW, "master-version-taken"), (SECOND, "2025", OLD, "master-day-taken"),
        (SECOND, "a b", NEW, "master-version-refused"), (SECOND, "", NEW, "master-version-refused"), (FIRST + "K999,x\n", "x", NEW, "master-unusable"),
    ]:  # fmt: skip
        with pytest.raises(Refusal) as refused:
            desk.load(text, version, day)
        assert refused.value.code == code
    assert {path: path.read_bytes() for path in desk.folder.iterdir()} == files and len(files) == 1
    with database.transaction(desk.engine) as session:
        assert len(masters.list_all(session)) == 1 == len(book.entries(session, "master/k-codes", kinds.MASTER_LOADED))
    assert desk.load(FIRST, "2026", NEW)  # published again without a change: a version of its own
    assert len(list(desk.folder.iterdir())) == 1


def test_what_is_loaded_completes_rows(desk: Desk) -> None:
    path = desk.folder.parent / "drugs.csv"
    path.write_text("HOTコード,YJコード,販売名\n9990001010101,9990001F1011,架空錠\n", encoding="utf-8")
    with database.transaction(desk.engine) as session:
        masters.load(session, desk.circumstances, desk.folder, reading.read(path, layouts.DRUGS), "1", OLD)
        known = masters.for_completion(session, desk.folder)
    with duckdb.connect() as con:
        con.execute(
            "CREATE TABLE sent AS SELECT '9990001010101' AS hot_code, NULL::VARCHAR AS yj_code, NULL::VARCHAR AS other_code,"
            " NULL::VARCHAR AS other_code_system, DATE '2025-01-01' AS prescribed_on"
        )
        assert completion.complete(con, "prescriptions", "sent", "done", known) == {"yj_code": completion.Completed(1, 0)}
        assert con.execute("SELECT yj_code FROM done").fetchall() == [("9990001F1011",)]


@pytest.mark.parametrize("damage", ["gone", "changed"])
def test_a_damaged_table_is_never_looked_up(desk: Desk, damage: str) -> None:
    desk.load(FIRST, "2024", OLD)
    (path,) = desk.folder.iterdir()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes().replace(b"K999", b"K997"))
    with pytest.raises(Refusal) as refused:
        desk.name("K999", OLD)
    assert refused.value.code == "master-damaged"


@pytest.fixture
def kiban(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, Any, str]]:
    def run(*arguments: object, home: Path, lang: str = "en") -> tuple[int, Any, str]:
        monkeypatch.setenv("KIBAN_HOME", str(home))
        monkeypatch.setenv("KIBAN_NOW", "2026-11-21T12:00:00+09:00")
        capsys.readouterr()
        code = entry.run([*(str(each) for each in arguments), "--json", "--lang", lang])
        told = capsys.readouterr()
        return code, json.loads(told.out) if told.out else None, told.err

    return run


def test_the_commands_load_list_and_show(place: Any, kiban: Callable[..., tuple[int, Any, str]], tmp_path: Path) -> None:
    file = tmp_path / "k.csv"
    file.write_bytes(FIRST.encode("cp932"))
    arguments = ("master", "load", "k-codes", file, "--version", "2024", "--in-force", "2024-04-01", "--licence", "own invention")
    code, told, _ = kiban(*arguments, home=place.path)
    assert (code, told["new"], told["rows"]) == (0, True, 2)
    assert kiban(*arguments, home=place.path)[1]["new"] is False
    assert kiban(*arguments, "--as", "OD", home=place.path)[:2][0] == 13
    _, listed, _ = kiban("master", "list", home=place.path)
    assert {"k-codes", "icd10", "postal"} <= {one["kind"] for one in listed}
    assert next(one for one in listed if one["kind"] == "k-codes")["licence"] == "own invention"
    code, told, _ = kiban("master", "show", "k-codes", "k998-2", home=place.path)
    assert code == 0 and told["rows"][0]["name"] == "別の架空手術" and told["version"] == "2024"
    assert kiban("master", "show", "k-codes", "K999", "--on", "2020-01-01", home=place.path)[0] == 12
    assert kiban("master", "show", "k-codes", "K111", home=place.path)[0] == 11
    file.write_text(FIRST + "X,壊れた行\n", encoding="utf-8")
    code, told, shown = kiban("master", "load", "k-codes", file, "--version", "2026", "--in-force", "2026-06-01", home=place.path)
    assert code == 11 and told["refused"]["particulars"]["places"] == "4 code pattern-mismatch" and "壊れた" not in shown
    assert kiban("master", "load", "nonsense", file, "--version", "1", "--in-force", "2026-06-01", home=place.path)[0] == 11


def test_installed_masters_need_no_home(kiban: Callable[..., tuple[int, Any, str]], tmp_path: Path) -> None:
    code, told, _ = kiban("master", "show", "icd10", "E119", home=tmp_path)
    assert code == 0 and told["wider"] == ["E11", "E10-E14", "IV"]
    code, told, _ = kiban("master", "show", "postal-organisations", "152-8621", home=tmp_path)
    assert code == 0 and told["names_one_organisation"] is True
    assert kiban("master", "show", "k-codes", "K999", home=tmp_path)[0] == 12
