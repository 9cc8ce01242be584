"""行の組 (rows): where other columns are released too, every row with its class, in the order of all it says; sorted by the engine."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kiban_processing import dialect
from kiban_processing.one_table import arrays, reading, streams
from kiban_processing.one_table.encoding import Counted, Encoder, Finder
from kiban_processing.one_table.forming import Formed
from kiban_processing.one_table.reading import Source
from kiban_processing.outcome import ReleaseSecrets
from kiban_processing.table_plan import OneTablePlan, Use
from kiban_processing.transforms import keys

Numbers = npt.NDArray[np.int32]
CLASS, PERSON = "table_class", "table_person"
SORTED = "table_sorted"  # engine table, where persons count: CLASS, PERSON and the other columns in the order in which they are written
_PORTION = 1 << 18


def class_by_key(encoder: Encoder, counted: Counted, formed: Formed) -> tuple[Finder, Numbers]:
    """How to find the class of a row by its quasi-identifiers alone: a recoding gives equal ones the same class, whatever is sensitive."""
    own = encoder.quasi_of(counted.key)
    new = np.zeros(len(counted), dtype=bool)
    new[:1] = True
    for word in own:
        new[1:] |= word[1:] != word[:-1]
    first = np.flatnonzero(new)
    of = formed.of[first]
    if not (of[np.cumsum(new) - 1] == formed.of).all():
        raise AssertionError("equal quasi-identifiers in two classes")
    return Finder.of(tuple(word[first] for word in own)), of


def arrange(
    con: duckdb.DuckDBPyConnection,
    source: Source,
    plan: OneTablePlan,
    encoder: Encoder,
    found: tuple[Finder, Numbers],
    secrets: ReleaseSecrets,
) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """The released rows as CLASS and the other released columns, in order; leaves SORTED where the plan names a person."""
    finder, of = found
    others = [column for column in plan.columns if column.use in (Use.KEEP, Use.SENSITIVE, Use.HASH)]
    hashed = [column.name for column in others if column.use is Use.HASH]
    read = [one.name for one in others] + ([plan.person] if plan.person else [])
    quasi = [column.name for column in plan.quasi]
    types = source.types([one.name for one in others if one.use is not Use.HASH])
    fields = [(CLASS, pa.int32()), *((one.name, types.get(one.name, pa.string())) for one in others)]
    schema = pa.schema(fields + ([(PERSON, pa.string())] if plan.person else []))

    def portions() -> Iterator[pa.RecordBatch]:
        for batch in source.batches([*quasi, *read], quasi):
            number = of[finder.places(encoder.quasi_key(batch))]
            stay = number >= 0
            columns = [(reading.text if name in hashed else reading.plain)(batch.column(name)) for name in (one.name for one in others)]
            if plan.person:
                person = reading.text(batch.column(plan.person))
                stay &= arrays.there(person)
                columns.append(person)
            whole = pa.RecordBatch.from_arrays([arrays.numbers(number), *columns], schema=schema)
            yield whole if stay.all() else whole.filter(arrays.truths(stay))

    selected = [CLASS]
    for one in others:
        name = dialect.quoted(one.name)
        if one.use is Use.HASH:
            name = f"{keys.rekeyed_sql(one.name, dialect.literal(''), dialect.literal(''), name)} AS {name}"
        selected.append(name)
    order = ", ".join(str(place + 1) for place in range(len(selected)))
    person = f", {PERSON}" if plan.person else ""
    query = f"SELECT {', '.join(selected)}{person} FROM {streams.ROWS} ORDER BY {order}"
    parameters = keys.pads("pseudonym", secrets.pseudonym) if hashed else {}
    with streams.streamed(con, schema, portions()):
        con.execute(f"CREATE TABLE {SORTED} AS {query}", parameters)
    listed = ", ".join([CLASS, *(dialect.quoted(one.name) for one in others)])
    opened = con.cursor().execute(f"SELECT {listed} FROM {SORTED}").to_arrow_reader(_PORTION)
    return opened.schema, iter(opened)
