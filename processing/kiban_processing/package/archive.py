"""書庫 (archive): a bag as one tar whose bytes depend on names and contents alone; a stream, so that no clear copy is written."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from pathlib import Path

from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_21

ARCHIVE_DAMAGED = Ground(
    "archive-damaged",
    Family.INTEGRITY,
    ACT_21,
    Text(
        "書庫を展開できません。壊れているか、想定外のものを含んでいます。",
        "The archive cannot be unpacked: damaged, or it holds what it should not.",
    ),
    Text("使わずに、作成事業者から受け取り直してください。", "Do not use it; get it from the operator again."),
)

_BLOCK = 1 << 20


class Stream:
    """The tar of a folder as a readable stream; `sha256` is that of what was read so far."""

    def __init__(self, folder: Path, name: str) -> None:
        self._parts = pieces(folder, name)
        self._held = b""
        self._digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        while size < 0 or len(self._held) < size:
            part = next(self._parts, None)
            if part is None:
                break
            self._held += part
        end = len(self._held) if size < 0 else size
        given, self._held = self._held[:end], self._held[end:]
        self._digest.update(given)
        return given

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


def pieces(folder: Path, name: str) -> Iterator[bytes]:
    """The tar in pieces: names sorted, below one folder `name`; owner, time and modes fixed (0, 1970-01-01, 0644)."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        member = tarfile.TarInfo(f"{name}/{path.relative_to(folder).as_posix()}")
        member.size = path.stat().st_size
        member.mode = 0o644
        yield member.tobuf(tarfile.PAX_FORMAT)
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                yield block
        yield b"\0" * (-member.size % tarfile.BLOCKSIZE)
    yield b"\0" * (2 * tarfile.BLOCKSIZE)


def unpack(path: Path, folder: Path) -> Path:
    """Unpack below `folder` and return the one folder inside. Plain files only; nothing may point outside. Refuses: archive-damaged."""
    try:
        with tarfile.open(path, "r:") as tar:
            members = tar.getmembers()
            names = {member.name.split("/", 1)[0] for member in members}
            if len(names) != 1 or not all(member.isreg() for member in members):
                raise ARCHIVE_DAMAGED.refuse()
            tar.extractall(folder, filter="data")
    except (tarfile.TarError, OSError) as error:
        raise ARCHIVE_DAMAGED.refuse() from error
    return folder / names.pop()
