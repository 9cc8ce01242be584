"""様式1のコード (codes of form 1, FF1): in which months each code was in force and which payloads it had; payload 9, words, is never read.

Own table of facts of the official layouts 2014–2026 (DPC導入の影響評価に係る調査 実施説明資料). A payload is written as its number, with `d` where it is
a date, and `:since-until` (YYYYMM, until exclusive) where it came later or went earlier than its code.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Payload:
    """Payload `number` (1–8), from month `since` until before `until` (0: still)."""

    number: int
    since: int
    until: int
    is_date: bool


@dataclass(frozen=True)
class Code:
    """A code of form 1, from month `since` until before `until` (0: still)."""

    name: str
    since: int
    until: int
    payloads: tuple[Payload, ...]

    def is_in_force(self, month: int) -> bool:
        return self.since <= month and (not self.until or month < self.until)


_TABLE = (
    ("A000010", 201404, 0, "d1 2 3"),
    ("A000020", 201404, 0, "d1 2 3 4 5 6 7 8:201604-"),
    ("A000021", 202606, 0, "1 2"),
    ("A000030", 201404, 0, "d1 2 3 4 5 6:202606-"),
    ("A000031", 201404, 0, "d1 d2"),
    ("A000040", 201404, 0, "2 3"),
    ("A000050", 201404, 0, "2 3 4"),
    ("A000060", 201404, 0, "2 3"),
    ("A000070", 201404, 0, "d1 d2"),
    ("A000080", 201404, 0, "2 3"),
    ("A000090", 201404, 0, "2 3"),
    ("A001010", 201404, 0, "2 3 4:202406-"),
    ("A001020", 201404, 202606, "2"),
    ("A001030", 201404, 202606, "d1:201604- d2 3 4:201604-"),
    ("A001040", 202406, 0, "3 4 5 d6"),
    ("A001050", 202606, 0, "2"),
    ("A002010", 201404, 0, "2 3"),
    ("A003010", 201404, 0, "2 3"),
    ("A004010", 201404, 0, "2"),
    ("A004020", 201804, 0, "2"),
    ("A004030", 201804, 0, "d1:-202004 d2:-202004 3 4 5 6 7:202004- 8:202004-"),
    ("A004040", 202406, 0, "2 3"),
    ("A004050", 202406, 0, "2"),
    ("A004060", 202606, 0, "2"),
    ("A006010", 201404, 0, "2 4:201604- 5:201604- 6:201604- 7:201604- 8:201604-"),
    ("A006020", 201404, 0, "2 4:201604- 5:201604- 6:201604- 7:201604- 8:201604-"),
    ("A006030", 201404, 0, "2 3 4:201604- 5:201604- 6:201604- 7:201604- 8:201604-"),
    ("A006031", 201404, 0, "2 4:201604- 5:201604- 6:201604- 7:201604- 8:201604-"),
    ("A006040", 201404, 0, "2 4:201604- 5:201604- 6:201604- 7:201604- 8:201604-"),
    ("A006050", 201404, 0, "2 4:201604- 5:201604- 6:201604- 7:201604- 8:201604-"),
    ("A006060", 201604, 202606, "2 3 4 5"),
    ("A007010", 201404, 0, "d1 2 3:201804- 4 5 6 7:202406-"),
    ("A008010", 201404, 201604, "2"),
    ("ADL0005", 202606, 0, "2"),
    ("ADL0010", 201404, 0, "2"),
    ("ADL0020", 201404, 0, "2"),
    ("ADL0030", 202004, 0, "2"),
    ("ADL0040", 202004, 0, "2"),
    ("CAN0010", 201404, 0, "3"),
    ("CAN0020", 201404, 0, "3 4 5 6"),
    ("CAN0030", 201404, 0, "3"),
    ("CAN0040", 201404, 0, "3"),
    ("FIM0010", 201604, 0, "d1 d2 3 4 5:201804- 6:201804-"),
    ("FIM0020", 202406, 0, "d1 2"),
    ("JCS0010", 201404, 0, "2 3:202204- 4:202204-"),
    ("JCS0020", 201404, 0, "2"),
    ("M010010", 201404, 0, "2 3"),
    ("M010020", 201404, 0, "2"),
    ("M010030", 201404, 0, "2"),
    ("M040010", 201404, 0, "2"),
    ("M040020", 201404, 0, "2 3:201604-"),
    ("M040030", 202204, 202406, "2 3 4 5"),
    ("M040031", 202406, 0, "2:-202606 3:-202606 4:-202606 5:-202606 6 7 8"),
    ("M050010", 201404, 202406, "2 3:202204- 4:202204-"),
    ("M050011", 202406, 0, "3:-202606 4"),
    ("M050020", 201404, 0, "2"),
    ("M050030", 201404, 0, "2"),
    ("M050040", 201604, 202406, "2:-201804 3 4:-201804 5:-201804"),
    ("M050041", 202406, 0, "2 3 4 5"),
    ("M050050", 202204, 202406, "2"),
    ("M050051", 202406, 0, "2"),
    ("M050060", 202204, 202406, "2"),
    ("M050070", 202204, 0, "2"),
    ("M050080", 202406, 0, "2"),
    ("M050090", 202406, 0, "2"),
    ("M060010", 201404, 0, "2"),
    ("M060020", 201404, 0, "2"),
    ("M070010", 201404, 202004, "2"),
    ("M120010", 201404, 0, "2 3"),
    ("M150010", 202406, 0, "2"),
    ("M160010", 201404, 0, "2"),
    ("M170010", 201404, 0, "2"),
    ("M170020", 201404, 0, "2 3 4"),
    ("M170030", 202406, 202606, "d1 2 3"),
    ("M170040", 202406, 202606, "2 3 4 5"),
    ("M170050", 202406, 202606, "2 3 4"),
    ("M170060", 202406, 202606, "2 3 4 5 6 7"),
    ("M180010", 201804, 0, "d2 d3 d4 6 7 8"),
    ("M180011", 201804, 0, "d2 d3 6 7"),
    ("M180020", 201804, 0, "d2 d3 d4:-202606 6 7 8:-202606"),
    ("M180021", 201804, 0, "d2 d3 6 7"),
)  # fmt: skip


def _code(name: str, since: int, until: int, text: str) -> Code:
    return Code(name, since, until, tuple(_payload(one, since, until) for one in text.split()))


def _payload(text: str, since: int, until: int) -> Payload:
    number, _, span = text.removeprefix("d").partition(":")
    first, _, last = span.partition("-")
    return Payload(int(number), int(first or since), int(last or until), text.startswith("d"))


CODES: dict[str, Code] = {code.name: code for code in (_code(*row) for row in _TABLE)}


def in_force(month: int) -> dict[str, tuple[Payload, ...]]:
    """The codes of a month (YYYYMM) with their payloads.

    >>> [one.number for one in in_force(201404)["A000030"]], "A001040" in in_force(202405), "A001040" in in_force(202406)
    ([1, 2, 3, 4, 5], False, True)
    """
    return {
        code.name: tuple(one for one in code.payloads if one.since <= month and (not one.until or month < one.until))
        for code in CODES.values()
        if code.is_in_force(month)
    }
