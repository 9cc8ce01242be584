"""ファイルの読出し (contents): small files of a delivery, read whole, one system call each where they lie in a folder, one archive opened once."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from kiban_processing.deliveries import sources
from kiban_processing.formats.lines import FILE_UNREADABLE
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground, Refusal
from kiban_processing.statutes import REG_5_X

LARGEST = 16 << 20  # bytes; a message is a few kilobytes, one with hundreds of results some hundred
_FIRST = 1 << 16

MESSAGE_TOO_LARGE = Ground(
    "message-too-large", Family.INPUT, REG_5_X,
    Text("{file} は{limit}バイトを超えています。SS-MIX2のメッセージではありません。", "{file} is larger than {limit} bytes; it is no message of SS-MIX2."),
    Text("1ファイルに1メッセージで書き出し直してください。", "Export it again with one message per file."),
)  # fmt: skip


def walk(path: Path) -> Iterator[sources.Source]:
    """The files of a delivery as `sources.walk` gives them; names in its refusals are masked, for they can hold patient IDs."""
    number = 0
    try:
        for number, source in enumerate(sources.walk(path), 1):  # noqa: B007  number is told if the next one is refused
            yield source
    except Refusal as why:
        inside = {name: f"#{number + 1}" for name in ("file", "entry") if why.particulars.get(name) not in (None, path.name)}
        raise why.ground.refuse(**{**why.particulars, **inside}) from None


class Contents:
    """Reads the files of one delivery."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._archive: zipfile.ZipFile | None = None

    def read(self, source: sources.Source, shown: str) -> bytes:
        """The whole file. Refuses: message-too-large, file-unreadable, archive-broken; all of them name it as `shown`."""
        if source.size > LARGEST:
            raise MESSAGE_TOO_LARGE.refuse(file=shown, limit=LARGEST)
        try:
            data = self._plain(source.path) if source.entry is None else self._packed(source.path, source.entry)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError):
            raise sources.ARCHIVE_BROKEN.refuse(file=shown) from None
        except OSError:
            raise FILE_UNREADABLE.refuse(file=shown) from None
        if len(data) > LARGEST:
            raise MESSAGE_TOO_LARGE.refuse(file=shown, limit=LARGEST)
        return data

    def close(self) -> None:
        if self._archive is not None:
            self._archive.close()
        self._path = self._archive = None

    def _plain(self, path: Path) -> bytes:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
        try:
            data = os.read(descriptor, _FIRST)
            if len(data) < _FIRST:
                return data
            parts = [data]
            while (data := os.read(descriptor, 1 << 20)) and sum(map(len, parts)) <= LARGEST:
                parts.append(data)
            return b"".join(parts)
        finally:
            os.close(descriptor)

    def _packed(self, path: Path, entry: str) -> bytes:
        if self._archive is None or path != self._path:
            self.close()
            self._path, self._archive = path, zipfile.ZipFile(path)
        with self._archive.open(entry) as file:
            return file.read(LARGEST + 1)
