"""anjana による方法 (the method of the library anjana): global recoding by its own greedy rule, as an option and as a second opinion.

What it does to data we undo or prevent: its `index` column (a link to the source rows) is never taken; a missing value, which it cannot
look up, is given as a value of its own; its choice comes back as levels only, and the classes are formed and counted by our own code.
"""

from __future__ import annotations

import contextlib
import io

import numpy as np
import numpy.typing as npt

from kiban_processing.hierarchies.hierarchy import Hierarchy
from kiban_processing.recoding.classes import Node
from kiban_processing.recoding.tuples import Tuples

_MISSING = "(missing)"


def choose(tuples: Tuples, k: int, allowed: int) -> Node | None:
    """The levels that anjana settles on for distinct tuples and their counts; None where it finds none. `allowed` persons."""
    import pandas as pd  # here, because loading the library takes longer than most runs without it
    from anjana.anonymity import _k_anonymity

    names = [f"q{number}" for number in range(len(tuples.hierarchies))]
    if not names or not tuples.total:
        return ()
    hierarchies, columns = {}, {}
    for name, hierarchy, leaves in zip(names, tuples.hierarchies, tuples.leaves, strict=True):
        table = _table(hierarchy)
        hierarchies[name] = table
        columns[name] = np.repeat(table[0][leaves], tuples.persons)
    with contextlib.redirect_stdout(io.StringIO()):  # it prints where it should tell
        try:
            _, _, levels = _k_anonymity.k_anonymity_inner(pd.DataFrame(columns), [], names, k, 100 * allowed / tuples.total, hierarchies)
        except ValueError:  # no level left to climb to
            return None
    return tuple(int(levels[name]) for name in names)


def _table(hierarchy: Hierarchy) -> dict[int, npt.NDArray[np.str_]]:
    """The hierarchy in anjana's form, the missing value with a row of its own."""
    return {
        level: np.array([_MISSING if label is None else label for label in (hierarchy.labels[level][int(code)] for code in codes)])
        for level, codes in enumerate(hierarchy.codes)
    }
