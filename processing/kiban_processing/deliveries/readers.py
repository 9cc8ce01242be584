"""読取器の一覧 (readers): the formats a delivery may have, and what opens each; loaded only when asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from kiban_processing.deliveries.pieces import Delivery
from kiban_processing.formats.kinds import FORMAT_NAMES as FORMAT_NAMES
from kiban_processing.formats.kinds import NO_OPTIONS as NO_OPTIONS
from kiban_processing.formats.kinds import Format as Format
from kiban_processing.formats.kinds import Options as Options

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
