"""本文 (texts): a text file of a delivery, perhaps inside a zip, as UTF-8 in stretches of whole lines; damaged lines are named, not guessed.

Claims (レセプト) and DPC files are CP932 with CRLF as the standards have it; copies in UTF-8 or with LF occur and say nothing of it themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

from kiban_processing.deliveries.sources import Source
from kiban_processing.formats import encodings, lines

LOOKED_AT = 256 << 10  # bytes outside ASCII by which the encoding is told
STRETCH = 8 << 20  # bytes; what stays in memory is a small multiple of it
LARGEST_UNIT = 64 << 20  # bytes of one unit (a receipt, a stay); a larger one is a damaged file

Cut = Callable[[bytes], int]
_FOREIGN = re.compile(rb"[\x80-\xff]")


@dataclass(frozen=True)
class Examined:
    """A file that may be read: its encoding, and whether it holds anything but line ends and closing marks."""

    source: Source
    encoding: encodings.Encoding
    is_empty: bool


def examine(source: Source, encoding: str | None = None) -> Examined:
    """Look through the whole file once for what makes it no text of lines, before a record of it is believed.

    Without a declared encoding: UTF-8 where its mark stands or most of the first lines outside ASCII are valid UTF-8 of three bytes or more,
    else CP932. That bytes are valid CP932 proves little; what is not is set apart line by line.

    Refuses: encoding-unknown, encoding-utf16, nul-bytes, encoding-iso2022jp, line-too-long, encoding-wrong, undecodable-file, archive-broken.
    """
    codec = encodings.declared(encoding) if encoding is not None else None
    name = source.name
    is_first = is_empty = True
    is_told = False
    with source.open() as file:
        for offset, piece in lines.pieces(file, name, 0, source.size, lines.LONGEST):
            if is_first and piece.startswith(encodings.UTF16_MARKS):
                raise encodings.ENCODING_UTF16.refuse(file=name, offset=0)
            if is_first and piece.startswith(encodings.MARK):
                if codec == "cp932":
                    raise encodings.ENCODING_WRONG.refuse(file=name, offset=0)
                codec, piece = "utf-8", piece[len(encodings.MARK) :]
            is_first = False
            if (nul := piece.find(b"\0")) >= 0:
                raise encodings.NUL_BYTES.refuse(file=name, offset=offset + nul)
            if b"\x1b" in piece and (shift := encodings.SHIFT.search(piece)):
                raise encodings.ENCODING_ISO2022JP.refuse(file=name, offset=offset + shift.start())
            is_empty = is_empty and not piece.strip(b"\x1a\r\n")
            if not is_told and not piece.isascii():
                is_told = True
                codec = _tell(name, offset, piece, codec)
    return Examined(source, codec or "cp932", is_empty)


def _tell(name: str, offset: int, piece: bytes, codec: encodings.Encoding | None) -> encodings.Encoding:
    """The encoding of a piece that is not ASCII alone."""
    found = _FOREIGN.search(piece)
    head = piece[piece.rfind(b"\n", 0, found.start() if found else 0) + 1 :][:LOOKED_AT]
    head = head[: head.rfind(b"\n") + 1] or head
    wide = encodings.mostly_utf8(head)
    if codec == "cp932" and wide is not None:
        raise encodings.ENCODING_WRONG.refuse(file=name, offset=offset + wide)
    codec = codec or ("utf-8" if wide is not None else "cp932")
    total, damages = max(head.count(b"\n"), 1), encodings.decode_lines(head, codec).damages
    if len(damages) > max(encodings.TOLERATED_LINES, total * encodings.TOLERATED_SHARE):
        raise encodings.UNDECODABLE_FILE.refuse(file=name, encoding=codec, lines=total, undecodable=len(damages), offset=offset)
    return codec


def stretches(examined: Examined, cut: Cut | None = None, size: int = STRETCH) -> Iterator[encodings.Decoded]:
    """The whole file in stretches of whole units, every line ended by LF alone; damages are named by their place in the stretch.

    `cut`: how many bytes at the start of a text are whole units, where a unit is more than a line. A mark 0x1A at the start of a line, with
    which old editors close a file, says nothing and is left out. Refuses: line-too-long (a unit over `LARGEST_UNIT`), archive-broken.
    """
    carry = encodings.Decoded(b"", ())
    with examined.source.open() as file:
        read = lines.pieces(file, examined.source.name, 0, examined.source.size, lines.LONGEST, size)
        for offset, piece in chain(read, [(-1, b"")]):
            decoded = _decode(piece, offset, examined.encoding)
            text = carry.text + decoded.text
            shift = len(carry.text)
            damages = (*carry.damages, *(_moved(one, shift) for one in decoded.damages))
            whole = len(text) if cut is None or offset < 0 else cut(text)
            if len(text) - whole > LARGEST_UNIT:
                raise lines.LINE_TOO_LONG.refuse(file=examined.source.name, offset=offset, limit=LARGEST_UNIT)
            if whole:
                yield encodings.Decoded(text[:whole], tuple(one for one in damages if one.start < whole))
            carry = encodings.Decoded(text[whole:], tuple(_moved(one, -whole) for one in damages if one.start >= whole))


def _decode(piece: bytes, offset: int, codec: encodings.Encoding) -> encodings.Decoded:
    if offset == 0:
        piece = piece.removeprefix(encodings.MARK)
    if b"\r" in piece:
        piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if b"\x1a" in piece:
        piece = piece.replace(b"\n\x1a", b"\n").removeprefix(b"\x1a")
    if piece and not piece.endswith(b"\n"):
        piece += b"\n"
    return encodings.decode_lines(piece, codec)


def _moved(damage: encodings.Damage, by: int) -> encodings.Damage:
    return encodings.Damage(damage.start + by, damage.end + by, damage.rule)
