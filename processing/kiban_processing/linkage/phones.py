"""電話番号 (telephone): digits in the national form."""

from __future__ import annotations

import re

from kiban_processing.linkage import glyphs

FREE_DIALS = ("0120", "0800")
MOBILES = ("070", "080", "090")


def read(text: str) -> str | None:
    """Ten or eleven digits beginning with 0; None for anything else, for fillers such as 000-0000-0000 and for free dials (0120, 0800).

    A leading zero that a spreadsheet dropped is put back; an extension or a remark after the number is left out.

    >>> read("０９０－１２３４－５６７８"), read("+81 90-1234-5678"), read("9012345678"), read("(045)123-4567 夜間")
    ('09012345678', '09012345678', '09012345678', '0451234567')
    >>> read("000-0000-0000"), read("なし")
    (None, None)
    """
    shown = glyphs.plain(text)
    head = re.match(r"[^\d+]*(\+?[\d\s()‐‑‒–—―−ーｰ.-]+)", shown)
    if head is None:
        return None
    digits = re.sub(r"\D", "", head.group(1))
    if head.group(1).startswith("+81") or (digits.startswith("81") and len(digits) in (11, 12)):
        digits = "0" + digits[2:].lstrip("0")
    elif not digits.startswith("0") and len(digits) in (9, 10):
        digits = "0" + digits
    if len(digits) not in (10, 11) or not digits.startswith("0") or len(set(digits[3:])) == 1:
        return None
    return None if digits.startswith(FREE_DIALS) else digits


def is_mobile(number: str) -> bool:
    """Whether a read number belongs to one person's telephone: 070, 080 and 090. IP telephones (050) stand in a home.

    >>> is_mobile("09012345678"), is_mobile("05012345678"), is_mobile("0451234567")
    (True, False, False)
    """
    return len(number) == 11 and number.startswith(MOBILES)
