"""三群の混合 (mixture): how pairs divide into one person, one household and strangers, learnt by expectation maximisation on counts.

What is learnt from are not pairs but patterns (one level per comparison) with how often each occurs: a few thousand rows, however many
pairs there are. Source: Dempster, Laird & Rubin, J R Stat Soc B 1977, 39:1; Winkler, The State of Record Linkage, 1999, section 3.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
PERSON, HOUSEHOLD, STRANGER = range(3)


@dataclass(frozen=True)
class Patterns:
    """`levels`: patterns × comparisons, places of levels; −1 where a comparison says nothing. `counts`: pairs with each pattern."""

    levels: Places
    counts: Floats


@dataclass(frozen=True)
class Mixture:
    """`shares`: of the three classes among the pairs. `rates`: for each comparison, classes × levels."""

    shares: Floats
    rates: tuple[Floats, ...]

    def memberships(self, patterns: Patterns) -> Floats:
        """Patterns × classes: the probability of each class."""
        logs = np.tile(np.log(self.shares), (len(patterns.counts), 1))
        for place, table in enumerate(self.rates):
            level = patterns.levels[:, place]
            known = level >= 0
            logs[known] += np.log(table[:, level[known]]).T
        logs -= logs.max(axis=1, keepdims=True)
        likely = np.exp(logs)
        return np.asarray(likely / likely.sum(axis=1, keepdims=True))


def fit(patterns: Patterns, start: Mixture, learnt: tuple[bool, ...], pseudo: float, rounds: int = 200, tolerance: float = 1e-7) -> Mixture:
    """The mixture that explains the patterns best, held near `start` where they say little.

    `learnt`: for each comparison whether its rates follow the data; the rates of strangers never do, they come from random pairs.
    `pseudo`: how many pairs of each class the start counts for (a Dirichlet prior). Stops when no share moves by more than `tolerance`.

    >>> levels = np.array([[0], [1]])
    >>> start = Mixture(np.array([0.4, 0.1, 0.5]), (np.array([[0.9, 0.1], [0.5, 0.5], [0.01, 0.99]]),))
    >>> fit(Patterns(levels, np.array([30.0, 70.0])), start, (False,), 1.0).shares.round(2).tolist()
    [0.28, 0.09, 0.63]
    """
    total = patterns.counts.sum()
    mixture = start
    for _ in range(rounds):
        weighted = mixture.memberships(patterns) * patterns.counts[:, None]
        mass = weighted.sum(axis=0)
        shares = np.maximum((mass + start.shares) / (total + 1.0), 1e-12)
        rates = tuple(
            _rates(patterns.levels[:, place], weighted, table, start.rates[place], pseudo) if learnt[place] else table
            for place, table in enumerate(mixture.rates)
        )
        moved = float(np.abs(shares - mixture.shares).max())
        mixture = Mixture(shares / shares.sum(), rates)
        if moved < tolerance:
            break
    return mixture


def _rates(level: Places, weighted: Floats, table: Floats, start: Floats, pseudo: float) -> Floats:
    known = level >= 0
    fresh = table.copy()
    for group in (PERSON, HOUSEHOLD):
        counts = np.bincount(level[known], weights=weighted[known, group], minlength=table.shape[1]) + pseudo * start[group]
        fresh[group] = counts / counts.sum()
    return fresh
