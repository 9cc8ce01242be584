"""読取片 (pieces): what a reader of one format gives, stretch by stretch: text rows by catalogue table, defects and counts of records.

A *record* (記録) is what the format counts: a row of a CSV or DPC file, a message of SS-MIX2, a receipt (レセプト) of a claims file, a resource of
FHIR, a document of a checkup. Every record of a file is counted once: as accepted, quarantined or refused. Readers are listed in `readers`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

from kiban_processing.refusals import Refusal

PLACE = (("source_file", pa.string()), ("source_row", pa.int64()))
"""Where a record stands: the file's name inside the delivery and the record's number in that file, from 1."""

DEFECTS = pa.schema([*PLACE, ("column", pa.string()), ("rule", pa.string()), ("severity", pa.string()), ("raw", pa.string())])
"""Findings as the readers tell them; `raw` (the record as it came) only where `severity` is "row"; `rule` is a code of `findings.RULES`."""


@dataclass(frozen=True)
class Piece:
    """One stretch of a delivery, whole records only.

    `sent`: records of each file in this stretch (file → number). `rows`: table → text rows, with the columns of `PLACE` and one string
    column for each item that the format gives (null or "": nothing sent); a record gives any number of rows, all in the same piece.
    `defects`: a record with a defect of severity "row" and no column gives no rows and is quarantined whole.
    `set_aside`: kind → records that were read, found sound and kept aside, because no table is declared for them (they count as accepted).
    `refused`: file → (why, records lost with it; 1 where their number cannot be known); those records are in `sent` as well.
    """

    sent: Mapping[str, int]
    rows: Mapping[str, pa.Table] = field(default_factory=dict)
    defects: pa.Table = field(default_factory=DEFECTS.empty_table)
    set_aside: Mapping[str, int] = field(default_factory=dict)
    refused: Mapping[str, tuple[Refusal, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Remark:
    """備考 (remark): what a hospital should know about a file though nothing was lost by it, e.g. a total that disagrees. Never a value of a patient."""

    file: str
    rule: str
    particulars: Mapping[str, object] = field(default_factory=dict)


class Delivery(Protocol):
    """One delivery of one format, opened; nothing is kept from one call of `pieces` to the next but `remarks`."""

    @property
    def translations(self) -> Mapping[str, Mapping[str, str]]:
        """`table.column` → how the format's own codes answer to the catalogue's choices."""

    @property
    def items(self) -> Mapping[str, tuple[str, ...]]:
        """Table → every item this format may give; the gate asks that a person's notice covers all of them (Act 52(1)(iii))."""

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """Remarks of the last complete reading."""

    def shown(self, file: str) -> str:
        """The name under which people may see a file: the same for every reader whose file names hold no identifier."""

    def pieces(self, only: Collection[str] | None = None) -> Iterator[Piece]:
        """The whole delivery once, in a fixed order, in bounded memory; each call reads it anew.

        `only`: catalogue tables that are wanted; then rows of other tables may be left out, and files that cannot hold any of these may
        be passed over (the counts then tell of what was read). Defects are told in every reading.
        """
