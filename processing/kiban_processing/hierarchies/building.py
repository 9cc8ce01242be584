"""階層の作成 (building): a hierarchy of one of the known kinds for the values of a column, as a statistician asks for it by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from kiban_processing.hierarchies import calendar, diseases, intervals, ordered, places
from kiban_processing.hierarchies.calendar import Unit
from kiban_processing.hierarchies.hierarchy import Hierarchy
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import REG_18_V

NEEDED = Ground(
    "hierarchy-needs",
    Family.INPUT,
    REG_18_V,
    Text("この種類の階層には {needed} が要ります。", "This kind of hierarchy needs {needed}."),
    Text("kiban hierarchy build --help を見て指定してください。", "See kiban hierarchy build --help."),
)


class Sort(StrEnum):
    """What the values are."""

    ICD10 = "icd10"
    POSTAL = "postal"
    MUNICIPALITY = "municipality"
    AGE = "age"
    DATE = "date"
    QUANTILES = "quantiles"
    INTERVALS = "intervals"
    ORDERED = "ordered"


@dataclass(frozen=True)
class Wanted:
    """Besides the sort. `cuts` and `codes` as typed, separated by commas; `first` and `last` as YYYY-MM-DD."""

    intervals: int = 10
    cuts: str | None = None
    codes: str | None = None
    units: Sequence[Unit] = tuple(Unit)
    first: str | None = None
    last: str | None = None


OLD = 90  # ages from here on stand together above their own level, as the guideline on anonymisation asks
_AGES = [str(age) for age in range(121)]


def build(sort: Sort, name: str, rows: Mapping[str, int] | None, wanted: Wanted) -> Hierarchy:
    """The hierarchy. `rows`: of each value of the column, missing ones left out; None where no table was given.

    Refuses: hierarchy-needs, and what the builder of the sort refuses.
    """
    match sort:
        case Sort.AGE:
            return intervals.of_cuts(name, rows or _AGES, [Decimal(cut) for cut in range(5, OLD + 1, 5)])
        case Sort.DATE if wanted.first or wanted.last:
            return calendar.of_range(name, _day(wanted.first, "--first"), _day(wanted.last, "--last"), wanted.units)
        case Sort.ORDERED:
            if not wanted.codes:
                raise NEEDED.refuse(needed="--codes A,B,C")
            return ordered.neighbours(name, wanted.codes.split(","))
    if not rows:
        raise NEEDED.refuse(needed="--data TABLE --column NAME")
    match sort:
        case Sort.ICD10:
            return diseases.icd10(name, sorted(rows))
        case Sort.POSTAL:
            return places.postal_codes(name, sorted(rows))
        case Sort.MUNICIPALITY:
            return places.municipalities(name, sorted(rows))
        case Sort.DATE:
            return calendar.of_values(name, rows, wanted.units)
        case Sort.QUANTILES:
            return intervals.quantiles(name, rows, rows.values(), wanted.intervals)
        case Sort.INTERVALS if wanted.cuts:
            return intervals.of_cuts(name, rows, _cuts(wanted.cuts))
        case Sort.INTERVALS:
            return intervals.equal_width(name, rows, wanted.intervals)
    raise AssertionError(sort)


def _day(text: str | None, option: str) -> date:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        raise NEEDED.refuse(needed=f"{option} YYYY-MM-DD") from None


def _cuts(text: str) -> list[Decimal]:
    try:
        return [Decimal(one) for one in text.split(",")]
    except InvalidOperation:
        raise NEEDED.refuse(needed="--cuts 10,20,30") from None
