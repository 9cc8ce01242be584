"""凍結した計数 (frozen): what is counted over all registrations once and kept with the model, so that an increment judges as before.

It holds no name but the surnames that at least five different given names were seen with; other names are codes with a count.
Counts over patients: it stays with the operator, like the model (加工の方法に関する情報).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

HELD = pa.schema([("field", pa.string()), ("code", pa.int64()), ("held", pa.int32())])
WORN = pa.schema([("field", pa.string()), ("code", pa.int64())])
SURNAMES = pa.schema([("script", pa.string()), ("surname", pa.string()), ("given_names", pa.int32())])
FACTS = pa.schema([("fact", pa.string()), ("value", pa.string())])


@dataclass(frozen=True)
class Frozen:
    """Equal registrations give an equal `Frozen`, in any order.

    `surnames`: script → surname → number of different given names. `worn`: field (phone, insurance, dob, dob_default), code: values on too
    many registrations to be evidence (days since 1970-01-01 for birth dates). `held`: field, code, held: how many persons (told apart by birth date)
    carry a name, from two on. `registrations`: how many were counted. `version`, `mergers`: the normalisation and the table of mergers used.
    """

    version: str
    registrations: int
    surnames: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    worn: pa.Table = field(default_factory=WORN.empty_table)
    held: pa.Table = field(default_factory=HELD.empty_table)
    mergers: str = ""

    def to_tables(self) -> dict[str, pa.Table]:
        """For storing; `from_tables` is the way back."""
        surnames = [
            (script, surname, count) for script in sorted(self.surnames) for surname, count in sorted(self.surnames[script].items())
        ]
        facts = {"version": self.version, "registrations": str(self.registrations), "mergers": self.mergers}
        return {
            "facts": pa.table([list(facts), list(facts.values())], schema=FACTS),
            "surnames": pa.table([list(column) for column in zip(*surnames, strict=True)] or [[], [], []], schema=SURNAMES),
            "worn": self.worn,
            "held": self.held,
        }

    @classmethod
    def from_tables(cls, tables: Mapping[str, pa.Table]) -> Frozen:
        facts = dict(zip(*(tables["facts"].column(column).to_pylist() for column in ("fact", "value")), strict=True))
        surnames: dict[str, dict[str, int]] = {"kanji": {}, "kana": {}}
        for script, surname, count in zip(*(column.to_pylist() for column in tables["surnames"].columns), strict=True):
            surnames.setdefault(script, {})[surname] = count
        return cls(facts["version"], int(facts["registrations"]), surnames, tables["worn"], tables["held"], facts["mergers"])

    def digest(self) -> str:
        """SHA-256 of all of it."""
        found = hashlib.sha256()
        for name, table in sorted(self.to_tables().items()):
            found.update(name.encode())
            for column in table.columns:
                for value in column.to_pylist():
                    found.update(f"{value}\n".encode())
        return found.hexdigest()
