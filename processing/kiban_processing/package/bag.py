"""袋 (bag): the outer form of a delivery, BagIt 1.0 (RFC 8493), with SHA-256 and SHA-512; no host, no user, no clock in it.

The tag files are written here and not by the library's `make_bag`, which moves files and changes the directory of the whole process;
the library checks every finished bag independently.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import bagit

from kiban_processing.language import Text
from kiban_processing.package import manifest
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_21

BAG_INVALID = Ground(
    "bag-invalid",
    Family.INTEGRITY,
    ACT_21,
    Text("提供物が壊れているか、書き換えられています（{fault}）。", "The package is damaged or was altered ({fault})."),
    Text("使わずに、作成事業者から受け取り直してください。", "Do not use it; get it from the operator again."),
)

PAYLOAD = "data"
ALGORITHMS = ("sha256", "sha512")
_BLOCK = 1 << 20


def payload_files(folder: Path) -> list[str]:
    """Paths of all payload files relative to the bag, sorted."""
    return sorted(path.relative_to(folder).as_posix() for path in (folder / PAYLOAD).rglob("*") if path.is_file())


def write_tags(folder: Path, info: Mapping[str, str]) -> tuple[str, ...]:
    """Write `bagit.txt`, `bag-info.txt` and the payload manifests of a folder whose `data/` is complete; returns their names."""
    (folder / "bagit.txt").write_bytes(b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
    paths = payload_files(folder)
    size = sum((folder / path).stat().st_size for path in paths)
    lines = {**info, "Payload-Oxum": f"{size}.{len(paths)}"}
    text = "".join(f"{name}: {' '.join(value.split())}\n" for name, value in sorted(lines.items()))
    (folder / "bag-info.txt").write_bytes(text.encode())
    _write_manifests(folder, "manifest", paths)
    return ("bagit.txt", "bag-info.txt", *(f"manifest-{name}.txt" for name in ALGORITHMS))


def close(folder: Path, tag_files: Sequence[str]) -> None:
    """Write the tag manifests over all tag files: the last act, nothing may be added after it."""
    _write_manifests(folder, "tagmanifest", sorted(tag_files))


def check(folder: Path) -> None:
    """Have the BagIt library judge the whole bag, every byte. Refuses: bag-invalid."""
    # The library logs each mismatch with the file's path; we raise it instead, once.
    logger = logging.getLogger("bagit")
    quiet, logger.disabled = logger.disabled, True
    try:
        bagit.Bag(str(folder)).validate()
    except (bagit.BagError, OSError, ValueError) as error:
        raise BAG_INVALID.refuse(fault=_fault(error)) from error
    finally:
        logger.disabled = quiet


def verify(folder: Path) -> manifest.Manifest:
    """Read the release's manifest and prove that the bag is exactly what it lists: no file more, none less, each byte the same.

    Does not check the signature (the recipient's or auditor's key decides that). Refuses: manifest-unreadable, package-altered,
    bag-invalid.
    """
    found = manifest.read(folder / manifest.FILE)
    unlisted = {manifest.FILE, manifest.SIGNATURE, *(f"tagmanifest-{name}.txt" for name in ALGORITHMS)}
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - unlisted
    listed = {entry.path for entry in found.files}
    for path in sorted(listed ^ present):
        raise manifest.PACKAGE_ALTERED.refuse(file=path, fault="missing" if path in listed else "not listed")
    for entry, now in zip(sorted(found.files), manifest.measure(folder, listed), strict=True):
        if entry != now:
            raise manifest.PACKAGE_ALTERED.refuse(file=entry.path, fault="SHA-256")
    check(folder)
    return found


def _write_manifests(folder: Path, kind: str, paths: Sequence[str]) -> None:
    lines: dict[str, list[str]] = {name: [] for name in ALGORITHMS}
    for path in paths:
        digests = {name: hashlib.new(name) for name in ALGORITHMS}
        with (folder / path).open("rb") as file:
            while block := file.read(_BLOCK):
                for digest in digests.values():
                    digest.update(block)
        for name, digest in digests.items():
            lines[name].append(f"{digest.hexdigest()}  {path}\n")
    for name in ALGORITHMS:
        (folder / f"{kind}-{name}.txt").write_bytes("".join(lines[name]).encode())


def _fault(error: Exception) -> str:
    details = getattr(error, "details", None) or []
    return "; ".join(sorted({type(detail).__name__ for detail in details})) or type(error).__name__
