"""表の説明 (description): what says how the files of a CSV delivery answer to the catalogue — its manifest, a given mapping, or each file's own header."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kiban_processing.catalogue.tables import TABLES
from kiban_processing.deliveries import sources
from kiban_processing.deliveries.separated import grounds
from kiban_processing.formats import encodings, headers, mapping, records, settings, submission, table_schemas
from kiban_processing.formats.encodings import Encoding
from kiban_processing.formats.mapping import ColumnMapping, FileMapping
from kiban_processing.refusals import Refusal

SUFFIXES = (".csv", ".tsv", ".txt")


@dataclass(frozen=True)
class Described:
    """One file and the tables it gives, or why nothing says what it gives. `encoding`: None where it has to be found out."""

    file: str
    path: Path
    mappings: tuple[FileMapping, ...] = ()
    encoding: Encoding | None = None
    why: Refusal | None = None


@dataclass(frozen=True)
class Description:
    """The files of a delivery in order, and those that are not read."""

    files: tuple[Described, ...]
    passed_over: tuple[str, ...] = ()


def of(path: Path, given: Path | None, encoding: str | None) -> Description:
    """`given`: a mapping (mapping.toml), a Table Schema or a Data Package; it counts before a manifest. `encoding`: counts before what these say.

    Refuses: csv-archive, encoding-unknown, and what a manifest, a mapping or a schema is refused for.
    """
    declared = encodings.declared(encoding) if encoding is not None else None
    if path.is_file() and sources.is_archive(path):
        raise grounds.ARCHIVE_UNREAD.refuse(file=path.name)
    if given is None and (path / submission.MANIFEST).is_file():
        return _submission(path, declared)
    own = given.resolve() if given is not None else None
    found = [source for source in sources.walk(path) if source.path.resolve() != own]
    tables = [source for source in found if source.name.lower().endswith(SUFFIXES) or len(found) == 1]
    passed = tuple(source.name for source in found if source not in tables and source.name not in (submission.MANIFEST, submission.MAPPING))
    if given is None:
        return Description(tuple(_by_header(source.name, source.path, declared) for source in tables), passed)
    return Description(tuple(_by_mapping(tables, given, declared)), passed)


def _submission(folder: Path, declared: Encoding | None) -> Description:
    manifest = submission.read_manifest(folder)
    mapped = submission.read_mapping(folder, manifest)
    files = tuple(
        Described(file, folder / file, tuple(one for one in mapped.files if one.file == file), declared or manifest.encoding)
        for file in dict.fromkeys(one.file for one in mapped.files)
    )
    return Description(files, (*submission.unlisted(folder, manifest, mapped), *mapped.places))


def _by_mapping(found: list[sources.Source], given: Path, declared: Encoding | None) -> Iterator[Described]:
    """Files as the mapping says; one it does not name is refused, and so is one it names that is not there."""
    told = _read(given, found)
    for source in found:
        mine = [(one, encoding) for one, encoding in told if one.file == source.name]
        if not mine:
            yield Described(source.name, source.path, why=grounds.FILE_UNMAPPED.refuse(file=source.name))
            continue
        named = next((encoding for _, encoding in mine if encoding), None)
        yield Described(source.name, source.path, tuple(one for one, _ in mine), declared or named)
    here = {source.name for source in found}
    for file in sorted({one.file for one, _ in told if one.file not in here}):
        yield Described(file, Path(file), why=settings.SUBMISSION_INCOMPLETE.refuse(file=file))


def _read(given: Path, found: list[sources.Source]) -> list[tuple[FileMapping, Encoding | None]]:
    folder, name = given.parent, given.name
    if not name.lower().endswith(".json"):
        whole = settings.read(folder, name)
        whole.only("files")
        return [(mapping.read(entry), None) for entry in whole.tables("files")]
    descriptor = table_schemas.load(folder, name)
    if table_schemas.is_package(descriptor):
        return [(one, encodings.declared(encoding) if encoding else None) for one, encoding in table_schemas.package(folder, descriptor)]
    return [
        (table_schemas.of(descriptor, source.name, Path(source.name).stem, "\t" if source.name.lower().endswith(".tsv") else ","), None)
        for source in found
    ]


def _by_header(file: str, path: Path, declared: Encoding | None) -> Described:
    """A file whose header consists of the catalogue's own names needs no mapping."""
    try:
        encoding = declared or detect(path, file)
        return Described(file, path, (_own(file, path, encoding),), encoding)
    except Refusal as why:
        return Described(file, path, why=why)


def detect(path: Path, file: str) -> Encoding:
    """UTF-8 where the whole file is (with or without its mark), else CP932 where the whole file is.

    Refuses: encoding-undetected, and what `encodings.examine` refuses of either.
    """
    for encoding in encodings.ENCODINGS:
        try:
            if not encodings.examine(path, encoding).undecodable:
                return encoding
        except Refusal as why:
            if why.code not in (encodings.UNDECODABLE_FILE.code, encodings.UNDECODABLE_HEADER.code, encodings.ENCODING_WRONG.code):
                raise
    raise grounds.ENCODING_UNDETECTED.refuse(file=file)


def _own(file: str, path: Path, encoding: Encoding) -> FileMapping:
    examined = encodings.examine(path, encoding)
    for delimiter in mapping.DELIMITERS:
        names = _names(examined, delimiter)
        fitting = [table for table in TABLES.values() if all(name in table for name in names) and set(table.required) <= set(names)]
        named = [table for table in fitting if table.name == Path(file).stem]
        if len(named or fitting) > 1:
            raise grounds.TABLE_UNCLEAR.refuse(file=file, tables=", ".join(table.name for table in fitting))
        if fitting:
            (table,) = named or fitting
            return FileMapping(file, table.name, tuple(ColumnMapping(name, name) for name in dict.fromkeys(names)), delimiter)
    raise grounds.MAPPING_NEEDED.refuse(file=file)


def _names(examined: encodings.Examined, delimiter: str) -> tuple[str, ...]:
    first = next(records.split(encodings.decode(examined), delimiter), None)
    if first is None:
        raise headers.FILE_EMPTY.refuse(file=examined.path.name)
    if 0 in first.rules:
        raise headers.HEADER_DAMAGED.refuse(file=examined.path.name, rule=first.rules[0])
    return headers.names(first, delimiter)
