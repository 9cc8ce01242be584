"""保留分の受入れ (admission): the daily clock lets held rows in once they have become eligible, without their being sent again.

Every held row is judged anew on today's facts: rows that may now be received move to the vault, rows of a person who has meanwhile asked
to stop are destroyed (Act 56(1)(ii)), the rest wait on. Running it twice on one day changes nothing the second time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow.compute as pc
import pyarrow.dataset as ds

from kiban_operator import buckets, deaths, people, roles, sorting, submissions, vault, workshop
from kiban_operator.guard import coverage
from kiban_operator.guard import relation as guard_relation
from kiban_operator.home import Home
from kiban_operator.ledger import book, kinds
from kiban_processing.catalogue.tables import TABLES


@dataclass
class Admission:
    """What one run moved, in rows by table."""

    admitted: dict[str, int] = field(default_factory=dict)
    withdrawn: dict[str, int] = field(default_factory=dict)
    waiting: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, dict[str, int]]:
        return {"admitted": self.admitted, "withdrawn": self.withdrawn, "waiting": self.waiting}

    def add(self, other: Admission) -> None:
        for mine, theirs in ((self.admitted, other.admitted), (self.withdrawn, other.withdrawn), (self.waiting, other.waiting)):
            for table, number in theirs.items():
                mine[table] = mine.get(table, 0) + number


def admit_held(home: Home, progress: vault.Progress = vault.silent) -> Admission:
    """Judge all held rows of all hospitals on today's facts. Source: Act 56(1), Reg 48(1); law.md 6.0 transfer guard."""
    with home.transaction() as session:
        people.require(session, home.circumstances, roles.Act.RECEIVE_SUBMISSION)
        vault.sweep(session, home)
        places = sorted({(file.hospital, file.regime) for file in vault.files(session, vault.Shelf.HELD)})
    total = Admission()
    for number, (hospital, regime) in enumerate(places):
        progress(hospital, number, len(places))
        total.add(_admit_hospital(home, hospital, regime))
    return total


def _admit_hospital(home: Home, hospital: str, regime: str) -> Admission:
    with workshop.open_workshop(home.receive / "engine", home.settings.memory_limit, home.settings.threads, joins_as_written=True) as con:
        with home.reading() as session:
            held = vault.files(session, vault.Shelf.HELD, hospital=hospital, regime=regime)
            guard_relation.register_facts(con, session, hospital, regime, home.circumstances.today())
            sorting.lay_out_stored(con, session, home, hospital)
            groups: dict[tuple[str, str], list[vault.VaultFile]] = {}
            for file in held:
                groups.setdefault((file.table_name, file.submission), []).append(file)
            readings = {
                place: vault.dataset(session, home, files, vault.schema(TABLES[place[0]], vault.Shelf.HELD))
                for place, files in groups.items()
            }
            brought = submissions.items_brought(session, hospital, regime)
        sorting.know(con)
        shapes = {_label(place): coverage.qualified(place[0], brought[place[1], place[0]]) for place in groups}
        rulings = guard_relation.rule_shapes(con, "known", shapes, also="guard_stops")
        died_before = deaths.ruled(con, rulings)
        if died_before:
            with home.transaction() as session:  # before the rows that tell it are destroyed
                deaths.remember(session, home.circumstances, hospital, died_before)
        return _move(home, con, groups, readings, rulings)


def _label(place: tuple[str, str]) -> str:
    """What rulings on one table of one submission are called."""
    return "\x1f".join(place)


@dataclass(frozen=True)
class Move:
    """What is held of one table of one submission, and what becomes of its rows."""

    files: list[vault.VaultFile]
    entered: buckets.Spread
    waiting: buckets.Spread

    @property
    def table(self) -> str:
        return self.files[0].table_name

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)

    @property
    def needed(self) -> bool:
        return self.waiting.rows != self.rows

    def discard(self) -> None:
        self.entered.discard()
        self.waiting.discard()


def _move(
    home: Home, con: duckdb.DuckDBPyConnection, groups: dict[tuple[str, str], list[vault.VaultFile]],
    readings: dict[tuple[str, str], ds.Dataset], rulings: str,
) -> Admission:  # fmt: skip
    """Judge table by table; files that turn out to be superfluous, or a failure on the way, leave nothing behind."""
    outcome = Admission()
    moves: list[Move] = []
    try:
        for place, files in groups.items():
            table, first = TABLES[place[0]], files[0]
            entered, waiting = (
                buckets.spread(home, shelf, hospital=first.hospital, regime=first.regime, table=table.name, submission=first.submission, schema=vault.schema(table, shelf))
                for shelf in (vault.Shelf.VAULT, vault.Shelf.HELD)
            )  # fmt: skip
            moves.append(Move(files, entered, waiting))
            con.register("held_rows", readings[place])
            stream = con.execute(
                f"""
                SELECT h.* EXCLUDE (ground, eligible_on), r.eligible_on, coalesce(r.curable, true) AS curable,
                       CASE WHEN r.patient_key IS NULL THEN 'not-registered' ELSE r.ground END AS ground
                FROM held_rows h LEFT JOIN (SELECT * FROM {rulings} WHERE table_name = ?) r USING (patient_key)
            """,
                [_label(place)],
            ).to_arrow_reader(sorting.BATCH_ROWS)
            for batch in stream:
                eligible = pc.is_null(batch.column("ground"))
                entered.write(batch.filter(eligible))
                waiting.write(batch.filter(pc.and_(pc.invert(eligible), batch.column("curable"))))
            con.unregister("held_rows")
        old = _record(home, con, moves, outcome)
    except BaseException:
        for move in moves:
            move.discard()
        raise
    for path in old:
        path.unlink(missing_ok=True)
    return outcome


def _record(home: Home, con: duckdb.DuckDBPyConnection, moves: list[Move], outcome: Admission) -> list[Path]:
    """New files in, old keys destroyed, one entry booked: all in one transaction; returns the old files, to be unlinked once it stands.

    A table of which another run or an erasure has moved a file in the meantime is left to the next run. Refuses: stopped-meanwhile.
    """
    if not any(move.needed for move in moves):
        for move in moves:
            move.discard()
            outcome.waiting[move.table] = outcome.waiting.get(move.table, 0) + move.rows
        return []
    with home.transaction() as session:
        book.lock(session)  # before the rows' locks, as an erasure does
        old: list[Path] = []
        done: list[Move] = []
        for move in moves:
            table, waiting = move.table, move.waiting.rows
            files = [session.get(vault.VaultFile, file.id, with_for_update=True, populate_existing=True) for file in move.files]
            living = [file for file in files if file is not None and file.destroyed_at is None]
            if len(living) < len(files):
                move.discard()
                continue
            outcome.waiting[table] = outcome.waiting.get(table, 0) + waiting
            if not move.needed:
                move.discard()
                continue
            outcome.admitted[table] = outcome.admitted.get(table, 0) + move.entered.rows
            outcome.withdrawn[table] = outcome.withdrawn.get(table, 0) + move.rows - move.entered.rows - waiting
            buckets.record(session, home, move.entered)
            buckets.record(session, home, move.waiting)
            old += [vault.destroy(session, home, file) for file in living]
            done.append(move)
        if done:
            hospital, regime = done[0].files[0].hospital, done[0].files[0].regime
            book.append(session, home.circumstances, kinds.HELD_ADMITTED, f"hospital/{hospital}",
                        {"hospital": hospital, "regime": regime, "tables": dict(outcome.admitted)})  # fmt: skip
            sorting.require_no_new_stop(con, session, hospital, regime, home.circumstances.today(), [move.entered for move in done])
        return old
