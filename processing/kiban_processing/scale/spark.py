"""スパーク (spark): a connection that carries DuckDB's statements out on Spark; the engine and the gate cannot tell the two apart.

A table is made at once and once only (a local checkpoint): what was judged is what is released, and no later loss of a machine computes it
again. It lies in the executors' memory and, beyond that, in their local folders, encrypted under a key of this application (`session`).
Only what `fetch…` asks for comes to the driver, and is counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as kinds

from kiban_processing.scale.frames import StatementFailed, attempt, kept
from kiban_processing.scale.rows import Rows
from kiban_processing.scale.translation import Act, Statement, Untranslatable, translate

if TYPE_CHECKING:
    from splink import Linker, SettingsCreator

__all__ = ["Fetched", "SparkConnection", "StatementFailed", "TooManyRows"]

# Spark's type → what DuckDB calls it; `DESCRIBE` answers in DuckDB's words on both engines.
_WORDS: dict[type[kinds.DataType], str] = {
    kinds.StringType: "VARCHAR",
    kinds.BooleanType: "BOOLEAN",
    kinds.ByteType: "TINYINT",
    kinds.ShortType: "SMALLINT",
    kinds.IntegerType: "INTEGER",
    kinds.LongType: "BIGINT",
    kinds.FloatType: "FLOAT",
    kinds.DoubleType: "DOUBLE",
    kinds.DateType: "DATE",
    kinds.TimestampType: "TIMESTAMP WITH TIME ZONE",
    kinds.TimestampNTZType: "TIMESTAMP",
    kinds.BinaryType: "BLOB",
    kinds.NullType: '"NULL"',
}


class TooManyRows(Exception):
    """A statement would have brought more rows to the driver than the connection's `most_rows`."""

    def __init__(self, rows: int, most: int) -> None:
        super().__init__(f"{rows} rows, at most {most}")
        self.rows, self.most = rows, most


@dataclass(frozen=True)
class Fetched:
    """What one statement brought to the driver. `query` is Spark's SQL, without parameters."""

    query: str
    rows: int


@dataclass
class _Table:
    parts: list[DataFrame] = field(default_factory=list)


