"""The steps of the one-table tool: keys that count like a dictionary, files that read back, and a recount that sees what is wrong."""

from __future__ import annotations

import csv
import io
from collections import Counter
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiban_processing import anonymity
from kiban_processing.anonymity import Asked, Quasi
from kiban_processing.hierarchies import hierarchy
from kiban_processing.one_table import encoding, flags, page, reading, sensitive_values, verifying, writing
from kiban_processing.one_table.encoding import Encoder, Finder
from kiban_processing.recoding.demands import Demand, DistinctDiversity
from kiban_processing.recoding.tuples import Sensitive
from kiban_processing.refusals import Refusal


def quasi_of(sizes: list[int]) -> list[Quasi]:
    return [Quasi(f"c{n}", hierarchy.build(f"h{n}", "1", [(f"v{leaf}", "*") for leaf in range(size)])) for n, size in enumerate(sizes)]


def batch_of(quasi: list[Quasi], rows: list[tuple[int | None, ...]]) -> pa.RecordBatch:
    columns = [pa.array([None if row[n] is None else f"v{row[n]}" for row in rows], pa.string()) for n in range(len(quasi))]
    return pa.RecordBatch.from_arrays(columns, names=[one.column for one in quasi])


SIZES = st.lists(st.integers(1, 40), min_size=1, max_size=4)


@given(st.data(), SIZES, st.booleans())
def test_keys_count_equal_rows_and_can_be_read_back(data: st.DataObject, sizes: list[int], wide: bool) -> None:
    sizes = [*sizes, 3, 2] if wide else sizes
    quasi = quasi_of(sizes)
    row = st.tuples(*(st.none() | st.integers(0, size - 1) for size in sizes))
    rows = data.draw(st.lists(row, max_size=60))
    parts = [rows[at : at + 7] for at in range(0, len(rows), 7)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoding, "_PORTION", 16)  # several portions, merged
        if wide:
            patch.setattr(encoding, "_SPACE", 12)  # several words
        encoder = Encoder(*encoding.attributes(quasi, [], []))
        keys = list(encoder.keys(batch_of(quasi, part) for part in parts))
        counted = encoding.count(keys, len(encoder.words))
    assert len(encoder.words) > 1 or not wide
    codes, _ = encoder.decoded(counted.key)
    got = dict(zip(zip(*(code.tolist() for code in codes), strict=True), counted.rows.tolist(), strict=True))
    wanted = Counter(tuple(size if value is None else value for value, size in zip(row, sizes, strict=True)) for row in rows)
    assert got == dict(wanted)
    assert list(got) == sorted(got)
    if keys:
        whole = tuple(np.concatenate(words) for words in zip(*keys, strict=True))
        places = Finder.of(counted.key).places(whole)
        assert [list(got)[place] for place in places] == [
            tuple(size if value is None else value for value, size in zip(row, sizes, strict=True)) for row in rows
        ]


@given(st.data())
def test_the_tool_and_the_engine_reduce_a_table_alike(data: st.DataObject) -> None:
    """Two ways to the same tuples: by keys here, by SQL for plans of several tables."""
    quasi = quasi_of([3, 4])
    asked = [Asked("s", (DistinctDiversity(2),))]
    row = st.tuples(st.none() | st.integers(0, 2), st.none() | st.integers(0, 3), st.none() | st.sampled_from("ab"))
    rows = data.draw(st.lists(row, min_size=1, max_size=30))
    batch = batch_of(quasi, [row[:2] for row in rows]).append_column("s", pa.array([row[2] for row in rows], pa.string()))
    values = sensitive_values.arranged(reading.distinct([batch], "s"), asked[0])
    encoder = Encoder(*encoding.attributes(quasi, asked, [values]))
    counted = encoding.count(encoder.keys([batch]), len(encoder.words))
    leaves, (codes,) = encoder.decoded(counted.key)
    with duckdb.connect() as con:
        con.register("batch", pa.Table.from_batches([batch]))
        con.execute("CREATE TABLE people AS SELECT row_number() OVER () AS person, * FROM batch")
        tuples = anonymity.encode(con, "people", quasi, asked)
    ours = sorted(zip(*(one.tolist() for one in (*leaves, codes, counted.rows)), strict=True))
    theirs = sorted(zip(*(one.tolist() for one in (*tuples.leaves, tuples.sensitive[0].codes, tuples.persons)), strict=True))
    assert ours == theirs
    assert values == tuples.sensitive[0].values


