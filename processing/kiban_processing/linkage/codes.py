"""照合コード (codes): an integer for each comparable text, so that every engine and every stored state compares the same numbers.

`text_code` is a digest, not a secret: whoever holds a list of names can compute it. `bits` is a bitmap of a reading's bigrams, for
nearness by counting common bits; it has the shape of an encoded identifier (CLK) that a hospital could send instead of a name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

BITS = 63
_END = 0x7E  # stands before the first and after the last character


def text_code(text: str) -> int:
    """The first 60 bits of SHA-256 of the UTF-8 text.

    >>> text_code("高橋花子") == text_code("高橋花子"), 0 <= text_code("高橋") < 2**60
    (True, True)
    """
    return int(hashlib.sha256(text.encode()).hexdigest()[:15], 16)


def code_sql(expression: str) -> str:
    """`text_code` in DuckDB's SQL; null of null."""
    return f"('0x' || substr(sha256({expression}), 1, 15))::BIGINT"


def bits(text: str) -> int:
    """The bitmap of the bigrams of one text, ends included.

    >>> near, far = (bits("タカハシハナコ") & bits(other) for other in ("タカハシハナヨ", "キムラミツオ"))
    >>> near.bit_count() > far.bit_count()
    True
    """
    found = 0
    codes = [_END, *map(ord, text), _END]
    for first, second in zip(codes, codes[1:], strict=False):
        found |= 1 << _bit(first, second)
    return found


def bits_of(texts: Sequence[str]) -> npt.NDArray[np.int64]:
    """`bits` of many texts at once; 0 for an empty one that is not compared. No text holds a line break."""
    return bits_of_lines("\n".join(texts)) if texts else np.zeros(0, np.int64)


def bits_of_lines(text: str) -> npt.NDArray[np.int64]:
    """`bits` of every line of a text."""
    joined = f"\n{text}\n"
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    ends = codes == ord("\n")
    codes[ends] = _END
    mixed = (codes[:-1] * np.uint64(_FIRST) + codes[1:] * np.uint64(_SECOND)) & np.uint64(0xFFFFFFFF)
    places = (((mixed ^ (mixed >> np.uint64(15))) * np.uint64(_LAST)) & np.uint64(0xFFFFFFFF)) >> np.uint64(8)
    marked = np.left_shift(np.int64(1), (places % np.uint64(BITS)).astype(np.int64))
    starts = np.flatnonzero(ends)[:-1]
    return np.asarray(np.bitwise_or.reduceat(marked, starts), np.int64)


# Odd multipliers of 32 bits spread the neighbouring code points of katakana over all places.
_FIRST, _SECOND, _LAST = 0x9E3779B1, 0x85EBCA6B, 0xC2B2AE35


def _bit(first: int, second: int) -> int:
    mixed = (first * _FIRST + second * _SECOND) & 0xFFFFFFFF
    return ((((mixed ^ (mixed >> 15)) * _LAST) & 0xFFFFFFFF) >> 8) % BITS
