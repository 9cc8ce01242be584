"""文字コード (encodings): a file's bytes become UTF-8 text as declared, strictly; a line that cannot be decoded is set apart, not guessed.

Both encodings keep the bytes of line ends and quotation marks out of their multi-byte characters, so splitting lines before decoding is
safe. (It is not in ISO-2022-JP, which is therefore not read here.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kiban_processing.formats import findings, lines
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import REG_5_X

Encoding = Literal["utf-8", "cp932"]
ENCODINGS: tuple[Encoding, ...] = ("utf-8", "cp932")
MARK = b"\xef\xbb\xbf"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
REPLACEMENT = "\ufffd".encode()
SHIFT = re.compile(rb"\x1b\$[@B]|\x1b\([BIJ]")  # ISO-2022-JP turns to kanji and back with these
_WIDE = re.compile(rb"[\xe0-\xff]")
TOLERATED_LINES = 10
TOLERATED_SHARE = 0.01

ENCODING_UNKNOWN = Ground(
    "encoding-unknown",
    Family.INPUT,
    REG_5_X,
    Text("文字コード「{encoding}」は読み取れません。", "The encoding “{encoding}” is not read."),
    Text("utf-8 又は cp932 を指定してください。", "Declare utf-8 or cp932."),
)
ENCODING_UTF16 = Ground(
    "encoding-utf16",
    Family.INPUT,
    REG_5_X,
    Text("{file} は UTF-16 です(先頭{offset}バイト目にその印があります)。", "{file} is UTF-16 (its mark stands at byte {offset})."),
    Text(
        "「CSV UTF-8(コンマ区切り)」で保存し直して送ってください。「Unicode テキスト」は使えません。",
        "Save it again as “CSV UTF-8 (comma delimited)”, not as “Unicode text”, and send it again.",
    ),
)
ENCODING_ISO2022JP = Ground(
    "encoding-iso2022jp",
    Family.INPUT,
    REG_5_X,
    Text("{file} は ISO-2022-JP(JIS)です({offset}バイト目)。", "{file} is ISO-2022-JP, also called JIS (see byte {offset})."),
    Text("UTF-8 又は cp932 で保存し直して送ってください。", "Save it again as UTF-8 or cp932 and send it again."),
)
NUL_BYTES = Ground(
    "nul-bytes",
    Family.INPUT,
    REG_5_X,
    Text(
        "{file} の{offset}バイト目に NUL があり、文字のファイルではありません。", "{file} holds a NUL at byte {offset}; it is no text file."
    ),
    Text("書き出し直し、破損がないか確かめて送ってください。", "Export the file again, check it for damage and send it again."),
)
ENCODING_WRONG = Ground(
    "encoding-wrong",
    Family.INPUT,
    REG_5_X,
    Text(
        "{file} は cp932 と申告されていますが UTF-8 です({offset}バイト目)。", "{file} is declared cp932 but is UTF-8 (see byte {offset})."
    ),
    Text(
        "manifest.toml の encoding を utf-8 にするか、cp932 で保存し直してください。",
        "Declare utf-8 in manifest.toml, or save the file as cp932.",
    ),
)
UNDECODABLE_HEADER = Ground(
    "undecodable-header",
    Family.INPUT,
    REG_5_X,
    Text(
        "{file} の見出し行を {encoding} として読めません({offset}バイト目)。",
        "The header of {file} is not valid {encoding} (byte {offset}).",
    ),
    Text("manifest.toml の encoding が正しいか確かめてください。", "Check the encoding declared in manifest.toml."),
)
UNDECODABLE_FILE = Ground(
    "undecodable-file",
    Family.INPUT,
    REG_5_X,
    Text(
        "{file} は{lines}行中{undecodable}行を {encoding} として読めません(最初は{offset}バイト目)。",
        "{undecodable} of {lines} lines of {file} are not valid {encoding}; the first stands at byte {offset}.",
    ),
    Text(
        "文字コードの申告が正しいか、ファイルが破損していないか確かめてください。",
        "Check the declared encoding and whether the file is damaged.",
    ),
)


@dataclass(frozen=True)
class Examined:
    """A file that may be read: where its text starts and ends in bytes, how many lines it has, and how many of them cannot be decoded."""

    path: Path
    encoding: Encoding
    start: int
    end: int
    lines: int
    undecodable: int
    first_undecodable: int | None


@dataclass(frozen=True)
class Damage:
    """Bytes [start, end) of the decoded stream that stand for one line with a defect of its own."""

    start: int
    end: int
    rule: str


@dataclass(frozen=True)
class Decoded:
    """One piece of text as UTF-8, whole lines only; a line that could not be decoded stands in it with its bad bytes as `\\xNN`."""

    text: bytes
    damages: tuple[Damage, ...]


def declared(encoding: str) -> Encoding:
    """The encoding of that name. Refuses: encoding-unknown."""
    for known in ENCODINGS:
        if encoding == known:
            return known
    raise ENCODING_UNKNOWN.refuse(encoding=encoding)


def examine(path: Path, encoding: str, longest: int = lines.LONGEST) -> Examined:
    """Look through the whole file once, in bounded memory, before a single row of it is believed.

    A few undecodable lines are left to be set apart one by one: at most ten, or one in a hundred of a long file.

    Not recognised: EUC-JP under a cp932 declaration, whose bytes are valid half-width kana (a Japanese header then fails to match).

    Refuses: encoding-unknown, file-unreadable, encoding-utf16, encoding-iso2022jp, nul-bytes, line-too-long, encoding-wrong,
    undecodable-header, undecodable-file.
    """
    codec = declared(encoding)
    name = path.name
    with lines.open_file(path) as file:
        head = file.read(len(MARK))
        if head.startswith(UTF16_MARKS):
            raise ENCODING_UTF16.refuse(file=name, offset=0)
        if head == MARK and codec == "cp932":
            raise ENCODING_WRONG.refuse(file=name, offset=0)
        start = len(MARK) if head == MARK else 0
        end = lines.end_of_text(file, start)
        total = undecodable = 0
        first: int | None = None
        header_seen, header_bad = False, False
        is_suspect = codec == "cp932"
        for offset, piece in lines.pieces(file, name, start, end, longest):
            nul = piece.find(b"\0")
            if nul >= 0:
                raise NUL_BYTES.refuse(file=name, offset=offset + nul)
            if shift := SHIFT.search(piece):
                raise ENCODING_ISO2022JP.refuse(file=name, offset=offset + shift.start())
            if is_suspect and not piece.isascii():
                is_suspect = False
                if (wide := mostly_utf8(piece)) is not None:
                    raise ENCODING_WRONG.refuse(file=name, offset=offset + wide)
            count = piece.count(b"\n") + (piece.count(b"\r") - piece.count(b"\r\n"))
            total += count + (not piece.endswith((b"\n", b"\r")))
            bad = [] if _utf8(piece, codec) is not None else list(_bad_lines(piece, codec))
            undecodable += len(bad)
            if bad and first is None:
                first = offset + bad[0][2]
            if not header_seen and (blank := len(piece) - len(piece.lstrip(b"\r\n"))) < len(piece):
                header_seen, header_bad = True, bool(bad) and bad[0][0] <= blank
    if header_bad:
        raise UNDECODABLE_HEADER.refuse(file=name, encoding=codec, offset=first)
    if undecodable > max(TOLERATED_LINES, total * TOLERATED_SHARE):
        raise UNDECODABLE_FILE.refuse(file=name, encoding=codec, lines=total, undecodable=undecodable, offset=first)
    return Examined(path, codec, start, end, total, undecodable, first)


def decode(examined: Examined, longest: int = lines.LONGEST, piece_bytes: int = lines.PIECE) -> Iterator[Decoded]:
    """The examined file as UTF-8 in pieces of whole lines; damaged lines are named beside each piece by their place in the stream."""
    position = 0
    with lines.open_file(examined.path) as file:
        for _, piece in lines.pieces(file, examined.path.name, examined.start, examined.end, longest, piece_bytes):
            decoded = decode_lines(piece, examined.encoding, position)
            yield decoded
            position += len(decoded.text)


def decode_lines(piece: bytes, codec: Encoding, position: int = 0) -> Decoded:
    """Whole lines as UTF-8; `position`: where they start in the decoded stream."""
    valid = _utf8(piece, codec)
    text, damages = (valid, []) if valid is not None else _isolate(piece, codec, position)
    damages += _mojibake(text, position) if REPLACEMENT in text else []
    return Decoded(text, tuple(damages))


def _utf8(piece: bytes, codec: Encoding) -> bytes | None:
    """The piece as UTF-8, or None where it is not valid."""
    if piece.isascii():
        return piece
    try:
        text = str(piece, codec)
    except UnicodeDecodeError:
        return None
    return piece if codec == "utf-8" else text.encode()


def mostly_utf8(piece: bytes) -> int | None:
    """The place of the first UTF-8 character of three bytes or more, if most lines outside ASCII hold one and are valid UTF-8.

    Characters of two bytes prove nothing: their bytes are also honest half-width kana in CP932.
    """
    foreign = utf8 = start = 0
    first: int | None = None
    for line in piece.splitlines(keepends=True):
        if not line.isascii():
            foreign += 1
            if (found := _WIDE.search(line)) and _utf8(line, "utf-8") is not None:
                utf8 += 1
                first = start + found.start() if first is None else first
        start += len(line)
    return first if 2 * utf8 > foreign else None


def _bad_lines(piece: bytes, codec: Encoding) -> Iterator[tuple[int, int, int]]:
    """(start, end, first bad byte) of each line that cannot be decoded; walks the lines, so only pieces with a bad line come here."""
    start = 0
    for line in piece.splitlines(keepends=True):
        if not line.isascii():
            try:
                str(line, codec)
            except UnicodeDecodeError as error:
                yield start, start + len(line), start + error.start
        start += len(line)


def _isolate(piece: bytes, codec: Encoding, position: int) -> tuple[bytes, list[Damage]]:
    parts: list[bytes] = []
    damages: list[Damage] = []
    done = 0
    for start, end, _ in _bad_lines(piece, codec):
        parts.append(str(piece[done:start], codec).encode())
        position += len(parts[-1])
        parts.append(piece[start:end].decode(codec, "backslashreplace").encode())
        damages.append(Damage(position, position + len(parts[-1]), findings.UNDECODABLE.code))
        position += len(parts[-1])
        done = end
    parts.append(str(piece[done:], codec).encode())
    return b"".join(parts), damages


def _mojibake(text: bytes, position: int) -> list[Damage]:
    """Lines that hold U+FFFD: an earlier conversion has already lost characters there."""
    damages: list[Damage] = []
    start = 0
    for line in text.splitlines(keepends=True):
        if REPLACEMENT in line:
            damages.append(Damage(position + start, position + start + len(line), findings.MOJIBAKE.code))
        start += len(line)
    return damages
