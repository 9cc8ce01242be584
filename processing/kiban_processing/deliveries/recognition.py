"""形式の判別 (recognition): which format a delivery is, from the names and first bytes of its first files; unclear is refused, never guessed."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path

from kiban_processing.deliveries import sources
from kiban_processing.deliveries.readers import Format
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import REG_5_X

FORMAT_UNRECOGNISED = Ground(
    "format-unrecognised", Family.INPUT, REG_5_X,
    Text("{file} の形式を判別できません。", "The format of {file} cannot be recognised."),
    Text("--format ssmix2|uke|dpc|fhir|csv|checkup で指定してください。", "Name it with --format ssmix2|uke|dpc|fhir|csv|checkup."),
)  # fmt: skip
FORMATS_MIXED = Ground(
    "formats-mixed", Family.INPUT, REG_5_X,
    Text("{file} に複数の形式({formats})が混在しています。", "{file} holds files of several formats ({formats})."),
    Text("形式ごとにフォルダーを分けるか、--format で一つを指定してください。", "Put each format in a folder of its own, or name one with --format."),
)  # fmt: skip

LOOKED_AT = 64  # files; a delivery of one format shows it in its first ones
HEAD = 4096  # bytes

_SSMIX2_PATH = re.compile(r"(^|/)(\d{8}|-)/[A-Z]{3}(-\d\d)?/[^/]+_(\d{8}|-)_[A-Z]{3}(-\d\d)?_[^/]*_\d{14,17}_[^/]*_[012]$")
_SSMIX2_FILE = re.compile(r"^[^/]+_(\d{8}|-)_[A-Z]{3}(-\d\d)?_[^/_]*_\d{14,17}_[^/_]*_[012]$")
_DPC_NAME = re.compile(r"^(FF1|FF3|FF4|EFn|EFg|EF|Dn|D|Hn|H|Kn|K)_?\d{9}_?\d{4}.*\.(txt|tsv)$|^sample_EF[ng]_.*\.txt$", re.IGNORECASE)
_UKE_NAME = re.compile(r"^RECEIPT[CDHYS].*\.(UKE|CSV)$|\.UKE$", re.IGNORECASE)
_CHECKUP_NAME = re.compile(r"(^|/)(ix08|su08|h\w*|c\w*)[^/]*\.xml$", re.IGNORECASE)


def recognise(path: Path) -> Format:
    """The format of the delivery at a path. Refuses: format-unrecognised, formats-mixed, and what `sources.walk` refuses."""
    if path.is_dir() and (path / "manifest.toml").is_file():
        return Format.CSV
    found: dict[Format, int] = {}
    for source in islice(sources.walk(path), LOOKED_AT):
        kind = _kind(source)
        if kind is not None:
            found[kind] = found.get(kind, 0) + 1
    if not found:
        raise FORMAT_UNRECOGNISED.refuse(file=path.name)
    if Format.CSV in found and len(found) > 1:
        del found[Format.CSV]  # tables of masters or of IDs that lie beside the standard files
    if len(found) > 1:
        raise FORMATS_MIXED.refuse(file=path.name, formats=", ".join(sorted(found)))
    return next(iter(found))


def _kind(source: sources.Source) -> Format | None:
    name = source.name.rsplit("/", 1)[-1]
    with source.open() as file:
        head = file.read(HEAD).removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(b"MSH|"):
        return Format.SSMIX2
    if _SSMIX2_PATH.search(source.name) or _SSMIX2_FILE.match(name):
        return Format.SSMIX2
    if head.startswith((b"IR,", b"RE,", b"UK,")) or _UKE_NAME.search(name):
        return Format.UKE
    if _DPC_NAME.match(name) or _dpc_header(head):
        return Format.DPC
    if head.startswith((b"{", b"[")) and (b'"resourceType"' in head or name.endswith(".ndjson")):
        return Format.FHIR
    if head.startswith(b"<") and (b"urn:hl7-org:v3" in head or b"ClinicalDocument" in head or _CHECKUP_NAME.search(source.name)):
        return Format.CHECKUP
    if name.lower().endswith((".csv", ".tsv")):
        return Format.CSV
    return None


def _dpc_header(head: bytes) -> bool:
    """An EF, H or FF1 file under another name: tabs, a nine-digit facility code and a ten-digit data ID at the start of a row."""
    rows = head.splitlines()[:3]
    return any(re.match(rb"\d{9}\t\d{10}\t", row) for row in rows)
