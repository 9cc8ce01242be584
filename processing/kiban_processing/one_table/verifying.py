"""読戻しの検査 (verifying): the written Parquet file read back, its classes counted from the released texts, and everything asked judged again.

Nothing of the search is used: neither its tuples nor its codes, only the texts in the file and, where persons count, who stands in which row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kiban_processing import dialect
from kiban_processing.language import Text
from kiban_processing.one_table import arrays
from kiban_processing.one_table.persons import PEOPLE
from kiban_processing.one_table.rows import PERSON, SORTED
from kiban_processing.recoding import judging
from kiban_processing.recoding.demands import Demand
from kiban_processing.recoding.tuples import Floats, Sensitive, Tuples
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import REG_18_V

RECOUNT_FAILED = Ground(
    "table-recount-failed",
    Family.INTEGRITY,
    REG_18_V,
    Text("書き出した表を数え直すと k={k} で、求める条件を満たさない群が{classes}ありました。",
         "Counted again, the written table has k={k}, and {classes} classes do not satisfy what is asked."),
    Text("出力は削除しました。開発者に報告してください。", "The output was removed. Report this as a defect."),
)  # fmt: skip


@dataclass(frozen=True)
class Recount:
    """What the file says of itself: rows, classes, the persons (rows) of the smallest class, and how many classes fail what is asked."""

    rows: int
    classes: int
    k: int
    failing: int


def recount(
    con: duckdb.DuckDBPyConnection, file: Path, quasi: Sequence[str], sensitive: Sequence[Sensitive], wholes: tuple[Floats, ...],
    demand: Demand, persons: bool,
) -> Recount:  # fmt: skip
    """Count the file's classes. `wholes`: the distribution of each sensitive column among all of the source, its values as in `sensitive`."""
    names = [dialect.quoted(name) for name in quasi]
    read = f"read_parquet({dialect.literal(str(file))}{', file_row_number = true' if persons else ''})"
    counted = "count(DISTINCT person)" if persons else "count(*)"
    relation, own = read, [dialect.quoted(one.name) for one in sensitive]
    if persons:
        own = [f"s{number}" for number in range(len(sensitive))]
        listed = "".join(f", p.{name}" for name in own)
        relation = (
            f"(SELECT r.* EXCLUDE (file_row_number), o.{PERSON} AS person{listed} FROM {read} r "
            f"JOIN {SORTED} o ON o.rowid = r.file_row_number JOIN {PEOPLE} p ON p.person = o.{PERSON})"
        )
    by = f"GROUP BY {', '.join(names)}" if names else "HAVING count(*) > 0"
    rows, classes, k = con.execute(
        f"SELECT coalesce(sum(rows), 0), count(*), coalesce(min(n), 0) FROM (SELECT count(*) AS rows, {counted} AS n FROM {relation} {by})"
    ).fetchone() or (0, 0, 0)
    failing = 0
    if any(one.models for one in sensitive):
        values = "".join(f", {name} AS v{number}" for number, name in enumerate(own))
        grouped = ", ".join([*names, *(f"v{number}" for number in range(len(own)))])
        ordered = f"dense_rank() OVER (ORDER BY {', '.join(names)}) - 1" if names else "0"
        table = con.execute(
            f"SELECT {ordered} AS class, n{''.join(f', v{number}' for number in range(len(own)))} "
            f"FROM (SELECT {', '.join(names) or '1 AS one'}{values}, {counted} AS n FROM {relation} GROUP BY {grouped})"
        ).to_arrow_table()
        of = arrays.content(table.column("class").combine_chunks()).astype(np.int64)
        again = tuple(
            replace(one, codes=_codes(table.column(f"v{number}").combine_chunks(), one.values)) for number, one in enumerate(sensitive)
        )
        tuples = Tuples((), (), arrays.content(table.column("n").combine_chunks()).astype(np.int64), again)
        failing = int((~judging.satisfied(tuples, demand, of, int(classes), wholes)).sum())
    return Recount(int(rows), int(classes), int(k), failing)


def _codes(column: pa.Array, values: tuple[str | None, ...]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    known = arrays.texts([value for value in values if value is not None])  # the missing one is last
    found = pc.index_in(column.cast(pa.string()), value_set=known)
    return np.where(arrays.there(found), arrays.content(found), len(known)).astype(np.int64)
