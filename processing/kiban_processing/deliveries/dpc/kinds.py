"""DPCファイルの見分け (kinds): what a file is and which month it tells of, from its name, else from its header or the shape of its rows."""

from __future__ import annotations

import re

from kiban_processing.deliveries.dpc import layouts

_NAMED = re.compile(
    r"(?:^|[_/])(FF1|FF3|FF4|EFn|EFg|Dn|D|Hn|H|Kn|K)_(?:[0-9]{9}|X{9})_?(\d{2})(\d{2})(?!\d)[^/]*\.(?:txt|tsv)$", re.IGNORECASE
)
_NAMES = {
    "ff1": "FF1",
    "ff3": "FF3",
    "ff4": "FF4",
    "efn": "EFn",
    "efg": "EFg",
    "dn": "D",
    "d": "D",
    "hn": "H",
    "h": "H",
    "kn": "K",
    "k": "K",
}
_ROW = re.compile(rb"^[0-9]{9}\t(?:[0-9]{10}\t|[^\t]*\t[0-9]{10}\t)")
HEADER = "施設"
OUTPATIENT, INPATIENT_OR_OUTPATIENT = "1", 29
VISIT = "外来受診年月日"


def is_header(line: str) -> bool:
    """Whether a line names columns: its first cell speaks of the facility."""
    return line.lstrip("\ufeff").startswith(HEADER)


def by_name(name: str) -> tuple[str | None, int]:
    """The kind that a file's name tells, and the month (YYYYMM); None and 0 where it tells none."""
    found = _NAMED.search(name)
    if found is None:
        return None, 0
    year, month = 2000 + int(found[2]), int(found[3])
    return _NAMES[found[1].lower()], year * 100 + month if 1 <= month <= 12 else 0


def by_content(head: bytes, codec: str) -> str | None:
    """The kind that the first lines show; None where they are of none."""
    rows = [line for line in head.removeprefix(b"\xef\xbb\xbf").splitlines()[:200] if line]
    if not rows:
        return None
    first = rows[0].decode(codec, "replace")
    has_header = is_header(first)
    if not has_header and not _ROW.match(rows[0]):
        return None
    width = first.rstrip("\t").count("\t") + 1 if has_header else max(row.count(b"\t") + 1 for row in rows[:-1] or rows)
    widths = {len(kind.columns): name for name, kind in layouts.KINDS.items() if kind.is_read and name != "EFg"}
    kind = widths.get(width)
    if kind != "EFn":
        return kind
    if has_header:
        return "EFg" if VISIT in first else "EFn"
    marks = {
        cells[INPATIENT_OR_OUTPATIENT].strip()
        for cells in (row.decode(codec, "replace").split("\t") for row in rows)
        if len(cells) > INPATIENT_OR_OUTPATIENT
    }
    return "EFg" if OUTPATIENT in marks else "EFn"
