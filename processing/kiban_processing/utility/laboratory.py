"""検査値 (laboratory): mean and standard deviation of the most common analytes, before and after, over the middle of their values.

The outermost hundredth at either end is left out on both sides: one extreme person must not show in a mean of the cohort.
"""

from __future__ import annotations

import math

from kiban_processing.utility import rounding
from kiban_processing.utility.compared import AFTER, BEFORE, Compared

MOST = 10  # analytes
_ANALYTE = 5  # leading characters of a JLAC10 code that name what is measured


def measure(compared: Compared) -> list[dict[str, object]]:
    """Per analyte (JLAC10, first five characters) and unit: rounded mean and standard deviation before and after."""
    if not compared.has("laboratory_results", "jlac10", "value", "unit"):
        return []
    sides = []
    for side in (BEFORE, AFTER):
        code, value, unit = (compared.names("laboratory_results", item)[side] for item in ("jlac10", "value", "unit"))
        rows = (
            f"SELECT substr({code}, 1, {_ANALYTE}) AS analyte, {unit} AS unit, person, {value} AS value "
            f"FROM {compared.relations('laboratory_results')[side]} WHERE {value} IS NOT NULL AND length({code}) >= {_ANALYTE} AND {unit} IS NOT NULL"
        )
        edges = "SELECT analyte, unit, quantile_disc(value, 0.01) AS low, quantile_disc(value, 0.99) AS high FROM r GROUP BY 1, 2"
        sides.append(
            {
                (analyte, unit): (int(persons), float(mean), float(spread or 0.0))
                for analyte, unit, persons, mean, spread in compared.rows(
                    f"WITH r AS ({rows}), e AS ({edges}) SELECT r.analyte, r.unit, count(DISTINCT person), avg(value), stddev_samp(value) "
                    "FROM r JOIN e ON e.analyte = r.analyte AND e.unit = r.unit WHERE value BETWEEN low AND high GROUP BY 1, 2"
                )
            }
        )
    before, after = sides
    shown: list[dict[str, object]] = []
    for key in sorted(after, key=lambda key: (-after[key][0], key))[:MOST]:
        pair = [side.get(key, (0, 0.0, 0.0)) for side in (before, after)]
        if min(persons for persons, _, _ in pair) < rounding.FEWEST:
            continue
        entry: dict[str, object] = {"analyte": key[0], "unit": key[1]}
        for name, (_, mean, spread) in zip(("before", "after"), pair, strict=True):
            entry[f"mean_{name}"] = rounding.beside(mean, spread)
            entry[f"deviation_{name}"] = rounding.digits(spread) if math.isfinite(spread) else 0.0
        shown.append(entry)
    return shown
