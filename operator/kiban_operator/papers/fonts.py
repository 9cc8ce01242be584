"""書体 (fonts): the Japanese fonts of this machine, and whether they have every character of a paper; a name that cannot be printed is refused.

Looked for in `KIBAN_FONTS` (a folder), then where systems keep fonts. BIZ UD Gothic lacks 𠮷 (U+20BB7) and the like, Noto Sans CJK has them, so
families are used in order, one filling the gaps of the one before.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fontTools.ttLib import TTCollection, TTFont, TTLibError

from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import REG_51

FAMILIES = ("BIZ UDPGothic", "BIZ UDGothic", "Noto Sans CJK JP", "Noto Sans JP", "IPAexGothic", "IPAPGothic", "IPAGothic")
FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts", "/Library/Fonts", "C:/Windows/Fonts")
_WANTED = ("biz", "notosanscjk", "notosansjp", "ipa")  # beginnings of file names, so that not every font of a machine is opened
_FAMILY_NAMES = (1, 16)

FONT_MISSING = Ground(
    "font-missing", Family.STATE, None,
    Text("日本語の書体が見つかりません。", "There is no Japanese font on this machine."),
    Text("fonts-noto-cjk などを入れるか、環境変数 KIBAN_FONTS で書体のフォルダーを指定してください。",
         "Install one such as fonts-noto-cjk, or name a folder of fonts in the environment variable KIBAN_FONTS."),
)  # fmt: skip
GLYPH_MISSING = Ground(
    "glyph-missing", Family.INPUT, REG_51,
    Text("書面の「{place}」に、この機械の書体では印字できない文字が{count}字あります。", "“{place}” of the paper holds {count} characters that no font of this machine can print."),
    Text("その文字を持つ書体(Noto Sans CJK など)を入れてください。別の字に置き換えて交付することはできません。",
         "Install a font that has them, such as Noto Sans CJK; a paper with other characters in their place cannot be delivered."),
)  # fmt: skip


@dataclass(frozen=True)
class Font:
    """One face that papers are set in."""

    family: str
    path: Path
    characters: frozenset[int]


def found() -> tuple[Font, ...]:
    """The fonts of this machine that papers are set in, in the order in which they are used. Refuses: font-missing."""
    folders = (os.environ["KIBAN_FONTS"],) if os.environ.get("KIBAN_FONTS") else FOLDERS
    fonts = _found(tuple(folders))
    if not fonts:
        raise FONT_MISSING.refuse()
    return fonts


@cache
def _found(folders: tuple[str, ...]) -> tuple[Font, ...]:
    by_family: dict[str, Font] = {}
    for folder in folders:
        for path in sorted(Path(folder).expanduser().rglob("*")):
            plain = path.name.lower().replace("-", "").replace("_", "")
            if path.suffix.lower() in (".ttf", ".otf", ".ttc") and plain.startswith(_WANTED) and _is_regular(plain):
                for font in _faces(path):
                    by_family.setdefault(font.family, font)
    return tuple(by_family[family] for family in FAMILIES if family in by_family)


def _is_regular(plain_name: str) -> bool:
    return not any(weight in plain_name for weight in ("bold", "black", "light", "medium", "thin", "demilight"))


def _faces(path: Path) -> list[Font]:
    found = []
    try:
        with closing(TTCollection(path, lazy=True) if path.suffix.lower() == ".ttc" else TTFont(path, lazy=True)) as opened:
            for face in opened.fonts if isinstance(opened, TTCollection) else [opened]:
                names = {record.toUnicode() for record in face["name"].names if record.nameID in _FAMILY_NAMES}
                family = next((known for known in FAMILIES if known in names), None)
                if family is not None:
                    found.append(Font(family, path, frozenset(face.getBestCmap() or {})))
    except (OSError, TTLibError, KeyError, UnicodeDecodeError):
        return []  # a damaged font of the machine is none of ours
    return found


def require(texts: Iterable[tuple[str, str]], fonts: tuple[Font, ...]) -> None:
    """Every character of every (place, text) is in one of the fonts; the texts themselves are not told, for they hold names.

    Refuses: glyph-missing.
    """
    known = frozenset().union(*(font.characters for font in fonts))
    for place, text in texts:
        lacking = {letter for letter in text if ord(letter) not in known and not _is_unseen(letter)}
        if lacking:
            raise GLYPH_MISSING.refuse(place=place, count=len(lacking))


def _is_unseen(letter: str) -> bool:
    """Line ends, tabs and variation selectors, which ask for a shape of the letter before them and have none of their own."""
    return (
        letter in "\n\r\t" or 0xFE00 <= ord(letter) <= 0xFE0F or 0xE0100 <= ord(letter) <= 0xE01EF or unicodedata.category(letter) == "Cf"
    )
