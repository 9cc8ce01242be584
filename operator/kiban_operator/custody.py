"""保管の検証 (custody): the standing query over the whole vault: no stored row without its notice, none stored after a stop (Act 56).

It runs before every linkage and release, and on demand. In 2022 a loader's bug put people into a database who had never been notified,
and linkage attached them to others; a gate cannot find its own bypass, so this asks the stored rows themselves. A breach is booked,
stops the work, and is an incident to be reported (Act 26).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import duckdb
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.orm import Session

from kiban_operator import deaths, guard, submissions, vault, workshop
from kiban_operator.guard import Finding, rules
from kiban_operator.home import Home
from kiban_operator.ledger import book, kinds
from kiban_operator.optouts import Stop
from kiban_operator.submissions import Submission
from kiban_processing.catalogue.tables import TABLES
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_56_1_I

CUSTODY_BREACH = Ground(
    "custody-breach", Family.LAW, ACT_56_1_I,
    Text("通知等の証跡のない行が {rows} 行保管されています。", "{rows} stored rows lack the evidence of notice."),
    Text(
        "名寄せと提供を止め、`kiban vault check` で範囲を確かめ、安全管理責任者に報告してください(法第26条の報告の対象です)。",
        "Stop linkage and provision, see the extent with `kiban vault check`, and report it to the security officer (Act Art. 26).",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class CustodyReport:
    """常設照会の結果. `rows`: rows examined. `withheld`: rows that later events (a stop, an ended programme) forbid to use."""

    rows: int
    breaches: tuple[Finding, ...]
    withheld: tuple[Finding, ...]

    def as_json(self) -> dict[str, object]:
        return {
            "rows": self.rows,
            "breaches": [asdict(breach) for breach in self.breaches],
            "withheld": [asdict(breach) for breach in self.withheld],
        }


def check(home: Home, progress: vault.Progress = vault.silent) -> CustodyReport:
    """Run the standing query over all hospitals and regimes; changes nothing."""
    progress("custody", 0, None)
    with (
        workshop.open_workshop(home.core / "engine", home.settings.memory_limit, home.settings.threads) as con,
        home.reading() as session,
    ):
        stored: dict[str, str] = {}
        rows = 0
        for name, table in TABLES.items():
            chosen = vault.files(session, vault.Shelf.VAULT, table=name)
            if chosen:
                con.register(f"stored_{name}", vault.dataset(session, home, chosen, vault.schema(table)))
                stored[name] = f"stored_{name}"
                rows += sum(file.rows for file in chosen)
        found = guard.standing_query(con, session, home.circumstances.today(), stored, _brought(session))
        breaches, withheld = _barred(con, session, stored)
    counted = {finding.ground for finding in breaches + withheld}
    for finding in found:
        if finding.breach:
            breaches.append(finding)
        elif finding.ground not in counted:
            withheld.append(finding)
    return CustodyReport(rows, tuple(breaches), tuple(withheld))


def require_clean(home: Home, progress: vault.Progress = vault.silent) -> CustodyReport:
    """Refuse to go on over a breach, and book it. Refuses: custody-breach."""
    report = check(home, progress)
    if not report.breaches:
        return report
    with home.transaction() as session:
        for breach in report.breaches:
            book.append(
                session, home.circumstances, kinds.BREACH_FOUND, f"breach/{breach.hospital}-{breach.table}",
                {"rule": breach.ground, "count": breach.rows, "hospital": breach.hospital, "table": breach.table},
            )  # fmt: skip
    raise CUSTODY_BREACH.refuse(rows=sum(breach.rows for breach in report.breaches))


def _brought(session: Session) -> dict[tuple[str, str], list[str]]:
    return {place: sorted(columns) for place, columns in submissions.items_brought(session).items()}


_BARS = pa.schema(
    [
        ("hospital", pa.string()),
        ("patient_key", pa.string()),
        ("regimes", pa.string()),
        ("ground", pa.string()),
        ("at", pa.timestamp("us", tz="UTC")),
    ]
)
_RECEIVED = pa.schema([("submission", pa.string()), ("received_at", pa.timestamp("us", tz="UTC"))])


def _barred(con: duckdb.DuckDBPyConnection, session: Session, stored: dict[str, str]) -> tuple[list[Finding], list[Finding]]:
    """Rows of persons who may not be used at all: received although that was known, and received before it was.

    Known is a stop on the register, or a death before the notice. Whoever let the first kind in did not look: a breach. The second kind is
    withheld. A row of no known submission counts as received now, and so as a breach.
    """
    stops = session.execute(
        sa.select(Stop.hospital, Stop.patient_key, Stop.regimes, Stop.received_at).where(
            Stop.withdrawn_on.is_(None), Stop.voided.is_(False)
        )
    ).all()
    bars = [(hospital, key, regimes, rules.STOPPED.code, at) for hospital, key, regimes, at in stops]
    bars += [(hospital, key, "both", rules.DIED_BEFORE_NOTICE.code, at) for hospital, key, at in deaths.every(session)]
    con.register("bars", _table(bars, _BARS))
    con.register("rounds_received", _table(session.execute(sa.select(Submission.id, Submission.received_at)).all(), _RECEIVED))
    breaches: list[Finding] = []
    withheld: list[Finding] = []
    for table, name in sorted(stored.items()):
        rows = con.execute(f"""
            SELECT v.hospital, v.regime, s.ground, coalesce(s.at <= r.received_at, true) AS known, count(*), count(DISTINCT v.patient_key)
            FROM {name} v JOIN bars s ON s.hospital = v.hospital AND s.patient_key = v.patient_key AND s.regimes IN (v.regime, 'both')
            LEFT JOIN rounds_received r USING (submission) GROUP BY ALL ORDER BY ALL
        """).fetchall()
        for hospital, regime, ground, known, number, persons in rows:
            (breaches if known else withheld).append(Finding(hospital, regime, table, ground, number, persons))
    return breaches, withheld


def _table(rows: Sequence[Any], schema: pa.Schema) -> pa.Table:
    columns: list[tuple[Any, ...]] = list(zip(*rows, strict=True)) if rows else [() for _ in schema]
    return pa.table([pa.array(list(values), field.type) for values, field in zip(columns, schema, strict=True)], schema=schema)
