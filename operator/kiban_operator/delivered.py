"""標準形式の受入れ (delivered): a delivery of a standard format inside a submission is staged, sorted by the gate and accounted for.

It is read twice: first what holds registrations and deaths, for the gate asks for birth and death dates; then all of it, once the gate has
ruled. Rows are accepted, held or quarantined as those of a table are; records are counted by file beside them (`DeliveryCount`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from kiban_operator import buckets, sorting
from kiban_operator.incoming import Sorting, quarantine_content, quarantine_file
from kiban_processing.catalogue.items import Table
from kiban_processing.catalogue.tables import TABLES
from kiban_processing.deliveries import readers, sources
from kiban_processing.deliveries.pieces import Delivery, Piece
from kiban_processing.deliveries.typed import RecordCount, TypedPiece, Typing
from kiban_processing.formats import findings
from kiban_processing.formats.submission import StandardFiles
from kiban_processing.masters import completion
from kiban_processing.refusals import Refusal

ROWS_AT_ONCE = 50_000  # rows of one table gathered before the engine sorts them; one statement costs milliseconds
FILES_TOLD = 1_000


@dataclass
class DeliveryCount:
    """Records of one delivery: in all, by file (the first thousand, under the names that people may see), and by kind where no table takes them.

    `completed`: item → values filled in from code masters."""

    path: str
    format: str
    total: RecordCount = field(default_factory=RecordCount)
    files: dict[str, RecordCount] = field(default_factory=dict)
    set_aside: dict[str, int] = field(default_factory=dict)
    completed: dict[str, int] = field(default_factory=dict)
    remarks: list[dict[str, Any]] = field(default_factory=list)

    def add(self, piece: Piece, typed: TypedPiece, shown: Callable[[str], str]) -> None:
        for name, count in typed.counts.items():
            file = shown(name)
            self.total.add(count)
            if file in self.files or len(self.files) < FILES_TOLD:
                self.files.setdefault(file, RecordCount()).add(count)
        for kind, number in piece.set_aside.items():
            self.set_aside[kind] = self.set_aside.get(kind, 0) + number
        self.total.set_aside = sum(self.set_aside.values())

    def as_json(self) -> dict[str, Any]:
        files = {file: asdict(count) for file, count in self.files.items()}
        return {
            "path": self.path, "format": self.format, **asdict(self.total), "files": files, "kinds_set_aside": self.set_aside, "completed": self.completed,
            "remarks": self.remarks,
        }  # fmt: skip


class Delivered:
    """One delivery being received; `number` gives its place among the sources of the staged tables."""

    def __init__(self, work: Sorting, entry: StandardFiles, folder: Path, number: int) -> None:
        self.work = work
        self.entry = entry
        self.place = folder / entry.path
        self.number = number
        self.options = entry.options(folder)
        self.count = DeliveryCount(entry.path, str(entry.format))
        self.refused: Refusal | None = None
        self._waiting: dict[str, list[pa.Table]] = {}
        self._shelves: dict[str, sorting.Shelves] = {}

    @cached_property
    def delivery(self) -> Delivery:
        return readers.open_delivery(self.place, self.entry.format, self.options)

    @property
    def registers(self) -> bool:
        """Whether its rows of patients are registrations; of what cannot be opened, `stage` will tell."""
        try:
            return self.delivery.registers
        except Refusal:
            return False

    @property
    def items(self) -> dict[str, set[str]]:
        """Which items each table may be given, those left out by the submission not among them."""
        if self.refused is not None:
            return {}
        given = {table: {*items, *self._completed(table)} for table, items in self.delivery.items.items()}
        return {table: {item for item in items if f"{table}.{item}" not in self.entry.omit} for table, items in given.items()}

    def _completed(self, table: str) -> set[str]:
        """Items of a table that code masters may fill in; none where the submission leaves one of them out."""
        found = {one.target for one in completion.COMPLETIONS if one.table == table and self.work.masters.get(one.kind)}
        return set() if any(f"{table}.{item}" in self.entry.omit for item in found) else found

    def stage(self) -> None:
        """Lay registrations and deaths into the staged tables; a file that cannot be read as a delivery at all is quarantined whole.

        A standard format tells of a person again and again: of rows of one patient ID that agree in birth date and sex, the last one stands.
        Rows of a format that does not register (claims, DPC) check whoever is registered already, at most contradict them, and never replace them.
        Refuses: what the reader refuses of a folder as a whole.
        """
        names = list(sorting.STAGED)
        try:
            for name in names:
                self.work.con.execute(
                    f"CREATE OR REPLACE TEMP TABLE arriving_{name} AS SELECT 0::BIGINT AS turn, * EXCLUDE (file_number) FROM staged_{name} LIMIT 0"
                )
            typing = Typing(self.delivery.translations)
            for turn, piece in enumerate(self.delivery.pieces(only=names)):
                rows = typing.read(self._kept(piece)).rows
                for name in names:
                    if name in rows and rows[name].num_rows:
                        self._lay(name, rows[name], turn)
        except Refusal as failure:
            if self.place.is_dir():
                raise
            self.refused = failure
            self.count.total.sent = self.count.total.refused = 1
            quarantine_file(self.work, self.place, self.entry.path, failure)
            return
        for name in names:
            self._settle_stage(TABLES[name])

    def _lay(self, name: str, rows: pa.Table, turn: int) -> None:
        place = rows.schema.get_field_index("source_file")
        self.work.con.register("piece", rows.set_column(place, "source_file", self._shown(rows.column("source_file").combine_chunks())))
        columns = ", ".join(("source_file", "source_row", *TABLES[name].columns))
        self.work.con.execute(f"INSERT INTO arriving_{name} SELECT {turn}, {columns} FROM piece")
        self.work.con.unregister("piece")

    def _settle_stage(self, table: Table) -> None:
        con = self.work.con
        if table.name == "patients" and not self.delivery.registers:
            self._check_registered()
        same = "local_patient_id, birth_date, sex" if table.name == "patients" else "local_patient_id"
        ((number,),) = con.execute(f"""
            INSERT INTO staged_{table.name}
            SELECT {self.number}, source_file, source_row, {", ".join(table.columns)} FROM arriving_{table.name}
            QUALIFY row_number() OVER (PARTITION BY {same} ORDER BY turn DESC, source_file DESC, source_row DESC) = 1
        """).fetchall()
        self.work.count(table.name).sent += int(number)
        con.execute(f"DROP TABLE arriving_{table.name}")

    def _check_registered(self) -> None:
        """Take rows of registered patients out of what arrives; those that contradict the registration in birth date or sex are quarantined."""
        con = self.work.con
        con.execute("""
            CREATE OR REPLACE TEMP TABLE registered AS
            SELECT local_patient_id, max(birth_date) AS birth_date, max(sex) AS sex FROM (
                SELECT local_patient_id, birth_date, sex FROM staged_patients
                UNION ALL SELECT local_patient_id, birth_date, sex FROM vault_patients UNION ALL SELECT local_patient_id, birth_date, sex FROM held_patients)
            GROUP BY local_patient_id""")
        found = con.execute("""
            SELECT a.source_file, a.source_row, 'contradicting-registration' AS rule,
                   to_json(struct_pack(local_patient_id := a.local_patient_id, birth_date := a.birth_date, sex := a.sex))::VARCHAR AS raw
            FROM arriving_patients a JOIN registered r USING (local_patient_id)
            WHERE a.birth_date <> r.birth_date OR (a.sex <> r.sex AND r.sex <> 'unknown' AND a.sex <> 'unknown')
            QUALIFY row_number() OVER (PARTITION BY local_patient_id, a.birth_date, a.sex ORDER BY turn, source_row) = 1
            ORDER BY a.source_file, a.source_row""").to_arrow_table()
        self.work.count("patients").sent += found.num_rows
        sorting.note_quarantined(self.work, TABLES["patients"], found)
        con.execute("DELETE FROM arriving_patients WHERE local_patient_id IN (SELECT local_patient_id FROM registered)")
        con.execute("DROP TABLE registered")

    def sort(self, rulings: str) -> dict[str, list[buckets.Keeping]]:
        """Read all of it, note what is wrong, sort the rows of events; returns the files written by table."""
        if self.refused is not None:
            return {}
        typing = Typing(self.delivery.translations)
        for piece in self.delivery.pieces():
            typed = typing.read(self._kept(piece))
            self.count.add(piece, typed, self.delivery.shown)
            self._note(typed)
            for file, (why, _) in piece.refused.items():
                with self._opened(file) as content:
                    quarantine_content(self.work, content, self._named(self.delivery.shown(file)), why)
            for name, rows in typed.rows.items():
                if name not in sorting.STAGED and rows.num_rows:
                    self._gather(name, rows, rulings)
            self.work.progress(self.entry.path, self.count.total.sent, None)
        for name in list(self._waiting):
            self._sort(name, rulings)
        self.count.remarks = [{"file": self.delivery.shown(one.file), "rule": one.rule, **one.particulars} for one in self.delivery.remarks]
        return {name: [shelves.accepted, shelves.held] for name, shelves in self._shelves.items()}

    def _kept(self, piece: Piece) -> Piece:
        """The piece without the items that the submission leaves out."""
        if not self.entry.omit:
            return piece
        rows = {
            name: table.drop_columns([column for column in table.column_names if f"{name}.{column}" in self.entry.omit])
            for name, table in piece.rows.items()
        }
        return Piece(piece.sent, rows, piece.defects, piece.set_aside, piece.refused)

    def _gather(self, name: str, rows: pa.Table, rulings: str) -> None:
        waiting = self._waiting.setdefault(name, [])
        waiting.append(rows)
        if sum(one.num_rows for one in waiting) >= ROWS_AT_ONCE:
            self._sort(name, rulings)

    def _sort(self, name: str, rulings: str) -> None:
        table = TABLES[name]
        rows = pa.concat_tables(self._waiting.pop(name)).combine_chunks()
        place = rows.schema.get_field_index("source_file")
        # The vault keeps local patient IDs in `patients` alone, so no file name that holds one stands beside the rows.
        self.work.con.register("piece", rows.set_column(place, "source_file", self._shown(rows.column("source_file").combine_chunks())))
        if name not in self._shelves:
            self._shelves[name] = sorting.open_shelves(self.work, table)
        self.work.count(name).sent += rows.num_rows
        source = "piece"
        if self._completed(name):
            source = "completed_piece"
            for item, done in completion.complete(self.work.con, name, "piece", source, self.work.masters).items():
                self.count.completed[f"{name}.{item}"] = self.count.completed.get(f"{name}.{item}", 0) + done.filled
        sorting.sort_into(self.work, self._shelves[name], table, source, rulings)
        self.work.con.unregister("piece")

    def _note(self, typed: TypedPiece) -> None:
        for batch in typed.defects.to_batches():
            tables = pc.fill_null(batch.column("table"), str(self.entry.format))
            files = self._shown(batch.column("source_file"))
            columns = [batch.column(name) for name in ("source_row", "column", "rule", "severity", "raw")]
            self.work.note_all(files, tables, *columns)
        of_tables = typed.defects.filter(pc.is_valid(typed.defects.column("table")))
        for entry in of_tables.group_by(["table", "severity", "rule"]).aggregate([([], "count_all")]).to_pylist():
            count, number = self.work.count(entry["table"]), entry["count_all"]
            if entry["severity"] == findings.VALUE:
                count.values_dropped += number
                continue
            count.sent += number
            count.quarantined += number
            count.quarantined_for[entry["rule"]] = count.quarantined_for.get(entry["rule"], 0) + number

    def _shown(self, files: pa.Array) -> pa.Array:
        """The names under which people may see these files, with the place of the delivery before them."""
        encoded = files.dictionary_encode()
        shown = [self._named(self.delivery.shown(file)) for file in encoded.dictionary.to_pylist()]
        return pa.array(shown, pa.string()).take(encoded.indices)

    def _named(self, file: str) -> str:
        return f"{self.entry.path}/{file}"

    @contextmanager
    def _opened(self, file: str) -> Iterator[BinaryIO]:
        if self.place.is_dir():
            with (self.place / file).open("rb") as plain:
                yield plain
        elif sources.is_archive(self.place):
            with sources.Source(file, 0, self.place, file).open() as packed:
                yield packed
        else:
            with self.place.open("rb") as plain:
                yield plain
