"""ARX形式の階層 (ARX form): a hierarchy as the CSV that ARX and `hierarchy.read` take: `;` between levels, no header, level 0 first."""

from __future__ import annotations

import csv
import io

from kiban_processing.hierarchies.hierarchy import Hierarchy


def write(hierarchy: Hierarchy) -> str:
    """One line per leaf in the hierarchy's order; `read` of it gives the same leaves, labels and shares. The missing value has no line.

    >>> from kiban_processing.hierarchies import ages
    >>> write(ages.sex()).splitlines()[0]
    'male;*'
    """
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\n")
    for number in range(hierarchy.size):
        writer.writerow([hierarchy.labels[level][int(codes[number])] for level, codes in enumerate(hierarchy.codes)])
    return out.getvalue()
