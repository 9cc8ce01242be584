"""提供データの形式 (kinds): the formats a delivery may have, and what its sender says of it beside the files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path

from kiban_processing.language import Text


class Format(StrEnum):
    """形式 (format) of a delivery."""

    SSMIX2 = "ssmix2"
    UKE = "uke"
    DPC = "dpc"
    FHIR = "fhir"
    CSV = "csv"
    CHECKUP = "checkup"


FORMAT_NAMES: dict[Format, Text] = {
    Format.SSMIX2: Text("SS-MIX2標準化ストレージ", "SS-MIX2 standardised storage"),
    Format.UKE: Text("レセプト電算処理", "electronic claims (UKE)"),
    Format.DPC: Text("DPC調査データ", "DPC survey data"),
    Format.FHIR: Text("FHIR R4", "FHIR R4"),
    Format.CSV: Text("CSV", "CSV"),
    Format.CHECKUP: Text("特定健診XML", "specific health checkup (CDA hc08)"),
}


@dataclass(frozen=True)
class Options:
    """What the sender or the operator says of a delivery beside the files.

    `encoding`: how text is encoded, where the format leaves it open (None: the format's own rule). `mapping`: a mapping of columns, where the format
    needs one (CSV: `mapping.toml` or a Frictionless table schema). `identifiers`: the hospital's table of data IDs and patient IDs (DPC).
    `effective`: the day whose layout the files follow, where they do not tell it themselves.
    """

    encoding: str | None = None
    mapping: Path | None = None
    identifiers: Path | None = None
    effective: date | None = None


NO_OPTIONS = Options()
