"""隔離分の消去 (quarantine): raw rows and damaged files that name a registration by its hospital's own patient ID.

Quarantined content was never typed, so an ID is looked for as it may be written: in any width, with any dash, with zeros before it, standing
alone between separators. A raw row that names it is emptied and its finding (file, row, rule) stays; a damaged file that names it, or that is
no text and cannot be searched, is destroyed as a whole. When in doubt it goes.
"""

from __future__ import annotations

import re
import unicodedata

import pyarrow as pa
import pyarrow.compute as pc

from kiban_operator import vault
from kiban_operator.erasure import files
from kiban_operator.erasure.files import Held
from kiban_operator.home import Home
from kiban_operator.incoming import PART_BYTES
from kiban_operator.vault import Progress, Shelf, VaultFile

FINDINGS, DAMAGED = "findings", "damaged-file"
_DASHES = "[-\u2010-\u2015\u2212]"
_ENCODINGS = ("utf-8", "cp932", "euc-jp", "utf-16-le", "utf-16-be")
_PACKED = (b"PK\x03\x04", b"\x1f\x8b", b"7z\xbc\xaf", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
_REACH = 1024  # bytes that two parts of a file are searched over together


def naming(home: Home, local_ids: dict[str, list[str]]) -> tuple[list[Held], list[VaultFile]]:
    """Findings whose raw rows name one of the IDs, with their number, and damaged files that do or cannot be searched."""
    rows: list[Held] = []
    whole: list[VaultFile] = []
    with home.reading() as session:
        chosen = [file for file in vault.files(session, Shelf.QUARANTINE) if local_ids.get(file.hospital)]
    for file in chosen:
        ids = local_ids[file.hospital]
        source = files.readable(home, file)
        if source is None:
            continue
        try:
            if file.table_name == FINDINGS:
                number = sum(pc.sum(_names(batch.column("raw"), ids)).as_py() or 0 for batch in source.to_batches(columns=["raw"]))
                rows += [Held(file, number)] if number else []
            elif _damaged_names(source, ids):
                whole.append(file)
        except FileNotFoundError:
            continue  # somebody else's erasure was faster
    return rows, whole


def empty(home: Home, order_id: str, held: Held, local_ids: dict[str, list[str]], progress: Progress) -> None:
    """Rewrite findings with the raw rows emptied that name one of the IDs."""
    ids = local_ids[held.file.hospital]

    def change(batch: pa.RecordBatch) -> pa.RecordBatch:
        raw = batch.column("raw")
        emptied = pc.if_else(_names(raw, ids), pa.scalar(None, raw.type), raw)
        return batch.set_column(batch.schema.get_field_index("raw"), "raw", emptied)

    files.rewrite(home, order_id, held, None, change, progress)


def _names(raw: pa.Array, ids: list[str]) -> pa.Array:
    """Of each raw row, whether it names one of the IDs."""
    plain = pc.replace_substring_regex(pc.utf8_normalize(pc.fill_null(raw, ""), form="NFKC"), pattern=_DASHES, replacement="-")
    return pc.match_substring_regex(plain, _pattern(ids), ignore_case=True)


def _pattern(ids: list[str]) -> str:
    """An ID alone between separators, in the grammar of RE2 (which looks neither ahead nor behind)."""
    escaped = "|".join(re.escape(_plain(each).lstrip("0") or "0") for each in ids)
    return f"(^|[^0-9A-Za-z./-])0*({escaped})($|[^0-9A-Za-z./-])"


def _plain(local_id: str) -> str:
    return re.sub(_DASHES, "-", unicodedata.normalize("NFKC", local_id).strip())


def _damaged_names(source: pa.dataset.Dataset, ids: list[str]) -> bool:
    rest = b""
    for batch in source.to_batches(columns=["part", "content"]):
        for part, content in zip(batch.column("part").to_pylist(), batch.column("content").to_pylist(), strict=True):
            if part == 0 and content.startswith(_PACKED):
                return True
            rest = rest[-_REACH:] + content if part else content
            if _bytes_name(rest, ids):
                return True
            rest = rest[-PART_BYTES:]
    return False


def _bytes_name(content: bytes, ids: list[str]) -> bool:
    """Whether bytes name an ID in any encoding a hospital uses; of wide letters every occurrence counts, alone or not."""
    wide = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)})
    for each in ids:
        plain = _plain(each).lstrip("0") or "0"
        if re.search(rb"(?<![0-9A-Za-z])0*" + re.escape(plain.encode()) + rb"(?![0-9A-Za-z])", content, re.IGNORECASE):
            return True
        written = [(plain, encoding) for encoding in _ENCODINGS if encoding.startswith("utf-16")]
        written += [(plain.translate(wide), encoding) for encoding in _ENCODINGS]
        if any(text.encode(encoding, "ignore") in content for text, encoding in written):
            return True
    return False
