"""欄 (cells): all cells of a text without quotation marks as one Arrow array, cut at once, so that a column is a selection and no line is walked."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kiban_processing.formats.encodings import Damage

Places = npt.NDArray[np.int64]
LF = b"\n"[0]


class Cells:
    """A UTF-8 text whose lines end in LF, cut at one separator.

    Line i has `counts[i]` cells, from `firsts[i]` on in `values`, and is `text[starts[i]:ends[i]]`. Lines without any content are left out.
    """

    def __init__(self, text: bytes, separator: bytes) -> None:
        letters = np.frombuffer(text, np.uint8)
        is_end = letters == LF
        marks = np.flatnonzero((letters == separator[0]) | is_end).astype(np.int32)
        offsets = np.zeros(len(marks) + 1, np.int32)
        np.subtract(marks, np.arange(len(marks), dtype=np.int32), out=offsets[1:])  # as many marks stand before each end as cells
        data = text.translate(None, separator + b"\n")
        self.text = text
        self.values: pa.Array = pa.StringArray.from_buffers(len(marks), pa.py_buffer(offsets), pa.py_buffer(data))
        self._offsets = offsets
        ends = np.flatnonzero(is_end)
        lasts = np.searchsorted(marks, ends.astype(np.int32))
        firsts = np.concatenate([np.zeros(min(len(lasts), 1), np.int64), lasts[:-1] + 1])
        starts = np.concatenate([np.zeros(min(len(lasts), 1), np.int64), ends[:-1] + 1])
        kept = ends > starts
        self.starts: Places = starts[kept]
        self.ends: Places = ends[kept]
        self.firsts: Places = firsts[kept]
        self.counts: Places = (lasts + 1 - firsts)[kept]

    def __len__(self) -> int:
        return len(self.starts)

    def column(self, lines: Places, place: int) -> pa.Array:
        """Cell `place` (from 0) of each of these lines; null where the line is shorter or there is no line (-1)."""
        if not len(self):
            return pa.nulls(len(lines), pa.string())
        absent = (lines < 0) | (self.counts[lines] <= place)
        found = self.firsts[lines] + place
        if not absent.any():
            return self.values.take(pa.array(found))
        return self.values.take(pa.array(np.where(absent, 0, found), mask=absent))

    def filled(self) -> tuple[Places, Places, Places]:
        """Every cell with content: its line, its place in the line, and its number in `values`; in order."""
        cells = np.flatnonzero(self._offsets[1:] != self._offsets[:-1])
        lines = np.searchsorted(self.firsts, cells, "right") - 1
        return lines, cells - self.firsts[lines], cells

    def letters(self, place: int) -> npt.NDArray[np.uint8]:
        """Byte `place` of each line; 0 where the line is shorter."""
        every = np.frombuffer(self.text, np.uint8)
        at = self.starts + place
        return np.where(at < self.ends, every[np.minimum(at, len(every) - 1)], 0).astype(np.uint8)

    def raw(self, first: int, last: int) -> str:
        """Lines `first` to `last` as they came, decoded."""
        return self.text[self.starts[first] : self.ends[last]].decode()

    def damaged(self, damages: tuple[Damage, ...]) -> dict[int, str]:
        """Line → rule, for damaged lines."""
        rules: dict[int, str] = {}
        for damage in damages:
            line = int(np.searchsorted(self.ends, damage.start, "left"))
            if line < len(self) and self.starts[line] < damage.end:
                rules.setdefault(line, damage.rule)
        return rules


def numbers(texts: pa.Array) -> npt.NDArray[np.int64]:
    """Plain whole numbers of up to 18 digits; -1 for anything else."""
    is_plain = pc.match_substring_regex(texts, "^[0-9]{1,18}$")
    plain = pc.if_else(pc.fill_null(is_plain, False), texts, "-1")
    found: npt.NDArray[np.int64] = pc.cast(plain, pa.int64()).to_numpy(zero_copy_only=False)
    return found
