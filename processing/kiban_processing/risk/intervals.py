"""信頼区間 (intervals): how far a share found in a sample may lie from that of the whole."""

from __future__ import annotations

import math

Z = 1.959963984540054  # 97.5th percentile of the normal distribution: 95 % between the two bounds


def wilson(successes: float, trials: int, z: float = Z) -> tuple[float, float]:
    """The score interval of a share; from 0 to 1 where nothing was tried. `successes` may be a sum of chances.

    >>> tuple(round(bound, 4) for bound in wilson(10, 100))
    (0.0552, 0.1744)

    Source: Wilson 1927.
    """
    if trials == 0:
        return 0.0, 1.0
    share = successes / trials
    centre = share + z * z / (2 * trials)
    spread = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)
