"""判定の理由 (reasons): what a judge writes down beside an answer: it is required, and must not quote the patient.

It is kept in control data and shown to those who may see the answer; no log and no ledger entry has it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_21, REG_5_VII

REASON_MISSING = Ground(
    "doubt-reason-missing", Family.INPUT, REG_5_VII,
    Text("理由が空か、{longest}字を超えています。", "The reason is empty or longer than {longest} characters."),
    Text("何が一致し、何が異なるので、そう判定したのかを書いてください。", "Say what agrees and what differs, and so why you answered thus."),
)  # fmt: skip
REASON_QUOTES = Ground(
    "doubt-reason-quotes", Family.INPUT, ACT_21,
    Text("理由に、患者の氏名・番号・日付などの値が含まれているおそれがあります。", "The reason seems to hold a value of the patient: a name, a number or a date."),
    Text("値を書かず、項目の名前で書いてください(例: 「電話番号と保険の番号が一致し、住所は転居とみられる」)。",
         "Name the items and not their values (“telephone and insurance number agree; the address looks like a move”)."),
)  # fmt: skip

LONGEST = 1000
_DIGITS = re.compile(r"\d{4,}|\d+\s*[-/.年月]\s*\d+|[一二三四五六七八九十]{3,}")
_KEPT = 2  # characters: a shorter part of a name is a word of the language as well


def check(reason: str, values: Iterable[str | None]) -> str:
    """The reason as it is kept, without blanks around it; `values`: everything the registrations in question hold.

    A run of digits, a date, or a part of a name or an address of two characters or more counts as a quotation.
    Refuses: doubt-reason-missing, doubt-reason-quotes.
    """
    kept = reason.strip()
    if not kept or len(kept) > LONGEST:
        raise REASON_MISSING.refuse(longest=LONGEST)
    plain = _plain(kept)
    if _DIGITS.search(unicodedata.normalize("NFKC", kept)) or any(part in plain for value in values if value for part in _parts(value)):
        raise REASON_QUOTES.refuse()
    return kept


def _parts(value: str) -> set[str]:
    """A value, and its parts between blanks, as they would be written."""
    normal = unicodedata.normalize("NFKC", value)
    return {part for part in (_plain(normal), *map(_plain, normal.split())) if len(part) >= _KEPT}


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in folded if not character.isspace() and character not in "-‐－・")
