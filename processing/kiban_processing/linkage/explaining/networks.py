"""つながりの図 (networks): the registrations of one person and those kept apart from it, as a small SVG; the same person gives the same drawing."""

from __future__ import annotations

import math

from kiban_processing.language import Language, Text
from kiban_processing.linkage.explaining import drawing, lettering, person

_SIZE, _RADIUS, _OUTER = 420.0, 105.0, 175.0
_NODE = 15.0
_MARGIN = 16.0
_LISTED = 400.0  # width of the list beside the drawing

_Places = dict[str, tuple[float, float]]


def draw(because: person.Because, language: Language, alone: bool = True) -> str:
    """Members stand numbered on a circle, registrations kept apart from them lettered outside it; the list beside names them and tells weights."""
    outside = _outside(because)
    names = {member: str(number) for number, member in enumerate(because.members, 1)}
    names |= {registration: _lettered(number) for number, registration in enumerate(outside)}
    places = _places(because, outside)
    parts = []
    for pair in because.near:
        parts.append(_joined(places, pair.left, pair.right, "doubt"))
    for link in reversed(because.links):
        kind = "weakest" if link.weakest else "tree" if link.in_tree else "more"
        parts.append(_joined(places, link.pair.left, link.pair.right, kind))
    for registration, (x, y) in places.items():
        inner = registration not in outside
        parts.append(drawing.circle(x, y, _NODE, "for" if inner else "ring"))
        parts.append(drawing.text(x, y + drawing.LETTER * 0.36, names[registration], "middle", "on" if inner else ""))
    listed, height = _list(because, names, language)
    title = Text(f"{len(because.members)}件の登録を同一人とした理由", f"Why {len(because.members)} registrations are one person").read(
        language
    )
    description = person.as_text(because, language)
    return drawing.document(title, description, _SIZE + _LISTED + _MARGIN, max(_SIZE, height), parts + listed, alone)


def _outside(because: person.Because) -> list[str]:
    members = set(because.members)
    return sorted({end for pair in because.near for end in (pair.left, pair.right)} - members)


def _lettered(number: int) -> str:
    """A, B, … Z, A1, B1, …"""
    return chr(ord("A") + number % 26) + (str(number // 26) if number >= 26 else "")


def _places(because: person.Because, outside: list[str]) -> _Places:
    middle = _SIZE / 2
    places: _Places = {}
    count = len(because.members)
    radius = 0.0 if count == 1 else _RADIUS
    for number, member in enumerate(because.members):
        turn = 2 * math.pi * number / count - math.pi / 2
        places[member] = (middle + radius * math.cos(turn), middle + radius * math.sin(turn))
    # Outside, each stands as near as it can to the member it was compared with; sorted by that direction, then spread evenly.
    wanted = {registration: _direction(because, places, registration) for registration in outside}
    for number, registration in enumerate(sorted(outside, key=lambda one: (wanted[one], one))):
        turn = 2 * math.pi * (number + 0.5) / len(outside) - math.pi / 2
        places[registration] = (middle + _OUTER * math.cos(turn), middle + _OUTER * math.sin(turn))
    return places


def _direction(because: person.Because, places: _Places, registration: str) -> float:
    """The turn, clockwise from the top, of the member that a registration outside was compared with at the highest weight."""
    pair = next(pair for pair in because.near if registration in (pair.left, pair.right))
    x, y = places[pair.right if pair.left == registration else pair.left]
    return round((math.atan2(y - _SIZE / 2, x - _SIZE / 2) + math.pi / 2) % (2 * math.pi), 6)


def _joined(places: _Places, left: str, right: str, kind: str) -> str:
    return drawing.line(*places[left], *places[right], kind)


def _list(because: person.Because, names: dict[str, str], language: Language) -> tuple[list[str], float]:
    rows: list[tuple[str, str]] = [("strong", Text("登録", "Registrations").read(language))]
    rows += [("", f"{names[one]}  {lettering.named(one)}") for one in names]
    rows.append(("strong", Text("つながり（太線。細線はほかの裏付け）", "Links (thick; thin ones confirm)").read(language)))
    for link in because.links:
        if link.in_tree:
            marks = person.marked(link)
            said = Text("、".join(mark.ja for mark in marks), ", ".join(mark.en for mark in marks)).read(language)
            rows.append(("", f"{names[link.pair.left]}–{names[link.pair.right]}  {drawing.signed(link.pair.weight)}  {said}".rstrip()))
    if because.near:
        rows.append(("strong", Text("統合しない組（点線）", "Kept apart (dotted)").read(language)))
    for pair in because.near:
        verdict = {"veto": Text("別人", "two persons"), "review": Text("要確認", "waits for review")}.get(
            pair.decision, Text("統合を見送り", "not joined")
        )
        rows.append(("", f"{names[pair.left]}–{names[pair.right]}  {drawing.signed(pair.weight)}  {verdict.read(language)}"))
    parts, height = [], _MARGIN
    for kind, row in rows:
        height += 6 if kind else 0
        for place, words in enumerate(lettering.wrapped(row, drawing.LETTER, _LISTED - 24)):
            height += drawing.LINE
            parts.append(drawing.text(_SIZE + (18 if place else 0), height, words, kind=kind))
    return parts, height + _MARGIN
