"""標準形式の申告 (standard files): what a submission's mapping says of deliveries in a standard format (SS-MIX2, claims, DPC, FHIR, checkup).

[[deliveries]]
path = "ssmix"            # a folder, a file or a zip inside the submission
format = "ssmix2"
identifiers = "ids.csv"   # where the format needs one
omit = ["patients.phone"] # items that are dropped before anything is kept, because the notice does not name them
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from kiban_processing.catalogue.tables import named
from kiban_processing.formats import settings
from kiban_processing.formats.kinds import Format, Options
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_52_1

REQUIRED_OMITTED = Ground(
    "required-item-omitted", Family.INPUT, ACT_52_1,
    Text("「{item}」は必須の項目のため省けません。", "“{item}” is required and cannot be omitted."),
    Text("omit から除いてください。", "Take it out of `omit`."),
)  # fmt: skip


@dataclass(frozen=True)
class StandardFiles:
    """One delivery of a standard format inside a submission; `omit`: qualified items to drop; `identifiers`: a file of the submission."""

    path: str
    format: Format
    encoding: str | None = None
    identifiers: str | None = None
    effective: date | None = None
    omit: frozenset[str] = frozenset()

    def options(self, folder: Path) -> Options:
        return Options(self.encoding, None, folder / self.identifiers if self.identifiers else None, self.effective)


def read(entry: settings.Settings) -> StandardFiles:
    """One `[[deliveries]]` entry; the files are not looked at.

    Refuses: setting-unknown, setting-missing, setting-invalid, undeclared-item, required-item-omitted.
    """
    entry.only("path", "format", "encoding", "identifiers", "effective", "omit")
    kinds = [kind for kind in Format if kind is not Format.CSV]
    kind = next((one for one in kinds if one == entry.text("format")), None)
    if kind is None:
        raise entry.invalid("format", ", ".join(kinds))
    omit = frozenset(entry.texts("omit")) if "omit" in entry else frozenset()
    for item in sorted(omit):
        if named(item).required:
            raise REQUIRED_OMITTED.refuse(item=item)
    return StandardFiles(
        entry.text("path"), kind,
        entry.text("encoding") if "encoding" in entry else None,
        entry.text("identifiers") if "identifiers" in entry else None,
        entry.day("effective") if "effective" in entry else None,
        omit,
    )  # fmt: skip
