"""メッセージ (messages): one HL7 v2.5 message as segments of fields; decoded first and cut second, so that no kanji is cut at a mark."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from kiban_processing.formats import findings, iso2022jp
from kiban_processing.formats.findings import Rule

_ENDS = (b"\r", b"\n", b"\x1c")
_KANJI = re.compile(rb"\x1b\$.*?\x1b\(.", re.DOTALL)
_NAME = re.compile(r"[A-Z][A-Z0-9]{2}")
_STANDARD = "|^~\\&"
_ESCAPED = {"F": "|", "S": "^", "T": "&", "R": "~", "E": "\\", "H": "", "N": "", ".br": "\n", ".sp": "\n"}
_ESCAPE = re.compile(r"\\([^\\\r]*)\\")

# MSH-18 without spaces and marks, in capitals → how the message is read.
CHARSETS = {
    "": "ascii", "ASCII": "ascii", "ISOIR6": "ascii", "ISOIR13": "iso-2022-jp", "ISOIR14": "iso-2022-jp", "ISOIR87": "iso-2022-jp",
    "ISOIR159": "iso-2022-jp", "UNICODE": "utf-8", "UNICODEUTF8": "utf-8", "UTF8": "utf-8",
}  # fmt: skip


class Unreadable(Exception):
    """A message that cannot be read, by the rule it breaks; `raw` is the record as it came, for the quarantine."""

    def __init__(self, rule: Rule, raw: str) -> None:
        super().__init__(rule.code)
        self.rule = rule
        self.raw = raw


@dataclass(slots=True)
class Message:
    """A message in standard marks. `segments[0]` is MSH with MSH-1 and MSH-2 in their places; field n of a segment stands at its index n."""

    text: str
    segments: list[list[str]]

    @property
    def is_lossy(self) -> bool:
        """Whether characters were lost, here or before it came."""
        return iso2022jp.LOST in self.text

    def first(self, name: str) -> list[str]:
        """The first segment of that name, or an empty one."""
        return next((segment for segment in self.segments if segment[0] == name), [])


def read(data: bytes, otherwise: str | None = None) -> Message:
    """The message. `otherwise`: how to read bytes of eight bits where MSH-18 says nothing.

    A message must end with a line end or FS: without one, its last value may have been cut.
    Not checked: order of segments, lengths, code tables.

    Raises Unreadable: record-cut-off, not-of-format, charset-unknown, undecodable.
    """
    if not data.endswith(_ENDS):
        raise _unreadable(findings.RECORD_CUT_OFF, data)
    data = data.removeprefix(b"\xef\xbb\xbf").removeprefix(b"\x0b")
    if not data.startswith(b"MSH") or len(data) < 9 or b"\0" in data:
        raise _unreadable(findings.NOT_OF_FORMAT, data)
    marks = data[3:8].decode("latin-1")
    if len(set(marks)) != 5 or any(mark.isalnum() or not 0x20 < ord(mark) < 0x7F for mark in marks):
        raise _unreadable(findings.NOT_OF_FORMAT, data)
    text = _decode(data, otherwise)
    if marks != _STANDARD:
        text = text[:3] + _STANDARD + text[8:].translate(_translation(marks))
    if "\n" in text:
        text = text.replace("\r\n", "\r").replace("\n", "\r")
    segments = [line.split("|") for line in text.rstrip("\r\x1c").split("\r") if line]
    segments[0].insert(1, "|")
    for segment in segments:
        if not _is_name(segment[0]):
            raise Unreadable(findings.NOT_OF_FORMAT, text)
    if sum(segment[0] == "MSH" for segment in segments) != 1:
        raise Unreadable(findings.NOT_OF_FORMAT, text)
    return Message(text, segments)


@lru_cache(maxsize=1024)
def _is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


def unescape(text: str) -> str:
    r"""Marks written as escapes become themselves; highlighting goes, unknown escapes stay as they are.

    >>> unescape("a\\T\\b\\E\\c\\.br\\d\\Z9\\")
    'a&b\\c\nd\\Z9\\'
    """
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[0]), text)


def _decode(data: bytes, otherwise: str | None) -> str:
    charset = CHARSETS.get(_charset(data))
    if charset is None:
        raise _unreadable(findings.CHARSET_UNKNOWN, data)
    if charset == "ascii" and not data.isascii() and otherwise is not None:
        charset = otherwise
    try:
        return iso2022jp.decode(data) if charset in ("ascii", "iso-2022-jp") else data.decode(charset)
    except ValueError:
        raise _unreadable(findings.UNDECODABLE, data) from None


def _charset(data: bytes) -> str:
    """The last repetition of MSH-18 that says something, read from the bytes: it must be known before they are decoded."""
    header = data.split(b"\r", 1)[0].split(b"\n", 1)[0]
    if b"\x1b" in header:
        header = _KANJI.sub(b"", header)
    fields = header.split(data[3:4], 18)
    if len(fields) < 18:
        return ""
    named = [part for part in fields[17].split(data[5:6]) if part.strip()]
    return re.sub(rb"[ ()/_.-]", b"", named[-1]).upper().decode("latin-1") if named else ""


def _translation(marks: str) -> dict[int, str]:
    """Other marks to the standard ones, and the standard ones among the data to escapes, in one pass."""
    escapes = dict(zip(_STANDARD, ("\\F\\", "\\S\\", "\\R\\", "\\E\\", "\\T\\"), strict=True))
    return {ord(mark): escape for mark, escape in escapes.items()} | {
        ord(mark): plain for mark, plain in zip(marks, _STANDARD, strict=True)
    }


def _unreadable(rule: Rule, data: bytes) -> Unreadable:
    return Unreadable(rule, data.decode("ascii", "backslashreplace"))
