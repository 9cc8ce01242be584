"""表の本人 (persons): where a column names the person, the table reduced to one row per person: quasi-identifiers and sensitive values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import duckdb
import pyarrow as pa

from kiban_processing import dialect
from kiban_processing.language import Text
from kiban_processing.one_table import reading, streams
from kiban_processing.one_table.reading import Source
from kiban_processing.principal import principal_sql
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import REG_18_V

PERSON_VARIES = Ground(
    "table-person-varies",
    Family.INPUT,
    REG_18_V,
    Text(
        "{persons}人の準識別子が行によって異なります(列「{person}」で本人を数えています)。",
        "The quasi-identifiers of {persons} persons differ between their rows (persons are counted by column “{person}”).",
    ),
    Text("準識別子を本人ごとに一つの値にしてください。", "Give each person one value of every quasi-identifier."),
)

PEOPLE = "table_people"  # engine table: person, q0 …, s0 …
_PORTION = 1 << 18  # rows


def gather(con: duckdb.DuckDBPyConnection, source: Source, person: str, quasi: Sequence[str], sensitive: Sequence[str]) -> int:
    """Leave PEOPLE and give the number of persons; rows that name nobody are of nobody. A sensitive value is the one on most of a person's rows.

    Refuses: table-person-varies, table-unreadable.
    """
    names = {person: "person"} | {name: f"q{n}" for n, name in enumerate(quasi)} | {name: f"s{n}" for n, name in enumerate(sensitive)}
    schema, portions = texts(source, names)
    with streams.streamed(con, schema, portions):
        con.execute(f"CREATE TABLE table_seen AS SELECT *, count(*) AS rows FROM {streams.ROWS} WHERE person IS NOT NULL GROUP BY ALL")
    own = "".join(f", q{n}" for n in range(len(quasi)))
    con.execute(f"CREATE TABLE table_tuples AS SELECT DISTINCT person{own} FROM table_seen")
    persons, distinct = con.execute("SELECT count(*), count(DISTINCT person) FROM table_tuples").fetchone() or (0, 0)
    if persons != distinct:
        varying = con.execute("SELECT count(*) FROM (SELECT person FROM table_tuples GROUP BY person HAVING count(*) > 1)").fetchone()
        raise PERSON_VARIES.refuse(persons=varying[0] if varying else 0, person=person)
    selected, joins = "", ""
    for number in range(len(sensitive)):
        principal = principal_sql("table_seen", f"s{number}", "rows")
        joins += f" LEFT JOIN ({principal}) a{number} ON a{number}.person = t.person"
        selected += f", a{number}.value AS s{number}"
    con.execute(f"CREATE TABLE {PEOPLE} AS SELECT t.*{selected} FROM table_tuples t{joins}")
    for name in ("table_seen", "table_tuples"):
        con.execute(f"DROP TABLE {name}")
    return int(persons)


def batches(con: duckdb.DuckDBPyConnection, quasi: Sequence[str], sensitive: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """One row per person, under the columns' own names."""
    listed = [f"q{n} AS {dialect.quoted(name)}" for n, name in enumerate(quasi)]
    listed += [f"s{n} AS {dialect.quoted(name)}" for n, name in enumerate(sensitive)]
    yield from con.cursor().execute(f"SELECT {', '.join(listed) or 'person'} FROM {PEOPLE}").to_arrow_reader(_PORTION)


def texts(source: Source, names: dict[str, str]) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """The columns of the source as texts under new names, as the engine can read them."""
    schema = pa.schema([(new, pa.string()) for new in names.values()])
    return schema, (
        pa.RecordBatch.from_arrays([reading.text(batch.column(name)) for name in names], schema=schema)
        for batch in source.batches(list(names), names)
    )
