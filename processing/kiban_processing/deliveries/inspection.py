"""提供データの検査 (inspection): reads a delivery of any format to its end, keeps nothing, and says per file and in all what would become of it.

Asks nothing of the law: whether a record may be received (notice, stop) only the operator's gate can say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kiban_processing.deliveries import readers, recognition
from kiban_processing.deliveries.pieces import Remark
from kiban_processing.deliveries.typed import RecordCount, Typing
from kiban_processing.formats import findings
from kiban_processing.language import Language
from kiban_processing.refusals import Refusal

FILES_TOLD = 1_000  # files listed one by one; a tree of millions of messages is told in all and by kind
FINDINGS_TOLD = 1_000
MERGED_AT = 1_000_000
Progress = Callable[[str, int, int | None], None]


@dataclass
class Inspection:
    """What one reading found; `by_rule` counts findings by rule, `set_aside` records by kind, `tables` usable rows by table.

    `shown`: file → the name under which people may see it.
    """

    kind: readers.Format
    total: RecordCount = field(default_factory=RecordCount)
    files: dict[str, RecordCount] = field(default_factory=dict)
    file_count: int = 0
    persons: int = 0
    tables: dict[str, int] = field(default_factory=dict)
    set_aside: dict[str, int] = field(default_factory=dict)
    by_rule: dict[str, int] = field(default_factory=dict)
    findings: list[dict[str, Any]] = field(default_factory=list)
    refusals: dict[str, Refusal] = field(default_factory=dict)
    refused_count: int = 0
    remarks: tuple[Remark, ...] = ()
    shown: Callable[[str], str] = str

    def as_json(self, language: Language) -> dict[str, Any]:
        return {
            "format": str(self.kind), **asdict(self.total), "persons": self.persons,
            "files": [{"file": self.shown(file), **asdict(count)} for file, count in self.files.items()],
            "files_read": self.file_count, "files_not_listed": self.file_count - len(self.files),
            "tables": self.tables, "kinds_set_aside": self.set_aside, "findings_by_rule": self.by_rule,
            "findings": [self._finding(one, language) for one in self.findings],
            "findings_not_listed": sum(self.by_rule.values()) - len(self.findings),
            "files_refused": [{"file": self.shown(file), **why.as_json(language)} for file, why in self.refusals.items()],
            "files_refused_not_listed": self.refused_count - len(self.refusals),
            "remarks": [self._remark(one, language) for one in self.remarks],
        }  # fmt: skip

    def _finding(self, one: dict[str, Any], language: Language) -> dict[str, Any]:
        rule = findings.named(one["rule"])
        return {
            "file": self.shown(one["source_file"]), "row": one["source_row"], "column": one["column"], "rule": rule.code,
            "severity": one["severity"], "what": rule.what.read(language), "remedy": rule.remedy.read(language),
        }  # fmt: skip

    def _remark(self, one: Remark, language: Language) -> dict[str, Any]:
        rule = findings.named(one.rule)
        particulars = dict(one.particulars)
        return {
            "file": self.shown(one.file), "rule": rule.code, "what": rule.what.filled(particulars).read(language),
            "remedy": rule.remedy.read(language), "particulars": particulars,
        }  # fmt: skip


def inspect(
    path: Path, kind: readers.Format | None = None, options: readers.Options = readers.NO_OPTIONS, progress: Progress | None = None
) -> Inspection:
    """Read the delivery at a path to its end.

    Memory: bounded by one piece and eight bytes for each person. Refuses: format-unrecognised, formats-mixed, and what the format refuses of a
    delivery as a whole; a file that cannot be read is told in `refusals`.
    """
    found = Inspection(kind or recognition.recognise(path))
    delivery = readers.open_delivery(path, found.kind, options)
    typing = Typing(delivery.translations)
    persons = _Persons()
    for piece in delivery.pieces():
        typed = typing.read(piece)
        for file, count in typed.counts.items():
            _count(found, file, count)
        for kind_name, number in piece.set_aside.items():
            found.set_aside[kind_name] = found.set_aside.get(kind_name, 0) + number
        found.total.set_aside = sum(found.set_aside.values())
        for table, rows in typed.rows.items():
            if rows.num_rows:
                found.tables[table] = found.tables.get(table, 0) + rows.num_rows
                persons.add(rows.column("local_patient_id"))
        for entry in typed.defects.column("rule").value_counts().to_pylist():
            found.by_rule[entry["values"]] = found.by_rule.get(entry["values"], 0) + entry["counts"]
        room = FINDINGS_TOLD - len(found.findings)
        if room > 0 and typed.defects.num_rows:
            found.findings += typed.defects.drop_columns(["raw"]).slice(0, room).to_pylist()
        for file, (why, _) in piece.refused.items():
            if file not in found.refusals:
                found.refused_count += 1
                if len(found.refusals) < FILES_TOLD:
                    found.refusals[file] = why
        if progress is not None:
            progress(str(found.kind), found.total.sent, None)
    found.persons = persons.number
    found.remarks = delivery.remarks
    found.shown = delivery.shown
    return found


def _count(found: Inspection, file: str, count: RecordCount) -> None:
    found.total.add(count)
    if file in found.files:
        found.files[file].add(count)
        return
    found.file_count += 1
    if len(found.files) < FILES_TOLD:
        found.files[file] = count


class _Persons:
    """Counts distinct local patient IDs by a 64-bit hash, of this process alone: at ten million persons the expected error is below one."""

    def __init__(self) -> None:
        self._known: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._fresh: list[npt.NDArray[np.int64]] = []
        self._waiting = 0

    def add(self, ids: pa.ChunkedArray) -> None:
        texts = pc.unique(ids).to_pylist()
        self._fresh.append(np.fromiter(map(hash, texts), np.int64, len(texts)))
        self._waiting += len(texts)
        if self._waiting > MERGED_AT:
            self._merge()

    def _merge(self) -> None:
        self._known = np.unique(np.concatenate([self._known, *self._fresh]))
        self._fresh, self._waiting = [], 0

    @property
    def number(self) -> int:
        self._merge()
        return len(self._known)
