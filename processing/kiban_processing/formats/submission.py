"""提供データ (submission): what a hospital says it sends and how its columns answer to the catalogue; anything unclear is refused.

A submission is a folder with `manifest.toml`, a mapping and the files the mapping names; nothing else in the folder is read.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Literal

from kiban_processing.formats import encodings, settings, standard_files, table_schemas
from kiban_processing.formats import mapping as mappings
from kiban_processing.formats.mapping import ColumnMapping as ColumnMapping
from kiban_processing.formats.mapping import FileMapping as FileMapping
from kiban_processing.formats.standard_files import StandardFiles as StandardFiles
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_55_1, REG_5_X

Regime = Literal["A", "P"]
REGIMES: tuple[Regime, ...] = ("A", "P")
MANIFEST = "manifest.toml"
MAPPING = "mapping.toml"

FILE_MAPPED_TWICE = Ground(
    "file-mapped-twice",
    Family.INPUT,
    REG_5_X,
    Text("{file} が表「{table}」に二度割り当てられています。", "{file} is mapped to the table “{table}” twice."),
    Text("一つにまとめてください。", "Merge the two entries."),
)
DELIVERY_TWICE = Ground(
    "delivery-twice",
    Family.INPUT,
    REG_5_X,
    Text("{path} は別の deliveries に含まれています。", "{path} lies in another of the deliveries."),
    Text("同じファイルを二度読まないよう、場所を分けてください。", "Keep them apart, so that no file is read twice."),
)
PERIOD_REVERSED = Ground(
    "period-reversed",
    Family.INPUT,
    ACT_55_1,
    Text("対象期間の終わりが始めより前です。", "The period ends before it starts."),
    Text("period_from と period_to を直してください。", "Correct period_from and period_to."),
)

ENCODINGS_DISAGREE = Ground(
    "encodings-disagree",
    Family.INPUT,
    ACT_55_1,
    Text(
        "{file} の文字コードが対応表では {encoding}、manifest.toml では {declared} です。",
        "The mapping says {encoding} of {file}, manifest.toml says {declared}.",
    ),
    Text("どちらかを直してください。", "Correct one of the two."),
)


@dataclass(frozen=True)
class Manifest:
    """送付票: who sends what for which regime and period, in which encoding (`mapping`: the mapping file's name)."""

    hospital: str
    regime: Regime
    period_from: date
    period_to: date
    encoding: encodings.Encoding
    sent_by: str
    mapping: str = MAPPING


@dataclass(frozen=True)
class Mapping:
    """対応表: the tables in the order they are read, the deliveries of standard formats, and the table schemas that describe some of the tables."""

    files: tuple[FileMapping, ...]
    deliveries: tuple[StandardFiles, ...] = ()
    schemas: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """Each file that is named once, sorted; deliveries are places of their own."""
        named = {entry.file for entry in self.files} | {entry.identifiers for entry in self.deliveries if entry.identifiers}
        return tuple(sorted(named))

    @property
    def places(self) -> tuple[str, ...]:
        """Each delivery's folder or file, sorted."""
        return tuple(sorted(entry.path for entry in self.deliveries))


_Read = tuple[tuple[FileMapping, ...], tuple[StandardFiles, ...], tuple[str, ...]]


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a submission. Whether the hospital is known and may send is the operator's question, not asked here.

    Refuses: submission-incomplete, settings-unreadable, setting-unknown, setting-missing, setting-invalid, period-reversed, path-outside.
    """
    whole = settings.read(folder, MANIFEST)
    whole.only("submission")
    entry = whole.table("submission")
    entry.only("hospital", "regime", "period_from", "period_to", "encoding", "sent_by", "mapping")
    hospital, sent_by = entry.text("hospital"), entry.text("sent_by")
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", hospital) is None:
        raise entry.invalid("hospital", "A-Z a-z 0-9 . _ -")
    regime = next((known for known in REGIMES if known == entry.text("regime")), None)
    if regime is None:
        raise entry.invalid("regime", ", ".join(REGIMES))
    encoding = next((known for known in encodings.ENCODINGS if known == entry.text("encoding")), None)
    if encoding is None:
        raise entry.invalid("encoding", ", ".join(encodings.ENCODINGS))
    period_from, period_to = entry.day("period_from"), entry.day("period_to")
    if period_to < period_from:
        raise PERIOD_REVERSED.refuse()
    mapping = entry.text("mapping") if "mapping" in entry else MAPPING
    settings.path_of(folder, mapping)
    return Manifest(hospital, regime, period_from, period_to, encoding, sent_by, mapping)


def read_mapping(folder: Path, manifest: Manifest) -> Mapping:
    """The mapping of a submission, checked against the catalogue and the folder; files are not opened yet.

    A file may answer to several tables (one entry each) and several files to one table.

    Refuses: submission-incomplete, settings-unreadable, setting-unknown, setting-missing, setting-invalid, path-outside, table-unknown,
    undeclared-item, item-mapped-twice, item-unmapped, column-mapped-twice, column-mapped-and-ignored, file-mapped-twice,
    mapped-value-invalid, value-mapped-twice, and of table schemas schema-unreadable, schema-table-unsaid, schema-type-disagrees,
    encodings-disagree.
    """
    is_package = manifest.mapping.endswith(".json")
    found, deliveries, schemas = _package(folder, manifest) if is_package else _entries(folder, manifest)
    seen: set[tuple[str, str]] = set()
    for one in found:
        settings.path_of(folder, one.file)
        if (one.file, one.table) in seen:
            raise FILE_MAPPED_TWICE.refuse(file=one.file, table=one.table)
        seen.add((one.file, one.table))
    placed: list[tuple[str, ...]] = []
    for delivery in deliveries:
        settings.place_of(folder, delivery.path)
        if delivery.identifiers is not None:
            settings.path_of(folder, delivery.identifiers)
        parts = PurePosixPath(delivery.path).parts
        if any(parts[: len(other)] == other or other[: len(parts)] == parts for other in placed):
            raise DELIVERY_TWICE.refuse(path=delivery.path)
        placed.append(parts)
    return Mapping(found, deliveries, schemas)


def _entries(folder: Path, manifest: Manifest) -> _Read:
    """The `[[files]]` entries; one with `schema` is described by that table schema (its `table`, if given, says which table it is)."""
    whole = settings.read(folder, manifest.mapping)
    whole.only("files", "deliveries")
    deliveries = tuple(standard_files.read(entry) for entry in whole.tables("deliveries")) if "deliveries" in whole else ()
    files: list[FileMapping] = []
    schemas: list[str] = []
    for entry in whole.tables("files") if "files" in whole or not deliveries else ():
        if "schema" not in entry:
            files.append(mappings.read(entry))
            continue
        entry.only("file", "table", "delimiter", "schema")
        schemas.append(entry.text("schema"))
        descriptor = table_schemas.load(folder, schemas[-1])
        table = entry.text("table") if "table" in entry else None
        files.append(table_schemas.of(descriptor, entry.text("file"), table, mappings.delimiter_of(entry)))
    return tuple(files), deliveries, tuple(sorted(set(schemas)))


def _package(folder: Path, manifest: Manifest) -> _Read:
    """A Data Package as the mapping."""
    descriptor = table_schemas.load(folder, manifest.mapping)
    found = table_schemas.package(folder, descriptor)
    for one, encoding in found:
        if encoding not in (None, manifest.encoding):
            raise ENCODINGS_DISAGREE.refuse(file=one.file, encoding=encoding, declared=manifest.encoding)
    named = (entry.content.get("schema") for entry in descriptor.tables("resources"))
    return tuple(one for one, _ in found), (), tuple(sorted({name for name in named if isinstance(name, str)}))


def digest(folder: Path, manifest: Manifest, mapping: Mapping) -> str:
    """SHA-256 (hexadecimal) over manifest, mapping and every listed file; the same content gives the same digest whenever it was copied.

    Refuses: submission-incomplete, path-outside.
    """
    total = hashlib.sha256(b"kiban submission 1\n")
    for name in (MANIFEST, manifest.mapping, *mapping.schemas, *mapping.paths):
        with settings.path_of(folder, name).open("rb") as file:
            content = hashlib.file_digest(file, "sha256").digest()
        total.update(len(name.encode()).to_bytes(4, "big") + name.encode() + content)
    for name in mapping.places:
        for path in _files_below(settings.place_of(folder, name)):
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").digest()
            inside = path.relative_to(folder).as_posix().encode()
            total.update(len(inside).to_bytes(4, "big") + inside + content)
    return total.hexdigest()


def _files_below(path: Path) -> Iterator[Path]:
    """The file itself, or all plain files of a folder, sorted folder by folder; links are left to the reader to refuse."""
    if path.is_file():
        yield path
        return
    with os.scandir(path) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _files_below(Path(entry.path))
        elif entry.is_file(follow_symlinks=False):
            yield Path(entry.path)


def unlisted(folder: Path, manifest: Manifest, mapping: Mapping) -> tuple[str, ...]:
    """Files in the folder that neither manifest nor mapping names: sent, but not read. For the receipt, so that nothing vanishes silently."""
    listed = {MANIFEST, manifest.mapping, *mapping.schemas, *mapping.paths}
    placed = tuple(f"{place}/" for place in mapping.places)
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return tuple(sorted(name for name in found if name not in listed and not f"{name}/".startswith(placed)))
