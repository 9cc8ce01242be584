"""ファイルの切出し (documents and lines): a file's resources one after another, in bounded memory; a document is one JSON, NDJSON one resource a line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from enum import Enum
from typing import Any

import orjson

from kiban_processing.deliveries.fhir import grounds
from kiban_processing.deliveries.sources import Source
from kiban_processing.formats import encodings, findings, lines

BLOCK = 512 << 10  # bytes of NDJSON read at a time: they stay in the processor's cache until they are parsed
LONGEST_LINE = 16 << 20  # bytes of one resource of NDJSON, attachments included
LARGEST_DOCUMENT = 64 << 20  # bytes of one JSON document, which has to be held whole
HEAD = 64 << 10
SUFFIXES = (".json", ".ndjson", ".jsonl")
# Names whose repetition would leave open whose record it is or what it says.
DECISIVE = (
    b'"subject"',
    b'"patient"',
    b'"identifier"',
    b'"reference"',
    b'"resourceType"',
    b'"resource"',
    b'"fullUrl"',
    b'"id"',
    b'"value"',
    b'"code"',
)


class Shape(Enum):
    """How a file holds its resources."""

    DOCUMENT = "document"
    LINES = "lines"
    FOREIGN = "foreign"


def shape(source: Source, is_alone: bool) -> Shape:
    """From the name and the first bytes; a file that is sent alone is never foreign. Refuses: encoding-utf16, fhir-document-too-large."""
    name = source.name.lower()
    with source.open() as file:
        head = file.read(HEAD)
    if head.startswith(encodings.UTF16_MARKS):
        raise encodings.ENCODING_UTF16.refuse(file=source.name, offset=0)
    start = head.removeprefix(encodings.MARK).lstrip()
    if not is_alone and not name.endswith(SUFFIXES) and not start.startswith((b'{"resourceType"', b'{ "resourceType"')):
        return Shape.FOREIGN
    if name.endswith((".ndjson", ".jsonl")):
        return Shape.LINES
    first, ended, rest = start.partition(b"\n")
    if ended and rest.strip() and _is_object(first):
        return Shape.LINES
    if source.size > LARGEST_DOCUMENT:
        raise grounds.DOCUMENT_TOO_LARGE.refuse(file=source.name, limit=LARGEST_DOCUMENT)
    return Shape.DOCUMENT


def _is_object(line: bytes) -> bool:
    try:
        return type(orjson.loads(line)) is dict
    except orjson.JSONDecodeError:
        return False


def blocks(source: Source, block: int = BLOCK, longest: int = LONGEST_LINE) -> Iterator[bytes]:
    """NDJSON in whole lines; the last may lack its line end. Refuses: line-too-long (what follows is not read), archive-broken."""
    with source.open() as file:
        offset = 0
        while whole := file.read(block):
            if not whole.endswith(b"\n"):
                rest = file.readline(longest + 1)
                if len(rest) > longest:
                    raise lines.LINE_TOO_LONG.refuse(file=source.name, offset=offset + whole.rfind(b"\n") + 1, limit=longest)
                whole += rest
            yield whole.removeprefix(encodings.MARK) if offset == 0 else whole
            offset += len(whole)


def document(source: Source) -> Any:
    """A whole JSON document. Refuses: fhir-document-too-large, fhir-document-unreadable, fhir-document-repeats, archive-broken."""
    with source.open() as file:
        data = file.read(LARGEST_DOCUMENT + 1)
    if len(data) > LARGEST_DOCUMENT:
        raise grounds.DOCUMENT_TOO_LARGE.refuse(file=source.name, limit=LARGEST_DOCUMENT)
    data = data.removeprefix(encodings.MARK)
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise grounds.DOCUMENT_UNREADABLE.refuse(file=source.name, offset=len(error.doc[: error.pos].encode(errors="replace"))) from None
    if _may_repeat(data, found) and repeats(data):
        raise grounds.DOCUMENT_REPEATS.refuse(file=source.name)
    return found


def _may_repeat(data: bytes, found: Any) -> bool:
    """Whether a decisive name stands more often in the text than in what was read of it: the last of two wins when reading."""
    written = orjson.dumps(found)
    return any(data.count(name) != written.count(name) for name in DECISIVE)


class _Repeated(Exception):
    pass


def repeats(data: bytes) -> bool:
    """Whether an object uses a name twice (or is nested too deeply to say)."""

    def once(pairs: list[tuple[str, Any]]) -> None:
        if len({name for name, _ in pairs}) < len(pairs):
            raise _Repeated

    try:
        json.loads(data, object_pairs_hook=once, parse_int=float)
    except (_Repeated, RecursionError, ValueError):
        return True
    return False


def fault(line: bytes, is_last: bool) -> findings.Rule:
    """What is wrong with a line that is no JSON."""
    try:
        line.decode()
    except UnicodeDecodeError:
        return findings.UNDECODABLE
    return findings.RECORD_CUT_OFF if is_last else findings.NOT_OF_FORMAT


def unreadable_raw(line: bytes) -> str:
    """How an unreadable line is kept: by size and digest. It cannot be reduced to the whitelist, so its content is not."""
    return orjson.dumps({"bytes": len(line), "sha256": hashlib.sha256(line).hexdigest()}).decode()
