"""氏名 (names): kanji and kana names as hospitals write them, brought to comparable forms.

A name is `Name`: strict and wide full forms, surname and given name where they can be told apart, the former surname (旧姓), the
alias (通称名), the Latin letters, and whether it is the placeholder of a newborn not yet named (母の名 + ベビー).
This is the meaning, one name at a time; `name_columns` does the same for whole columns and is tested against it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from kiban_processing.linkage import glyphs, kana

Script = Literal["kanji", "kana"]

_OPEN, _CLOSE = "(\\[{〔【〈《<「『", ")\\]}〕】〉》>」』"
_BRACKETED = re.compile(f"[{_OPEN}]+([^{_OPEN}{_CLOSE}\\n]*)(?:[{_CLOSE}]+|$)")
_BRACKET = re.compile(f"[{_OPEN}{_CLOSE}]")
_TITLE = re.compile(
    r"(?:(?<=.)(?:様|殿)|(?<=[一-龯])さん| +(?:氏|さん|さま|ちゃん|くん|君|サン|サマ|チャン|クン|ドノ|どの|殿|様)) *$", re.MULTILINE
)
_LATIN_TITLE = re.compile(r"(?<![A-Z])(?:MR|MRS|MS|MISS|DR)(?:\.|(?![A-Z]))")
# の児 always, の子 only after what is long enough for a mother's name: 美の子 is a name of its own.
_NEWBORN = re.compile(
    r"ベイ?ビ[ーイ]?|(?<![A-Z])(?:BABY|NEWBORN|INFANT)(?![A-Z])|新生児|シンセイジ|第[一二三四五1-6]子|[^ 小幼]の児(?= |$)|"
    r"(?:[^ ・]{2,}[ ・][^ ・]{2,}|[^ ・]{4,})の子(?= |$)|[ ・)]児[ 0-9A-Z一二三①-⑤]*$|"
    r"[ ・][^ ・]{3,}ノコ$|[ ・][^ ・]{3,}ノ[ー-]?ジ[ 0-9]*$|[ ・][^ ・]+[ ・]ノ ?[コジ][ 0-9]*$"
)
_BABY_WORD = re.compile(
    r"(?:べい?び[ーい]?|ベイ?ビ[ーイ-]?)(?:ボーイ|ガール|ボ-イ|ガ-ル)?(?: ?[A-D](?![A-Z]))?|BABY(?: ?(?:OF|BOY|GIRL))*|NEWBORN|INFANT|新生児|シンセイジ"
    r"|(?:[のノ]?[子児])?第[一二三四五1-6]子|[のノ][子児コ] *$|の児 *$|(?<=[ ・])児.*$|[のノ] ?[コジ] *$"
)
# A field that holds the other script: a reading where the kanji should stand, kanji where the reading should. Read alike by RE2 and by Python.
KANA_ALONE = "^[ぁ-ゖァ-ヺーｦ-ﾟ゛゜ 　・･-]*[ぁ-ゖァ-ヺｦ-ﾝ][ぁ-ゖァ-ヺーｦ-ﾟ゛゜ 　・･-]*$"
HAN_ALONE = "^[^ぁ-ゖァ-ヺｦ-ﾝ]*[一-龯][^ぁ-ゖァ-ヺｦ-ﾝ]*$"
# Two Latin words of two letters or more: a surname alone, or with an initial, is that of a whole family.
LATIN_WORDS = "^{0}*{1}{{2}}{0}*[^A-Za-zＡ-Ｚａ-ｚÀ-ɏḀ-ỿ'’ぁ-ゖァ-ヺｦ-ﾝ一-龯-]{0}*{1}{{2}}{0}*$".format(
    "[^ぁ-ゖァ-ヺｦ-ﾝ一-龯]", "[A-Za-zＡ-Ｚａ-ｚ]"
)
_KANA_ALONE, _HAN_ALONE, _LATIN_WORDS = re.compile(KANA_ALONE), re.compile(HAN_ALONE), re.compile(LATIN_WORDS)
_FORMER = re.compile(r"^ *(?:旧姓|旧氏|旧|舊姓|キュウセイ|キユウセイ|キュウ|キユウ|NEE|FORMERLY)[ :・=-]*")
_ALIAS = re.compile(r"^ *(?:通称名?|通名|別名|本名|ツウショウ(?:メイ)?|ツウメイ|ホンミョウ|ALIAS|AKA)[ :・=-]*")
_BLANKS = re.compile("  +")
_SEPARATOR = re.compile(r"[ ・,、，._=|]+")
_LATIN = re.compile(r"[A-Z]+")
_UNREADABLE = re.compile(f"[{re.escape(glyphs.UNREADABLE)}]")
# A name with anything of this is read one by one; all others only need folding and splitting at their one space. No look-around, so that
# RE2 reads it as Python does.
UNUSUAL: dict[Script, str] = {
    "kanji": f"[{_OPEN}{_CLOSE}A-ZÀ-ɏḀ-ỿ0-9・,、，._=|/:{re.escape(glyphs.UNREADABLE)}ベべノ]| .* |新生|シンセイ|しんせい|第|児|の子|の児"
    r"|[様殿] *$| (?:氏|さん|さま|ちゃん|くん|君|サン|サマ|チャン|クン|ドノ|どの) *$",
    "kana": "[^ァ-ヺー ]| .* |ベビ|ベイビ|シンセイジ|ノ[ー ]?[コジ] *$| (?:サン|サマ|チャン|クン|ドノ|チヤン) *$",
}
_UNUSUAL = {script: re.compile(pattern) for script, pattern in UNUSUAL.items()}
# A surname enters the dictionary once so many different given names were seen with it: fewer could point at one family.
LEAST_GIVEN_NAMES = 5
LONGEST_SURNAME = 20


@dataclass(frozen=True)
class Name:
    """One written name, without spaces. `full` strict, the others wide; None where unknown or not readable (〓).

    `tokens`: the wide parts in alphabetical order, so that the order of surname and given name does not matter. `latin`: the Latin
    words of it, likewise. `former`: a former surname; `alias`: another full name of the same person.
    """

    full: str | None
    wide: str | None
    surname: str | None = None
    given: str | None = None
    newborn: bool = False
    former: str | None = None
    alias: str | None = None
    latin: str | None = None
    tokens: str | None = None


def in_their_fields(kanji: str, kana_name: str) -> tuple[str, str]:
    """Both fields of one registration, each with what belongs there: a reading in the kanji field is no kanji name, and where no kanji name is
    written, Latin words in the field of the reading are the name as it is written.

    >>> in_their_fields("サトウ ハナコ", ""), in_their_fields("サトウ ハナコ", "佐藤 花子"), in_their_fields("佐藤 花子", "")
    (('', 'サトウ ハナコ'), ('佐藤 花子', 'サトウ ハナコ'), ('佐藤 花子', ''))
    >>> in_their_fields("", "NGUYEN LAN"), in_their_fields("王 小明", "WANG XIAOMING"), in_their_fields("", "NGUYEN")
    (('NGUYEN LAN', ''), ('王 小明', 'WANG XIAOMING'), ('', 'NGUYEN'))
    """
    kanji, kana_name = kanji.replace("\n", " "), kana_name.replace("\n", " ")
    reading, han = _KANA_ALONE.search(kanji) is not None, _HAN_ALONE.search(kana_name) is not None
    han = han or ((reading or not kanji) and _LATIN_WORDS.search(kana_name) is not None)
    return (
        (kana_name if han else "") if reading or not kanji else kanji,
        (kanji if reading else "") if han or not kana_name else kana_name,
    )


def shown(text: str) -> str:
    """The name in strict glyphs and capitals, without titles; brackets stay.

    >>> shown("髙橋　花子（旧姓 佐藤）様")
    '高橋 花子(旧姓 佐藤)'
    """
    return shown_lines(text.replace("\n", " "))


def shown_lines(text: str) -> str:
    """`shown` of every line of a text."""
    return tidied_lines(glyphs.strict_lines(text).upper())


def tidied_lines(text: str) -> str:
    """Every line of strict glyphs in capitals without blanks around it, doubled blanks and title."""
    untitled = _TITLE.sub("", glyphs.trimmed_lines(text))
    return _BLANKS.sub(" ", untitled) if "  " in untitled else untitled


def cleaned(text: str) -> str:
    """The name without brackets, titles and doubled spaces.

    >>> cleaned("髙橋　花子（旧姓 佐藤）様")
    '高橋 花子'
    """
    return _without_brackets(shown(text))


def is_usual(name: str, script: Script) -> bool:
    """Whether a laid name (`laid_lines`) needs no more than folding and splitting at its one space."""
    return _UNUSUAL[script].search(name) is None


def learn_surnames(names: Iterable[str], script: Script, least: int = LEAST_GIVEN_NAMES) -> dict[str, int]:
    """Surnames of usual names written with a space, and with how many different given names each was seen; rarer ones are left out.

    >>> learn_surnames(["佐藤 花子", "佐藤 一", "鈴木花"], "kanji", least=2)
    {'佐藤': 2}
    """
    seen: dict[str, set[str]] = {}
    for name in names:
        laid = laid_lines(shown(name), script)
        found = _parts(laid, script)
        if len(found) == 2 and len(found[0]) <= LONGEST_SURNAME and is_usual(laid, script):
            seen.setdefault(found[0], set()).add(found[1])
    return {surname: len(given) for surname, given in sorted(seen.items()) if len(given) >= least}


def read(text: str, script: Script, surnames: Mapping[str, int] | None = None) -> Name | None:
    """The comparable forms of one written name; None if nothing is left of it.

    `surnames` (from `learn_surnames`) splits names written without a space; where two splits are possible the more
    frequent surname wins. A name of three parts or more, or one that cannot be split, has no surname and no given name.

    >>> read("齋藤　花子 様", "kanji").full, read("斉藤花子", "kanji", {"斎藤": 12}).given
    ('斎藤花子', '花子')
    >>> read("サトウハナコベビー", "kana").newborn, read("高橋 花子(旧姓佐藤)", "kanji").former
    (True, '佐藤')
    >>> read("NGUYEN, Thi Lan", "kanji").latin == read("Thi Lan Nguyen", "kanji").latin
    True
    """
    seen = shown(text)
    laid = laid_lines(seen, script)
    newborn = _is_newborn(seen, kana.spelled_lines(seen))
    former, alias = _others(laid, script, newborn)
    # 佐藤(花子)児: the brackets of a newborn hold its mother's given name.
    clean = " ".join(_BRACKET.sub(" ", laid).split()) if newborn else _without_brackets(laid)
    clean, other = _at_slash(clean)
    alias = alias or _full_wide(other, script)
    latin = _latin(laid if script == "kanji" else clean)
    clean = _LATIN_TITLE.sub(" ", clean).strip()
    if newborn:
        clean = _BABY_WORD.sub(" ", clean)
    letters = clean if script == "kanji" else re.sub("[^ァ-ヺー ]", "", _SEPARATOR.sub(" ", clean))
    full = _full(letters, script)
    if not full and not latin and not newborn and not former and not alias:
        return None
    found = _parts(letters, script)
    if script == "kanji" and _LATIN.search(clean) and not re.search("[^A-Z0-9 ・,、，._=|'-]", clean):
        found = ()
    surname, given = _divided(found, surnames or {})
    tokens = _tokens((surname, given) if surname and given else found)
    return Name(
        full=_readable(full),
        wide=_readable(_full_wide(letters, script)),
        surname=_readable(_wide(surname, script)),
        given=None if newborn else _readable(_wide(given, script)),
        newborn=newborn,
        former=_readable(former),
        alias=_readable(alias),
        latin=latin,
        tokens=None if newborn or script == "kanji" else tokens,
    )


def is_newborn(text: str) -> bool:
    """Whether it is a placeholder made from the mother's name.

    >>> is_newborn("佐藤花子ベビー"), is_newborn("サトウ ハナコノコ"), is_newborn("佐藤 桜子")
    (True, True, False)
    """
    seen = shown(text)
    return _is_newborn(seen, kana.spelled_lines(seen))


def _is_newborn(seen: str, spelled: str) -> bool:
    """Of a shown name and its kana in one spelling: some marks are kanji words, some readings."""
    return any(_NEWBORN.search(" ".join(_BRACKET.sub(" ", name).split())) is not None for name in {seen, spelled})


def laid_lines(name: str, script: Script) -> str:
    """A shown name as its script is compared: kana in one spelling; line by line too."""
    return kana.spelled_lines(name) if script == "kana" else name


def _without_brackets(name: str) -> str:
    bare = _BRACKETED.sub(" ", name)
    bare = _BRACKET.sub(" ", bare)
    return " ".join(_TITLE.sub("", " ".join(bare.split())).split())


def _at_slash(name: str) -> tuple[str, str]:
    """A slash parts two names if one side alone is a full name; otherwise it is a space."""
    left, slash, right = name.partition("/")
    if slash and (" " in left.strip() or " " in right.strip()):
        return left.strip(), right.replace("/", " ").strip()
    return name.replace("/", " "), ""


def _others(laid: str, script: Script, newborn: bool) -> tuple[str | None, str | None]:
    """Former surname and alias, from what stands in brackets.

    Unlabelled: two parts are another name of the person; one part is a former surname, after the surname or at the end.
    """
    former: str | None = None
    alias: str | None = None
    for found in _BRACKETED.finditer(laid):
        inside = found.group(1)
        if label := _FORMER.match(inside):
            former = former or _full_wide(inside[label.end() :], script)
        elif label := _ALIAS.match(inside):
            alias = alias or _full_wide(inside[label.end() :], script)
        elif not newborn and (len(_parts(inside, script)) > 1 or _LATIN.search(inside)):
            alias = alias or _full_wide(inside, script)
        elif not newborn:
            former = former or _full_wide(inside, script)
    return former, alias


def _latin(name: str) -> str | None:
    """The Latin words in alphabetical order without accents; None for single letters.

    >>> _latin("GARCÍA LÓPEZ, JOSÉ")
    'GARCIA JOSE LOPEZ'
    """
    plain = "".join(character for character in unicodedata.normalize("NFD", name) if not unicodedata.combining(character))
    words = sorted(_LATIN.findall(_LATIN_TITLE.sub(" ", _BABY_WORD.sub(" ", plain.replace("'", "").replace("-", "")))))
    return " ".join(words) if any(len(word) > 1 for word in words) else None


def _tokens(found: tuple[str, ...]) -> str | None:
    if len(found) < 2:
        return None
    return " ".join(sorted(kana.foreign(part) for part in found))


def _parts(clean: str, script: Script) -> tuple[str, ...]:
    spelled = kana.spelled_lines(clean) if script == "kana" else glyphs.widened(clean)
    return tuple(part for part in _SEPARATOR.split(spelled) if part and (script == "kanji" or kana.strict_lines(part)))


def _divided(found: tuple[str, ...], surnames: Mapping[str, int]) -> tuple[str | None, str | None]:
    if len(found) == 2:
        return found
    if len(found) != 1:
        return None, None
    whole = found[0]
    heads = [whole[:length] for length in range(1, len(whole)) if whole[:length] in surnames]
    if not heads:
        return None, None
    surname = max(heads, key=lambda head: (surnames[head], len(head)))
    return surname, whole[len(surname) :]


def _full(clean: str, script: Script) -> str:
    joined = _SEPARATOR.sub("", clean)
    return kana.strict_lines(joined) if script == "kana" else joined


def _full_wide(clean: str, script: Script) -> str | None:
    return _wide(_SEPARATOR.sub("", clean), script) or None


def _wide(text: str | None, script: Script) -> str | None:
    if not text:
        return None
    return (kana.wide_lines(text) if script == "kana" else glyphs.widened(text)) or None


def _readable(text: str | None) -> str | None:
    return None if not text or _UNREADABLE.search(text) else text