def test_a_key_that_was_not_counted_is_no_neighbour() -> None:
    with pytest.raises(KeyError):
        Finder.of((np.array([1, 5]),)).places((np.array([3]),))


def test_all_values_outside_a_hierarchy_are_counted_before_the_refusal() -> None:
    quasi = quasi_of([2, 2])
    encoder = Encoder(*encoding.attributes(quasi, [], []))
    batches = [batch_of(quasi, [(0, 7), (1, 8), (1, 7)]), batch_of(quasi, [(0, 7), (0, None)])]
    with pytest.raises(Refusal) as caught:
        list(encoder.keys(batches))
    assert caught.value.code == "hierarchy-gap"
    assert (caught.value.particulars["column"], caught.value.particulars["values"], caught.value.particulars["rows"]) == ("c1", 2, 4)


CELL = st.none() | st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")) | st.sampled_from(',";\n'), max_size=5)


@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=12))
def test_a_csv_reads_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str | None, str | None]]) -> None:
    folder = tmp_path_factory.mktemp("csv")
    plain = pa.array([row[0] for row in rows], pa.string())
    batch = pa.RecordBatch.from_arrays([plain, pa.array([row[1] for row in rows], pa.string()).dictionary_encode()], names=["a,b", "c"])
    schema = pa.schema([("a,b", pa.string()), ("c", pa.dictionary(pa.int32(), pa.string()))])
    assert writing.write(iter([batch]), schema, folder / "t.parquet", folder / "t.csv", lambda rows: None) == len(rows)
    with (folder / "t.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file))
    assert lines[0] == ["a,b", "c"]
    assert [tuple(line) for line in lines[1:]] == [(first or "", second or "") for first, second in rows]
    again = pq.read_table(folder / "t.parquet")
    assert again.schema.types == [pa.string(), pa.string()]
    assert list(zip(*(column.to_pylist() for column in again.columns), strict=True)) == rows
    source = reading.open_table(folder / "t.csv", ",")
    read = [reading.text(one.column("c")).to_pylist() for one in source.batches(["c"], ["c"])]
    assert sum(read, []) == [second or None for _, second in rows]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.integers(1, 5))
def test_portions_repeat_every_class_as_often_as_it_has_rows(counts: list[int], portion: int) -> None:
    from kiban_processing.one_table.forming import Formed, ReleasedValues

    labels = tuple(f"v{n}" for n in range(len(counts)))
    values = ReleasedValues(labels, np.arange(len(counts), dtype=np.int32))
    formed = Formed((values,), np.array(counts), np.empty(0, np.int32))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "_PORTION", portion)
        batches = list(writing.portions(formed, formed.persons, ["c"]))
    assert all(0 < batch.num_rows <= portion for batch in batches)
    got = [value for batch in batches for value in batch.column("c").to_pylist()]
    assert got == [label for label, count in zip(labels, counts, strict=True) for _ in range(count)]


def test_numbers_dates_and_dictionaries_are_read_as_the_texts_of_a_csv(tmp_path: Path) -> None:
    table = pa.table(
        {"n": pa.array([7, None, 7], pa.int64()), "t": pa.array([True, False, None]), "d": pa.array(["x", None, "y"]).dictionary_encode()}
    )
    pq.write_table(table, tmp_path / "t.parquet")
    source = reading.open_table(tmp_path / "t.parquet")
    (batch,) = source.batches(source.names, source.names)
    assert [reading.text(batch.column(name)).to_pylist() for name in source.names] == [
        ["7", None, "7"],
        ["true", "false", None],
        ["x", None, "y"],
    ]


