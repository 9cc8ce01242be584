"""設定ファイル (settings): a submission's TOML files, read strictly, and the way to its other files, which never leads out of the folder."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path, PurePosixPath

from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground, Refusal
from kiban_processing.statutes import ACT_55_1

LARGEST = 4 << 20  # bytes; a larger manifest or mapping is not one

SUBMISSION_INCOMPLETE = Ground(
    "submission-incomplete",
    Family.INPUT,
    ACT_55_1,
    Text("提供データに {file} がありません。", "The submission lacks {file}."),
    Text("{file} をフォルダーに加えて送ってください。", "Add {file} to the folder and send it again."),
)
SETTINGS_UNREADABLE = Ground(
    "settings-unreadable",
    Family.INPUT,
    ACT_55_1,
    Text("{file} を TOML として読めません(UTF-8 で、同じ名前は一度だけ)。", "{file} is not readable TOML (UTF-8, each name once)."),
    Text("docs/architecture.md の例に合わせて直してください。", "Correct it after the example in docs/architecture.md."),
)
SETTING_UNKNOWN = Ground(
    "setting-unknown",
    Family.INPUT,
    ACT_55_1,
    Text("{file} の「{setting}」は知らない項目です。", "{file} has an unknown setting “{setting}”."),
    Text("綴りを確かめるか、項目を除いてください。", "Check its spelling or take it out."),
)
SETTING_MISSING = Ground(
    "setting-missing",
    Family.INPUT,
    ACT_55_1,
    Text("{file} に「{setting}」がありません。", "{file} lacks the setting “{setting}”."),
    Text("項目を補ってください。", "Add it."),
)
SETTING_INVALID = Ground(
    "setting-invalid",
    Family.INPUT,
    ACT_55_1,
    Text("{file} の「{setting}」の値が正しくありません。", "The setting “{setting}” of {file} has no valid value."),
    Text("使える値: {expected}。", "Allowed: {expected}."),
)
PATH_OUTSIDE = Ground(
    "path-outside",
    Family.INPUT,
    None,
    Text(
        "「{file}」は提供データのフォルダーの中のファイルを指していません。", "“{file}” does not name a plain file inside the submission."
    ),
    Text(
        "フォルダー内のファイル名だけを書いてください。絶対パス、「..」、リンクは使えません。",
        "Write the name of a file in the folder; no absolute path, no “..”, no link.",
    ),
)


@dataclass(frozen=True)
class Settings:
    """One TOML table of the file `file`; `place` is its name inside the file. Every reading refuses what is absent or of another type."""

    file: str
    content: Mapping[str, object]
    place: str = ""

    def only(self, *known: str) -> None:
        """Refuses: setting-unknown."""
        for name in self.content:
            if name not in known:
                raise SETTING_UNKNOWN.refuse(file=self.file, setting=self.named(name))

    def named(self, name: str) -> str:
        return f"{self.place}.{name}" if self.place else name

    def invalid(self, name: str, expected: str) -> Refusal:
        return SETTING_INVALID.refuse(file=self.file, setting=self.named(name), expected=expected)

    def missing(self, name: str) -> Refusal:
        return SETTING_MISSING.refuse(file=self.file, setting=self.named(name))

    def __contains__(self, name: str) -> bool:
        return name in self.content

    def text(self, name: str) -> str:
        """A text with something in it."""
        found = self._found(name)
        if not isinstance(found, str) or not found.strip():
            raise self.invalid(name, '"…"')
        return found

    def texts(self, name: str) -> tuple[str, ...]:
        found = self._found(name)
        if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
            raise self.invalid(name, '["…", "…"]')
        return tuple(found)

    def day(self, name: str) -> date:
        found = self._found(name)
        if not isinstance(found, date) or isinstance(found, datetime):
            raise self.invalid(name, "2024-04-01")
        return found

    def table(self, name: str) -> Settings:
        found = self._found(name)
        if not isinstance(found, dict):
            raise self.invalid(name, f"[{self.named(name)}]")
        return Settings(self.file, found, self.named(name))

    def tables(self, name: str) -> tuple[Settings, ...]:
        """An array of tables with at least one entry."""
        found = self._found(name)
        if not isinstance(found, list) or not found or not all(isinstance(one, dict) for one in found):
            raise self.invalid(name, f"[[{self.named(name)}]]")
        return tuple(Settings(self.file, one, f"{self.named(name)}[{number}]") for number, one in enumerate(found, 1))

    def _found(self, name: str) -> object:
        if name not in self.content:
            raise self.missing(name)
        return self.content[name]


def read(folder: Path, name: str) -> Settings:
    """The TOML file of that name. Refuses: submission-incomplete, path-outside, settings-unreadable."""
    path = path_of(folder, name)
    try:
        if path.stat().st_size > LARGEST:
            raise SETTINGS_UNREADABLE.refuse(file=name)
        return Settings(name, tomllib.loads(path.read_text("utf-8-sig")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError):
        raise SETTINGS_UNREADABLE.refuse(file=name) from None


def path_of(folder: Path, name: str) -> Path:
    """The file of that name in the submission, never anything outside of it.

    Refuses: path-outside (absolute, `..`, backslash, link, no plain file), submission-incomplete (absent).
    """
    path = place_of(folder, name)
    if not path.is_file():
        raise PATH_OUTSIDE.refuse(file=name)
    return path


def place_of(folder: Path, name: str) -> Path:
    """The file or folder of that name in the submission, never anything outside of it.

    Refuses: path-outside (absolute, `..`, backslash, link, neither file nor folder), submission-incomplete (absent).
    """
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\\" in name or any(ord(letter) < 32 for letter in name):
        raise PATH_OUTSIDE.refuse(file=name)
    path = folder
    try:
        for part in parts:
            path = path / part
            if path.is_symlink():
                raise PATH_OUTSIDE.refuse(file=name)
        if not path.exists():
            raise SUBMISSION_INCOMPLETE.refuse(file=name)
        if not path.is_file() and not path.is_dir():
            raise PATH_OUTSIDE.refuse(file=name)
    except OSError:
        raise PATH_OUTSIDE.refuse(file=name) from None
    return path
