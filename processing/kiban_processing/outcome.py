"""加工の結果 (outcome): what carrying out a plan left behind, in counts; everything here is the operator's and none of it the user's.

The counts, thresholds and nodes describe the method of processing (加工の方法に関する情報, Act 9(2)(iv)): whoever writes for the user
chooses from `tables[...].rows_after`, `columns` and `persons_after` only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from kiban_processing.permitted import Treatment

# Tables that carrying out a plan leaves in the engine beside the released ones. Neither may ever leave the core zone.
SECRET_PERSONS = "secret_persons"  # person, pseudonym, shift_weeks, suppressed: one row per person of the release before suppression
JUDGED_PERSONS = "judged_persons"  # person (pseudonym), the released quasi-identifiers, each person's principal sensitive values


def released(table: str) -> str:
    """The name of the engine's table that holds the released rows of a table of the plan."""
    return f"released_{table}"


@dataclass(frozen=True)
class ReleaseSecrets:
    """提供ごとの秘密: 32 bytes each, one pair per release, never reused, regulated as information on the method (Act 9(2)(iv))."""

    pseudonym: bytes
    shift: bytes


@dataclass(frozen=True)
class ReleasedColumn:
    """One column as released: `sources` are the catalogue's items it was made of (qualified names), `type` the engine's type."""

    name: str
    type: str
    sources: tuple[str, ...]
    treatment: Treatment
    quasi: bool = False
    sensitive: bool = False


@dataclass(frozen=True)
class TableOutcome:
    """Rows of one table, before and after; before = after + suppressed + without_patient + dropped (for `patients`: + consolidated)."""

    name: str
    columns: tuple[ReleasedColumn, ...]
    rows_before: int
    rows_after: int
    rows_consolidated: int  # registrations that were folded into one row per person
    rows_of_suppressed: int  # rows of persons suppressed for k, l or t
    rows_without_patient: int  # rows whose person has no registration
    rows_dropped_rare: int  # rows whose every code was rare to the top of its hierarchy


@dataclass(frozen=True)
class QuasiOutcome:
    """One quasi-identifier: the level chosen (0 = as treated) of `levels` (number of levels), by which hierarchy."""

    column: str
    hierarchy: str
    hierarchy_version: str
    level: int
    levels: int


@dataclass(frozen=True)
class ModelOutcome:
    """One model asked of a sensitive column by the name `demands.called` gives it: the bound asked, and what its worst class has.

    For enhanced beta-likeness `reached` is infinite where a value exceeds -ln of its share.
    """

    model: str
    asked: float
    reached: float


@dataclass(frozen=True)
class SensitiveOutcome:
    """What was asked of one sensitive column and what its worst class has; a person's value is its principal value.

    l: distinct values; t: equal distance; whatever else was asked stands in `models`, these two included.
    """

    column: str  # qualified, as released: "diagnoses.icd10"
    l_asked: int | None
    l_reached: int
    t_asked: float | None
    t_reached: float
    models: tuple[ModelOutcome, ...] = ()


@dataclass(frozen=True)
class AnonymityOutcome:
    """Classes of persons that share all quasi-identifiers, after suppression; `class_sizes`: size in persons → number of classes."""

    method: str
    k_asked: int
    k_reached: int  # persons in the smallest class; 0 when nobody is released
    suppression_limit: float  # share of persons
    quasi: tuple[QuasiOutcome, ...]
    sensitive: tuple[SensitiveOutcome, ...]
    loss_geometric: float
    loss_arithmetic: float
    classes: int
    class_sizes: dict[int, int]

    @property
    def node(self) -> dict[str, int]:
        """The level chosen for each quasi-identifier."""
        return {quasi.column: quasi.level for quasi in self.quasi}


@dataclass(frozen=True)
class CodeOutcome:
    """Rare values of one code column: distinct codes and rows by what became of them. `threshold` in persons."""

    table: str
    column: str
    threshold: int
    codes: int
    codes_generalised: int
    codes_suppressed: int
    rows_generalised: int
    rows_suppressed: int
    fewest_persons: int  # persons holding the rarest value still released; 0 when none is


@dataclass(frozen=True)
class MeasurementOutcome:
    """Top and bottom coding of one numeric column; a group is one released combination of the columns `by`. `threshold` in persons."""

    table: str
    column: str
    by: tuple[str, ...]
    threshold: int
    groups: int
    groups_too_few: int
    values: int
    values_clipped: int
    values_removed: int


@dataclass(frozen=True)
class Outcome:
    """All that the gate, the evidence and the package need to know of one run; the released rows are in the engine's tables."""

    plan_name: str
    plan_version: int
    plan_digest: str
    reference_date: date
    tables: dict[str, TableOutcome]
    persons_before: int
    persons_suppressed: int
    anonymity: AnonymityOutcome
    codes: tuple[CodeOutcome, ...]
    measurements: tuple[MeasurementOutcome, ...]
    shift_window_weeks: int

    @property
    def persons_after(self) -> int:
        return self.persons_before - self.persons_suppressed

    @property
    def rows_by_treatment(self) -> dict[str, int]:
        """Released rows times columns, by treatment."""
        counts: dict[str, int] = {}
        for table in self.tables.values():
            for column in table.columns:
                counts[column.treatment.value] = counts.get(column.treatment.value, 0) + table.rows_after
        return counts
