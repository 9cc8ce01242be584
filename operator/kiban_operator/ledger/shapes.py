"""事実の形 (shapes): the few forms a fact in the ledger may take, so that a wrong or talkative value never gets in (Reg 12)."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True)
class Shape:
    """A named test of a JSON value; whole numbers only, since floating point has no place in a book."""

    name: str
    fits: Callable[[object], bool]


_CODE = re.compile(r"[^\s\x00-\x1f\x7f]{1,200}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_COMMITMENT = re.compile(r"c:[0-9a-f]{64}")
LARGEST = 2**53 - 1


def _is_code(value: object) -> bool:
    return isinstance(value, str) and _CODE.fullmatch(value) is not None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 1000


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def is_commitment(value: object) -> bool:
    """Whether the value is `c:` and 64 hexadecimal digits: a salted commitment in place of a sealed text."""
    return isinstance(value, str) and _COMMITMENT.fullmatch(value) is not None


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST


def _is_date(value: object) -> bool:
    try:
        return isinstance(value, str) and len(value) == 10 and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def is_moment(value: object) -> bool:
    """Whether the value is an ISO 8601 time to the second with its offset, such as `2026-11-21T10:02:11+09:00`."""
    try:
        if not isinstance(value, str):
            return False
        moment = datetime.fromisoformat(value)
        return moment.tzinfo is not None and moment.isoformat(timespec="seconds") == value
    except ValueError:
        return False


def _is_base64(prefix: str, size: int) -> Callable[[object], bool]:
    def fits(value: object) -> bool:
        if not isinstance(value, str) or not value.startswith(prefix):
            return False
        try:
            raw = b64decode(value.removeprefix(prefix), validate=True)
            return len(raw) == size and prefix + b64encode(raw).decode() == value
        except (Base64Error, ValueError):
            return False

    return fits


def _is_names(value: object) -> bool:
    return isinstance(value, list) and len(value) > 0 and all(map(_is_code, value)) and len(set(value)) == len(value)


def _is_counts(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_code, value)) and all(map(_is_count, value.values()))


TALLY = frozenset({"in", "accepted", "held", "quarantined"})


def _is_tallies(value: object) -> bool:
    return (
        isinstance(value, dict)
        and all(map(_is_code, value))
        and all(_is_counts(tally) and frozenset(tally) == TALLY for tally in value.values())
    )


STATEMENT_FIELDS = frozenset({"v", "purpose", "release", "manifest", "decision", "by", "at"})


def _is_statement(value: object) -> bool:
    return isinstance(value, dict) and frozenset(value) == STATEMENT_FIELDS


CODE = Shape("code", _is_code)  # an identifier or code word: no blanks, at most 200 characters
TEXT = Shape("text", _is_text)  # a reason or remark without personal data, at most 1000 characters
DIGEST = Shape("digest", _is_digest)  # "sha256:" and 64 hexadecimal digits
COUNT = Shape("count", _is_count)
DATE = Shape("date", _is_date)  # YYYY-MM-DD, the date in Japan
MOMENT = Shape("moment", is_moment)
NAMES = Shape("names", _is_names)  # a list of different codes, not empty
COUNTS = Shape("counts", _is_counts)  # {code: count}
TALLIES = Shape("tallies", _is_tallies)  # {table: {"in", "accepted", "held", "quarantined"}}
STATEMENT = Shape("statement", _is_statement)  # what an approver signed: see ledger.statements
PUBLIC_KEY = Shape("public key", _is_base64("ed25519:", 32))  # "ed25519:" and base64 of 32 bytes
SIGNATURE = Shape("signature", _is_base64("ed25519:", 64))  # "ed25519:" and base64 of 64 bytes


def one_of(*words: str) -> Shape:
    """Exactly one of the given words."""
    return Shape("|".join(words), lambda value: isinstance(value, str) and value in words)
