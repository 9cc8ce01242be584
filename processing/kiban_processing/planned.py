"""計画の内容 (what is planned): the values a processing plan consists of; `plan` reads, seals and checks them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from kiban_processing import permitted
from kiban_processing.catalogue import tables
from kiban_processing.catalogue.items import Kind
from kiban_processing.permitted import DeliveryForm, RecipientClass, Treatment
from kiban_processing.planned_risk import Risk

PATIENTS = "patients"


class Method(StrEnum):
    """k-匿名化の方法: the whole column at one level (full-domain), or each class at levels of its own (multidimensional)."""

    GLOBAL = "global"
    LOCAL = "local"


class Metric(StrEnum):
    """What is least in the chosen recoding: the share of the domain that values cover, or the entropy they lose (`recoding.losses`)."""

    LOSS = "loss"
    ENTROPY = "entropy"


class Suppression(StrEnum):
    """削除の単位: what is given up of persons whose class stays too small: themselves, or first the cells of their quasi-identifiers."""

    PERSON = "person"
    CELL = "cell"


class DerivedKind(StrEnum):
    """What is derived of a person's rows in one table of events."""

    FIRST_YEAR = "first_year"  # year of the first (shifted) date
    COUNT = "count"  # number of rows
    SITES = "sites"  # number of hospitals
    CODE_SET = "code_set"  # which of the listed codes occur
    FIRST_CODE = "first_code"  # the listed code that occurs first


class Handling(StrEnum):
    """How a derived quasi-identifier is generalised."""

    COLUMN = "column"  # the released tables do not tell it: released as a column of `patients`, at any level of its hierarchy
    LIMITED = "limited"  # they tell it: rows are left out until they tell no more than the level does
    AS_IS = "as-is"  # they tell it and no row can be left out for it: only level 0, else the person is left out


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

    @property
    def decisive(self) -> tuple[ColumnPlan, ...]:
        """The code columns that decide whether a row has lost all it said; a unit or a department says nothing by itself."""
        return tuple(
            column
            for column in self.released
            if column.treatment is Treatment.GENERALISE_RARE and tables.named(column.qualified).kind is Kind.SENSITIVE_VALUE
        )


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
    metric: Metric = Metric.LOSS
    suppress: Suppression = Suppression.PERSON

    @property
    def sensitive(self) -> tuple[str, ...]:
        """The columns that something is asked of, each once."""
        columns = [*(one.column for one in self.l), *(one.column for one in self.t), *(one.column for one in self.beta)]
        return tuple(dict.fromkeys(columns))


@dataclass(frozen=True)
class Derived:
    """A quasi-identifier derived from a person's rows of one table.

    `where`: only rows with one of these values in each of these columns; `column`, `codes`: only rows whose code lies under one of the
    listed ones (of code_set and first_code: which of them); `date`: the date that decides what is first; `at_most`: more than so many
    rows or hospitals are not told apart; `earliest`: earlier years are not told apart; `release`: a column of `patients` of this name.
    """

    name: str
    kind: DerivedKind
    table: str
    where: tuple[tuple[str, tuple[str, ...]], ...] = ()
    column: str = ""
    codes: tuple[str, ...] = ()
    date: str = ""
    at_most: int = 0
    earliest: int = 0
    hierarchy: str | None = None
    release: bool = False

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns of the table that decide the value, at least one."""
        dated = self.kind in (DerivedKind.FIRST_YEAR, DerivedKind.FIRST_CODE)
        needed = [*(name for name, _ in self.where), *([self.column] if self.column else []), *([self.date] if dated else [])]
        return tuple(dict.fromkeys(needed)) or (self.date,)

    @property
    def sources(self) -> tuple[str, ...]:
        """The catalogue's items it is made of, by qualified name."""
        return tuple(f"{self.table}.{name}" for name in self.reads)


@dataclass(frozen=True)
class CodeSets:
    """k^m-匿名性: any `m` codes of the columns that somebody may know of a person are shared by at least `k` persons, or by none.

    `top`: how far down from the widest group a code is known (1: the widest; 0: as released); `share`: a code that would lose more than
    this share of its persons goes up its hierarchy instead.
    """

    columns: tuple[str, ...]  # qualified
    m: int
    k: int
    top: int
    share: float


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
class Visits:
    """日付の絞り込み: what is left out of dated events so that exact intervals do not give the shift away; see `transforms.visits`.

    `period`: first and last day of collection: only released dates that every shift can explain stay. `advantage`: how much likelier than
    by guessing a person's shift may become by the days released. `most`: days per person at most. `gap_days`: 1 is exact.
    `rows_go`: a row whose own date must go goes with it; else the date is emptied and the row stays.
    """

    period: tuple[date, date] | None = None
    advantage: float | None = None
    most: int | None = None
    gap_days: int = 1
    rows_go: bool = False

    @property
    def chooses(self) -> bool:
        """Whether days are chosen person by person."""
        return self.advantage is not None or self.most is not None

    @property
    def active(self) -> bool:
        return self.chooses or self.period is not None or self.gap_days > 1


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
    risk: Risk = Risk()
    visits: Visits = Visits()
    digest: str = ""
    derived: tuple[Derived, ...] = ()
    code_sets: CodeSets | None = None

    @property
    def requested(self) -> frozenset[str]:
        """The items the plan releases anything of, by qualified name."""
        derived = (source for one in self.derived if one.release for source in one.sources)
        return frozenset((*(column.qualified for table in self.tables for column in table.released), *derived))

    def read_of(self, table: str) -> frozenset[str]:
        """The columns of a table that anything released is made of."""
        derived = (name for one in self.derived if one.table == table for name in one.reads)
        return frozenset((*(column.name for column in self.table(table).released), *derived))

    def handling(self, derived: Derived) -> Handling:
        """How a derived quasi-identifier is generalised: whatever the recipient can compute from the released rows, an attacker can know."""
        table = self.table(derived.table)
        released = {column.name for column in table.released}
        told = set(derived.reads) <= released if derived.kind is not DerivedKind.COUNT else {name for name, _ in derived.where} <= released
        if derived.kind is DerivedKind.SITES or not told:
            return Handling.COLUMN
        return Handling.LIMITED if derived.kind in (DerivedKind.CODE_SET, DerivedKind.COUNT) else Handling.AS_IS

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

    def released_column(self, qualified: str) -> ColumnPlan:
        """A released column by its qualified name; asked only for names that `plan.check` has let pass."""
        return next(column for column in self.table(qualified.partition(".")[0]).released if column.qualified == qualified)
