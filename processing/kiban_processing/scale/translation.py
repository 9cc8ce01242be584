"""翻訳 (translation): a statement in DuckDB's dialect becomes what Spark must do: one act, on one relation, by one query.

SQLGlot translates; what it leaves in DuckDB's meaning is rewritten here, and what neither does is refused by name, so that no statement
runs with another meaning. Not seen here, because the types of columns are not known: a date minus a date (use date_diff), a fraction cast
to an integer (Spark cuts, DuckDB rounds), `len` of a list, division by zero (missing in DuckDB, an error in Spark).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

import sqlglot
from sqlglot import exp

_FROM, _TO = "duckdb", "spark"
_HEX = "0x"
_DEEPEST = 20_000
# Functions whose results differ between the engines, or that Spark lacks: a plan that used one would not be the same on both.
_FOREIGN = frozenset({"hash", "list_reduce", "printf", "histogram", "date_sub", "datesub", "regexp_extract_all", "array_agg_distinct"})


class Untranslatable(Exception):
    """A statement that Spark cannot carry out with the same meaning; a fault of the program, never of the data."""


class Act(Enum):
    QUERY = "query"
    DESCRIBE = "describe"
    CREATE = "create"  # a table of the rows of a query
    DECLARE = "declare"  # an empty table of named columns
    INSERT = "insert"
    DROP = "drop"


@dataclass(frozen=True)
class Statement:
    """`query`: Spark's SQL (empty where the act needs none); `relation`: what is made, filled or dropped; `columns`: name and Spark type.

    `reads`: the relations the query names. `moves`: whether a column may stand at another place than in DuckDB (REPLACE): names still tell it.
    `by_place`: whether rows with all columns of a relation are put together by the places of columns.
    """

    act: Act
    query: str = ""
    relation: str = ""
    columns: tuple[tuple[str, str], ...] = ()
    reads: frozenset[str] = frozenset()
    moves: bool = False
    by_place: bool = False


@lru_cache(maxsize=4096)
def translate(query: str) -> Statement:
    """One statement of DuckDB's dialect as an act of Spark. Raises Untranslatable; the message never holds the statement's constants."""
    with _deep():
        return _statement(query)


def _statement(query: str) -> Statement:
    try:
        parsed = sqlglot.parse_one(query, read=_FROM)
    except sqlglot.errors.SqlglotError:
        parsed = None
    match parsed:
        case exp.Describe():
            return Statement(Act.DESCRIBE, _query(_described(parsed.this)))
        case exp.Create(kind="TABLE") if isinstance(parsed.this, exp.Schema):
            columns = tuple((column.name, column.args["kind"].sql(_TO)) for column in parsed.this.expressions)
            return Statement(Act.DECLARE, "", parsed.this.this.name, columns)
        case exp.Create(kind="TABLE") if parsed.expression is not None:
            moves, by_place = _replaces(parsed), _by_place(parsed)
            query = _query(parsed.expression, moves and not by_place)
            return Statement(Act.CREATE, query, parsed.this.name, reads=_relations(parsed.expression), moves=moves, by_place=by_place)
        case exp.Insert() if parsed.expression is not None and isinstance(parsed.this, exp.Table):
            reads = _relations(parsed.expression) | {parsed.this.name}
            return Statement(Act.INSERT, _query(parsed.expression), parsed.this.name, reads=reads, by_place=True)
        case exp.Drop(kind="TABLE"):
            (table,) = parsed.args["tables"]
            return Statement(Act.DROP, "", table.name)
        case exp.Delete(this=exp.Table() as table) if (where := parsed.args.get("where")) is not None:
            # The rows that stay become the table: a table is made once and never changed in place.
            stays = exp.not_(exp.func("coalesce", where.this.copy(), exp.false()))
            return Statement(
                Act.CREATE, _query(exp.select("*").from_(table.copy()).where(stays)), table.name, reads=frozenset((table.name,))
            )
        case exp.Update(this=exp.Table() as table) if not parsed.args.get("from_"):
            return Statement(
                Act.CREATE, _query(_updated(parsed, table), moves=True), table.name, reads=frozenset((table.name,)), moves=True
            )
        case exp.Query():
            by_place = _by_place(parsed)
            named = not by_place and isinstance(parsed, exp.Select) and not any(each.is_star for each in parsed.expressions)
            return Statement(Act.QUERY, _query(parsed, named), reads=_relations(parsed), by_place=by_place)
    raise Untranslatable(f"no statement that Spark is given: {type(parsed).__name__}")


@contextmanager
def _deep() -> Iterator[None]:
    """Room for SQLGlot, which descends by some thirty calls for each call in a call: the gate has sixty of them in one another."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _DEEPEST))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def _described(relation: exp.Expr) -> exp.Expr:
    return exp.select("*").from_(relation.copy()) if isinstance(relation, exp.Table) else relation


