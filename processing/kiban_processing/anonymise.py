"""一表の匿名化 (anonymise): the engine as a tool on its own, one table in, one table and a report out; needs nothing else of kiban.

Counts persons where a column names them, rows otherwise. The table is read in a stream, reduced to distinct rows with counts, recoded, and
written in the order of its values; the file is then read back and its classes are counted again from the written texts: only that count
is reported as k. Files get their names when all is done; whoever interrupts finds the output folder as it was. The table lies in clear where
the user put it; what the engine must put aside meanwhile is encrypted (`spill`).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from kiban_processing import anonymity, spill, table_plan
from kiban_processing.anonymity import Quasi
from kiban_processing.language import Text
from kiban_processing.one_table import (
    encoding,
    forming,
    page,
    persons,
    population,
    reading,
    report,
    rows,
    searching,
    sensitive_values,
    verifying,
    writing,
)
from kiban_processing.one_table.encoding import Counted, Encoder
from kiban_processing.one_table.reading import Source
from kiban_processing.outcome import ReleaseSecrets
from kiban_processing.recoding import judging
from kiban_processing.recoding.demands import Demand
from kiban_processing.recoding.tuples import Sensitive, Tuples
from kiban_processing.refusals import Family, Ground
from kiban_processing.table_plan import Method, OneTablePlan, Use

NOTHING_RELEASED = Ground(
    "table-nothing-released",
    Family.INPUT,
    None,
    Text("出力される列がありません。", "No column would be released."),
    Text("準識別子か、残す列を指定してください。", "Name a quasi-identifier, or a column to keep."),
)

STAGES = ("read", "search", "form", "write", "verify")
_FILES = ("report.json", "report.html", "data.csv", "data.parquet")
_MADE = ".unfinished"  # folder inside the output folder, while this runs
_LARGE = 1 << 25  # bytes of the file from which the engine may have to put something aside

Progress = Callable[[str, int, int | None], None]  # stage, how much is done, of how much if known


@dataclass(frozen=True)
class Circumstances:
    """How to run, and what the doors lend. `clock` in seconds, monotonic; `meter`: the greatest memory of the process so far in bytes.

    `memory`: what the engine may use before it puts something aside, as it writes sizes ("2GB"); the search comes on top.
    """

    threads: int | None = None
    memory: str = "2GB"
    clock: Callable[[], float] | None = None
    meter: Callable[[], int] | None = None
    progress: Progress = field(default=lambda stage, done, of: None)


def anonymise_table(
    table_path: Path,
    plan_path: Path,
    out_dir: Path,
    secrets: ReleaseSecrets,
    written: str = "both",
    circumstances: Circumstances | None = None,
) -> dict[str, object]:
    """Write `data.csv`, `data.parquet`, `report.json` and `report.html` into `out_dir`; gives the report.

    Refuses: what `table_plan.read` and `anonymise` refuse.
    """
    return anonymise(table_path, table_plan.read(plan_path), out_dir, secrets, written, circumstances)


def anonymise(
    table_path: Path,
    plan: OneTablePlan,
    out_dir: Path,
    secrets: ReleaseSecrets,
    written: str = "both",
    circumstances: Circumstances | None = None,
) -> dict[str, object]:
    """The same with a plan at hand. `written`: csv, parquet or both.

    Refuses: table-unreadable, table-column-unplanned, table-column-absent, table-nothing-released, table-person-varies, hierarchy-gap,
    anonymity-unattainable, anonymity-lattice-too-large, table-column-not-text, table-recount-failed.
    """
    given = circumstances or Circumstances()
    source = reading.open_table(table_path, plan.separator)
    plan = plan.matched(source.names)
    if not writing.columns_of(plan):
        raise NOTHING_RELEASED.refuse()
    there = out_dir.is_dir()
    made = out_dir / _MADE
    shutil.rmtree(made, ignore_errors=True)  # of a run that was killed
    made.mkdir(parents=True)
    try:
        found = _Run(source, plan, secrets, written, given, made).run()
        writing.settle(made, out_dir, [name for name in reversed(_FILES) if (made / name).is_file()], _FILES)
        return found
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        if not there:
            out_dir.rmdir()
        raise


@dataclass
class _Run:
    source: Source
    plan: OneTablePlan
    secrets: ReleaseSecrets
    written: str
    given: Circumstances
    made: Path
    marks: list[float] = field(default_factory=list)

    def run(self) -> dict[str, object]:
        plan, given = self.plan, self.given
        if given.threads:
            pa.set_cpu_count(given.threads)
        self._mark()
        quasi = [Quasi(column.name, column.hierarchy) for column in plan.quasi if column.hierarchy]
        con = self._engine(large=plan.person is not None or self.source.path.stat().st_size >= _LARGE)
        try:
            encoder, counted, values, records = self._read(con, quasi)
            leaves, sensitive_codes = encoder.decoded(counted.key)
            sensitive = tuple(
                Sensitive(one.column, codes, one.models, known, one.hierarchy)
                for one, codes, known in zip(plan.asked, sensitive_codes, values, strict=True)
            )
            tuples = Tuples(tuple(one.hierarchy for one in quasi), tuple(leaves), counted.rows, sensitive)
            if plan.population:
                tuples = anonymity.populated(tuples, *population.count(plan.population.path, plan.separator, quasi))
            self._mark()
            recoding = searching.choose(tuples, plan, lambda done, of: given.progress("search", done, of))
            figures = anonymity.figures(tuples, recoding, tuples.total)
            wholes = tuple(judging.whole(tuples, one) for one in sensitive)
            self._mark()
            formed = forming.form(tuples, recoding)
            schema, batches = self._batches(con, encoder, counted, formed)
            by_level, node, optimal = report.by_level(quasi, recoding), recoding.node, recoding.optimal
            quick = plan.method is Method.LOCAL and searching.is_quick(tuples, plan)
            del tuples, leaves, recoding
            self._mark()
            released = writing.write(
                batches, schema, self.made / "data.parquet", self._csv(), lambda n: given.progress("write", n, records)
            )
            self._mark()
            given.progress("verify", 0, None)
            again = verifying.recount(
                con, self.made / "data.parquet", [one.column for one in quasi], sensitive, wholes, Demand(plan.k), plan.person is not None
            )
            if again.rows != released or (released and (again.k < plan.k or again.failing)):
                raise verifying.RECOUNT_FAILED.refuse(k=again.k, classes=again.failing)
        finally:
            con.close()
        if self.written == "csv":
            (self.made / "data.parquet").unlink()
        self._mark()
        seconds = {stage: after - before for stage, before, after in zip(STAGES, self.marks, self.marks[1:], strict=False)}
        peak = given.meter() if given.meter else None
        ran = report.Ran(figures, formed.persons, by_level, node, optimal, quick, again, records, seconds if given.clock else {}, peak)
        content = report.compose(plan, quasi, ran)
        report.write(content, self.made / "report.json")
        (self.made / "report.html").write_text(page.compose(content), encoding="utf-8")
        return content

    def _mark(self) -> None:
        self.marks.append(self.given.clock() if self.given.clock else 0.0)

    def _csv(self) -> Path | None:
        return None if self.written == "parquet" else self.made / "data.csv"

    def _engine(self, large: bool) -> duckdb.DuckDBPyConnection:
        threads: dict[str, str | bool | int | float | list[str]] = {"threads": self.given.threads} if self.given.threads else {}
        con = duckdb.connect(config={**spill.CONFIGURATION, "memory_limit": self.given.memory, **threads})
        con.execute("SET enable_progress_bar = false")  # it would write into what a script reads
        if large:
            spill.encrypt(con, self.made / "spill")
        else:
            con.execute("SET temp_directory = ''")  # nothing of this size needs it, and loading the cryptography takes longer than the run
        return con

    def _read(self, con: duckdb.DuckDBPyConnection, quasi: list[Quasi]) -> tuple[Encoder, Counted, list[tuple[str | None, ...]], int]:
        """Encoder, distinct rows (of persons, or of rows) with counts, the values of the sensitive columns, and the number of records."""
        plan, source = self.plan, self.source
        names, sensitive = [one.column for one in quasi], [one.column for one in plan.asked]
        records, seen = source.rows, 0
        if plan.person is not None:
            persons.gather(con, source, plan.person, names, sensitive)

        def batches(columns: list[str]) -> Iterator[pa.RecordBatch]:
            if plan.person is not None:
                return persons.batches(con, names, sensitive)
            return source.batches(columns, columns)

        def watched() -> Iterator[pa.RecordBatch]:
            nonlocal seen
            for batch in batches(encoder.columns):
                seen += batch.num_rows
                self.given.progress("read", seen, records)
                yield batch

        values = [sensitive_values.arranged(reading.distinct(batches([one.column]), one.column), one) for one in plan.asked]
        encoder = Encoder(*encoding.attributes(quasi, plan.asked, values))
        counted = encoding.count(encoder.keys(watched()), len(encoder.words), records)
        if records is None:
            records = seen if plan.person is None else source.counted()
        return encoder, counted, values, records

    def _batches(
        self, con: duckdb.DuckDBPyConnection, encoder: Encoder, counted: Counted, formed: forming.Formed
    ) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        plan = self.plan
        names = writing.columns_of(plan)
        if plan.person is None and all(column.use in (Use.QUASI, Use.REMOVE) for column in plan.columns):
            return writing.schema_of(names, {}), writing.portions(formed, formed.persons, names)
        schema, arranged = rows.arrange(con, self.source, plan, encoder, rows.class_by_key(encoder, counted, formed), self.secrets)
        types = {one.name: one.type for one in schema}
        return writing.schema_of(names, types), (writing.decorated(batch, formed, plan, rows.CLASS) for batch in arranged)
