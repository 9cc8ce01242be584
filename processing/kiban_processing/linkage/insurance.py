"""被保険者番号 (insurance): insurer, symbol, number and branch as one household key and, where complete, one personal key.

A family shares insurer, symbol and number; the branch (枝番, since 2021) tells its members apart. Insurers of the late-elderly
system (後期高齢者医療, insurer numbers beginning with 39) number each person, without a branch. Payers of public assistance (公費負担,
law numbers 10 to 30, 38, 51 to 54, 62, 66 and from 79) insure nobody: their numbers change with the certificate and are left out.
Source: 保険者番号等の設定について (law number, prefecture, insurer, check digit; six digits for national health insurance).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kiban_processing.linkage import glyphs

_LABELLED = re.compile(r"(記号|番号|枝番)\s*[:：]?\s*")
_SEPARATOR = re.compile(r"[\s・･,，、/‐‑‒–—―−ｰー-]+")
LATE_ELDERLY = "39[0-9]{6}"
PUBLIC_ASSISTANCE = "(?:1[0-9]|2[0-9]|30|38|5[1-4]|62|66|79|8[0-9]|9[0-9])[0-9]{6}"
_LATE_ELDERLY, _PUBLIC_ASSISTANCE = re.compile(LATE_ELDERLY), re.compile(PUBLIC_ASSISTANCE)


@dataclass(frozen=True)
class Insurance:
    """`household`: insurer|symbol|number; `personal`: the same with the branch, or None where a member cannot be told from the family."""

    household: str
    branch: str | None
    personal: str | None
    insurer: str
    elderly: bool


def read(insurer: str, symbol: str, number: str, branch: str) -> Insurance | None:
    """The comparable form of one insurance entry; None unless insurer and number are both there.

    Leading zeros are nothing (spreadsheets drop them). A number field that holds symbol and number, or all three with their
    labels, is taken apart when the symbol field is empty.

    >>> read("06123457", "012", "000345", "01")
    Insurance(household='6123457|12|345', branch='1', personal='6123457|12|345|1', insurer='6123457', elderly=False)
    >>> read("6123457", "", "12-345", "1") == read("06123457", "012", "000345", "01")
    True
    >>> read("39131156", "", "01234567", "").personal
    '39131156||1234567'
    >>> read("138057", "", "1234", "").personal is None
    True
    >>> read("12131156", "", "1234567", "") is None
    True
    """
    insurer = re.sub(r"\D", "", glyphs.plain(insurer)).lstrip("0")
    symbol, number, branch = _taken_apart(glyphs.strict(symbol).upper(), glyphs.strict(number).upper(), glyphs.strict(branch))
    symbol, number = unpadded(symbol), unpadded(number)
    if not insurer or not number or _PUBLIC_ASSISTANCE.fullmatch(insurer):
        return None
    household = f"{insurer}|{symbol}|{number}"
    member = _branch(branch)
    if _LATE_ELDERLY.fullmatch(insurer):
        return Insurance(household, None, household, insurer, True)
    return Insurance(household, member, f"{household}|{member}" if member else None, insurer, False)


def _taken_apart(symbol: str, number: str, branch: str) -> tuple[str, str, str]:
    labels = _LABELLED.split(f"{symbol} {number} {branch}" if _LABELLED.search(number) else "")
    if len(labels) > 2:
        named = {label: value.strip(" ()") for label, value in zip(labels[1::2], labels[2::2], strict=True)}
        rest = labels[0].strip()
        return named.get("記号", rest), named.get("番号", ""), named.get("枝番", branch)
    if not symbol:
        pieces = [piece for piece in _SEPARATOR.split(number) if piece]
        if len(pieces) == 2:
            return pieces[0], pieces[1], branch
        if len(pieces) == 3 and not branch:
            return pieces[0], pieces[1], pieces[2]
    return symbol, number, branch


def unpadded(text: str) -> str:
    """A symbol or number without leading zeros and separators; empty if it is all zeros.

    >>> unpadded("市川・001"), unpadded("000")
    ('市川1', '')
    """
    pieces = [piece.lstrip("0") or "0" for piece in _SEPARATOR.split(text) if piece]
    joined = "".join(pieces)
    return "" if set(joined) <= {"0"} else joined


def _branch(text: str) -> str | None:
    digits = re.sub(r"\D", "", text)
    return (digits.lstrip("0") or "0") if digits else None
