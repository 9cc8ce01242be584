"""信頼区間 (intervals): intervals of shares from samples, alone, weighted together and as a ratio, in closed form.

Sources: Wilson, JASA 1927, 22:209; Zou & Donner, Stat. Med. 2008, 27:1693 (variance recovered from the limits of the parts);
Donner & Zou, Stat. Methods Med. Res. 2012, 21:347 (the same for ratios).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Z95 = 1.959963984540054


@dataclass(frozen=True)
class Estimate:
    """A value with the limits of its interval (95 % where nothing else is said)."""

    value: float
    low: float
    high: float

    def scaled(self, factor: float) -> Estimate:
        return Estimate(self.value * factor, self.low * factor, self.high * factor)

    def as_json(self) -> dict[str, float | None]:
        """For machines; a value that nothing is known of is null."""
        return {"value": None if math.isnan(self.value) else self.value, "low": self.low, "high": self.high}


def share(hits: int, drawn: int, population: int | None = None, z: float = Z95) -> Estimate:
    """Share of hits in a sample, by Wilson's interval. `population`: what was drawn from without putting back; all drawn is certain.

    >>> share(100, 100).low > 0.963, share(3, 3, population=3)
    (True, Estimate(value=1.0, low=1.0, high=1.0))
    """
    if drawn == 0:
        return Estimate(math.nan, 0.0, 1.0)
    found = hits / drawn
    if population is not None and population <= drawn:
        return Estimate(found, found, found)
    # A sample that holds much of the population tells as much as a larger one from an endless population.
    told = drawn if population is None else drawn * (population - 1) / (population - drawn)
    middle = (found + z * z / (2 * told)) / (1 + z * z / told)
    half = z * math.sqrt(found * (1 - found) / told + z * z / (4 * told * told)) / (1 + z * z / told)
    return Estimate(found, max(middle - half, 0.0) if hits else 0.0, min(middle + half, 1.0) if hits < drawn else 1.0)


def total(parts: Sequence[Estimate]) -> Estimate:
    """Sum of independent estimates.

    >>> total([Estimate(10, 7, 13), Estimate(20, 16, 24)])
    Estimate(value=30, low=25.0, high=35.0)
    """
    value = sum(part.value for part in parts)
    low = math.sqrt(sum((part.value - part.low) ** 2 for part in parts))
    high = math.sqrt(sum((part.high - part.value) ** 2 for part in parts))
    return Estimate(value, value - low, value + high)


def proportion(part: Estimate, rest: Estimate) -> Estimate:
    """part / (part + rest) of two independent estimates that are not negative."""
    if part.value <= 0:
        return Estimate(0.0 if rest.value > 0 else math.nan, 0.0, 1.0)
    odds = _ratio(rest, part)
    return Estimate(1 / (1 + odds.value), 1 / (1 + odds.high), 1 / (1 + odds.low))


def _ratio(above: Estimate, below: Estimate) -> Estimate:
    product = above.value * below.value
    low_below, low_above = max(below.low, 0.0), max(above.low, 0.0)
    down = max(product**2 - low_above * below.high * (2 * above.value - low_above) * (2 * below.value - below.high), 0.0)
    low = (product - math.sqrt(down)) / (below.high * (2 * below.value - below.high)) if 2 * below.value > below.high else 0.0
    up = max(product**2 - above.high * low_below * (2 * above.value - above.high) * (2 * below.value - low_below), 0.0)
    high = (product + math.sqrt(up)) / (low_below * (2 * below.value - low_below)) if low_below > 0 else math.inf
    return Estimate(above.value / below.value, max(low, 0.0), high)
