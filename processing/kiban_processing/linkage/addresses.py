"""住所 (addresses): municipality, town, the first three numbers and the room, without the ways of writing them.

An address is cut once, where its numbers begin; what stands before is its place and what stands after its numbers, and each is read
alone. So whole columns are read by their few distinct places and their numbers (`address_columns`), with the functions of this module.
Not resolved: the names of buildings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from kiban_processing.linkage import glyphs, municipalities
from kiban_processing.linkage.municipalities import Mergers, Municipality

_NUMERAL = "〇一二三四五六七八九十百千"
_DIGIT = "0-9０-９"
_HYPHEN = "‐‑‒–—―−ｰ─ー~〜～－\\-"  # within a class
# Where the numbers begin: a digit that is not part of 北2条 or 東3線, or a kanji numeral that numbers something. 二ノ宮, 一番町,
# 八丁堀 and 四条通 are names. Read alike by RE2 and by Python.
BEFORE_NUMBERS = (
    f"(?s)^(.*?)(?:[{_DIGIT}]+(?:[^{_DIGIT}条線]|$)"
    f"|[{_NUMERAL}]+(?:丁目|丁[{_DIGIT}{_NUMERAL}{_HYPHEN}]|丁$|番地|番[^町丁]|番$|号[^線]|号$|地割|[{_HYPHEN}のノ][{_DIGIT}]|[{_HYPHEN}][{_NUMERAL}]"
    f"|[のノ][{_NUMERAL}]+(?:[番号のノ{_HYPHEN} 　]|$))|$)"
)
_BEFORE_NUMBERS = re.compile(BEFORE_NUMBERS)
# An address without these is cut where its first digit stands, which is found faster.
NUMBERS_IN_DOUBT, BEFORE_DIGITS = f"[{_NUMERAL}条線]", f"(?s)^[^{_DIGIT}]*"
_NUMBERED_PLACE = re.compile(f"([{_NUMERAL}]+)(?=[条線])")
_PLACE_FILLER = re.compile(r"大字|小字|(?<!文)字|[、,・()]|〒[0-9-]*")
_PLACE_END = re.compile(r"[第-]+$")
_STREETS = re.compile(r"^.*(?:[上下][るルケ]|[東西]入[るルり]?)(?=.)")  # 京都の通り名
_DASH = re.compile(f"[{_HYPHEN}]")
_KANJI_NUMBER = re.compile(
    f"([{_NUMERAL}]+)(?=丁|番|号|地割|階|[のノ-][{_NUMERAL}0-9]| |$)|(?<=[番号地目のノ-])([{_NUMERAL}]+)(?![^ 番号])", re.MULTILINE
)
_BETWEEN = " *(?:丁目|丁|番地[のノ]?|番|号棟|号室|号|の|ノ|地割|第|-)[第のノ-]* *"
# Up to four numbers and what comes after them.
_NUMBERS = re.compile(rf"^(\d*)(?:{_BETWEEN}(\d+))?(?:{_BETWEEN}(\d+))?(?:{_BETWEEN}(\d+))?(.*)$", re.MULTILINE)
_ROOM = re.compile(r"(\d{1,5})(?:号室|号)? *(?:\D*方|\D*気付)?\D{0,3}$")
_FLOOR = re.compile(f"[0-9{_NUMERAL}]+ *(?:階|F(?![A-Za-z])|棟)")
_LONGEST = 14  # characters of a municipality's name
_DIGITS = {character: value for value, character in enumerate("〇一二三四五六七八九")}

Numbers = tuple[str | None, str | None]


@dataclass(frozen=True)
class Place:
    """What stands before the numbers: the municipality, where its name was found, and the rest as a wide key.

    `prefecture` may be known without a municipality. A name borne in several prefectures leaves `prefecture` None.
    """

    prefecture: str | None
    municipality: str | None
    whole: bool
    rest: str

    @property
    def town(self) -> str:
        return (self.municipality or "") + self.rest


@dataclass(frozen=True)
class Address:
    """`town`: municipality and town without prefecture and 郡, wide key; `numbers`: at most three, joined by hyphens; `room`: of a building."""

    town: str
    numbers: str | None
    room: str | None = None
    prefecture: str | None = None
    municipality: str | None = None


def read(text: str, postal: str | None = None, mergers: Mergers | None = None, day: date | None = None) -> Address | None:
    """The comparable form of one written address; None if no place is left.

    `postal` (seven digits) fills in municipality, ward or prefecture where the address does not name them, and the town where there is
    no address at all. `mergers` bring the municipality of `day` to its present name.

    >>> read("神奈川県横浜市西区みなとみらい二丁目３番１号 海ビル５０１")
    Address(town='横浜市西区みなとみらい', numbers='2-3-1', room='501', prefecture='神奈川県', municipality='横浜市西区')
    >>> read("横浜市西区みなとみらい2-3-1-501") == read("神奈川県横浜市西区みなとみらい２－３－１－５０１")
    True
    >>> read("埼玉県比企郡小川町大字大塚五十五番地") == read("みなとみらい")
    False
    >>> read("みなとみらい2-3", "2200012").town, read("", "2200012").town
    ('横浜市西区みなとみらい', '横浜市西区みなとみらい')
    """
    head, tail = divided(text)
    found = located(place(head, mergers, day), postal)
    if not found.town:
        return None
    first, room = numbers(tail)
    return Address(found.town, first, room, found.prefecture, found.municipality)


def divided(text: str) -> tuple[str, str]:
    """The address before and from its first number, as written.

    >>> divided("札幌市中央区北二条西三丁目１"), divided("千代田区一番町二十番地")
    (('札幌市中央区北二条西', '三丁目１'), ('千代田区一番町', '二十番地'))
    """
    text = text.replace("\n", " ")
    found = _BEFORE_NUMBERS.match(text)
    head = found.group(1) if found else text
    return head, text[len(head) :]


def place(head: str, mergers: Mergers | None = None, day: date | None = None) -> Place:
    """Reads what stands before the numbers.

    >>> place("埼玉県比企郡小川町大字大塚")
    Place(prefecture='埼玉県', municipality='小川町', whole=True, rest='大塚')
    >>> place("京都市中京区寺町通御池上る上本能寺前町").rest
    '上本能寺前町'
    """
    return place_of(municipalities.folded(head), mergers, day)


def place_of(shown: str, mergers: Mergers | None = None, day: date | None = None) -> Place:
    """`place` of a folded head."""
    mergers = mergers or Mergers()
    shown = _PLACE_END.sub("", _DASH.sub("-", shown))
    prefecture = mergers.gazetteer.prefecture_of(shown)
    rest = shown[len(prefecture or "") :]
    rest = rest.lstrip("-、,")
    name, places = _longest(rest, mergers)
    if not places:  # a town that is no more, written with its county
        rest = municipalities.without_county(rest)
        name, places = _longest(rest, mergers)
    places = tuple(found for found in places if prefecture in (None, found.prefecture))
    if not places:
        return Place(prefecture, None, False, _bare(municipalities.without_county(rest), None))
    rest = rest[len(name) :]
    current = {mergers.current(found, day) for found in places}
    if len(current) > 1:
        return Place(prefecture, places[0].name, places[0].whole, _bare(rest, places[0].name))
    only = current.pop()
    return Place(only.prefecture, only.name, only.whole, _bare(rest, only.name))


def located(found: Place, postal: str | None) -> Place:
    """The place with what its postal code adds: municipality, ward or prefecture, and the town's present name.

    >>> located(place("埼玉県浦和市南浦和"), "3360017").town
    'さいたま市南区南浦和'
    """
    if postal is None or (found.municipality and found.whole and found.prefecture):
        return found
    there, town = municipalities.of_postal_code(postal)
    if there is None or found.prefecture not in (None, there.prefecture):
        return found
    # A municipality that is no more, or a former ward, stands before the town; the code says where the town lies now.
    rest = town if town and (found.rest.endswith(town) or not (found.rest or found.municipality)) else found.rest
    if found.municipality is None or there.name == found.municipality or (not found.whole and there.name.startswith(found.municipality)):
        return Place(there.prefecture, there.name, True, rest)
    return found


def numbers(tail: str) -> Numbers:
    """The first three numbers, joined by hyphens, and the room.

    >>> numbers("二丁目３番１号 海ビル５０１号室"), numbers("2-3-1-501"), numbers("１２番地"), numbers("12地割34番地5")
    (('2-3-1', '501'), ('2-3-1', '501'), ('12', None), ('12-34-5', None))
    """
    return numbers_of(tail_lines(tail.replace("\n", " ")))[0]


def tail_lines(text: str) -> str:
    """What stands from the first number on, in digits and plain hyphens, line by line."""
    shown = _FLOOR.sub(" ", _DASH.sub("-", glyphs.plain_lines(text)))
    return _KANJI_NUMBER.sub(lambda found: str(number(found.group(1) or found.group(2))), shown)


def numbers_of(lines: str) -> list[Numbers]:
    """`numbers` of every folded line."""
    read_lines: list[Numbers] = []
    for first, second, third, fourth, rest in _NUMBERS.findall(lines):
        shown = "-".join(digits.lstrip("0") or "0" for digits in (first, second, third) if digits)
        read_lines.append((shown or None, (fourth or _room(rest)).lstrip("0") or None))
    return read_lines


def _room(rest: str) -> str:
    if not rest or rest.isdecimal():
        return ""
    found = _ROOM.search(rest)
    return found.group(1) if found else ""


def postal_code(text: str) -> str | None:
    """Seven digits, or None.

    >>> postal_code("〒220-0012"), postal_code("２２０００１２"), postal_code("220")
    ('2200012', '2200012', None)
    """
    digits = re.sub(r"\D", "", glyphs.plain(text))
    return digits if len(digits) == 7 and digits.isascii() and len(set(digits)) > 1 else None


def number(numeral: str) -> int:
    """The value of a kanji numeral, in either style.

    >>> number("二十三"), number("百五"), number("一〇三"), number("十")
    (23, 105, 103, 10)
    """
    if not any(unit in numeral for unit in "十百千"):
        return int("".join(str(_DIGITS[character]) for character in numeral))
    total, digit = 0, 0
    for character in numeral:
        if character in _DIGITS:
            digit = _DIGITS[character]
        else:
            total += (digit or 1) * {"十": 10, "百": 100, "千": 1000}[character]
            digit = 0
    return total + digit


def _longest(text: str, mergers: Mergers) -> tuple[str, tuple[Municipality, ...]]:
    known = mergers.known
    for length in range(min(_LONGEST, len(text)), 1, -1):
        if places := known.get(text[:length]):
            return text[:length], places
    return "", ()


def _bare(rest: str, municipality: str | None) -> str:
    rest = _NUMBERED_PLACE.sub(lambda found: str(number(found.group(1))), _PLACE_FILLER.sub("", rest))
    if municipality and municipality.startswith("京都市"):
        rest = _STREETS.sub("", rest)
    return _PLACE_END.sub("", rest)
