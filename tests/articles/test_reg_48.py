"""Reg 48: the notice sets the period needed to request a stop and is given by an appropriate and reasonable method; the filing is made on
Form 43; how data are updated and the planned start complete the nine entries."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from kiban_operator import guard, keys, notice_register, notices, programmes
from kiban_operator.circumstances import Circumstances
from kiban_operator.guard import NoticeGiven, Standing
from kiban_operator.ledger.book import EntryRow
from kiban_operator.notice_register import Notice
from kiban_operator.notices import Entries
from kiban_operator.registers import ImportReport
from kiban_processing.refusals import Refusal

TODAY = date(2026, 11, 21)
SECRET = bytes(range(32))
HEADER = "local_patient_id,notice_version,given_on,means,guardian_given_on,lacks_capacity\n"
FULL = Entries(*(f"{field.name} の本文" for field in fields(Entries)))


def test_there_are_nine_entries() -> None:
    assert len(fields(Entries)) == 9
    assert set(notices.ENTRY_NAMES) == {field.name for field in fields(Entries)}


@pytest.mark.parametrize("entry", [field.name for field in fields(Entries)])
@pytest.mark.parametrize("blank", ["", " 　\n"])
def test_a_version_that_lacks_one_entry_is_not_put_into_force(
    session: Session, circumstances: Circumstances, hospital: str, entry: str, blank: str
) -> None:
    row = notices.draft(session, circumstances, hospital, "A", "v1", replace(FULL, **{entry: blank}), ["patients.*"])
    assert notices.missing(row) == [entry]
    with pytest.raises(Refusal) as refused:
        notices.activate(session, circumstances, hospital, "A", "v1", TODAY)
    assert refused.value.code == "notice-incomplete"
    assert notices.ENTRY_NAMES[entry].ja in refused.value.read("ja")
    notices.draft(session, circumstances, hospital, "A", "v1", FULL, ["patients.*"])
    assert notices.activate(session, circumstances, hospital, "A", "v1", TODAY).filed_on == TODAY


def test_a_version_that_covers_no_item_is_not_put_into_force(session: Session, circumstances: Circumstances, hospital: str) -> None:
    notices.draft(session, circumstances, hospital, "A", "v1", FULL, [])
    with pytest.raises(Refusal) as refused:
        notices.activate(session, circumstances, hospital, "A", "v1", TODAY)
    assert refused.value.code == "notice-incomplete"


@pytest.mark.parametrize(
    ("days", "reason", "accepted"), [(30, None, True), (29, None, False), (29, " ", False), (14, "来院間隔", True), (0, "急ぐ", False)]
)
def test_a_period_below_the_guide_needs_a_recorded_reason(
    session: Session, circumstances: Circumstances, hospital: str, days: int, reason: str | None, accepted: bool
) -> None:
    if accepted:
        assert notices.draft(session, circumstances, hospital, "A", "v1", FULL, ["patients.*"], days, reason).wait_days == days
        return
    with pytest.raises(Refusal) as refused:
        notices.draft(session, circumstances, hospital, "A", "v1", FULL, ["patients.*"], days, reason)
    assert refused.value.code == "notice-wait-unreasoned"


def test_the_period_that_counts_is_the_one_the_notice_set(adult: Standing, notice: NoticeGiven) -> None:
    given = replace(notice, given_on=TODAY - timedelta(days=40), wait_days=45)
    ruling = guard.judge(replace(adult, notices=(given,)), TODAY, {"diagnoses.icd10"})
    assert ruling.ground is not None
    assert (ruling.ground.code, ruling.eligible_on) == ("waiting", TODAY + timedelta(days=5))


def test_a_filing_has_the_number_of_its_form_43(session: Session, circumstances: Circumstances, hospital: str) -> None:
    programmes.record(session, circumstances, hospital, "A", "contract", TODAY)
    with pytest.raises(Refusal) as refused:
        programmes.record(session, circumstances, hospital, "A", "filed", TODAY)
    assert refused.value.code == "filing-number-missing"
    assert programmes.record(session, circumstances, hospital, "A", "filed", TODAY, "43-7").filing_number == "43-7"


def taken(session: Session, circumstances: Circumstances, hospital: str, path: Path, lines: str, encoding: str = "utf-8") -> ImportReport:
    path.write_text(HEADER + lines, encoding=encoding)
    return notice_register.import_register(session, circumstances, hospital, "A", path, SECRET)


def found(report: ImportReport) -> list[tuple[int, str | None, str]]:
    return [(line["row"], line["column"], line["rule"]) for line in report.findings.to_pylist()]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
def test_the_register_of_notices_is_taken_over_by_patient_key(
    session: Session, circumstances: Circumstances, filed: str, tmp_path: Path, encoding: str
) -> None:
    lines = "0001,v1,2026-01-10,paper,,\n０００２,v1,令和8年1月11日,post,R8.1.12,1\n"
    report = taken(session, circumstances, filed, tmp_path / "通知.csv", lines, encoding)
    assert (report.rows, report.added, report.changed, report.repeated, report.rejected) == (2, 2, 0, 0, 0)
    rows = session.scalars(select(Notice).order_by(Notice.given_on)).all()
    assert [row.patient_key for row in rows] == [keys.patient_key(SECRET, filed, local_id) for local_id in ("0001", "0002")]
    assert [(row.given_on, row.guardian_given_on, row.lacks_capacity) for row in rows] == [
        (date(2026, 1, 10), None, False),
        (date(2026, 1, 11), date(2026, 1, 12), True),
    ]


def test_the_same_register_again_changes_nothing_and_books_nothing(
    session: Session, circumstances: Circumstances, filed: str, tmp_path: Path
) -> None:
    lines = "0001,v1,2026-01-10,paper,,\n"
    taken(session, circumstances, filed, tmp_path / "n.csv", lines)
    before = guard.register_digest(session), session.scalar(select(func.count()).select_from(EntryRow))
    report = taken(session, circumstances, filed, tmp_path / "n.csv", lines)
    assert (report.added, report.changed, report.repeated) == (0, 0, 1)
    assert (guard.register_digest(session), session.scalar(select(func.count()).select_from(EntryRow))) == before


def test_a_corrected_register_replaces_the_row(session: Session, circumstances: Circumstances, filed: str, tmp_path: Path) -> None:
    taken(session, circumstances, filed, tmp_path / "n.csv", "0001,v1,2026-01-10,paper,,\n")
    report = taken(session, circumstances, filed, tmp_path / "n.csv", "0001,v1,2026-02-10,paper,,\n")
    assert (report.added, report.changed) == (0, 1)
    assert session.scalars(select(Notice.given_on)).all() == [date(2026, 2, 10)]


def test_every_fault_is_found_by_row_and_column_and_the_row_is_not_taken(
    session: Session, circumstances: Circumstances, filed: str, tmp_path: Path
) -> None:
    lines = (
        "0001,v9,2026-01-10,paper,,\n"  # 1
        "0002,v1,soon,paper,,\n"  # 2
        "0003,v1,2026-11-22,paper,,\n"  # 3
        ",v1,2026-01-10,paper,,\n"  # 4
        "0005,v1,,paper,,\n"  # 5
        "0006,v1,2026-01-10,poster,,\n"  # 6
        "0007,v1,2026-01-10,paper,later,\n"  # 7
        "0008,v1,2026-01-10,paper,2026-12-01,maybe\n"  # 8
        "0009,v1,2026-01-10,paper\n"  # 9
        "\n"  # 10, an empty line is no row
        "0011,v1,2026-11-21,other,2026-11-21,0\n"  # 11
    )
    report = taken(session, circumstances, filed, tmp_path / "n.csv", lines)
    assert (report.rows, report.added, report.rejected) == (10, 1, 9)
    assert found(report) == [
        (1, "notice_version", "register-version-unknown"),
        (2, "given_on", "register-date-unreadable"),
        (3, "given_on", "register-date-future"),
        (4, "local_patient_id", "register-id-missing"),
        (5, "given_on", "register-date-missing"),
        (6, "means", "register-value-unknown"),
        (7, "guardian_given_on", "register-date-unreadable"),
        (8, "guardian_given_on", "register-date-future"),
        (8, "lacks_capacity", "register-value-unknown"),
        (9, None, "register-row-width"),
    ]
    assert report.by_rule()["register-date-future"] == 2


@pytest.mark.parametrize("turn", [1, -1])
def test_of_rows_for_the_same_notice_the_one_that_asks_for_more_counts(
    session: Session, circumstances: Circumstances, filed: str, tmp_path: Path, turn: int
) -> None:
    lines = ["0001,v1,2026-03-10,paper,2026-03-11,1\n", "0001,v1,2026-03-10,post,,\n", "0001,v1,2026-03-10,post,,1\n"][::turn]
    report = taken(session, circumstances, filed, tmp_path / "n.csv", "".join(lines))
    assert (report.added, report.rejected) == (1, 2)
    assert report.by_rule() == {"register-duplicate": 2}
    assert [(row.guardian_given_on, row.lacks_capacity) for row in session.scalars(select(Notice))] == [(None, True)]


def test_a_notice_given_again_takes_nothing_from_the_first(
    session: Session, circumstances: Circumstances, filed: str, tmp_path: Path
) -> None:
    first, again = "0001,v1,2026-01-10,paper,,\n", "0001,v1,2026-11-10,paper,,\n"
    report = taken(session, circumstances, filed, tmp_path / "n.csv", first + again)
    assert (report.added, report.rejected) == (2, 0)
    key = keys.patient_key(SECRET, filed, "0001")
    standing = guard.standing_of(session, filed, "A", key, TODAY, date(1950, 1, 1), None)
    assert guard.judge(standing, TODAY, {"diagnoses.icd10"}).eligible
    assert (guard.judge(standing, TODAY, {"diagnoses.icd10"})).eligible_on == date(2026, 2, 9)
    taken(session, circumstances, filed, tmp_path / "n.csv", "0002,v1,2026-01-10,paper,,\n")
    assert len(session.scalars(select(Notice)).all()) == 3


def test_a_notice_the_newer_register_no_longer_states_is_struck_and_booked(
    session: Session, circumstances: Circumstances, filed: str, tmp_path: Path
) -> None:
    first, again = "0001,v1,2026-01-10,paper,,\n", "0001,v1,2026-11-10,paper,,\n"
    taken(session, circumstances, filed, tmp_path / "n.csv", first + again)
    entries = session.scalar(select(func.count()).select_from(EntryRow)) or 0
    report = taken(session, circumstances, filed, tmp_path / "n.csv", again)
    assert (report.repeated, report.changed) == (1, 0)
    assert session.scalars(select(Notice.given_on)).all() == [date(2026, 11, 10)]
    assert session.scalar(select(func.count()).select_from(EntryRow)) == entries + 1


@pytest.mark.parametrize(
    "header", ["local_patient_id,notice_version,given_on", "local_patient_id,notice_version,given_on,means,memo", "", "means,means"]
)
def test_a_header_that_is_not_as_laid_down_refuses_the_file(
    session: Session, circumstances: Circumstances, filed: str, tmp_path: Path, header: str
) -> None:
    path = tmp_path / "n.csv"
    path.write_text(header + "\n", encoding="utf-8")
    with pytest.raises(Refusal) as refused:
        notice_register.import_register(session, circumstances, filed, "A", path, SECRET)
    assert refused.value.code == "register-header"


def test_bytes_that_are_neither_encoding_refuse_the_file_with_their_place(
    session: Session, circumstances: Circumstances, filed: str, tmp_path: Path
) -> None:
    path = tmp_path / "n.csv"
    filler = b"0001,v1,2026-01-10,paper,,\n" * 50_000
    path.write_bytes(HEADER.encode() + filler + b"0002,v1,2026-01-10,\x81 ,,\n")
    with pytest.raises(Refusal) as refused:
        notice_register.import_register(session, circumstances, filed, "A", path, SECRET)
    assert refused.value.code == "register-encoding"
    assert refused.value.particulars["offset"] == len(HEADER) + len(filler) + 19
    with pytest.raises(Refusal) as refused:
        notice_register.import_register(session, circumstances, filed, "A", path, SECRET, encoding="utf-16")
    assert refused.value.code == "register-encoding"


def test_a_file_that_is_no_csv_is_refused(session: Session, circumstances: Circumstances, filed: str, tmp_path: Path) -> None:
    path = tmp_path / "n.csv"
    path.write_text(HEADER + '0001,v1,"2026"x,paper,,\n', encoding="utf-8")
    with pytest.raises(Refusal) as refused:
        notice_register.import_register(session, circumstances, filed, "A", path, SECRET)
    assert refused.value.code == "register-unreadable"
    with pytest.raises(Refusal) as refused:
        notice_register.import_register(session, circumstances, filed, "A", tmp_path / "none.csv", SECRET)
    assert refused.value.code == "register-missing"


def test_no_local_patient_id_stands_in_the_control_data(session: Session, circumstances: Circumstances, filed: str, tmp_path: Path) -> None:
    taken(session, circumstances, filed, tmp_path / "n.csv", "PATIENT-77,v1,2026-01-10,paper,,\n")
    told = [str(row._mapping) for table in Notice.metadata.sorted_tables for row in session.execute(select(table))]
    assert told
    assert not [text for text in told if "PATIENT-77" in text]
