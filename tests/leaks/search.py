"""Looking for thousands of values in megabytes at once, exactly: anchors of up to eight bytes in one pass, then the whole value.

What counts as a find, and why:

- A writing of fewer than six bytes is never looked for inside other text: in the 10 MB of ciphertext of one home, 10,000 values of
  four bytes would be met some twenty times by chance, values of six bytes once in 3,000 homes. They are compared as whole cells.
- A value of ASCII letters and digits alone must stand alone: `1205652` inside a digest `9c1205652e` is chance, `ID=1205652,` is not.
- Folded text (the independent fold below) is compared cell by cell, so that two neighbouring cells never make a value together.
"""

from __future__ import annotations

import csv
import json
import re
import sqlite3
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np
import originals
import pyarrow.parquet as pq
from originals import ADDRESS, BIRTH, DAY, HOSPITAL, MUNICIPALITY, NAME, PHYSICIAN, Originals

SHORTEST = 6  # bytes
SHORTEST_CELL = 3  # characters; a two-digit branch number tells one of a hundred and is the code of much else
ENCODINGS = ("utf-8", "cp932", "utf-16-le")
FOLDED = frozenset({NAME, PHYSICIAN, ADDRESS, HOSPITAL})
_BITS = 24  # of the first sieve: 16 MB, in which 300,000 anchors let one window in fifty pass
_ALNUM = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_CELLS = re.compile(r'[,\t\r\n"|{}\[\]<>=;]+')
_SMALL = str.maketrans("ぁぃぅぇぉっゃゅょゎゕゖ", "あいうえおつやゆよわかけ")
_NUMERALS = str.maketrans("〇一二三四五六七八九", "0123456789")


@dataclass(frozen=True, order=True)
class Found:
    """One find: where, and of what kind. The value itself is never kept, so that no failing test can print it."""

    file: str
    kind: str


def report(found: Iterable[Found]) -> str:
    return "; ".join(f"{one.kind} in {one.file}" for one in sorted(set(found)))


def fold(text: str) -> str:
    """One cell with everything thrown away in which two writings of one name or place may differ; a plain fold of the test's own.

    Width, case, script of kana, small kana, voicing marks, long vowels, spaces and punctuation go; numerals become digits.
    """
    spelled = unicodedata.normalize("NFKC", text).casefold()
    spelled = "".join(chr(ord(one) - 0x60) if "ァ" <= one <= "ヶ" else one for one in spelled)
    apart = unicodedata.normalize("NFD", spelled).translate(_SMALL).translate(_NUMERALS)
    return "".join(one for one in apart if unicodedata.category(one)[0] in "LN" and one != "ー")


class Needles:
    """Byte strings with their kinds, found in any content by one pass per anchor length.

    A value's anchor is its end: many begin alike (`千葉県船橋市…`, `datetime.date(…`), few end alike.
    """

    def __init__(self, kinds: Mapping[bytes, str]) -> None:
        self._by_anchor: dict[int, dict[int, list[tuple[bytes, str]]]] = {}
        for value, kind in kinds.items():
            if len(value) >= SHORTEST:
                size = min(len(value), 8)
                self._by_anchor.setdefault(size, {}).setdefault(int.from_bytes(value[-size:], "little"), []).append((value, kind))
        self._likely = {size: np.zeros(1 << _BITS, dtype=np.bool_) for size in self._by_anchor}
        for size, anchors in self._by_anchor.items():
            self._likely[size][_slots(np.fromiter(anchors, dtype=np.uint64))] = True

    def find(self, content: bytes) -> Iterator[tuple[bytes, str]]:
        given = np.frombuffer(content, dtype=np.uint8)
        for size, likely in self._likely.items():
            length = len(given) - size + 1
            if length <= 0:
                continue
            windows = np.zeros(length, dtype=np.uint64)
            for offset in range(size):
                windows |= given[offset : offset + length].astype(np.uint64) << np.uint64(8 * offset)
            anchors = self._by_anchor[size]
            for place in np.flatnonzero(likely[_slots(windows)]).tolist():
                for value, kind in anchors.get(int(windows[place]), ()):
                    start = place + size - len(value)
                    if start >= 0 and content.startswith(value, start) and _stands_alone(content, start, value):
                        yield value, kind


