"""格納場所 (places): what the path and name of a file in the standard storage say: whose, of which day, of which kind, and whether it still holds.

Layout: `root/ID[0:3]/ID[3:6]/ID/(day|-)/kind/ID_day_kind_order_timestamp_department_condition`.
Source: SS-MIX2 標準化ストレージ 構成の説明と構築のガイドライン Ver.1.2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Condition(StrEnum):
    """コンディションフラグ (condition flag), the last part of a name."""

    DELETED = "0"
    VALID = "1"
    SUPERSEDED = "2"


class Beside(StrEnum):
    """What may lie beside the standard storage and holds copies of it or other things; never read with it."""

    EXTENDED = "extended-storage"  # 拡張ストレージ
    TRANSACTIONS = "transaction-storage"  # トランザクションストレージ
    INDEX = "index"  # インデックスデータベース


@dataclass(frozen=True, slots=True)
class Place:
    """One file's place. `day`: YYYYMMDD or "-" (kinds of the patient as such). `agrees`: the folders above name the same patient, day and kind."""

    patient: str
    day: str
    kind: str
    order: str
    written: str
    department: str
    condition: Condition
    agrees: bool

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What may be valid only once in a storage."""
        return self.patient, self.day, self.kind, self.order

    @property
    def shown_day(self) -> str:
        """The day people are shown: the record's, else the day it was written."""
        day = self.written if self.day == "-" else self.day
        return f"{day[:4]}-{day[4:6]}-{day[6:8]}"


_NAME = re.compile(r"([^_/\x00-\x20]+)_(\d{8}|-)_([A-Z]{3}(?:-\d\d)?)_([^_/]*)_(\d{12,17})_([^_/]*)_([012])(?:\.hl7|\.HL7)?")
_TRANSACTIONS = re.compile(r"TR_\d{8,17}_\d+\.DAT", re.IGNORECASE)
_INDEX = re.compile(r"SSMIXIDX", re.IGNORECASE)
_CONDITIONS = {flag.value: flag for flag in Condition}


def read(name: str) -> Place | Beside | None:
    """What a file's name inside the delivery says; None where it is no name of the standard.

    A file that lies alone or in a folder of other shape is taken by its name. Extended storage is known by `^` in its folders' names.
    """
    parts = name.split("/")
    found = _NAME.fullmatch(parts[-1])
    if found is None or "^" in name:
        return _beside(name, parts[-1])
    patient, day, kind, order, written, department, flag = found.groups()
    agrees = True
    if len(parts) >= 4 and (parts[-3] == "-" or (len(parts[-3]) == 8 and parts[-3].isdecimal())):
        is_deep = len(parts) >= 6 and len(patient) >= 6  # how shorter IDs are filed, systems decide
        agrees = parts[-4:-1] == [patient, day, kind] and (not is_deep or parts[-6:-4] == [patient[:3], patient[3:6]])
    return Place(patient, day, kind, order, written, department, _CONDITIONS[flag], agrees)


def _beside(name: str, last: str) -> Beside | None:
    if _TRANSACTIONS.fullmatch(last):
        return Beside.TRANSACTIONS
    if _INDEX.match(last):
        return Beside.INDEX
    return Beside.EXTENDED if "^" in name else None
