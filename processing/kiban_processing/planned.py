"""計画の内容 (what is planned): the values a processing plan consists of; `plan` reads, seals and checks them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from kiban_processing import permitted
from kiban_processing.permitted import DeliveryForm, RecipientClass, Treatment

PATIENTS = "patients"


class Method(StrEnum):
    """k-匿名化の方法: the whole column at one level (full-domain), with suppression of persons."""

    GLOBAL = "global"


class PlaceLevel(StrEnum):
    PREFECTURE = "prefecture"
    MUNICIPALITY = "municipality"


@dataclass(frozen=True)
class ColumnPlan:
    """One column of one table; `by` (clip only): the columns whose released values make up a group."""

    table: str
    name: str
    treatment: Treatment
    quasi: bool = False
    hierarchy: str | None = None
    by: tuple[str, ...] | None = None

    @property
    def qualified(self) -> str:
        return f"{self.table}.{self.name}"

    @property
    def released_as(self) -> str:
        return permitted.RELEASED_NAMES.get(self.treatment, self.name)


@dataclass(frozen=True)
class TablePlan:
    """One table; `columns` in the order of the catalogue."""

    name: str
    columns: tuple[ColumnPlan, ...]

    @property
    def released(self) -> tuple[ColumnPlan, ...]:
        return tuple(column for column in self.columns if column.treatment is not Treatment.REMOVE)


@dataclass(frozen=True)
class Diversity:
    """l-多様性 of the principal values among the persons of each class. `kind`: distinct, entropy or recursive, which needs `c` too."""

    column: str
    kind: str
    value: float  # whole unless the kind is entropy
    c: float | None = None


@dataclass(frozen=True)
class Closeness:
    """t-近似性: the distribution in each class differs from that of the release by at most `value`.

    `ground`: equal, hierarchical or ordered distance; `hierarchy`: file of the hierarchy (hierarchical) or of the order (ordered).
    """

    column: str
    value: float
    ground: str = "equal"
    hierarchy: str | None = None


@dataclass(frozen=True)
class Likeness:
    """β-類似性: no value's share in a class exceeds its share in the release by more than `value` times it."""

    column: str
    value: float
    enhanced: bool = False


@dataclass(frozen=True)
class Anonymity:
    k: int
    suppression_limit: float
    l: tuple[Diversity, ...]  # noqa: E741 - the model's own name
    t: tuple[Closeness, ...]
    method: Method
    beta: tuple[Likeness, ...] = ()

    @property
    def sensitive(self) -> tuple[str, ...]:
        """The columns that something is asked of, each once."""
        columns = [*(one.column for one in self.l), *(one.column for one in self.t), *(one.column for one in self.beta)]
        return tuple(dict.fromkeys(columns))


@dataclass(frozen=True)
class Place:
    """Level of residence; a municipality of fewer inhabitants than the floor, or not in `populations`, becomes its prefecture."""

    level: PlaceLevel
    population_floor: int
    populations: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Clip:
    """Bottom and top coding: quantiles over persons, and how many persons at least share the extreme value."""

    low: float
    high: float
    tail_persons: int


@dataclass(frozen=True)
class Plan:
    """加工計画. `digest`: SHA-256 of the canonical JSON (RFC 8785) of everything else, contents of the files it names included."""

    name: str
    version: int
    recipient_class: RecipientClass
    delivery_form: DeliveryForm
    reference_date: date | None
    k_reason: str
    anonymity: Anonymity
    rare_persons: int
    shift_window_weeks: int
    place: Place
    clip: Clip
    tables: tuple[TablePlan, ...]
    hierarchy_files: tuple[tuple[str, str], ...]  # name in the plan, content of the ARX-form CSV
    digest: str = ""

    @property
    def requested(self) -> frozenset[str]:
        """The items the plan releases anything of, by qualified name."""
        return frozenset(column.qualified for table in self.tables for column in table.released)

    @property
    def quasi(self) -> tuple[ColumnPlan, ...]:
        """The quasi-identifiers, one per released column (address and postal code make one residence)."""
        found: dict[str, ColumnPlan] = {}
        for column in self.table(PATIENTS).released:
            if column.quasi:
                found.setdefault(column.released_as, column)
        return tuple(found.values())

    def table(self, name: str) -> TablePlan:
        return next((table for table in self.tables if table.name == name), TablePlan(name, ()))