def _query(parsed: exp.Expr, moves: bool = False) -> str:
    """`moves`: whether the columns may move, since they will be asked for by name."""
    if not moves and _replaces(parsed):
        _refuse("REPLACE where columns are told by their places")
    query = parsed.copy().transform(_rewritten)
    return str(query.sql(dialect=_TO, unsupported_level=sqlglot.ErrorLevel.IGNORE))


def _replaces(parsed: exp.Expr) -> bool:
    return any(star.args.get("replace") for star in parsed.find_all(exp.Star))


def _by_place(parsed: exp.Expr) -> bool:
    united = parsed.find_all(exp.SetOperation)
    return any(isinstance(star.parent, (exp.Select, exp.Column)) for each in united for star in each.find_all(exp.Star))


def _relations(parsed: exp.Expr) -> frozenset[str]:
    return frozenset(table.name for table in parsed.find_all(exp.Table))


def _rewritten(node: exp.Expr) -> exp.Expr:
    match node:
        case exp.Filter(this=exp.First() | exp.Last() | exp.ArrayAgg() as aggregate):
            return _in_order(aggregate, node.expression.this)
        case exp.First() | exp.Last() | exp.ArrayAgg():
            return _in_order(node, None)
        case exp.Cast() if (digits := _hexadecimal(node)) is not None:
            # `conv` answers with the decimal digits of a number without sign.
            return exp.cast(exp.func("conv", digits, exp.Literal.number(16), exp.Literal.number(10)), node.to)
        case exp.Div() if any(_fraction(side) for side in (node.left, node.right)):
            # DuckDB divides in floating point whatever the operands; Spark would divide by a decimal fraction in decimals, and cut.
            for name in ("this", "expression"):
                if _fraction(side := node.args[name]):
                    node.set(name, exp.cast(side, exp.DataType.Type.DOUBLE))
        case exp.DataType() if node.is_type(exp.DataType.Type.INT128):
            return exp.DataType.build("DECIMAL(38, 0)")
        case exp.Select() if (group := node.args.get("group")) and group.expressions == [exp.Tuple()]:
            node.set("group", None)  # one group of all rows, which `HAVING` alone says too
        case exp.Explode() if node.expressions:
            return exp.Anonymous(this="inline", expressions=[node.this])
        case exp.RegexpReplace() if (modifiers := node.args.get("modifiers")) is None or modifiers.name != "g":
            return _refuse("regexp_replace without 'g'")
        case exp.CTE() if node.args.get("materialized") is not None:
            node.set("materialized", None)
        case exp.Window(this=exp.RowNumber()) if not any(node.args.get(part) for part in ("partition_by", "order", "alias")):
            # Numbers in any order; Spark wants one to be named, and a constant is none. An alias is a window that is named elsewhere.
            node.set("order", exp.Order(expressions=[exp.Ordered(this=exp.null())]))
        case exp.Select() if any(_replacing(each) for each in node.expressions):
            return _replaced(node)
        case exp.Columns():
            return _refuse("COLUMNS")
        case exp.Anonymous() if node.name.lower() in _FOREIGN:
            return _refuse(node.name.lower())
        case exp.Func() if node.sql_name().lower() in _FOREIGN:
            return _refuse(node.sql_name().lower())
    return node


def _replacing(projection: exp.Expr) -> exp.Star | None:
    """The star of `* REPLACE (…)` or `t.* REPLACE (…)`."""
    star = projection.this if isinstance(projection, exp.Column) else projection
    return star if isinstance(star, exp.Star) and star.args.get("replace") else None