class SparkConnection:
    """`connection.Connection` on a Spark session, whose relations it names: two connections need two sessions (`session.newSession()`).

    `most_rows`: the most rows that a statement may bring to the driver (distinct tuples of quasi-identifiers are the largest aggregate).
    `fetched`: every statement that brought rows there. Not thread-safe.
    """

    def __init__(self, session: SparkSession, most_rows: int = 20_000_000) -> None:
        self._session = session
        self._most = most_rows
        self._tables: dict[str, _Table] = {}
        self._moved: set[str] = set()  # tables whose columns may stand at other places than in DuckDB
        self.fetched: list[Fetched] = []

    def execute(self, query: str, parameters: object = None) -> Rows:
        """Carry one statement of DuckDB's dialect out; `parameters` by name (`$name`) or by place (`?`).

        Raises `translation.Untranslatable`, StatementFailed; TooManyRows when rows are fetched.
        """
        statement = translate(query)
        moved = bool(statement.reads & self._moved)
        if moved and statement.by_place:
            raise Untranslatable("rows are put together by the places of columns, which may have moved")
        match statement.act:
            case Act.QUERY:
                return self._rows(statement.query, self._frame(statement, parameters))
            case Act.DESCRIBE:
                return _described(attempt(lambda: self._frame(statement, parameters).schema))
            case Act.CREATE:
                self._put(statement.relation, [kept(self._frame(statement, parameters))])
                if statement.moves or moved:
                    self._moved.add(statement.relation)
            case Act.DECLARE:
                columns = ", ".join(f"CAST(NULL AS {kind}) AS `{name}`" for name, kind in statement.columns)
                self._put(statement.relation, [attempt(lambda: self._session.sql(f"SELECT {columns} WHERE FALSE"))])
            case Act.INSERT:
                self._insert(statement, parameters)
            case Act.DROP:
                self._drop(statement.relation)
        return Rows(lambda: pa.table({}))

    def register(self, view_name: str, python_object: object) -> object:
        """Give a relation of Arrow data (table, batches, dataset, reader) a name. It passes through the driver; a reader batch by batch,
        each handed to the executors before the next is read."""
        if isinstance(python_object, pa.RecordBatchReader):
            parts = [kept(self._given(pa.Table.from_batches([batch]))) for batch in python_object]
            self._put(view_name, parts or [self._given(python_object.schema.empty_table())])
        else:
            self._put(view_name, [self._given(_arrow(python_object))])
        return self

    def unregister(self, view_name: str) -> object:
        self._drop(view_name)
        return self

    def batches(self, relation: str, by: str, rows: int = 500_000) -> Iterator[pa.Table]:
        """All rows of a relation in parts of about `rows`, divided by a column's hash: for what is meant to leave Spark, in no order."""
        every = attempt(lambda: self._session.table(f"`{relation}`"))
        many = max(1, -(-attempt(every.count) // rows))
        for part in range(many):
            chosen = every.where(f"pmod(xxhash64(`{by}`), {many}) = {part}")
            yield attempt(chosen.toArrow)

    def open_parquet(self, view_name: str, *addresses: str) -> None:
        """Give Parquet files a name; they are read by the executors where they are used and never pass through the driver."""
        attempt(lambda: self._session.read.parquet(*addresses).createOrReplaceTempView(f"`{view_name}`"))

    def write_parquet(self, relation: str, address: str, order: Sequence[str] = ()) -> None:
        """Write a relation as Parquet files below an address, by the executors; refused by Spark where something is there already.

        `order`: columns by whose ranges the files are divided and within which rows are sorted, so that no row's place tells its origin.
        What is written is as safe as the address: released rows only, and only where storage is encrypted.
        """

        def write() -> None:
            frame = self._session.table(f"`{relation}`")
            if order:
                frame = frame.repartitionByRange(*order).sortWithinPartitions(*frame.columns)
            frame.write.parquet(address)

        attempt(write)

    def relations(self) -> set[str]:
        """The names of all relations of the session, Splink's among them."""
        return {str(row["tableName"]) for row in attempt(lambda: self._session.sql("SHOW TABLES").collect())}

    def linker(self, table: str, settings: SettingsCreator) -> Linker:
        """Splink on one of the relations here."""
        from kiban_processing.scale import linkers

        return linkers.linker(self._session, table, settings)

    def close(self) -> None:
        """Let go of every table made here; the session that was given stays open."""
        for name in list(self._tables):
            self._drop(name)

    def _given(self, content: pa.Table) -> DataFrame:
        return attempt(lambda: self._session.createDataFrame(_plain(content)))

    def _frame(self, statement: Statement, parameters: object) -> DataFrame:
        return attempt(lambda: self._session.sql(statement.query, args=_arguments(parameters)))

    def _rows(self, query: str, frame: DataFrame) -> Rows:
        def fetch() -> pa.Table:
            table = attempt(frame.toArrow)
            self.fetched.append(Fetched(query, table.num_rows))
            if table.num_rows > self._most:
                raise TooManyRows(table.num_rows, self._most)
            return table

        return Rows(fetch)

    def _insert(self, statement: Statement, parameters: object) -> None:
        table = self._tables[statement.relation]
        columns = table.parts[0].schema.fields
        added = kept(self._frame(statement, parameters))

        def fitted() -> DataFrame:
            named = added.toDF(*(column.name for column in columns))
            return named.select(*(named[column.name].cast(column.dataType) for column in columns))

        table.parts.append(attempt(fitted))
        self._name(statement.relation, table)

    def _put(self, name: str, parts: list[DataFrame]) -> None:
        self._moved.discard(name)
        before = self._tables.get(name)
        self._tables[name] = _Table(parts)
        self._name(name, self._tables[name])
        if before:
            _release(before)

    def _name(self, name: str, table: _Table) -> None:
        attempt(lambda: reduce(DataFrame.unionAll, table.parts).createOrReplaceTempView(f"`{name}`"))

    def _drop(self, name: str) -> None:
        attempt(lambda: self._session.catalog.dropTempView(name))
        table = self._tables.pop(name, None)
        if table:
            _release(table)


def _release(table: _Table) -> None:
    def release() -> None:
        for part in table.parts:
            plan = part._jdf.queryExecution().analyzed()
            for place in range(plan.collectLeaves().length()):
                leaf = plan.collectLeaves().apply(place)
                if leaf.nodeName().startswith("Scan ExistingRDD") or leaf.getClass().getSimpleName() == "LogicalRDD":
                    leaf.rdd().unpersist(False)

    attempt(release)


def _arguments(parameters: object) -> Any:
    if not parameters:
        return None
    if isinstance(parameters, Mapping):
        return {name: _argument(value) for name, value in parameters.items()}
    assert isinstance(parameters, (list, tuple))  # the two forms that DuckDB has
    return [_argument(value) for value in parameters]


def _argument(value: object) -> object:
    return bytearray(value) if isinstance(value, bytes) else value


def _described(schema: kinds.StructType) -> Rows:
    """As DuckDB's DESCRIBE: name and type of each column."""
    columns = {
        "column_name": pa.array([column.name for column in schema.fields], pa.string()),
        "column_type": pa.array([_word(column.dataType) for column in schema.fields], pa.string()),
    }
    return Rows(lambda: pa.table(columns))


def _word(kind: kinds.DataType) -> str:
    if isinstance(kind, kinds.DecimalType):
        return "HUGEINT" if (kind.precision, kind.scale) == (38, 0) else f"DECIMAL({kind.precision},{kind.scale})"
    if isinstance(kind, kinds.ArrayType):
        return f"{_word(kind.elementType)}[]"
    return _WORDS.get(type(kind), kind.simpleString().upper())


def _arrow(content: object) -> pa.Table:
    match content:
        case pa.Table():
            return content
        case pa.RecordBatch():
            return pa.Table.from_batches([content])
    return content.to_table()  # type: ignore[attr-defined]  # a dataset


def _plain(content: pa.Table) -> pa.Table:
    """The same rows in types that Spark has."""
    fields = [pa.field(one.name, _kind(one.type)) for one in content.schema]
    return content.cast(pa.schema(fields))


def _kind(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _kind(kind.value_type)
    if pa.types.is_large_string(kind):
        return pa.string()
    return pa.int64() if pa.types.is_unsigned_integer(kind) else kind
