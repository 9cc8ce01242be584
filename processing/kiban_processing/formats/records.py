"""レコードの切出し (records): where each record of a delimited file starts and ends, so that a bad one can be set apart and kept as it came.

A record ends at LF, CR or CRLF outside quotation marks. A quotation mark opens only at the start of a cell; anywhere else it is a letter.
Lines without any content are no records. Works on UTF-8, where the bytes of these signs occur in no other character.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from kiban_processing.formats import encodings, findings, lines

Places = npt.NDArray[np.int64]
QUOTE, LF, CR = b'"'[0], b"\n"[0], b"\r"[0]


@dataclass(frozen=True)
class Records:
    """Records of one stretch of text: record i is `text[starts[i]:ends[i]]`, without its line end; `rules` names the unusable ones."""

    text: bytes
    starts: Places
    ends: Places
    rules: dict[int, str]

    def __len__(self) -> int:
        return len(self.starts)

    def raw(self, index: int) -> str:
        return self.text[self.starts[index] : self.ends[index]].decode()


def split(pieces: Iterable[encodings.Decoded], delimiter: str, longest: int = lines.LONGEST) -> Iterator[Records]:
    """All records in order, each exactly once.

    A quotation mark that is not closed would swallow what follows: where the file ends or the record grows over four times `longest`
    (the bytes of a line as sent; decoding makes at most four of one), only the line with the mark is given up (rule unclosed-quote), and
    reading goes on with the next line.
    """
    reach = 4 * longest
    buffer, base = b"", 0
    damages: list[encodings.Damage] = []
    for piece, tolerated in chain(((piece, reach) for piece in pieces), [(encodings.Decoded(b"\n", ()), 0)]):
        buffer += piece.text
        damages.extend(piece.damages)
        while True:
            starts, ends, rest = _bounds(buffer, delimiter.encode()[0])
            over = np.flatnonzero(ends - starts > reach)
            if len(over):
                rest = int(starts[over[0]])
                starts, ends = starts[: over[0]], ends[: over[0]]
            if len(starts):
                yield Records(buffer, starts, ends, _damaged(damages, starts + base, ends + base))
            buffer, base = buffer[rest:], base + rest
            damages = [damage for damage in damages if damage.end > base]
            if not len(over) and len(buffer) <= tolerated:
                break
            line = _first_line(buffer)
            rules = {0: findings.UNCLOSED_QUOTE.code}
            yield Records(buffer[:line], np.zeros(1, np.int64), np.full(1, line, np.int64), rules)
            buffer, base = buffer[line:], base + line


def _first_line(buffer: bytes) -> int:
    """Length of the first line, for which a line end is always there."""
    return min(place for place in (buffer.find(b"\n"), buffer.find(b"\r")) if place >= 0)


def _bounds(buffer: bytes, delimiter: int) -> tuple[Places, Places, int]:
    """Starts and ends of the complete records that have content, and where the unfinished rest starts."""
    letters = np.frombuffer(buffer, np.uint8)
    breaks = np.flatnonzero((letters == LF) | (letters == CR)).astype(np.int64)
    if QUOTE in buffer:
        opens, closes = _quoted(letters, delimiter)
        breaks = breaks[np.searchsorted(opens, breaks) == np.searchsorted(closes, breaks)]
    if not len(breaks):
        return breaks, breaks, 0
    starts = np.concatenate([np.zeros(1, np.int64), breaks[:-1] + 1])
    kept = breaks > starts
    return starts[kept], breaks[kept], int(breaks[-1]) + 1


def _quoted(letters: npt.NDArray[np.uint8], delimiter: int) -> tuple[Places, Places]:
    """Where quoted stretches open and close. Marks are taken in turns; where that would open one inside a cell, they are walked instead."""
    marks = np.flatnonzero(letters == QUOTE).astype(np.int64)
    opens, closes = marks[0::2], marks[1::2]
    before = letters[np.maximum(opens - 1, 0)]
    may_open = (opens == 0) | (before == delimiter) | (before == LF) | (before == CR)
    may_open[1:] |= opens[1:] - 1 == closes[: len(opens) - 1]  # a doubled mark inside quotes: closed and opened again at once
    if may_open.all():
        return opens, closes
    return _walk(letters, marks, delimiter)


def _walk(letters: npt.NDArray[np.uint8], marks: Places, delimiter: int) -> tuple[Places, Places]:
    opens: list[int] = []
    closes: list[int] = []
    doubled = -1
    for place in marks.tolist():
        if len(opens) > len(closes):
            if place == doubled:
                continue
            if place + 1 < len(letters) and letters[place + 1] == QUOTE:
                doubled = place + 1
            else:
                closes.append(place)
        elif place == 0 or letters[place - 1] in (delimiter, LF, CR):
            opens.append(place)
    return np.array(opens, np.int64), np.array(closes, np.int64)


def _damaged(damages: list[encodings.Damage], starts: Places, ends: Places) -> dict[int, str]:
    rules: dict[int, str] = {}
    for damage in damages:
        first, last = np.searchsorted(ends, damage.start, "right"), np.searchsorted(starts, damage.end, "left")
        for index in range(int(first), int(last)):
            rules.setdefault(index, damage.rule)
    return rules