@pytest.mark.parametrize("content", [b"a,a\n1,2\n", b"", b"a,b\n1\n", b"a,b\n1,\xff\n"], ids=["twice", "empty", "ragged", "encoding"])
def test_a_table_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(Refusal) as caught:
        source = reading.open_table(tmp_path / "t.csv")
        list(source.batches(source.names, source.names))
    assert caught.value.code == "table-unreadable"


def recounted(tmp_path: Path, rows: list[tuple[str, str]], k: int, l: int) -> verifying.Recount:  # noqa: E741 - the model's own name
    pq.write_table(pa.table({"q": [row[0] for row in rows], "s": [row[1] for row in rows]}), tmp_path / "data.parquet")
    sensitive = Sensitive("s", np.zeros(0, np.int64), (DistinctDiversity(l),), ("a", "b"))
    with duckdb.connect() as con:
        return verifying.recount(con, tmp_path / "data.parquet", ["q"], [sensitive], (np.array([0.5, 0.5]),), Demand(k), False)


def test_the_recount_sees_a_class_that_is_too_small_or_says_too_much(tmp_path: Path) -> None:
    good = [("x", "a"), ("x", "b"), ("y", "a"), ("y", "b")]
    assert recounted(tmp_path, good, 2, 2) == verifying.Recount(4, 2, 2, 0)
    assert recounted(tmp_path, good[:3], 2, 2) == verifying.Recount(3, 2, 1, 1)
    assert recounted(tmp_path, [*good[:2], ("y", "a"), ("y", "a")], 2, 2) == verifying.Recount(4, 2, 2, 1)


FLAGS = {
    "no hierarchy": {"quasi": ["age"]},
    "twice": {"quasi": ["age=age.csv"], "keep": ["age"]},
    "l without kind": {"quasi": ["age=age.csv"], "diversity": ["illness:2"]},
    "l of an unknown kind": {"quasi": ["age=age.csv"], "diversity": ["illness:much:2"]},
    "l that is no number": {"quasi": ["age=age.csv"], "diversity": ["illness:distinct:2.5"]},
    "recursive without c": {"quasi": ["age=age.csv"], "diversity": ["illness:recursive:2"]},
    "t of an unknown ground": {"quasi": ["age=age.csv"], "closeness": ["illness:0.2:near"]},
    "t that is no number": {"quasi": ["age=age.csv"], "closeness": ["illness:0.2.1"]},
}


@pytest.mark.parametrize("given", FLAGS.values(), ids=FLAGS.keys())
def test_a_wrong_option_is_refused_by_its_place(tmp_path: Path, given: dict[str, list[str]]) -> None:
    (tmp_path / "age.csv").write_text("1;*\n", "utf-8")
    with pytest.raises(Refusal) as caught:
        flags.plan_of(flags.Flags(k=2, **given), tmp_path)  # type: ignore[arg-type]
    assert caught.value.code == "table-option"


def test_options_say_what_a_plan_says(tmp_path: Path) -> None:
    (tmp_path / "age.csv").write_text("1;*\n", "utf-8")
    plan = flags.plan_of(
        flags.Flags(
            ["age=age.csv"], 3, 0.1, "global", "entropy", ["a:b:recursive:3:2"], ["illness:0.3:ordered"], [], ["town"], ["name"], "id"
        ),
        tmp_path,
    )
    assert [(one.column, [type(model).__name__ for model in one.models]) for one in plan.asked] == [
        ("a:b", ["RecursiveDiversity"]),
        ("illness", ["Closeness"]),
    ]
    assert (plan.k, plan.suppression_limit, plan.metric, plan.person) == (3, 0.1, "entropy", "id")
    assert [(column.name, column.use) for column in plan.columns] == [
        ("age", "quasi"), ("town", "keep"), ("name", "remove"), ("a:b", "sensitive"), ("illness", "sensitive"),
    ]  # fmt: skip


def test_the_page_escapes_and_has_no_script() -> None:
    drawn = page.bars([("<b>", 3), ("x", 0)])
    assert "<b>" not in drawn
    assert drawn.count("<rect") == 2
    assert io.StringIO(drawn).read().startswith("<svg")
