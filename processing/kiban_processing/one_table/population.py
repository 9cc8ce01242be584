"""母集団の表 (population): the table of the population that a cohort was drawn from, counted by its quasi-identifiers (k-map, δ-presence)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kiban_processing import table_plan
from kiban_processing.anonymity import Quasi
from kiban_processing.one_table import encoding, reading
from kiban_processing.one_table.encoding import Encoder
from kiban_processing.recoding.tuples import Integers


def count(path: Path, separator: str | None, quasi: Sequence[Quasi]) -> tuple[list[Integers], Integers]:
    """The distinct combinations of leaves, per attribute, and their persons; one row per person. Not checked: that it contains the cohort.

    Refuses: table-unreadable, table-column-absent, hierarchy-gap.
    """
    source = reading.open_table(path, separator)
    names = [one.column for one in quasi]
    for name in names:
        if name not in source.names:
            raise table_plan.COLUMN_ABSENT.refuse(column=name)
    encoder = Encoder(*encoding.attributes(quasi, [], []))
    counted = encoding.count(encoder.keys(source.batches(names, names)), len(encoder.words), source.rows)
    return encoder.decoded(counted.key)[0], counted.rows
