"""読取器の一覧 (readers): the formats a delivery may have, and what opens each; loaded only when asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from importlib import import_module
from pathlib import Path

from kiban_processing.deliveries.pieces import Delivery
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
    `effective`: the day whose layout the files follow, where they do not tell it themselves. `is_trial`: nothing read is kept, so a reader may go
    on without what only intake needs, and remarks it.
    """

    encoding: str | None = None
    mapping: Path | None = None
    identifiers: Path | None = None
    effective: date | None = None
    is_trial: bool = False


NO_OPTIONS = Options()

Opener = Callable[[Path, Options], Delivery]

# Format → module of this package that has `open_delivery(path, options) -> Delivery`.
MODULES = {
    Format.SSMIX2: "ssmix2.delivery",
    Format.UKE: "uke.delivery",
    Format.DPC: "dpc.delivery",
    Format.FHIR: "fhir.delivery",
    Format.CSV: "separated.delivery",
    Format.CHECKUP: "checkup.delivery",
}


def open_delivery(path: Path, kind: Format, options: Options = NO_OPTIONS) -> Delivery:
    """The delivery at a path (a folder, a file or a zip), read as that format.

    Refuses: what the format's module refuses of a delivery as a whole; what is wrong with one file or record is told in the pieces.
    """
    opener: Opener = import_module(f"{__package__}.{MODULES[kind]}").open_delivery
    return opener(path, options)
