"""表 (tables): a table and its hierarchies as distinct tuples, from `X.csv` and `X_hierarchy_Y.csv` (`;` separated) or made here.

Hierarchies of a table of another size (`X_300k.csv`) are those of X. The columns that have a hierarchy are the quasi-identifiers.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from kiban_processing.hierarchies import hierarchy
from kiban_processing.hierarchies.hierarchy import Hierarchy
from kiban_processing.recoding.tuples import Sensitive, Tuples


def read(folder: Path, name: str, sensitive: str | None = None) -> tuple[Tuples, tuple[str, ...]]:
    """The tuples of one table and its quasi-identifiers; a sensitive column is no quasi-identifier."""
    text = {column: "string" for column in (folder / f"{name}.csv").open(encoding="utf-8").readline().strip().split(";")}
    options = arrow_csv.ConvertOptions(column_types=text, strings_can_be_null=False)
    table = arrow_csv.read_csv(folder / f"{name}.csv", parse_options=arrow_csv.ParseOptions(delimiter=";"), convert_options=options)
    base = name.removesuffix("_300k")
    paths = {column: folder / f"{base}_hierarchy_{column}.csv" for column in table.column_names}
    quasi = tuple(column for column in table.column_names if column != sensitive and paths[column].exists())
    hierarchies = tuple(hierarchy.read(column, "1", paths[column].read_text(encoding="utf-8")) for column in quasi)
    columns = [_leaves(pc.utf8_trim_whitespace(table[column]), one) for column, one in zip(quasi, hierarchies, strict=True)]
    codes = np.unique(table[sensitive].to_numpy(zero_copy_only=False), return_inverse=True)[1] if sensitive else None
    return distinct(hierarchies, columns, codes, sensitive or ""), quasi


def distinct(hierarchies: tuple[Hierarchy, ...], columns: list[np.ndarray], codes: np.ndarray | None = None, name: str = "") -> Tuples:
    """Distinct tuples with their persons, one person per row."""
    order = np.lexsort([*([codes] if codes is not None else []), *columns[::-1]])
    ordered = [column[order] for column in (*columns, *([codes] if codes is not None else []))]
    first = np.zeros(len(order), dtype=bool)
    first[:1] = True
    for column in ordered:
        first[1:] |= column[1:] != column[:-1]
    at = np.flatnonzero(first)
    persons = np.diff(np.append(at, len(order)))
    sensitive = (Sensitive(name, ordered[-1][at].astype(np.int64)),) if codes is not None else ()
    return Tuples(hierarchies, tuple(column[at] for column in ordered[: len(columns)]), persons, sensitive)


def made(rows: int, seed: int) -> Tuples:
    """Made-up patients: sex, birth year, one of 1,200 places in 40 areas, one of 900 diagnoses in 20 chapters, month, ward; skewed, seeded."""
    random = np.random.default_rng(seed)
    shapes = {
        "sex": (2, ()),
        "born": (100, (5, 20)),
        "place": (1200, (30, 300)),
        "diagnosis": (900, (9, 45)),
        "month": (24, (3, 12)),
        "ward": (12, (4,)),
    }
    skews = {"sex": 1.0, "born": 1.4, "place": 2.2, "diagnosis": 3.0, "month": 1.0, "ward": 1.6}
    hierarchies, columns = [], []
    for name, (size, bands) in shapes.items():
        rows_of = [(str(leaf), *(f"{leaf // band * band}+{band}" for band in bands), "*") for leaf in range(size)]
        hierarchies.append(hierarchy.build(name, "1", rows_of))
        columns.append((size * random.random(rows) ** skews[name]).astype(np.uint16))
    return distinct(tuple(hierarchies), columns)


def _leaves(values: object, one: Hierarchy) -> np.ndarray:
    import pyarrow as pa

    found = pc.index_in(values, value_set=pa.array(one.leaves, pa.string()))
    if found.null_count:
        raise ValueError(f"the hierarchy {one.name} lacks values")
    return np.asarray(found.to_numpy(), dtype=np.uint16 if one.size < 1 << 16 else np.int32)