def _replaced(select: exp.Select) -> exp.Expr:
    """Spark has EXCEPT and no REPLACE: the columns are left out and come again, behind the others. In both engines a name in the new
    expressions is that of the old column: an alias of the same SELECT comes second."""
    projections: list[exp.Expr] = []
    for each in select.expressions:
        projections.append(each)
        if star := _replacing(each):
            aliases = star.args["replace"]
            star.set("replace", None)
            star.set("except_", [*(star.args.get("except_") or []), *(exp.to_identifier(alias.alias) for alias in aliases)])
            projections.extend(aliases)
    select.set("expressions", projections)
    return select.transform(_rewritten)


def _updated(update: exp.Update, table: exp.Table) -> exp.Expr:
    """The table anew with other values in some columns; the new values must have the columns' types, which nothing here knows."""
    where, columns = update.args.get("where"), []
    for one in update.expressions:
        value = one.expression.copy()
        if isinstance(value, exp.Null):
            _refuse("UPDATE to NULL")
        if where is not None:
            value = exp.Case(ifs=[exp.If(this=where.this.copy(), true=value)], default=one.this.copy())
        columns.append(exp.alias_(value, one.this.name))
    return exp.select(exp.Star(replace=columns)).from_(table.copy())


def _fraction(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and not node.is_string and "." in node.name and "e" not in node.name.lower()


def _hexadecimal(cast: exp.Cast) -> exp.Expr | None:
    """The digits in `('0x' || digits)::BIGINT`."""
    text = cast.this.unnest()
    if cast.to.is_type("bigint") and isinstance(text, exp.DPipe) and text.left.is_string and text.left.name == _HEX:
        return text.right
    return None


def _in_order(aggregate: exp.Expr, condition: exp.Expr | None) -> exp.Expr:
    """first, last and list with an order: collected beside the keys, sorted by them. Spark's own have no order, and its lists no nulls."""
    value, keys = aggregate.this, []
    distinct = isinstance(value, exp.Distinct)
    if distinct:
        (value,) = value.expressions
    if isinstance(value, exp.Order):
        value, keys = value.this, list(value.expressions)
    if isinstance(aggregate, (exp.First, exp.Last)) and not keys:
        return _refuse("first or last without an order")
    named = [exp.alias_(key.this.copy(), f"k{number}") for number, key in enumerate(keys)] + [exp.alias_(value.copy(), "v")]
    row: exp.Expr = exp.Anonymous(this="struct", expressions=named)
    if distinct:
        row = exp.Distinct(expressions=[row])
    rows: exp.Expr = exp.Anonymous(this="collect_list", expressions=[row])
    if condition is not None:
        rows = exp.Filter(this=rows, expression=exp.Where(this=condition.copy()))
    if keys:
        rows = exp.Anonymous(this="array_sort", expressions=[rows, _before(keys)])
    if isinstance(aggregate, exp.ArrayAgg):
        only = exp.Lambda(this=exp.column("v", "one"), expressions=[exp.to_identifier("one")])
        values = exp.Anonymous(this="transform", expressions=[rows, only])
        return exp.Anonymous(this="nullif", expressions=[values, exp.Anonymous(this="array", expressions=[])])
    place = 1 if isinstance(aggregate, exp.First) else -1
    found = exp.Anonymous(this="try_element_at", expressions=[rows, exp.Literal.number(place)])
    return exp.Dot(this=found, expression=exp.to_identifier("v"))


def _before(keys: list[exp.Expr]) -> exp.Lambda:
    """The comparison of two collected rows by the keys, with the places of missing values that the order names."""
    order = exp.Case()
    for number, key in enumerate(keys):
        left, right = (exp.column(f"k{number}", side) for side in ("l", "r"))
        first = -1 if key.args.get("nulls_first") else 1
        smaller = 1 if key.args.get("desc") else -1
        for condition, answer in (
            (exp.and_(left.is_(exp.null()), exp.not_(right.copy().is_(exp.null()))), first),
            (exp.and_(exp.not_(left.copy().is_(exp.null())), right.copy().is_(exp.null())), -first),
            (exp.LT(this=left.copy(), expression=right.copy()), smaller),
            (exp.GT(this=left.copy(), expression=right.copy()), -smaller),
        ):
            order = order.when(condition, exp.convert(answer))
    return exp.Lambda(this=order.else_(exp.convert(0)), expressions=[exp.to_identifier("l"), exp.to_identifier("r")])


def _refuse(what: str) -> exp.Expr:
    raise Untranslatable(f"{what} has no equal meaning on Spark")
