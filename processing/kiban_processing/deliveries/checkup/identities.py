"""患者IDの対応表 (identities): which patient of the hospital a checkup document is about; the document itself knows no patient ID."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path, PurePosixPath

from kiban_processing.deliveries.checkup import grounds
from kiban_processing.deliveries.checkup.document import Document
from kiban_processing.formats import encodings, findings, lines

LOCAL, TICKET, MEMBER, FILE = "local_patient_id", "ticket_number", "member_id", "file"
NAMES = {
    "患者ID": LOCAL, "受診券整理番号": TICKET, "被保険者識別子": MEMBER, "ファイル名": FILE,
    **{name: name for name in (LOCAL, TICKET, MEMBER, FILE)},
}  # fmt: skip
"""Names a column may have; `member_id` is 保険者番号:記号:番号:枝番."""
LARGEST = 256 << 20  # bytes


class Identities:
    """(kind of key, key) → local patient IDs."""

    def __init__(self, known: dict[tuple[str, str], set[str]]) -> None:
        self._known = known

    def of(self, document: Document, file: str) -> tuple[str, findings.Rule | None]:
        """The local ID all keys of the document agree on, or why there is none."""
        name = PurePosixPath(file).name
        keys = ((TICKET, document.ticket), (MEMBER, document.member), (FILE, name), (FILE, name.removesuffix(".xml")))
        found: set[str] = set().union(*(self._known.get(key, set()) for key in keys if key[1]))
        if len(found) == 1:
            return found.pop(), None
        return "", findings.PERSON_AMBIGUOUS if found else findings.PERSON_MISSING


NOBODY = Identities({})


def read(path: Path) -> Identities:
    """The hospital's table, held in memory (about 200 bytes a document). Refuses: identifiers-unreadable, file-unreadable."""
    with lines.open_file(path) as file:
        data = file.read(LARGEST + 1)
    text = _decoded(data, path.name)
    rows = csv.reader(StringIO(text, newline=""), strict=True)
    known: dict[tuple[str, str], set[str]] = {}
    number = 0
    try:
        header = [NAMES.get(cell.strip()) for cell in next(rows, [])]
        number = 1
        if LOCAL not in header or None in header or len(set(header)) < len(header) or len(header) < 2:
            raise grounds.IDENTIFIERS_UNREADABLE.refuse(file=path.name, row=1)
        for number, row in enumerate(rows, 2):
            if not row:
                continue
            if len(row) != len(header):
                raise grounds.IDENTIFIERS_UNREADABLE.refuse(file=path.name, row=number)
            cells = {str(name): cell.strip() for name, cell in zip(header, row, strict=True)}
            local = cells.pop(LOCAL)
            for name, cell in cells.items():
                if cell and local:
                    known.setdefault((name, cell), set()).add(local)
    except csv.Error:
        raise grounds.IDENTIFIERS_UNREADABLE.refuse(file=path.name, row=number + 1) from None
    return Identities(known)


def _decoded(data: bytes, file: str) -> str:
    """UTF-8 strictly, else CP932 strictly."""
    if len(data) <= LARGEST:
        for encoding in encodings.ENCODINGS:
            try:
                return data.removeprefix(encodings.MARK).decode(encoding)
            except UnicodeDecodeError:
                continue
    raise grounds.IDENTIFIERS_UNREADABLE.refuse(file=file, row=1)
