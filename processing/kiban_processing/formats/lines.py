"""行の読出し (lines): a file's bytes in pieces of whole lines, in bounded memory however long the file or a line in it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import REG_5_X

PIECE = 4 << 20  # bytes read at a time; what stays in memory is a small multiple of it
LONGEST = 1 << 20  # bytes of one line as sent; a longer one is a damaged file, not a patient

FILE_UNREADABLE = Ground(
    "file-unreadable",
    Family.INPUT,
    None,
    Text("{file} を開けません。", "{file} cannot be opened."),
    Text("ファイルの有無と読取権限を確かめてください。", "Check that the file exists and may be read."),
)
LINE_TOO_LONG = Ground(
    "line-too-long",
    Family.INPUT,
    REG_5_X,
    Text(
        "{file} の{offset}バイト目から始まる行が{limit}バイトを超えています。",
        "The line of {file} that starts at byte {offset} is longer than {limit} bytes.",
    ),
    Text("改行が失われていないか確かめて書き出し直してください。", "Check whether line ends were lost and export the file again."),
)


def open_file(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError:
        raise FILE_UNREADABLE.refuse(file=path.name) from None


def end_of_text(file: BinaryIO, start: int) -> int:
    """Where the text ends: old editors close a file with 0x1A, perhaps with an empty line after it."""
    size = file.seek(0, 2)
    file.seek(max(start, size - 4096))
    tail = file.read()
    kept = tail.rstrip(b"\x1a\r\n")
    mark = tail.find(b"\x1a", len(kept))
    return size if mark < 0 else size - len(tail) + mark


def pieces(file: BinaryIO, name: str, start: int, end: int, longest: int, piece_bytes: int = PIECE) -> Iterator[tuple[int, bytes]]:
    """Bytes [start, end) as (offset, whole lines); the last piece may lack its line end. Refuses a line over `longest` bytes."""
    file.seek(start)
    offset, left, carry = start, end - start, b""
    while left > 0:
        read = file.read(min(piece_bytes, left))
        if not read:
            break
        left -= len(read)
        cut = max(read.rfind(b"\n"), read.rfind(b"\r")) + 1
        if cut == 0:
            carry += read
            _measure(carry, name, offset, longest)
            continue
        piece, carry = carry + read[:cut], read[cut:]
        _measure(piece, name, offset, longest)
        yield offset, piece
        offset += len(piece)
        _measure(carry, name, offset, longest)
    if carry:
        yield offset, carry


def _measure(piece: bytes, name: str, offset: int, longest: int) -> None:
    """Refuse a line that is too long, striding from the last line end within reach to the next."""
    at = 0
    while len(piece) - at > longest:
        reach = at + longest + 1
        cut = max(piece.rfind(b"\n", at, reach), piece.rfind(b"\r", at, reach)) + 1
        if cut == 0:
            raise LINE_TOO_LONG.refuse(file=name, offset=offset + at, limit=longest)
        at = cut
