"""補完 (completion): standard codes filled in from masters, in sets: disease code → ICD-10, HOT or claim code → YJ, claim code → K code.

A value that was sent is never replaced. The version in force on the day of the row decides; a day before the first version, a code that is
not in it, and a code that stands for several, fill in nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from kiban_processing import dialect
from kiban_processing.connection import Connection, load
from kiban_processing.masters.versions import Master

CLAIM_ACT, CLAIM_DRUG = "receipt-act", "receipt-drug"  # `other_code_system` of the nine-digit codes of claims and DPC files

_ICD10 = "coalesce(icd10_2013, icd10_2003)"
# Layout of 2022: section letter, number, branch, item. A branch follows a hyphen, an item is written at the end (K546 2 → K5462).
_K_CODE = (
    "CASE WHEN section = 'K' AND number IS NOT NULL THEN 'K' || number"
    " || CASE WHEN coalesce(branch, '00') = '00' THEN '' ELSE '-' || ltrim(branch, '0') END"
    " || CASE WHEN coalesce(item, '00') = '00' THEN '' ELSE ltrim(item, '0') END END"
)


@dataclass(frozen=True)
class Completion:
    """`target` of a catalogue table is filled from `value` of a master's row whose `key` equals `source` (of the row `r`); expressions in SQL."""

    table: str
    target: str
    day: str
    source: str
    kind: str
    key: str
    value: str


def _claims(system: str) -> str:
    return f"CASE WHEN r.other_code_system = '{system}' THEN r.other_code END"


# In the order in which they are tried: what names the thing most narrowly comes first.
COMPLETIONS = (
    Completion("diagnoses", "icd10", "diagnosed_on", "r.disease_code", "diseases", "code", _ICD10),
    Completion("diagnoses", "icd10", "diagnosed_on", "r.disease_code", "diseases", "medis_number", _ICD10),
    Completion("prescriptions", "yj_code", "prescribed_on", "r.hot_code", "drugs", "hot_code", "yj_code"),
    Completion("prescriptions", "yj_code", "prescribed_on", "substr(r.hot_code, 1, 9)", "drugs", "substr(hot_code, 1, 9)", "yj_code"),
    Completion("prescriptions", "yj_code", "prescribed_on", _claims(CLAIM_DRUG), "drugs", "claim_code", "yj_code"),
    Completion("procedures", "k_code", "performed_on", _claims(CLAIM_ACT), "claim-procedures", "code", _K_CODE),
)


@dataclass(frozen=True)
class Completed:
    """Of the rows: how many values were filled in; of how many that were sent the master knows another (they stay as sent)."""

    filled: int
    differing: int


def complete(
    con: duckdb.DuckDBPyConnection, table: str, relation: str, name: str, masters: Mapping[str, Sequence[Master]]
) -> dict[str, Completed]:
    """Leave the rows of `relation` (columns of the catalogue table `table`, others too) as the working table `name`, standard codes filled in.

    `masters`: per kind its versions. Gives the counts per column that can be filled. Not checked: that a code means what its row says.
    """
    wanted = [one for one in COMPLETIONS if one.table == table and masters.get(one.kind)]
    targets = list(dict.fromkeys(one.target for one in wanted))
    joins = ""
    proposals: dict[str, list[str]] = {target: [] for target in targets}
    for number, one in enumerate(wanted):
        keyed = f"master_keys_{number}"
        _lay_keys(con, keyed, one, masters[one.kind])
        joins += f" LEFT JOIN {keyed} ON {keyed}.key = {one.source} AND r.{one.day} >= {keyed}.begins AND r.{one.day} < {keyed}.ends"
        proposals[one.target].append(f"{keyed}.value")
    proposed = {target: f"coalesce({', '.join(values)}, NULL)" for target, values in proposals.items()}
    marks = "".join(f", {value} AS {dialect.quoted(f'master_{target}')}" for target, value in proposed.items())
    con.execute(f"CREATE OR REPLACE TEMP TABLE master_proposed AS SELECT r.*{marks} FROM {relation} r{joins}")
    counted = {}
    for target in targets:
        sent, known = target, f"master_{target}"
        row = con.execute(
            f"SELECT count(*) FILTER (WHERE {sent} IS NULL AND {known} IS NOT NULL), count(*) FILTER (WHERE {sent} <> {known}) FROM master_proposed"
        ).fetchone()
        assert row is not None
        counted[target] = Completed(*row)
    kept = ", ".join(f"coalesce({target}, master_{target}) AS {target}" for target in targets)
    extra = ", ".join(f"master_{target}" for target in targets)
    columns = f"* EXCLUDE ({extra}) REPLACE ({kept})" if targets else "*"
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT {columns} FROM master_proposed")
    con.execute("DROP TABLE master_proposed")
    for number in range(len(wanted)):
        con.execute(f"DROP TABLE master_keys_{number}")
    return counted


def _lay_keys(con: Connection, name: str, one: Completion, masters: Sequence[Master]) -> None:
    """Table (key, value, begins, ends): keys that stand for one value only, per version and the days it is in force."""
    ordered = sorted(masters, key=lambda master: master.in_force)
    ends = [*(master.in_force for master in ordered[1:]), date.max]
    statements = []
    for number, (master, end) in enumerate(zip(ordered, ends, strict=True)):
        load(con, f"master_rows_{number}", master.rows)
        statements.append(
            f"SELECT {one.key} AS key, min({one.value}) AS value, DATE '{master.in_force:%Y-%m-%d}' AS begins, DATE '{end:%Y-%m-%d}' AS ends"
            f" FROM master_rows_{number} WHERE {one.key} IS NOT NULL GROUP BY ALL HAVING count(DISTINCT {one.value}) = 1 AND count(*) = count({one.value})"
        )
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {' UNION ALL '.join(statements)}")
    for number in range(len(ordered)):
        con.execute(f"DROP TABLE master_rows_{number}")
