"""丸め (rounding): figures of the cohort so coarse that the difference between cohort and release shows no few persons.

The bounds are constants of this page, the same for every release and plan: they say nothing of how the data were made.
"""

from __future__ import annotations

import math

FEWEST = 20  # persons behind any figure, before and after; fewer: nothing is said
_STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)


def _settled(value: float) -> float:
    """Nine digits, so that the order in which an engine sums cannot decide a rounding."""
    return float(f"{value:.9g}")


def share(value: float, persons: int) -> float:
    """A share of so many persons, in steps of at least FEWEST persons.

    >>> share(0.12345, 1_000_000), share(0.12345, 713), share(0.12345, 30)
    (0.123, 0.1, 0.1)
    """
    step = next((step for step in _STEPS if step * persons >= FEWEST), _STEPS[-1])
    return stepped(value, step)


def stepped(value: float, step: float) -> float:
    """The nearest multiple of a step."""
    return round(round(_settled(value / step)) * step, 9)


def digits(value: float, number: int = 2) -> float:
    """So many significant digits.

    >>> digits(123.4), digits(0.01234), digits(0.0)
    (120.0, 0.012, 0.0)
    """
    if value == 0 or not math.isfinite(value):
        return 0.0
    return round(_settled(value), number - 1 - math.floor(math.log10(abs(value))))


def beside(value: float, spread: float) -> float:
    """A mean, as exact as a twentieth of the spread of its values.

    >>> beside(6.4321, 1.1), beside(6.4321, 0.0)
    (6.42, 6.4)
    """
    if spread <= 0 or not math.isfinite(spread):
        return digits(value)
    step = digits(spread / 20, 1)
    return stepped(value, step)
