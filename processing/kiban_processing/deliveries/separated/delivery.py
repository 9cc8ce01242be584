"""CSVの提供データ (CSV delivery): files of separated values as text rows of the catalogue, read by the reader of submissions."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from kiban_processing.deliveries.pieces import DEFECTS, PLACE, Piece, Remark
from kiban_processing.deliveries.readers import Options
from kiban_processing.deliveries.separated import description, grounds
from kiban_processing.deliveries.separated.description import Described
from kiban_processing.formats import findings, tables
from kiban_processing.refusals import Refusal


def open_delivery(path: Path, options: Options) -> SeparatedDelivery:
    """A submission folder (manifest.toml and its mapping), or CSV and TSV files that `options.mapping` or their own header describes.

    Refuses: what `description.of` refuses.
    """
    return SeparatedDelivery(path, description.of(path, options.mapping, options.encoding))


class SeparatedDelivery:
    """One delivery of separated values. Each file has its own codes, so values are judged where they are read; here they are texts again."""

    translations: Mapping[str, Mapping[str, str]] = {}

    def __init__(self, path: Path, described: description.Description) -> None:
        self._path = path
        self._described = described

    @property
    def remarks(self) -> tuple[Remark, ...]:
        return tuple(Remark(file, findings.FILE_PASSED_OVER.code) for file in self._described.passed_over)

    @property
    def items(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, dict[str, None]] = {}
        for described in self._described.files:
            for one in described.mappings:
                found.setdefault(one.table, {}).update(dict.fromkeys(one.items))
        return {table: tuple(items) for table, items in found.items()}

    @property
    def registers(self) -> bool:
        return True

    def shown(self, file: str) -> str:
        """As it is: hospitals name these files themselves."""
        return file

    def pieces(self, only: Collection[str] | None = None) -> Iterator[Piece]:
        """File after file. `only`: files that give none of these tables are passed over. A file for several tables is read for all at once."""
        for described in self._described.files:
            if only is not None and described.mappings and not any(one.table in only for one in described.mappings):
                continue
            try:
                yield from self._file(described)
            except Refusal as why:
                yield Piece({described.file: 1}, refused={described.file: (why, 1)})

    def _file(self, described: Described) -> Iterator[Piece]:
        if described.why is not None:
            raise described.why
        if len({one.delimiter for one in described.mappings}) > 1:
            raise grounds.DELIMITERS_DISAGREE.refuse(file=described.file)
        encoding = described.encoding or description.detect(described.path, described.file)
        readings = [tables.read(described.path, one, encoding) for one in described.mappings]
        yield Piece({described.file: 0})
        for batches in zip(*(reading.batches() for reading in readings), strict=True):
            yield self._piece(described, batches)

    def _piece(self, described: Described, batches: tuple[tables.Batch, ...]) -> Piece:
        rows: dict[str, pa.Table] = {}
        defects: list[pa.Table] = []
        for number, (one, batch) in enumerate(zip(described.mappings, batches, strict=True)):
            if batch.rows.num_rows:
                rows[one.table] = _texts(batch.rows, described.file)
            told = pa.Table.from_batches([batch.defects])
            if number:  # a record of the wrong shape is told by each reading of it
                told = told.filter(pc.is_valid(told.column("column")))
            defects.append(told.add_column(0, PLACE[0][0], pa.repeat(described.file, told.num_rows)).cast(DEFECTS))
        first = batches[0]
        unusable = pc.sum(pc.equal(first.defects.column("severity"), findings.ROW)).as_py() or 0
        return Piece({described.file: first.rows.num_rows + unusable}, rows, pa.concat_tables(defects))


def _texts(rows: pa.RecordBatch, file: str) -> pa.Table:
    """Judged values as texts in their plain form, which reads back as the same values."""
    names = [name for name in rows.schema.names if name != PLACE[1][0] and rows.column(name).null_count < rows.num_rows]
    arrays = [pa.repeat(file, rows.num_rows), rows.column(PLACE[1][0]), *(pc.cast(rows.column(name), pa.string()) for name in names)]
    return pa.Table.from_arrays(arrays, schema=pa.schema([*PLACE, *((name, pa.string()) for name in names)]))
