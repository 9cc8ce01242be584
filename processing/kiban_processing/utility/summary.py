"""有用性の概要 (summary): what the recipient may know of what was kept: counts, share left out, likeness of each column to the cohort.

For the user. It is computed from the rows alone: no plan, threshold, level or shift goes in, so none can come out (Act 9(2)(iv), 30(1)).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from kiban_processing.catalogue import tables
from kiban_processing.connection import Connection
from kiban_processing.dialect import quoted
from kiban_processing.language import Text
from kiban_processing.outcome import Outcome, ReleasedColumn, released
from kiban_processing.permitted import Treatment
from kiban_processing.utility import associations, distances, laboratory, prevalences, stays
from kiban_processing.utility.compared import Compared

_BINS = 10
_EXPLANATION = Text(
    "distance は、元の集団と提供データとで値の割合がどれだけ違うか（全変動距離、0 は同じ、1 は全く別）。null は比べられない列。",
    "distance: how much the shares of the values differ between the cohort and the release (total variation; 0 the same, 1 wholly "
    "different). null: the column cannot be compared.",
)
_ANALYSES = Text(
    "よくある解析を元の集団(before)と提供データ(after)で行った結果。値は丸めてあり、少人数のものは示さない。prevalences: 元の集団の年齢・性別で標準化した有病割合、"
    "laboratory: 両端の1%ずつを除いた平均と標準偏差、associations: クラメールのVと相関係数、stays: 100人年あたりの入院数と在院日数。",
    "Usual analyses on the cohort (before) and on the release (after), rounded; what rests on few persons is not shown. prevalences: share of "
    "persons, standardised to the cohort's ages and sexes; laboratory: mean and standard deviation without the outermost hundredth at either "
    "end; associations: Cramér's V and Pearson's correlation; stays: admissions per 100 person-years, and days of a stay.",
)


@dataclass(frozen=True)
class ColumnUtility:
    """`distance`: total variation, to two decimals; None where the released values are of another kind than the source's."""

    name: str
    label: Text
    filled: float
    distance: float | None


@dataclass(frozen=True)
class TableUtility:
    name: str
    label: Text
    rows: int
    share_kept: float
    columns: tuple[ColumnUtility, ...]


@dataclass(frozen=True)
class Utility:
    """Shares are of persons or rows, to three decimals; exact counts only of what the recipient can count."""

    persons: int
    share_of_persons_left_out: float
    tables: tuple[TableUtility, ...]
    analyses: Mapping[str, object] = field(default_factory=dict)
    intervals_exact: bool = True

    def as_json(self) -> dict[str, object]:
        return {
            "explanation": {"ja": _EXPLANATION.ja, "en": _EXPLANATION.en},
            "persons": self.persons,
            "share_of_persons_left_out": self.share_of_persons_left_out,
            "intervals_within_persons": "exact" if self.intervals_exact else "may be coarsened",
            "tables": [
                {
                    "name": table.name,
                    "label": {"ja": table.label.ja, "en": table.label.en},
                    "rows": table.rows,
                    "share_of_rows_kept": table.share_kept,
                    "columns": [
                        {
                            "name": column.name,
                            "label": {"ja": column.label.ja, "en": column.label.en},
                            "filled": column.filled,
                            "distance": column.distance,
                        }
                        for column in table.columns
                    ],
                }
                for table in self.tables
            ],
            "analyses": {"explanation": {"ja": _ANALYSES.ja, "en": _ANALYSES.en}, **self.analyses},
        }


def measure(con: Connection, outcome: Outcome, sources: Mapping[str, str]) -> Utility:
    """Compare the released tables with the cohort they were made of. `sources`: table → relation, as given to the engine."""
    before = _count(con, f"SELECT count(DISTINCT person) FROM {quoted(sources['patients'])}")
    after = _count(con, f"SELECT count(DISTINCT person) FROM {quoted(released('patients'))}")
    measured = []
    for table in outcome.tables.values():
        source, made = _of_source(sources, table.name), quoted(released(table.name))
        rows_before, rows = (_count(con, f"SELECT count(*) FROM {relation}") for relation in (source, made))
        columns = tuple(_column(con, table.name, column, source, made, outcome.reference_date, rows) for column in table.columns)
        share = round(rows / rows_before, 3) if rows_before else 1.0
        measured.append(TableUtility(table.name, tables.TABLES[table.name].label, rows, share, columns))
    compared = Compared(con, outcome, sources)
    analyses: dict[str, object] = {
        "prevalences": prevalences.measure(compared),
        "laboratory": laboratory.measure(compared),
        "associations": associations.measure(compared),
        "stays": stays.measure(compared),
    }
    return Utility(after, round(1 - after / before, 3) if before else 0.0, tuple(measured), analyses, outcome.days is None)


def _of_source(sources: Mapping[str, str], table: str) -> str:
    """The source as it compares: of several registrations of a person, each column's greatest value."""
    relation = quoted(sources[table])
    return relation if table != "patients" else f"(SELECT person, max(COLUMNS(* EXCLUDE (person))) FROM {relation} GROUP BY person)"


def _column(con: Connection, table: str, column: ReleasedColumn, source: str, made: str, reference: date, rows: int) -> ColumnUtility:
    filled = _count(con, f"SELECT count({quoted(column.name)}) FROM {made}")
    item = tables.named(column.sources[0])
    name = quoted(item.name)
    label = Text(column.name, column.name) if column.treatment is Treatment.DERIVED else item.label
    distance: float | None = None
    if column.treatment in (Treatment.KEEP, Treatment.GENERALISE_RARE):
        theirs = distances.shares(con, f"SELECT {name}, count(*) FROM {source} GROUP BY 1")
        ours = distances.shares(con, f"SELECT {quoted(column.name)}, count(*) FROM {made} GROUP BY 1")
        distance = distances.of_shares(distances.standard(theirs, item.code_system), distances.standard(ours, item.code_system))
    elif column.treatment is Treatment.CLIP:
        edges = con.execute(
            f"SELECT quantile_disc({name}, [{', '.join(str(n / _BINS) for n in range(1, _BINS))}]) FROM {source}"
        ).fetchall()
        bins = " + ".join(f"CAST({{0}} > {float(edge)!r} AS INTEGER)" for edge in sorted(set(edges[0][0] or ()))) or "0"
        pairs = ((name, source), (quoted(column.name), made))
        theirs, ours = (
            distances.shares(con, f"SELECT {bins.format(each)} + 0 * {each}, count(*) FROM {where} GROUP BY 1") for each, where in pairs
        )
        distance = distances.of_shares(theirs, ours)
    elif column.treatment is Treatment.BIRTH_YEAR:
        years = distances.shares(con, f"SELECT year({name}), count(*) FROM {source} GROUP BY 1")
        distance = distances.of_spans(years, distances.shares(con, f"SELECT {quoted(column.name)}, count(*) FROM {made} GROUP BY 1"))
    elif column.treatment is Treatment.AGE_BAND:
        day = f"DATE '{reference.isoformat()}'"
        years = distances.shares(con, f"SELECT greatest(date_sub('year', {name}, {day}), 0), count(*) FROM {source} GROUP BY 1")
        distance = distances.of_spans(years, distances.shares(con, f"SELECT {quoted(column.name)}, count(*) FROM {made} GROUP BY 1"))
    return ColumnUtility(column.name, label, round(filled / rows, 3) if rows else 0.0, None if distance is None else round(distance, 2))


def _count(con: Connection, query: str) -> int:
    return int(con.execute(query).fetchall()[0][0])
