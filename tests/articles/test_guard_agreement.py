"""The engine's form of the transfer guard rules exactly as its meaning in Python does (house: meaning and speed), and unknown is no."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from kiban_operator import database, guard
from kiban_operator.guard import NoticeGiven, ProgrammeDates, Standing, coverage, relation, rules
from kiban_operator.hospitals import Hospital
from kiban_operator.notice_register import Notice
from kiban_operator.notices import NoticeVersion
from kiban_operator.optouts import Stop
from kiban_operator.programmes import COLUMNS, Programme

TODAY = date(2026, 11, 21)
NOW = datetime(2026, 11, 21, tzinfo=UTC)
TABLE_ITEMS = {"patients": ["sex", "birth_date"], "diagnoses": ["icd10"], "prescriptions": ["yj_code"]}
COVERS = ("patients.*", "patients.sex", "patients.birth_date", "diagnoses.*", "diagnoses.icd10", "prescriptions.*")

# Days crowd around the turning points, so that every boundary is met often.
days = st.integers(-40, 3).map(lambda offset: TODAY + timedelta(days=offset))
often = st.integers(0, 5).map(bool)
births = st.one_of(
    st.none(),
    st.integers(-45, 45).map(lambda offset: date(2010, 11, 1) + timedelta(days=offset)),
    st.sampled_from([date(2008, 2, 29), date(1950, 1, 1), date(2026, 11, 20)]),
)


@dataclass(frozen=True)
class Version:
    name: str
    filed_on: date | None
    wait_days: int
    covers: frozenset[str]


@st.composite
def versions(draw: st.DrawFn) -> list[Version]:
    names = draw(st.lists(st.sampled_from(["1", "2", "10", "版"]), unique=True, min_size=1 if draw(often) else 0, max_size=3))
    return [
        Version(
            name,
            draw(days) if draw(often) else None,
            draw(st.sampled_from([1, 7, 30])),
            frozenset({"patients.*", "diagnoses.*"}) if draw(often) else draw(st.frozensets(st.sampled_from(COVERS))),
        )
        for name in names
    ]


@st.composite
def programmes(draw: st.DrawFn) -> ProgrammeDates:
    past = date(2025, 1, 1)
    if draw(often):
        return ProgrammeDates(past, past, past, past, past)
    step = st.one_of(st.just(past), st.none(), days)
    return ProgrammeDates(*(draw(step) for _ in range(5)), draw(st.one_of(st.none(), days)))


@st.composite
def standings(draw: st.DrawFn, programme: ProgrammeDates, known: list[Version]) -> Standing:
    given_versions = (
        draw(st.lists(st.tuples(st.sampled_from(known), days), unique_by=lambda each: (each[0].name, each[1]))) if known else []
    )
    registered = draw(often)
    return Standing(
        programme,
        registered=registered,
        birth_date=draw(births) if registered else None,
        death_date=draw(days) if registered and not draw(often) else None,
        stopped=not draw(often),
        withdrawn_on=None if draw(often) else TODAY + timedelta(days=draw(st.integers(-40, 0))),
        notices=tuple(
            NoticeGiven(
                version.name,
                given_on,
                version.filed_on,
                version.wait_days,
                version.covers,
                draw(st.one_of(st.none(), days)),
                draw(st.sampled_from([False, False, True])),
            )
            for version, given_on in given_versions
        ),
    )


@st.composite
def worlds(draw: st.DrawFn) -> tuple[ProgrammeDates, list[Version], list[Standing]]:
    programme, known = draw(programmes()), draw(versions())
    return programme, known, draw(st.lists(standings(programme, known), min_size=1, max_size=12))


def write(session: Session, programme: ProgrammeDates, known: list[Version], people: list[Standing]) -> None:
    stamp = {"changed_at": NOW, "changed_by": "U"}
    session.add(Hospital(id="H", name="x", address="x", representative="x", registered_at=NOW, registered_by="U"))
    session.flush()
    session.add(Programme(hospital="H", regime="A", **{column: getattr(programme, column) for column in COLUMNS.values()}, **stamp))
    for version in known:
        session.add(
            NoticeVersion(
                hospital="H",
                regime="A",
                version=version.name,
                entries={},
                covers=sorted(version.covers),
                wait_days=version.wait_days,
                filed_on=version.filed_on,
                **stamp,
            )
        )
    session.flush()
    for number, person in enumerate(people):
        for notice in person.notices:
            session.add(
                Notice(
                    hospital="H",
                    regime="A",
                    patient_key=key(number),
                    version=notice.version,
                    given_on=notice.given_on,
                    means="paper",
                    guardian_given_on=notice.guardian_given_on,
                    lacks_capacity=notice.lacks_capacity,
                    recorded_at=NOW,
                    recorded_by="U",
                )
            )
        # A voided stop is of nobody: whatever else is said of the person, one lies beside it and must change nothing.
        said = [(None, True)] + [(None, False)] * person.stopped + ([(person.withdrawn_on, False)] if person.withdrawn_on else [])
        for turn, (withdrawn_on, voided) in enumerate(said):
            session.add(
                Stop(
                    id=f"stop-{number}-{turn}",
                    hospital="H",
                    patient_key=key(number),
                    regimes="both" if number % 2 else "A",
                    received_at=NOW,
                    received_by="U",
                    acknowledge_by=TODAY,
                    withdrawn_on=withdrawn_on,
                    inform_by=TODAY,
                    voided=voided,
                )
            )
    session.flush()


def key(number: int) -> str:
    return f"{number:032x}"


@settings(max_examples=150, deadline=None)
@given(worlds(), st.booleans())
def test_the_engine_rules_as_the_meaning_does(world: tuple[ProgrammeDates, list[Version], list[Standing]], stored: bool) -> None:
    programme, known, people = world
    engine = database.connect("sqlite://")
    database.Base.metadata.create_all(engine)
    with database.transaction(engine) as session, duckdb.connect() as con:
        write(session, programme, known, people)
        told = [(key(number), person.birth_date, person.death_date) for number, person in enumerate(people) if person.registered]
        columns = list(zip(*told, strict=True)) or [[], [], []]
        schema = pa.schema([("patient_key", pa.string()), ("birth_date", pa.date32()), ("death_date", pa.date32())])
        con.register(
            "known_people",
            pa.table([pa.array(list(column), field.type) for column, field in zip(columns, schema, strict=True)], schema=schema),
        )
        con.register("everyone", pa.table({"patient_key": [key(number) for number in range(len(people))]}))
        con.execute("SET enable_external_access=false")
        relation.register_facts(con, session, "H", "A", TODAY)
        name = relation.rule(con, "known_people", TABLE_ITEMS, also="everyone", stored=stored)
        ruled = {
            (patient, table): (ground, curable, eligible_on, version)
            for patient, table, ground, curable, eligible_on, version in con.execute(
                f"SELECT patient_key, table_name, ground, curable, eligible_on, notice_version FROM {name}"
            ).fetchall()
        }
        meant = {}
        for number, person in enumerate(people):
            read = guard.standing_of(session, "H", "A", key(number), TODAY, person.birth_date, person.death_date, person.registered)
            for table, items in TABLE_ITEMS.items():
                wanted = coverage.qualified(table, items)
                ruling = guard.judge(person, TODAY, wanted, stored=stored)
                assert guard.judge(read, TODAY, wanted, stored=stored) == ruling
                assert ruling.eligible == (ruling.ground is None)
                meant[key(number), table] = (ruling.ground and ruling.ground.code, ruling.curable, ruling.eligible_on, ruling.version)
        assert ruled == meant
    engine.dispose()


def test_every_clause_has_its_own_code_and_article() -> None:
    codes = [rule.ground.code for rule in rules.RULES]
    assert len(set(codes)) == len(codes) == 14
    assert all(rule.ground.article == rule.article for rule in rules.RULES)


def test_where_the_engine_cannot_tell_the_clause_obstructs() -> None:
    names = {column: "DATE" for column in (*COLUMNS.values(), "withdrawn_on", "birth_date", "death_date", "given_on", "complete_on")}
    names |= {"today": "DATE", "filed_on": "DATE", "guardian_given_on": "DATE", "wait_days": "INTEGER"}
    names |= dict.fromkeys(("stopped", "registered", "needs_guardian", "covered"), "BOOLEAN")
    row = ", ".join(f"NULL::{kind} AS {name}" for name, kind in names.items())
    certain = {"programme-ended", "notice-before-withdrawal", "died-before-notice"}  # no date, no event
    with duckdb.connect() as con:
        for rule in rules.RULES:
            ((obstructs,),) = con.execute(f"SELECT coalesce(({rule.sql}), true) FROM (SELECT {row})").fetchall()
            assert obstructs is (rule.ground.code not in certain), rule.ground.code


@pytest.mark.parametrize("given_on", [date(2100, 2, 28), date(2100, 3, 1), date(2024, 2, 29)])
@pytest.mark.parametrize("born", [date(2084, 2, 29), date(2008, 2, 29), date(2008, 3, 1)])
def test_sixteen_is_counted_alike_on_leap_days(born: date, given_on: date) -> None:
    notice = NoticeGiven("v1", given_on, given_on, 30)
    expected = rules.needs_guardian(Standing(ProgrammeDates(), birth_date=born), notice)
    with duckdb.connect() as con:
        row = f"SELECT DATE '{given_on}' AS given_on, DATE '{born}' AS birth_date, false AS lacks_capacity"
        assert con.execute(f"SELECT {rules.NEEDS_GUARDIAN_SQL} FROM ({row})").fetchall() == [(expected,)]


def test_of_patient_rows_that_contradict_each_other_the_latest_birth_and_the_earliest_death_count() -> None:
    engine = database.connect("sqlite://")
    database.Base.metadata.create_all(engine)
    past = date(2025, 1, 1)
    people = [
        Standing(ProgrammeDates(past, past, past, past, past), notices=(NoticeGiven("1", past, past, 30, frozenset({"patients.*"})),))
    ]
    version = Version("1", past, 30, frozenset({"patients.*"}))
    with database.transaction(engine) as session, duckdb.connect() as con:
        write(session, people[0].programme, [version], people)
        relation.register_facts(con, session, "H", "A", TODAY)
        for rows, ground in (
            ([(date(1950, 1, 1), None)], None),
            ([(date(1950, 1, 1), None), (date(1950, 1, 1), None)], None),
            ([(date(1950, 1, 1), None), (date(1951, 1, 1), None)], None),
            ([(date(1910, 1, 1), None), (date(2010, 1, 1), None)], "guardian-not-notified"),
            ([(date(1950, 1, 1), None), (None, None)], None),
            ([(None, None), (None, None)], "guardian-not-notified"),
            ([(date(1950, 1, 1), date(2026, 1, 1)), (date(1950, 1, 1), date(2024, 1, 1))], "died-before-notice"),
        ):
            con.execute("CREATE OR REPLACE TEMP TABLE told (patient_key VARCHAR, birth_date DATE, death_date DATE)")
            con.executemany("INSERT INTO told VALUES (?, ?, ?)", [(key(0), *row) for row in rows])
            name = relation.rule(con, "told", {"patients": ["sex"]})
            assert con.execute(f"SELECT ground FROM {name}").fetchall() == [(ground,)]
    engine.dispose()
