"""k-匿名性 (anonymity): from persons' quasi-identifiers to the chosen level of each, and to the persons who must stay out (Reg 18(v)).

Persons, not rows: the relation that is judged has one row per person. The engine reduces it to distinct tuples with counts; the search
sees only those; the result goes back by a join. Suppressed persons are no class: they are in no table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from kiban_processing import dialect
from kiban_processing.connection import Connection, load
from kiban_processing.hierarchies.hierarchy import GAP, Hierarchy
from kiban_processing.language import Text
from kiban_processing.recoding import classes as grouping
from kiban_processing.recoding import judging, lattice, losses, order
from kiban_processing.recoding.classes import Recoding
from kiban_processing.recoding.demands import Demand, Model
from kiban_processing.recoding.demands import Ground as Distance
from kiban_processing.recoding.losses import Metric
from kiban_processing.recoding.tuples import Integers, Sensitive, Tuples
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import REG_18_V

UNATTAINABLE = Ground(
    "anonymity-unattainable",
    Family.LAW,
    REG_18_V,
    Text(
        "{persons}人のデータでは、{allowed}人以内の削除で k={k}(l・tを含む)を満たせません。",
        "With {persons} persons, k={k} (and l, t where asked) cannot be met by leaving out at most {allowed}.",
    ),
    Text(
        "準識別子を減らす、階層を粗くする、kや削除の上限を見直す、対象者を増やす、のいずれかが要ります。",
        "Drop a quasi-identifier, coarsen a hierarchy, reconsider k or the limit, or take more persons.",
    ),
)

CODES = (
    "anonymity_codes"  # engine table: person, q0 …, s0 …: leaf numbers and sensitive value numbers, and `class` where it was carried along
)
POPULATION = "anonymity_population"  # engine table, while it is counted: q0 … of the persons of the population
KEPT = "anonymity_kept"  # engine table: q0 …, s0 …, class (-1: suppressed)
VALUES = "anonymity_values"  # engine table: class, v0 …: the released value of each quasi-identifier
LEFT = "anonymity_left"  # engine table: q0 …, s0 …, class, of those that stay after a later round
CLASS = "class"
GLOBAL, LOCAL = "global", "local"


@dataclass(frozen=True)
class Quasi:
    """A quasi-identifier: its column in the judged relation (text, missing allowed) and its hierarchy.

    `told`: the released events tell it; once rows were limited to the class's level, what they tell is the leaf and not the level's label.
    """

    column: str
    hierarchy: Hierarchy
    told: bool = False


@dataclass(frozen=True)
class Asked:
    """What is asked of a sensitive column; no models: only measured. `hierarchy`: of its values, for a ground distance that needs one."""

    column: str
    models: tuple[Model, ...] = ()
    hierarchy: Hierarchy | None = None


@dataclass(frozen=True)
class Figures:
    """What a recoding amounts to. `reached`, per sensitive column: fewest distinct values and greatest (equal) distance of a class.

    `of_models`, per sensitive column and model asked of it: the figure of the class that satisfies the model least.
    """

    persons: int
    suppressed: int
    loss_geometric: float
    loss_arithmetic: float
    class_sizes: dict[int, int]
    reached: tuple[tuple[int, float], ...]
    of_models: tuple[tuple[float, ...], ...] = ()


def encode(con: Connection, relation: str, quasi: Sequence[Quasi], asked: Sequence[Asked], population: str | None = None) -> Tuples:
    """Reduce a relation (`person`, the columns of `quasi` and `asked`; one row per person) to distinct tuples; leaves CODES.

    `population`: relation with the columns of `quasi`, one row per person of the population. Its persons are counted on the first tuple of
    each combination, so that the sum over a class counts each once, however the sensitive values split the combination; combinations that
    nobody of the cohort has are tuples without persons. Not checked: whether the population contains the cohort.
    Refuses: hierarchy-gap.
    """
    tuples = _encode(con, relation, quasi, asked, "")[0]
    return tuples if population is None else _with_population(con, tuples, population, quasi)


def encode_assigned(con: Connection, relation: str, quasi: Sequence[Quasi], asked: Sequence[Asked]) -> tuple[Tuples, Integers]:
    """The same where persons already have a class (column CLASS): tuples of each class apart, and the class of each tuple."""
    tuples, columns = _encode(con, relation, quasi, asked, f", r.{CLASS}")
    return tuples, columns[CLASS]


def _encode(
    con: Connection, relation: str, quasi: Sequence[Quasi], asked: Sequence[Asked], carried: str
) -> tuple[Tuples, dict[str, Integers]]:
    selected, joins = ["r.person"], []
    for number, one in enumerate(quasi):
        load(con, f"anonymity_leaf_{number}", pa.table({"leaf": list(one.hierarchy.leaves), "code": range(one.hierarchy.size)}))
        value = f"r.{dialect.quoted(one.column)}"
        joins.append(f"LEFT JOIN anonymity_leaf_{number} l{number} ON l{number}.leaf = {value}")
        selected.append(f"CASE WHEN {value} IS NULL THEN {one.hierarchy.size} ELSE l{number}.code END AS q{number}")
    values = []
    for number, sensitive in enumerate(asked):
        values.append(_values(con, relation, sensitive, number))
        column = f"CAST(r.{dialect.quoted(sensitive.column)} AS VARCHAR)"
        joins.append(f"LEFT JOIN anonymity_value_{number} v{number} ON {dialect.same(f'v{number}.value', column)}")
        selected.append(f"v{number}.code AS s{number}")
    con.execute(f"CREATE OR REPLACE TEMP TABLE {CODES} AS SELECT {', '.join(selected)}{carried} FROM {relation} r {' '.join(joins)}")
    for number, one in enumerate(quasi):
        _cover(con, relation, one, number)
    names = _names(len(quasi), len(asked)) + ([CLASS] if carried else [])
    listed = ", ".join(names)
    if names:
        fetched = con.execute(f"SELECT {listed}, count(*) AS persons FROM {CODES} GROUP BY {listed} ORDER BY {listed}").fetchnumpy()
    else:
        fetched = con.execute(f"SELECT count(*) AS persons FROM {CODES} HAVING count(*) > 0").fetchnumpy()
    columns = {name: np.asarray(values, dtype=np.int64) for name, values in fetched.items()}
    tuples = Tuples(
        tuple(one.hierarchy for one in quasi),
        tuple(columns[f"q{number}"] for number in range(len(quasi))),
        columns["persons"],
        tuple(
            Sensitive(one.column, columns[f"s{number}"], one.models, known, one.hierarchy)
            for number, (one, known) in enumerate(zip(asked, values, strict=True))
        ),
    )
    return tuples, columns


def choose(
    tuples: Tuples,
    demand: Demand,
    limit: float,
    metric: Metric = Metric.LOSS,
    progress: lattice.Progress | None = None,
    method: str = GLOBAL,
    tie_breaks: bytes | None = None,
) -> Recoding:
    """The recoding of least loss with at most the share `limit` of the persons left out; local: never of more loss than the global one.

    `tie_breaks`: from the release's secrets, so that nobody who knows the method knows its choices among equals. Refuses: anonymity-unattainable.
    """
    allowed = permitted(tuples.total, limit)
    if method == LOCAL:
        from kiban_processing.recoding import local  # here: its compiled loops take longer to load than most global searches to run

        found = local.recode(tuples, demand, allowed, metric, progress, tie_breaks)
    else:
        found = lattice.search(tuples, demand, allowed, metric, progress)
    if found is None or found.suppressed >= max(tuples.total, 1):
        raise UNATTAINABLE.refuse(persons=tuples.total, allowed=allowed, k=demand.k)
    return found


def of_the_first(attributes: int, tuples: Tuples, recoding: Recoding, persons: int) -> tuple[Tuples, Recoding]:
    """The same recoding and tuples by the first quasi-identifiers only; class numbers stay, so that several may be alike. For figures."""
    if attributes == len(tuples.hierarchies):
        return tuples, recoding
    tuples = replace(tuples, hierarchies=tuples.hierarchies[:attributes], leaves=tuples.leaves[:attributes])
    levels = recoding.levels[:, :attributes]
    lost = losses.of_recoding(tuples, recoding.of, levels, persons)
    node = None if recoding.node is None else recoding.node[:attributes]
    return tuples, Recoding(recoding.of, levels, recoding.sizes, recoding.suppressed, *lost, node, recoding.judged)


def seen(tuples: Tuples, of: Integers, recoding: Recoding, told: Sequence[bool]) -> Integers:
    """The class of each tuple as the recipient sees it: equal released values; -1 where the persons of the tuple are left out.

    `of`: class of each tuple in the recoding. Classes of other levels may be released alike; those who tell another leaf stand apart.
    """
    stay = np.flatnonzero(of >= 0)
    columns, widths = [], []
    for attribute, (hierarchy, leaves) in enumerate(zip(tuples.hierarchies, tuples.leaves, strict=True)):
        if told[attribute]:
            columns.append(leaves[stay].astype(np.int32))
            widths.append(hierarchy.size + 1)
            continue
        labels: dict[str | None, int] = {}
        numbers = [[labels.setdefault(label, len(labels)) for label in of_level] for of_level in hierarchy.labels]
        wide = np.zeros((hierarchy.levels, max(map(len, numbers))), dtype=np.int32)
        for level, of_level in enumerate(numbers):
            wide[level, : len(of_level)] = of_level
        levels = recoding.levels[of[stay], attribute]
        codes = np.stack(hierarchy.codes)[levels, leaves[stay]]
        columns.append(wide[levels, codes])
        widths.append(len(labels))
    found = np.full(len(of), -1, dtype=np.int64)
    found[stay] = grouping.numbered(columns, widths, len(stay))
    return found


def narrow(tuples: Tuples, of: Integers, classes: Integers, recoding: Recoding, demand: Demand, persons: int) -> Recoding:
    """The recoding without the tuples whose class, as seen, no longer satisfies what is asked.

    `tuples` as they are counted now, with their classes `of` in the recoding and `classes` as seen; class numbers of the recoding stay.
    """
    kept = judging.satisfied(tuples, demand, classes, int(classes.max(initial=-1)) + 1)[classes]
    staying = np.where(kept, of, -1)
    sizes = np.bincount(of[kept], weights=tuples.persons[kept], minlength=len(recoding.sizes)).astype(np.int64)
    lost = losses.of_recoding(tuples, staying, recoding.levels, persons)
    return Recoding(staying, recoding.levels, sizes, persons - int(sizes.sum()), *lost, recoding.node, recoding.judged)


def permitted(persons: int, limit: float) -> int:
    """Persons that may be left out: the share of the persons, rounded down.

    >>> permitted(1000, 0.05)
    50
    """
    return int(limit * persons + 1e-9)


def figures(tuples: Tuples, recoding: Recoding, persons: int, classes: Integers | None = None) -> Figures:
    """The figures of a recoding among `persons`; `tuples` may lack those whom an earlier round left out; `classes`: as seen, else its own."""
    of = recoding.of if classes is None else classes
    stay = of >= 0
    released, own = np.unique(of[stay], return_inverse=True)
    members = np.bincount(own, weights=tuples.persons[stay], minlength=len(released)).astype(np.int64)
    sizes, numbers = np.unique(members[members > 0], return_counts=True)
    reached, of_models = [], []
    for sensitive in tuples.sensitive:
        if not stay.any():
            reached.append((0, 0.0))
            of_models.append(tuple(0.0 for _ in sensitive.models))
            continue
        codes = replace(sensitive, codes=sensitive.codes[stay])
        counted = judging.tally(codes, own, tuples.persons[stay], len(released), judging.whole(tuples, sensitive))
        apart = judging.distance(counted, len(released), Distance.EQUAL, codes)
        reached.append((int(judging.distinct(counted, len(released)).min()), float(apart.max())))
        of_models.append(tuple(judging.worst(one, judging.figure(one, counted, len(released), codes)) for one in sensitive.models))
    counts = {int(size): int(number) for size, number in zip(sizes, numbers, strict=True)}
    suppressed = persons - int(tuples.persons[stay].sum())
    return Figures(persons, suppressed, recoding.loss_geometric, recoding.loss_arithmetic, counts, tuple(reached), tuple(of_models))


def levels(tuples: Tuples, recoding: Recoding) -> tuple[dict[int, int], ...]:
    """Per attribute: level → persons released at it."""
    stay = recoding.of >= 0
    own, persons = recoding.levels[recoding.of[stay]], tuples.persons[stay]
    found = []
    for attribute in range(len(tuples.hierarchies)):
        counted = np.bincount(own[:, attribute], weights=persons).astype(np.int64)
        found.append({level: int(number) for level, number in enumerate(counted) if number})
    return tuple(found)


def keep(con: Connection, tuples: Tuples, recoding: Recoding) -> None:
    """Leave KEPT, the class of every tuple, and VALUES, what each class releases."""
    content: dict[str, object] = {f"q{number}": leaves for number, leaves in enumerate(tuples.leaves)}
    content |= {f"s{number}": sensitive.codes for number, sensitive in enumerate(tuples.sensitive)}
    load(con, KEPT, pa.table({**content, CLASS: recoding.of}))
    stay = np.flatnonzero(recoding.of >= 0)
    classes, first = np.unique(recoding.of[stay], return_index=True)
    released: dict[str, object] = {CLASS: classes}
    for attribute, hierarchy in enumerate(tuples.hierarchies):
        leaves, levels = tuples.leaves[attribute][stay[first]], recoding.levels[classes, attribute]
        released[f"v{attribute}"] = _labels(hierarchy, leaves, levels)
    load(con, VALUES, pa.table(released))


def kept_sql(quasi: int, asked: int) -> str:
    """A query of `person, class` for the persons who stay; needs CODES and KEPT."""
    agree = " AND ".join(f"c.{name} = k.{name}" for name in _names(quasi, asked)) or "TRUE"
    return f"SELECT c.person, k.{CLASS} FROM {CODES} c JOIN {KEPT} k ON {agree} WHERE k.{CLASS} >= 0"


def staying_sql(con: Connection, tuples: Tuples, of: Integers, recoding: Recoding) -> str:
    """A query of `person, class` for the persons who still stay. Needs CODES with the classes `of` carried along."""
    stay = recoding.of >= 0
    content: dict[str, object] = {f"q{number}": leaves[stay] for number, leaves in enumerate(tuples.leaves)}
    content |= {f"s{number}": sensitive.codes[stay] for number, sensitive in enumerate(tuples.sensitive)}
    load(con, LEFT, pa.table({**content, CLASS: of[stay]}))
    agree = " AND ".join(f"c.{name} = k.{name}" for name in [*_names(len(tuples.leaves), len(tuples.sensitive)), CLASS])
    return f"SELECT c.person, c.{CLASS} FROM {CODES} c JOIN {LEFT} k ON {agree}"


def released_values(quasi: Sequence[Quasi], alias: str) -> tuple[dict[str, str], str]:
    """Column → expression of its released value, and the join they need beside an alias that has the class. Needs VALUES."""
    return {
        one.column: f"released.v{number}" for number, one in enumerate(quasi)
    }, f"JOIN {VALUES} released ON released.{CLASS} = {alias}.{CLASS}"


def clear(con: Connection, quasi: int, asked: int) -> None:
    """Drop the working tables."""
    names = [CODES, KEPT, VALUES, LEFT, *(f"anonymity_leaf_{number}" for number in range(quasi))]
    for name in (*names, *(f"anonymity_value_{number}" for number in range(asked))):
        con.execute(f"DROP TABLE IF EXISTS {name}")


def _values(con: Connection, relation: str, sensitive: Asked, number: int) -> tuple[str | None, ...]:
    """The values of a sensitive column in their order; leaves their numbers in the engine. Refuses: hierarchy-gap."""
    column = f"CAST({dialect.quoted(sensitive.column)} AS VARCHAR)"
    values = order.arranged((row[0] for row in con.execute(f"SELECT DISTINCT {column} FROM {relation}").fetchall()), sensitive.hierarchy)
    if sensitive.hierarchy is not None:
        outside = set(values) - {None, *sensitive.hierarchy.leaves}
        if outside:
            load(con, "anonymity_gap", pa.table({"value": pa.array(sorted(map(str, outside)), pa.string())}))
            rows = con.execute(f"SELECT count(*) FROM {relation} SEMI JOIN anonymity_gap ON value = {column}").fetchone()
            con.execute("DROP TABLE anonymity_gap")
            raise GAP.refuse(column=sensitive.column, hierarchy=sensitive.hierarchy.name, values=len(outside), rows=rows[0] if rows else 0)
    load(con, f"anonymity_value_{number}", pa.table({"value": pa.array(values, pa.string()), "code": range(len(values))}))
    return values


def _with_population(con: Connection, tuples: Tuples, population: str, quasi: Sequence[Quasi]) -> Tuples:
    """The tuples with the persons of the population; needs the numbers of the leaves that `_encode` left. Refuses: hierarchy-gap."""
    selected, joins = ["1 AS there"], []
    for number, one in enumerate(quasi):
        value = f"CAST(r.{dialect.quoted(one.column)} AS VARCHAR)"
        joins.append(f"LEFT JOIN anonymity_leaf_{number} l{number} ON l{number}.leaf = {value}")
        selected.append(f"CASE WHEN {value} IS NULL THEN {one.hierarchy.size} ELSE l{number}.code END AS q{number}")
    con.execute(f"CREATE OR REPLACE TEMP TABLE {POPULATION} AS SELECT {', '.join(selected)} FROM {population} r {' '.join(joins)}")
    for number, one in enumerate(quasi):
        _cover(con, population, one, number, POPULATION)
    listed = ", ".join(["there", *_names(len(quasi), 0)])
    fetched = con.execute(f"SELECT {listed}, count(*) AS persons FROM {POPULATION} GROUP BY {listed} ORDER BY {listed}").fetchnumpy()
    con.execute(f"DROP TABLE {POPULATION}")
    theirs = [np.asarray(fetched[name], dtype=np.int64) for name in _names(len(quasi), 0)]
    return populated(tuples, theirs, np.asarray(fetched["persons"], dtype=np.int64))


def populated(tuples: Tuples, theirs: Sequence[Integers], counts: Integers) -> Tuples:
    """The tuples with the persons of the population, whose distinct combinations are `theirs` (leaves per attribute) with `counts`.

    The tuples stay where they are; combinations that nobody of the cohort has come after them.
    """
    leaves = [np.concatenate(both) for both in zip(tuples.leaves, theirs, strict=True)]
    # One number per combination, over both; the first place of a number among the tuples gets the persons of the population.
    of = grouping.numbered(
        [column.astype(np.int32) for column in leaves], [hierarchy.size + 1 for hierarchy in tuples.hierarchies], len(tuples) + len(counts)
    )
    combinations, first = np.unique(of, return_index=True)
    persons = np.zeros(len(of), dtype=np.int64)
    persons[first[np.searchsorted(combinations, of[len(tuples) :])]] = counts
    chosen = np.flatnonzero((np.arange(len(of)) < len(tuples)) | (persons > 0))
    nobody = len(chosen) - len(tuples)
    return Tuples(
        tuples.hierarchies,
        tuple(column[chosen] for column in leaves),
        np.concatenate((tuples.persons, np.zeros(nobody, np.int64))),
        # Any number will do where there is nobody: a tally leaves tuples without persons out.
        tuple(replace(one, codes=np.concatenate((one.codes, np.zeros(nobody, np.int64)))) for one in tuples.sensitive),
        persons[chosen],
    )


def _labels(hierarchy: Hierarchy, leaves: Integers, levels: np.ndarray[tuple[int], np.dtype[np.int8]]) -> pa.Array:
    """The value of each leaf at its level."""
    offsets = np.cumsum([0, *(len(labels) for labels in hierarchy.labels)])
    codes = np.stack(hierarchy.codes)[levels, leaves] + offsets[levels]
    return pa.array([label for labels in hierarchy.labels for label in labels], pa.string()).take(pa.array(codes))


def _names(quasi: int, asked: int) -> list[str]:
    return [f"q{number}" for number in range(quasi)] + [f"s{number}" for number in range(asked)]


def _cover(con: Connection, relation: str, one: Quasi, number: int, coded: str = CODES) -> None:
    gap = con.execute(f"SELECT count(*) FROM {coded} WHERE q{number} IS NULL").fetchone()
    if gap and gap[0]:
        column = dialect.quoted(one.column)
        values = con.execute(
            f"SELECT count(DISTINCT r.{column}) FROM {relation} r ANTI JOIN anonymity_leaf_{number} l ON l.leaf = CAST(r.{column} AS VARCHAR)"
        ).fetchone()
        raise GAP.refuse(column=one.column, hierarchy=one.hierarchy.name, values=values[0] if values else 0, rows=gap[0])
