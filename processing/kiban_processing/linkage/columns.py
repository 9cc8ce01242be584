"""列 (columns): many values folded as one text with a line for each, by the very functions that fold a single value.

Python's own text functions run at the speed of C over one long text. A function may be used so if it is *line-safe*: it neither
removes nor makes a line break, and what it does to one line depends on that line alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

# So many values at a time, so that memory does not grow with the data.
_AT_A_TIME = 250_000


def folded(values: Sequence[str], fold: Callable[[str], str]) -> list[str]:
    """`fold` of each value, which hold no line break themselves.

    >>> folded(["ａ", "", "Ｂ"], str.lower)
    ['ａ', '', 'ｂ']
    """
    done: list[str] = []
    for start in range(0, len(values), _AT_A_TIME):
        some = values[start : start + _AT_A_TIME]
        lines = fold("\n".join(some)).split("\n")
        if len(lines) != len(some):
            raise AssertionError("the function is not line-safe")
        done.extend(lines)
    return done
