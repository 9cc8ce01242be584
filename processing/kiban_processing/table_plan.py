"""一表の加工計画 (table plan): the plan of the stand-alone tool, for one table that the catalogue does not know; it declares its own columns.

    [table]          person (optional: the column that names the person; k then counts persons), separator (optional)
    [anonymity]      k, suppression_limit (share), method ("global", "local" or "anjana"), metric ("loss" or "entropy"),
                     effort (of the local method: "auto", "full" or "quick"),
                     l, t, beta (lists, see `asked_fields`), other_columns ("refuse", "keep" or "remove": what the plan does not name)
    [population]     file (CSV or Parquet beside the plan: the quasi-identifiers, one row per person of the population), k_map,
                     presence_low and presence_high (shares); at least one of the models
    [columns.NAME]   quasi = true, hierarchy = "file.csv" (ARX form, beside the plan) | sensitive = true | treatment = "keep", "remove", "hash"

A column of the table that the plan does not name is refused unless the plan says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from kiban_processing import asked_fields, conditions
from kiban_processing.anonymity import Asked
from kiban_processing.hierarchies import hierarchy
from kiban_processing.hierarchies.hierarchy import UNKNOWN, Hierarchy
from kiban_processing.language import Text
from kiban_processing.plan_fields import PLAN_UNREADABLE, Fields, load
from kiban_processing.planned import Closeness, Diversity, Likeness
from kiban_processing.recoding.demands import PopulationMap, PopulationModel, Presence
from kiban_processing.recoding.losses import Metric
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import REG_18_V

COLUMN_UNPLANNED = Ground(
    "table-column-unplanned",
    Family.INPUT,
    REG_18_V,
    # By number: where the header is missing, the first line is a patient's.
    Text("表の{place}列目が計画にありません。", "Column {place} of the table is not in the plan."),
    Text(
        "その列を計画の [columns.列名] か --qi、--sensitive、--keep、--remove に加えるか、残りの列の扱いを --other keep|remove で"
        "決めてください。表には見出し行が必要です。",
        "Name that column in [columns.NAME] of the plan or by --qi, --sensitive, --keep or --remove, or decide about all others by "
        "--other keep|remove. The table needs a header line.",
    ),
)
COLUMN_ABSENT = Ground(
    "table-column-absent",
    Family.INPUT,
    REG_18_V,
    Text("計画の列「{column}」が表にありません。", "The plan's column “{column}” is not in the table."),
    Text("列名と区切り文字を確かめてください。", "Check the column's name and the separator."),
)


class Method(StrEnum):
    """Whole columns recoded alike with the least loss, each class by itself, or the recoding of the library anjana (a second opinion)."""

    GLOBAL = "global"
    LOCAL = "local"
    ANJANA = "anjana"


class Use(StrEnum):
    """What becomes of a column."""

    QUASI = "quasi"
    SENSITIVE = "sensitive"
    KEEP = "keep"
    REMOVE = "remove"
    HASH = "hash"


class Effort(StrEnum):
    """How much of the local search is carried out: all of it, its first start alone, or by the number of distinct rows."""

    AUTO = "auto"
    FULL = "full"
    QUICK = "quick"


class Others(StrEnum):
    """What becomes of columns that the plan does not name."""

    REFUSE = "refuse"
    KEEP = "keep"
    REMOVE = "remove"


@dataclass(frozen=True)
class TableColumn:
    name: str
    use: Use
    hierarchy: Hierarchy | None = None


@dataclass(frozen=True)
class PopulationTable:
    """The population the persons were drawn from, and what is asked of every class in it. Not checked: that it contains them."""

    path: Path
    models: tuple[PopulationModel, ...]


@dataclass(frozen=True)
class OneTablePlan:
    """The plan of one table. `suppression_limit`: share of the persons, or of the rows where no column names the person."""

    k: int
    suppression_limit: float
    method: Method
    asked: tuple[Asked, ...]
    columns: tuple[TableColumn, ...]
    person: str | None = None
    separator: str | None = None
    population: PopulationTable | None = None
    metric: Metric = Metric.LOSS
    others: Others = Others.REFUSE
    effort: Effort = Effort.AUTO

    @property
    def quasi(self) -> tuple[TableColumn, ...]:
        return tuple(column for column in self.columns if column.use is Use.QUASI)

    def matched(self, present: Iterable[str]) -> OneTablePlan:
        """The plan for a table with these columns: what it does not name is refused, kept or removed, as it says.

        Refuses: table-column-unplanned, table-column-absent.
        """
        named = {column.name for column in self.columns} | ({self.person} if self.person else set())
        there = list(present)
        for name in sorted(named - set(there)):
            raise COLUMN_ABSENT.refuse(column=name)
        rest = [(place, name) for place, name in enumerate(there, 1) if name not in named]
        if rest and self.others is Others.REFUSE:
            raise COLUMN_UNPLANNED.refuse(place=", ".join(str(place) for place, _ in rest))
        use = Use.KEEP if self.others is Others.KEEP else Use.REMOVE
        return replace(self, columns=(*self.columns, *(TableColumn(name, use) for _, name in rest)))


def read(path: Path) -> OneTablePlan:
    """The plan at `path` with its hierarchies. Refuses: plan-unreadable, plan-field, hierarchy-unknown, hierarchy-malformed."""
    return parse(load(path), path.parent)


def parse(content: Mapping[str, object], folder: Path) -> OneTablePlan:
    """The plan that a document of these fields says; files are named from `folder`. Refuses: as `read`, but plan-unreadable."""
    document = Fields("", content)
    head = document.table("table", optional=True)
    person, separator = head.optional_text("person"), head.optional_text("separator")
    if separator is not None and len(separator) != 1:
        raise head.refuse("separator", "one character")
    head.close()
    fields = document.table("anonymity")
    k = fields.integer("k", 1)
    limit = fields.number("suppression_limit", 0.0, 1.0, 0.0)
    method = Method(fields.choice("method", tuple(Method), "global"))
    metric = Metric(fields.choice("metric", tuple(Metric), "loss"))
    others = Others(fields.choice("other_columns", tuple(Others), "refuse"))
    effort = Effort(fields.choice("effort", tuple(Effort), "auto"))
    diversity, closeness, likeness = asked_fields.diversity(fields), asked_fields.closeness(fields), asked_fields.likeness(fields)
    asked_of: list[Diversity | Closeness | Likeness] = [*diversity, *closeness, *likeness]
    wanted = dict.fromkeys(one.column for one in asked_of)
    fields.close()
    population = _population(document.table("population"), folder) if document.has("population") else None
    columns = tuple(_column(name, cell, folder) for name, cell in document.table("columns").each())
    document.close()
    sensitive = {column.name for column in columns if column.use is Use.SENSITIVE}
    for name in wanted:
        if name not in sensitive:
            raise document.refuse("anonymity", f"l, t and beta only for columns with sensitive = true, not {name}")
    if person is not None and any(column.name == person and column.use not in (Use.HASH, Use.REMOVE) for column in columns):
        raise document.refuse(f"columns.{person}", "hash or remove, for the column that names the person")
    asked = []
    for name in wanted:
        file = asked_fields.hierarchy_file(closeness, name)
        models = conditions.of_column(asked_of, name)
        asked.append(Asked(name, models, _hierarchy(name, file, folder) if file else None))
    return OneTablePlan(k, limit, method, tuple(asked), columns, person, separator, population, metric, others, effort)


def _population(fields: Fields, folder: Path) -> PopulationTable:
    file = folder / fields.text("file")
    least, low, high = (
        fields.integer("k_map", 0, default=0),
        fields.number("presence_low", 0.0, 1.0, 0.0),
        fields.number("presence_high", 0.0, 1.0, 1.0),
    )
    fields.close()
    models: list[PopulationModel] = [PopulationMap(least)] if least else []
    if low > 0 or high < 1:
        models.append(Presence(low, high))
    if not models or low > high:
        raise fields.refuse("", "k_map, or presence_low up to presence_high")
    return PopulationTable(file, tuple(models))


def _hierarchy(column: str, file: str, folder: Path) -> Hierarchy:
    if not (folder / file).is_file():
        raise UNKNOWN.refuse(column=column, hierarchy=file, built_in="-")
    try:
        content = (folder / file).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PLAN_UNREADABLE.refuse(file=file, why="UTF-8") from error
    return hierarchy.read(file, "1", content)


def _column(name: str, cell: Fields, folder: Path) -> TableColumn:
    quasi, sensitive, treatment = cell.truth("quasi"), cell.truth("sensitive"), cell.optional_text("treatment")
    file = cell.optional_text("hierarchy")
    cell.close()
    if (quasi, sensitive, treatment is not None).count(True) != 1 or (file is not None) != quasi:
        raise cell.refuse("", "one of: quasi = true with a hierarchy; sensitive = true; a treatment")
    if quasi and file is not None:
        return TableColumn(name, Use.QUASI, _hierarchy(name, file, folder))
    if sensitive:
        return TableColumn(name, Use.SENSITIVE)
    if treatment not in (Use.KEEP, Use.REMOVE, Use.HASH):
        raise cell.refuse("treatment", "keep, remove or hash")
    return TableColumn(name, Use(treatment))