def _slots(anchors: np.ndarray) -> np.ndarray:
    """A place in a table of 2 ** _BITS for each anchor, by multiplication (Fibonacci hashing)."""
    return (anchors * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(64 - _BITS)


def _stands_alone(content: bytes, place: int, value: bytes) -> bool:
    if not all(byte in _ALNUM for byte in value):
        return True
    end = place + len(value)
    return not (place and content[place - 1] in _ALNUM) and not (end < len(content) and content[end] in _ALNUM)


def _spelled(text: str) -> Iterator[bytes]:
    """A writing as bytes: in the encodings of the trade, and as JSON and URLs escape it; none where it is too short."""
    if len(text.encode()) < SHORTEST:
        return
    for encoding in ENCODINGS:
        try:
            yield text.encode(encoding)
        except UnicodeEncodeError:
            continue
    if not text.isascii():
        yield json.dumps(text)[1:-1].encode()
        yield quote(text).encode()


class Search:
    """All identifier values of some originals, to be looked for in files.

    `allowed`: texts that may rightly be there (the operator's own words: hospital particulars, staff, periods of the applications); a value
    that stands in them is no find. `kinds`: only these.
    """

    def __init__(self, given: Originals, allowed: str, kinds: frozenset[str]) -> None:
        self.kinds = kinds
        self.cells: dict[str, str] = {}
        writings: dict[str, tuple[str, str]] = {}  # writing → kind and what is permitted with it
        folded: dict[bytes, str] = {}
        for kind in sorted(kinds & given.values.keys()):
            for text in given.values[kind]:
                day = originals.day_of(text) if kind in (BIRTH, DAY) else None
                for writing in originals.writings(kind, text):
                    writings[writing] = (kind, day.isoformat() if day else writing)
                if kind in FOLDED and len(fold(text)) >= 4:
                    folded[fold(text).encode()] = kind
        as_bytes = {spelled: writing for writing in writings for spelled in _spelled(writing)}
        permitted = {writings[as_bytes[value]][1] for value, _ in Needles(dict.fromkeys(as_bytes, "")).find(allowed.encode())}
        permitted_folded = {value for value, _ in Needles(folded).find(_fold_all(allowed))}
        words = {word.strip() for word in _CELLS.split(allowed)}
        self.permitted = {writings[writing][0] for writing in writings if writings[writing][1] in permitted}
        self._raw = Needles({value: writings[writing][0] for value, writing in as_bytes.items() if writings[writing][1] not in permitted})
        self._folded = Needles({value: kind for value, kind in folded.items() if value not in permitted_folded})
        self.values = len(as_bytes)
        for writing, (kind, _) in writings.items():
            if kind not in (BIRTH, DAY) and len(writing) >= SHORTEST_CELL and writing not in words:
                self.cells[writing] = kind

    def __repr__(self) -> str:
        return f"<search for {self.values} writings>"

    def content(self, file: str, content: bytes) -> set[Found]:
        """Finds in the bytes of one file, and in its text after folding where it is text."""
        found = {Found(file, kind) for _, kind in self._raw.find(content)}
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            return found
        return found | {Found(file, kind) for _, kind in self._folded.find(_fold_all(text))}

    def whole_cells(self, file: str, cells: Iterable[object]) -> set[Found]:
        """Short values too: a cell that is nothing but an identifier."""
        return {Found(file, self.cells[cell]) for cell in cells if isinstance(cell, str) and cell in self.cells}

    def folder(self, folder: Path, without: Path | None = None) -> set[Found]:
        """Every file of a folder; Parquet and databases are read as well, JSON is looked at leaf by leaf."""
        found: set[Found] = set()
        for path in sorted(each for each in folder.rglob("*") if each.is_file() and not each.is_symlink()):
            if without is None or without not in path.parents:
                found |= self.file(path, path.relative_to(folder).as_posix())
        return found

    def file(self, path: Path, name: str) -> set[Found]:
        content = path.read_bytes()
        found = self.content(name, content) | {Found("a file's name", kind) for _, kind in self._raw.find(name.encode())}
        if content[:4] == b"PAR1" == content[-4:]:
            table = pq.read_table(path)
            cells = {cell for column in table.columns for cell in column.unique().to_pylist() if isinstance(cell, str)}
            found |= self.content(name, "\n".join(sorted(cells)).encode()) | self.whole_cells(name, cells)
        elif path.suffix in (".json", ".jsonl") or "entries" in path.parts:
            found |= self.whole_cells(name, _leaves(content))
        elif path.suffix == ".csv":
            found |= self.whole_cells(name, _cells(path))
        elif content.startswith(b"SQLite format 3"):
            found |= self.whole_cells(name, _stored(path))
        return found


def _cells(path: Path) -> set[str]:
    """Cells of all columns but those that a package declares to hold numbers: `148` may be a blood sugar."""
    numbers: set[str] = set()
    declared = path.parent.parent / "datapackage.json"
    if declared.is_file():
        for resource in json.loads(declared.read_bytes())["resources"]:
            if Path(resource["path"] if isinstance(resource["path"], str) else resource["path"][0]).stem == path.stem:
                numbers |= {field["name"] for field in resource["schema"]["fields"] if field["type"] in ("number", "integer")}
    with path.open(encoding="utf-8-sig", newline="") as file:
        return {cell for row in csv.DictReader(file) for name, cell in row.items() if name not in numbers and isinstance(cell, str)}


def _stored(path: Path) -> Iterator[object]:
    """Every cell of every table of an SQLite file; only the number of the schema's version, which counts 0001, 0002, … is no record."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'alembic_version'").fetchall():
            for row in db.execute(f'SELECT * FROM "{table}"'):
                yield from row


def _fold_all(text: str) -> bytes:
    return "\n".join({fold(cell) for cell in set(_CELLS.split(text))}).encode()


def _leaves(content: bytes) -> Iterator[object]:
    for document in (content, *content.splitlines()):
        try:
            waiting = [json.loads(document)]
        except ValueError:
            continue
        while waiting:
            one = waiting.pop()
            if isinstance(one, dict):
                waiting += one.values()
                yield from one
            elif isinstance(one, list):
                waiting += one
            else:
                yield one


EVERYWHERE = frozenset(
    {
        originals.NAME, originals.PHONE, originals.EMAIL, originals.INSURANCE, originals.POSTAL, originals.ADDRESS,
        originals.PATIENT, originals.LINKING, originals.PHYSICIAN, originals.WORDS,
    }
)  # fmt: skip
"""What may stand nowhere."""

BESIDE_THE_TABLES = EVERYWHERE | {BIRTH, DAY}
"""In logs, books and registers no date of a record may stand either; in released tables dates are judged person by person."""

IN_THE_PACKAGE = EVERYWHERE | {HOSPITAL, MUNICIPALITY}
"""The recipient must not learn hospitals, nor municipalities where prefectures were agreed; the operator's own books may name hospitals."""
