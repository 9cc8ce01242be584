"""性別 (sex): the recorded sex as the catalogue writes it."""

from __future__ import annotations

from kiban_processing.linkage import glyphs

_SPELLINGS = {
    **dict.fromkeys(("男", "男性", "M", "MALE", "1", "オトコ"), "male"),
    **dict.fromkeys(("女", "女性", "F", "FEMALE", "2", "オンナ"), "female"),
}


def read(text: str) -> str | None:
    """`male`, `female` or None: unknown and other values say nothing about whether two registrations are one person.

    >>> read("男"), read("F"), read("２"), read("不明")
    ('male', 'female', 'female', None)
    """
    return _SPELLINGS.get(glyphs.plain(text).upper())
