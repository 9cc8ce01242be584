"""有用性の概要 (utility): what the recipient may know of what was kept: counts, share left out, likeness of each column to the cohort.

For the user. It is computed from the rows alone: no plan, threshold, level or shift goes in, so none can come out (Act 9(2)(iv), 30(1)).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from kiban_processing.catalogue import tables
from kiban_processing.connection import Connection
from kiban_processing.dialect import quoted
from kiban_processing.hierarchies import codes
from kiban_processing.language import Text
from kiban_processing.outcome import Outcome, ReleasedColumn, released
from kiban_processing.permitted import Treatment

_BINS = 10
_EXPLANATION = Text(
    "distance は、元の集団と提供データとで値の割合がどれだけ違うか（全変動距離、0 は同じ、1 は全く別）。null は比べられない列。",
    "distance: how much the shares of the values differ between the cohort and the release (total variation; 0 the same, 1 wholly "
    "different). null: the column cannot be compared.",
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

    def as_json(self) -> dict[str, object]:
        return {
            "explanation": {"ja": _EXPLANATION.ja, "en": _EXPLANATION.en},
            "persons": self.persons,
            "share_of_persons_left_out": self.share_of_persons_left_out,
            "intervals_within_persons": "exact",
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
    return Utility(after, round(1 - after / before, 3) if before else 0.0, tuple(measured))


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
        theirs = _shares(con, f"SELECT {name}, count(*) FROM {source} GROUP BY 1")
        ours = _shares(con, f"SELECT {quoted(column.name)}, count(*) FROM {made} GROUP BY 1")
        distance = _distance(_standard(theirs, item.code_system), _standard(ours, item.code_system))
    elif column.treatment is Treatment.CLIP:
        edges = con.execute(
            f"SELECT quantile_disc({name}, [{', '.join(str(n / _BINS) for n in range(1, _BINS))}]) FROM {source}"
        ).fetchall()
        bins = " + ".join(f"CAST({{0}} > {float(edge)!r} AS INTEGER)" for edge in sorted(set(edges[0][0] or ()))) or "0"
        pairs = ((name, source), (quoted(column.name), made))
        theirs, ours = (_shares(con, f"SELECT {bins.format(each)} + 0 * {each}, count(*) FROM {where} GROUP BY 1") for each, where in pairs)
        distance = _distance(theirs, ours)
    elif column.treatment is Treatment.BIRTH_YEAR:
        years = _shares(con, f"SELECT year({name}), count(*) FROM {source} GROUP BY 1")
        distance = _distance_of_spans(years, _shares(con, f"SELECT {quoted(column.name)}, count(*) FROM {made} GROUP BY 1"))
    elif column.treatment is Treatment.AGE_BAND:
        day = f"DATE '{reference.isoformat()}'"
        years = _shares(con, f"SELECT greatest(date_sub('year', {name}, {day}), 0), count(*) FROM {source} GROUP BY 1")
        distance = _distance_of_spans(years, _shares(con, f"SELECT {quoted(column.name)}, count(*) FROM {made} GROUP BY 1"))
    return ColumnUtility(column.name, label, round(filled / rows, 3) if rows else 0.0, None if distance is None else round(distance, 2))


def _shares(con: Connection, query: str) -> dict[str | None, float]:
    counts = con.execute(query).fetchall()
    total = sum(count for _, count in counts) or 1
    return {None if value is None else str(value): count / total for value, count in counts}


def _standard(shares: Mapping[str | None, float], system: str | None) -> dict[str | None, float]:
    """Shares by the standard writing of each code, so that a mere difference of dots is none of meaning."""
    standard: dict[str | None, float] = {}
    for value, share in shares.items():
        written = None if value is None else codes.path(system, value)[0]
        standard[written] = standard.get(written, 0.0) + share
    return standard


def _distance(theirs: Mapping[str | None, float], ours: Mapping[str | None, float]) -> float:
    values = sorted({*theirs, *ours}, key=lambda value: (value is not None, value or ""))
    return sum(abs(theirs.get(value, 0.0) - ours.get(value, 0.0)) for value in values) / 2


def _distance_of_spans(theirs: Mapping[str | None, float], ours: Mapping[str | None, float]) -> float | None:
    """Distance over the released spans (`1980`, `1980-1984`, `<=1935`, `90+`, `*`); None where a value is no span of numbers."""
    spans: dict[str, tuple[int, int]] = {}
    for label in ours:
        if label is None:
            continue
        span = _span(label)
        if span is None:
            return None
        spans[label] = span
    pooled: dict[str | None, float] = {}
    for value, share in theirs.items():
        # A value of the source that no released span holds was left out: it stays a value of its own.
        label = None if value is None else next((name for name, (low, high) in spans.items() if low <= int(value) <= high), value)
        pooled[label] = pooled.get(label, 0.0) + share
    return _distance(pooled, ours)


def _span(label: str) -> tuple[int, int] | None:
    """
    >>> _span("45-49"), _span("<=1935"), _span("90+"), _span("1980"), _span("old")
    ((45, 49), (0, 1935), (90, 9999), (1980, 1980), None)
    """
    if label == "*":
        return 0, 9999
    low, _, high = label.removeprefix("<=").removesuffix("+").partition("-")
    if not low.isdecimal() or (high and not high.isdecimal()):
        return None
    if label.startswith("<="):
        return 0, int(low)
    return int(low), 9999 if label.endswith("+") else int(high or low)


def _count(con: Connection, query: str) -> int:
    return int(con.execute(query).fetchall()[0][0])
