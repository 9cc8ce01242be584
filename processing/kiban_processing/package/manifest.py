"""提供目録 (manifest): every file of a release with size and SHA-256; its digest is what approvers sign and the ledger books (Act 14)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import rfc8785

from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_21

FORMAT = "kiban/manifest/v1"
FILE = "manifest.json"
SIGNATURE = "manifest.json.sig"

MANIFEST_UNREADABLE = Ground(
    "manifest-unreadable",
    Family.INTEGRITY,
    ACT_21,
    Text("{file} は提供目録として読めません。", "{file} cannot be read as the manifest of a release."),
    Text("作成事業者から受け取り直してください。", "Get it from the operator again."),
)
PACKAGE_ALTERED = Ground(
    "package-altered",
    Family.INTEGRITY,
    ACT_21,
    Text("{file} が提供目録と一致しません（{fault}）。", "{file} is not as the manifest says ({fault})."),
    Text("使わずに、作成事業者から受け取り直してください。", "Do not use it; get it from the operator again."),
)

_BLOCK = 1 << 20


@dataclass(frozen=True, order=True)
class Entry:
    """One file: path relative to the bag with `/`, size in bytes, SHA-256 in hexadecimal."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a release consists of. `rows`: rows per table."""

    release: str
    contract: str
    created: date
    rows: Mapping[str, int]
    files: tuple[Entry, ...]

    def as_document(self) -> bytes:
        """Canonical JSON (RFC 8785): same release, same bytes."""
        return rfc8785.dumps(
            {
                "format": FORMAT,
                "release": self.release,
                "contract": self.contract,
                "created": self.created.isoformat(),
                "rows": dict(self.rows),
                "files": [{"path": f.path, "size": f.size, "sha256": f.sha256} for f in sorted(self.files)],
            }
        )

    @property
    def digest(self) -> str:
        """SHA-256 of the document, in hexadecimal."""
        return hashlib.sha256(self.as_document()).hexdigest()

    def note(self) -> bytes:
        """The text that the operator signs (C2SP signed-note: lines, the last one closed). It names its own kind first, so that a
        signature under a manifest can never be taken for one under a checkpoint of the ledger."""
        return f"{FORMAT}\n{self.release}\nsha256:{self.digest}\n".encode()


def measure(folder: Path, paths: Iterable[str]) -> tuple[Entry, ...]:
    """Size and SHA-256 of the named files below `folder`, sorted by path."""
    return tuple(Entry(path, (folder / path).stat().st_size, digest_of(folder / path)) for path in sorted(paths))


def digest_of(path: Path) -> str:
    """SHA-256 of a file in hexadecimal, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def read(path: Path) -> Manifest:
    """The manifest in a file. Refuses: manifest-unreadable (also when the bytes are not the canonical ones)."""
    try:
        raw = path.read_bytes()
        document = json.loads(raw)
        manifest = Manifest(
            release=str(document["release"]),
            contract=str(document["contract"]),
            created=date.fromisoformat(document["created"]),
            rows={str(table): int(rows) for table, rows in document["rows"].items()},
            files=tuple(Entry(str(f["path"]), int(f["size"]), str(f["sha256"])) for f in document["files"]),
        )
        canonical = manifest.as_document()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise MANIFEST_UNREADABLE.refuse(file=path.name) from error
    if canonical != raw:
        raise MANIFEST_UNREADABLE.refuse(file=path.name)
    return manifest
