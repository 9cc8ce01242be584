"""氏名 (names): kanji and kana names as hospitals write them, brought to comparable forms.

A name is `Name`: strict and wide full forms, surname and given name where they can be told apart, and whether it is
the placeholder of a newborn not yet named (母の名 + ベビー). Former names and aliases in brackets are left out of the name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from kiban_processing.linkage import glyphs, kana

Script = Literal["kanji", "kana"]

_BRACKETED = re.compile(r"[(\[{〔【〈《<「『].*?(?:[)\]}〕】〉》>」』]|$)")
_TITLE = re.compile(r"(?:(?<=.)(?:様|殿)|\s+(?:氏|さん|サマ|サン|ドノ|殿|様))\s*$")
_NEWBORN = re.compile(r"ベビー|ベイビー|ベビ-|\bBABY\b|新生児|第[一二三四五1-5]子|[\s・)]児[\s0-9A-Z一二三①-⑤]*$|[\s・]\w{3,}ノコ$")
_SEPARATOR = re.compile(r"[\s・,、，._=/|]+")
_LATIN = re.compile(r"[A-Z]")


@dataclass(frozen=True)
class Name:
    """One written name. `surname` and `given` are wide keys, None where unknown; `full` and `wide` have no spaces."""

    full: str
    wide: str
    surname: str | None
    given: str | None
    newborn: bool = False


def cleaned(text: str) -> str:
    """The name without brackets, titles and doubled spaces.

    >>> cleaned("髙橋　花子（旧姓 佐藤）様")
    '高橋 花子'
    """
    bare = _BRACKETED.sub(" ", glyphs.strict(text).upper())
    return " ".join(_TITLE.sub("", bare.strip()).split())


def parts(text: str, script: Script) -> tuple[str, ...]:
    """The parts a hospital wrote apart, in order, as wide keys.

    >>> parts("サトウ　ハナコ", "kana"), parts("佐藤花子", "kanji")
    (('サト', 'ハナコ'), ('佐藤花子',))
    """
    keys = (_wide(part, script) for part in _SEPARATOR.split(cleaned(text)))
    return tuple(key for key in keys if key)


def learn_surnames(names: Iterable[str], script: Script) -> dict[str, int]:
    """Surnames seen in names written with a space, and in how many different names each.

    >>> learn_surnames(["佐藤 花子", "佐藤 一", "鈴木花"], "kanji")
    {'佐藤': 2}
    """
    seen: Counter[str] = Counter()
    for name in names:
        found = parts(name, script)
        if len(found) == 2 and not is_newborn(name):
            seen[found[0]] += 1
    return dict(seen)


def read(text: str, script: Script, surnames: Mapping[str, int] | None = None) -> Name | None:
    """The comparable forms of one written name; None if nothing is left of it.

    `surnames` (from `learn_surnames`) splits names written without a space; where two splits are possible the more
    frequent surname wins. A name of three parts or more, or one that cannot be split, has no surname and no given name.

    >>> read("齋藤　花子 様", "kanji")
    Name(full='斎藤花子', wide='斎藤花子', surname='斎藤', given='花子', newborn=False)
    >>> read("佐藤花子", "kanji", {"佐藤": 12}).given
    '花子'
    >>> read("サトウハナコベビー", "kana").newborn
    True
    """
    clean = cleaned(text)
    full = kana.strict(clean) if script == "kana" else _SEPARATOR.sub("", clean)
    if not full:
        return None
    newborn = is_newborn(text)
    surname, given = _divided(parts(text, script), surnames or {})
    return Name(full, _wide(full, script), surname, None if newborn else given, newborn)


def is_newborn(text: str) -> bool:
    """Whether it is a placeholder made from the mother's name.

    >>> is_newborn("佐藤花子ベビー"), is_newborn("サトウ ハナコノコ"), is_newborn("佐藤 桜子")
    (True, True, False)
    """
    shown = kana.spelled(_BRACKETED.sub(lambda found: " " + found.group()[1:], glyphs.plain(text)))
    return bool(_NEWBORN.search(shown))


def _divided(found: tuple[str, ...], surnames: Mapping[str, int]) -> tuple[str | None, str | None]:
    if len(found) == 2:
        return found
    if len(found) != 1:
        return None, None
    whole = found[0]
    if _LATIN.search(whole):
        return None, None
    heads = [whole[:length] for length in range(1, len(whole)) if whole[:length] in surnames]
    if not heads:
        return None, None
    surname = max(heads, key=lambda head: (surnames[head], len(head)))
    return surname, whole[len(surname) :]


def _wide(text: str, script: Script) -> str:
    return kana.wide(text) if script == "kana" else glyphs.wide(text)
