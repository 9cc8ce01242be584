"""比較されない組 (unproposed): how many pairs of one person no block proposed, estimated from how two kinds of blocks overlap.

Capture and recapture: pairs found by blocks on a person's own particulars, and pairs found by blocks on what the household shares.
If both kinds found pairs independently, the share of one kind that the other finds too would be its reach. They are not quite
independent (a moved and renamed person is missed by both), so the estimate is a lower bound of what is missing.
Source: Chapman, Univ. Calif. Publ. Stat. 1951, 1:131; interval of Burnham et al., Am. Fish. Soc. Monogr. 1987, 5.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import duckdb
import numpy as np

from kiban_processing.linkage.explaining.intervals import Z95, Estimate
from kiban_processing.linkage.explaining.judgements import Flags, Weights

Blocks = Sequence[tuple[str, ...]]

# Blocks of comparisons.BLOCKS; those that need both kinds of particulars at once belong to neither.
OWN: Blocks = (("kana_wide", "dob_year"), ("kana_wide", "dob_monthday"), ("dob", "kana_wide"), ("dob", "kanji_wide"))
SHARED: Blocks = (("insurance", "dob"), ("phone", "dob"), ("insurance", "given_kana"), ("phone", "given_kana"), ("address", "given_kana"))


def found_by(con: duckdb.DuckDBPyConnection, keys: str, pairs: str, blocks: Blocks) -> Flags:
    """Which rows of the table `pairs` (left, right: nodes), in their order, agree on all columns of at least one block.

    `keys`: the table of `keys.normalise_relation`.
    """
    agree = " OR ".join("(" + " AND ".join(f"l.{column} = r.{column}" for column in block) + ")" for block in blocks)
    found = con.execute(f"""
        SELECT coalesce({agree}, false) AS found FROM {pairs} p JOIN {keys} l ON l.node = p."left" JOIN {keys} r ON r.node = p."right"
        ORDER BY p."left", p."right" """).fetchnumpy()
    return np.asarray(found["found"], np.bool_)


def estimate(same: Weights, first: Flags, second: Flags, z: float = Z95) -> Estimate:
    """Pairs of one person that neither kind of block proposed, with interval.

    `same`: probability that each proposed pair is one person; `first`, `second`: which kind of block proposed it.

    >>> rough = estimate(np.ones(150), np.arange(150) < 100, np.arange(150) >= 50)
    >>> round(rough.value, 1)
    49.0
    """
    one, other, both = float(same[first].sum()), float(same[second].sum()), float(same[first & second].sum())
    everybody = (one + 1) * (other + 1) / (both + 1) - 1
    missing = max(everybody - (one + other - both), 0.0)
    variance = (one + 1) * (other + 1) * max(one - both, 0.0) * max(other - both, 0.0) / ((both + 1) ** 2 * (both + 2))
    if missing <= 0 or variance <= 0:
        return Estimate(missing, missing, missing)
    spread = math.exp(z * math.sqrt(math.log(1 + variance / missing**2)))
    return Estimate(missing, missing / spread, missing * spread)
