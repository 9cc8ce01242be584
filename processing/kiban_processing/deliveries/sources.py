"""提供物のファイル (sources): the files of a folder, a single file or a zip archive, in a fixed order, without leaving it and without filling memory.

Links are not followed, names that lead outside are refused, and an archive that unpacks to far more than it is (zip bomb) is refused before
it is read. Archives inside archives are not opened.
"""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import REG_5_X

RATIO = 200  # an honest hospital text packs 5 to 30 times; a bomb a thousand times and more
SMALL = 1 << 20  # bytes below which the ratio says nothing
LARGEST_ARCHIVE = 200 << 30  # bytes unpacked in all

PATH_MISSING = Ground(
    "delivery-missing", Family.INPUT, None,
    Text("{file} がありません。", "There is no {file}."),
    Text("提供データのフォルダー、ファイル又は zip を指定してください。", "Name the folder, file or zip of the delivery."),
)  # fmt: skip
ARCHIVE_BROKEN = Ground(
    "archive-broken", Family.INPUT, REG_5_X,
    Text("{file} を zip として読めません。", "{file} cannot be read as a zip archive."),
    Text("途中で切れていないか、暗号化されていないか確かめ、作り直して送ってください。", "Check whether it was cut off or encrypted, make it again and send it."),
)  # fmt: skip
ARCHIVE_BOMB = Ground(
    "archive-bomb", Family.INPUT, REG_5_X,
    Text("{file} の {entry} は展開すると圧縮時の{ratio}倍を超えます。", "{entry} of {file} unpacks to more than {ratio} times its size."),
    Text("圧縮せずに送るか、書き出し直してください。", "Send it unpacked, or export it again."),
)  # fmt: skip
ARCHIVE_OUTSIDE = Ground(
    "archive-outside", Family.INPUT, REG_5_X,
    Text("{file} の{number}番目の名前がアーカイブの外を指しています。", "The name of entry {number} of {file} leads out of the archive."),
    Text("絶対パス、「..」、リンクを含めずに作り直してください。", "Make it again without absolute paths, “..” or links."),
)  # fmt: skip
LINK_FOUND = Ground(
    "link-found", Family.INPUT, REG_5_X,
    Text("{file} はファイルでもフォルダーでもありません(リンク等)。", "{file} is neither a file nor a folder (a link or the like)."),
    Text("リンクではなくファイルそのものを送ってください。", "Send the file itself instead of a link."),
)  # fmt: skip


@dataclass(frozen=True)
class Source:
    """One file of a delivery: its name inside of it (with `/`), its size in bytes, and where it is."""

    name: str
    size: int
    path: Path
    entry: str | None = None

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Its bytes from the start; an entry of an archive cannot be sought backwards cheaply. Refuses: archive-broken."""
        if self.entry is None:
            with self.path.open("rb") as plain:
                yield plain
            return
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(self.entry) as packed:
                yield cast(BinaryIO, packed)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError):
            raise ARCHIVE_BROKEN.refuse(file=self.path.name) from None


def is_archive(path: Path) -> bool:
    """Whether a file starts as a zip archive does."""
    try:
        with path.open("rb") as file:
            return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
    except OSError:
        return False


def walk(path: Path) -> Iterator[Source]:
    """All files below a folder, the entries of a zip archive, or the file itself; sorted by the parts of their names, folder by folder.

    Refuses: delivery-missing, archive-broken, archive-bomb, archive-outside, link-found.
    """
    try:
        mode = path.lstat().st_mode
    except OSError:
        raise PATH_MISSING.refuse(file=path.name) from None
    if stat.S_ISDIR(mode):
        yield from _folder(path, "")
    elif not stat.S_ISREG(mode):
        raise LINK_FOUND.refuse(file=path.name)
    elif is_archive(path):
        yield from _archive(path)
    else:
        yield Source(path.name, path.stat().st_size, path)


def _folder(folder: Path, prefix: str) -> Iterator[Source]:
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        name = prefix + entry.name
        if entry.is_dir(follow_symlinks=False):
            yield from _folder(Path(entry.path), name + "/")
        elif entry.is_file(follow_symlinks=False):
            yield Source(name, entry.stat(follow_symlinks=False).st_size, Path(entry.path))
        else:
            raise LINK_FOUND.refuse(file=name)


def _archive(path: Path) -> Iterator[Source]:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise ARCHIVE_BROKEN.refuse(file=path.name) from None
    total = 0
    files: list[zipfile.ZipInfo] = []
    for number, entry in enumerate(entries, 1):
        parts = PurePosixPath(entry.filename).parts
        is_link = stat.S_ISLNK(entry.external_attr >> 16)
        if is_link or not parts or entry.filename.startswith("/") or ".." in parts or "\\" in entry.filename or ":" in parts[0]:
            raise ARCHIVE_OUTSIDE.refuse(file=path.name, number=number)
        if entry.is_dir():
            continue
        if entry.flag_bits & 1:
            raise ARCHIVE_BROKEN.refuse(file=path.name)
        total += entry.file_size
        if entry.file_size > SMALL and entry.file_size > RATIO * max(entry.compress_size, 1):
            raise ARCHIVE_BOMB.refuse(file=path.name, entry=entry.filename, ratio=RATIO)
        files.append(entry)
    if total > LARGEST_ARCHIVE:
        raise ARCHIVE_BOMB.refuse(file=path.name, entry="*", ratio=RATIO)
    for entry in sorted(files, key=lambda one: one.filename.split("/")):
        yield Source(entry.filename, entry.file_size, path, entry.filename)
