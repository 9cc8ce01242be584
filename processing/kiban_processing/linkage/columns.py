"""列 (columns): many values folded as one text with a line for each, by the very functions that fold a single value.

Python's own text functions run at the speed of C over one long text. A function may be used so if it is *line-safe*: it neither
removes nor makes a line break, and what it does to one line depends on that line alone.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Codes = npt.NDArray[np.uint32]

# So many values at a time, so that memory does not grow with the data.
_AT_A_TIME = 250_000
_BREAK = ord("\n")
# Voicing marks, half-width, combining and apart: joined to the character before them.
_VOICED, _HALF_VOICED = (0xFF9E, 0x3099, 0x309B), (0xFF9F, 0x309A, 0x309C)
# Scripts of one code point a character; others (Hangul Jamo, Indic vowels) may join what stands beside them.
_PLAIN_BLOCKS = (
    (0x20, 0x2FF),
    (0x370, 0x52F),
    (0x1E00, 0x1FFF),
    (0x2000, 0x33FF),
    (0x3400, 0x9FFF),
    (0xF900, 0xFAFF),
    (0xFF00, 0xFF9D),
    (0x20000, 0x323AF),
)


def folded(values: Sequence[str], *folds: Callable[[str], str]) -> list[str]:
    """The line-safe `folds`, one after the other, of each value; values hold no line break.

    >>> folded(["ａ", "", "Ｂ"], str.lower)
    ['ａ', '', 'ｂ']
    """
    done: list[str] = []
    for start in range(0, len(values), _AT_A_TIME):
        some = values[start : start + _AT_A_TIME]
        text = "\n".join(some)
        for fold in folds:
            text = fold(text)
        lines = text.split("\n")
        if len(lines) != len(some):
            raise AssertionError("the function is not line-safe")
        done.extend(lines)
    return done


def folded_column(values: pa.ChunkedArray | pa.Array, *folds: Callable[[str], str]) -> pa.ChunkedArray:
    """`folded` for an Arrow column of texts without nulls, which never becomes Python's own values; a line break is read as a space.

    >>> folded_column(pa.array(["ａ", "", "Ｂ"]), str.lower).to_pylist()
    ['ａ', '', 'ｂ']
    """
    done = []
    for text, count in joined(values):
        for fold in folds:
            text = fold(text)
        done.append(_parted(text, count))
    return pa.chunked_array(done, pa.string())


def joined(values: pa.ChunkedArray | pa.Array) -> Iterator[tuple[str, int]]:
    """Some values at a time as one text with a line for each, and how many they are."""
    for start in range(0, len(values), _AT_A_TIME):
        some = values.slice(start, _AT_A_TIME)
        some = some.combine_chunks() if isinstance(some, pa.ChunkedArray) else some
        plain = pc.replace_substring(some, "\n", " ")
        yield pc.binary_join(pa.ListArray.from_arrays(pa.array([0, len(plain)], pa.int32()), plain), "\n")[0].as_py(), len(plain)


def _parted(text: str, count: int) -> pa.Array:
    """The lines of a text as an Arrow array."""
    raw = text.encode()
    ends = np.flatnonzero(np.frombuffer(raw, np.uint8) == _BREAK)
    if len(ends) != count - 1:
        raise AssertionError("the function is not line-safe")
    offsets = np.concatenate([[0], ends - np.arange(len(ends)), [len(raw) - len(ends)]]).astype(np.int32)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(raw.replace(b"\n", b"")))


class ByCharacter:
    """A line-safe function for texts that does what `fold` does to each line, by a table of characters.

    `fold` must treat a line of plain characters as the row of what it makes of each; lines with others, and characters that become
    several, go through `fold` themselves. `fold` may trim the line, so what is made here is trimmed later or not at all.
    """

    def __init__(self, fold: Callable[[str], str]) -> None:
        self._fold = fold
        self._table: Codes = np.arange(0x110000, dtype=np.uint32)
        self._known = np.zeros(0x110000, np.bool_)
        self._plain = np.zeros(0x110000, np.bool_)
        self._known[_BREAK] = self._plain[_BREAK] = True

    def __call__(self, text: str) -> str:
        codes = np.frombuffer(f"\n{text}".encode("utf-32-le", "surrogatepass"), np.uint32)
        written = codes
        codes = self._joined(codes)
        self._meet(codes)
        shown = _text(self._table[codes])[1:]
        strange = ~self._plain[codes]
        if not strange.any():
            return shown
        places = np.unique(np.cumsum(codes == _BREAK)[strange] - 1)
        lines, originals = shown.split("\n"), _text(written)[1:].split("\n")
        for place in places.tolist():
            lines[place] = self._fold(originals[place])
        return "\n".join(lines)

    def _meet(self, codes: Codes) -> None:
        seen = np.zeros(0x110000, np.bool_)
        seen[codes] = True
        for code in np.flatnonzero(seen & ~self._known).tolist():
            self._known[code] = True
            made = self._fold(f"一{chr(code)}一")[1:-1] if any(first <= code <= last for first, last in _PLAIN_BLOCKS) else ""
            if len(made) == 1 and code not in _VOICED + _HALF_VOICED:
                self._table[code], self._plain[code] = ord(made), True

    def _joined(self, codes: Codes) -> Codes:
        """Marks joined to what stands before them, and left out where nothing takes them, as NFKC and `glyphs.plain` do."""
        kept = np.ones(len(codes), np.bool_)
        changed = codes
        for marks, combining in ((_VOICED, "\u3099"), (_HALF_VOICED, "\u309a")):
            at = np.flatnonzero(np.isin(codes, marks))
            if not len(at):
                continue
            changed = changed.copy() if changed is codes else changed
            before = codes[at - 1]
            for code in np.unique(before).tolist():
                base = unicodedata.normalize("NFKC", chr(code))
                if code in _VOICED + _HALF_VOICED or len(base) != 1:
                    continue  # the mark stays, and with it the line goes to `fold`
                here = at[before == code]
                whole = unicodedata.normalize("NFC", base + combining)
                changed[here - 1] = ord(whole) if len(whole) == 1 else code
                kept[here] = False
        return changed[kept]


def _text(codes: Codes) -> str:
    return codes.tobytes().decode("utf-32-le", "surrogatepass")
