"""核 (kernels): the count compiled by numba; imported only where numba is installed. Same result as NumPy's in `counting`."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np


def _count(  # pragma: no cover - compiled
    codes: Any,
    persons: Any,
    columns: Any,
    lut: Any,
    offsets: Any,
    starts: Any,
    stops: Any,
    k: Any,
    allowed: Any,
    total: Any,
    space: Any,
    sparse: Any,
    counts: Any,
    slots: Any,
    block: Any,
    keys: Any,
    groups: Any,
    sizes: Any,
) -> Any:
    """Persons suppressed, persons seen, classes, whether all groups were counted; fills `keys`, `groups`, `sizes`.

    A group with many rows for its keys is counted by position in `counts` (all zero before and after), any other in an open hash table:
    `slots` holds key and count side by side, so that a row touches one line of memory.
    """
    suppressed = 0
    seen = 0
    classes = 0
    for group in range(len(starts)):
        begin, end = starts[group], stops[group]
        dense = end - begin >= space // sparse
        mask = 0
        shift = 64
        if not dense:
            size = 16
            shift = 60
            while size < 2 * (end - begin):
                size *= 2
                shift -= 1
            mask = size - 1
            for cell in range(size):
                slots[2 * cell] = -1
        at = begin
        while at < end:
            length = min(len(block), end - at)
            if len(columns) == 0:
                block[:length] = 0
            for number in range(len(columns)):
                column = codes[columns[number], at : at + length]
                own = lut[offsets[number] : offsets[number + 1]]
                if number == 0:
                    for place in range(length):
                        block[place] = own[column[place]]
                else:
                    for place in range(length):
                        block[place] += own[column[place]]
            if dense:
                for place in range(length):
                    counts[block[place]] += persons[at + place]
            else:
                for place in range(length):
                    key = block[place]
                    slot: Any = np.int64((np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(shift))
                    while slots[2 * slot] != key:
                        if slots[2 * slot] == -1:
                            slots[2 * slot] = key
                            slots[2 * slot + 1] = 0
                            break
                        slot = (slot + 1) & mask
                    slots[2 * slot + 1] += persons[at + place]
            for place in range(length):
                seen += persons[at + place]
            at += length
        if dense:
            for key in range(space):
                if counts[key] > 0:
                    if counts[key] < k:
                        suppressed += counts[key]
                    keys[classes] = key
                    groups[classes] = group
                    sizes[classes] = counts[key]
                    classes += 1
                    counts[key] = 0
        else:
            for cell in range(mask + 1):
                if slots[2 * cell] != -1 and slots[2 * cell + 1] > 0:
                    if slots[2 * cell + 1] < k:
                        suppressed += slots[2 * cell + 1]
                    keys[classes] = slots[2 * cell]
                    groups[classes] = group
                    sizes[classes] = slots[2 * cell + 1]
                    classes += 1
        if suppressed > allowed and 2 * seen < total:
            return suppressed, seen, classes, False
    return suppressed, seen, classes, True


def _compiled(function: Any) -> Any:
    """Compiled, kept on disk where any folder for it can be written (an installation may be read-only), else anew in each process."""
    try:
        return numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:
        return numba.njit(nogil=True)(function)


count = _compiled(_count)
