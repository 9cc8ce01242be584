"""仮の番号 (keys): pseudonyms and linking codes, replaced by keyed hashes under a secret of the one release (Reg 18(iii)).

What it protects: without the secret nobody gets from a pseudonym back to a person, and two releases share no number. What it does not:
rows of one person stay together, as they must; what they tell together is the matter of the quasi-identifiers.
"""

from __future__ import annotations

import hashlib
import hmac

from kiban_processing import dialect

DIGITS = 24  # hexadecimal; 96 bits: a collision among 10^8 codes has a chance below 10^-13
_MARK = "\x1f"  # no field of a record holds a unit separator


def pads(name: str, secret: bytes) -> dict[str, bytes]:
    """The two padded keys of HMAC (RFC 2104) as the parameters of `dialect.hmac`."""
    key = secret.ljust(64, b"\0")
    return {f"{name}_inner": bytes(byte ^ 0x36 for byte in key), f"{name}_outer": bytes(byte ^ 0x5C for byte in key)}


def keyed(secret: bytes, *parts: str) -> str:
    """The keyed hash of some parts, in 64 hexadecimal digits."""
    return hmac.new(secret, _MARK.join(parts).encode(), hashlib.sha256).hexdigest()


def tie_breaks(secret: bytes) -> bytes:
    """The release's secret for choices among equals, made of the pseudonyms' one, so that it lives and dies with it."""
    return hmac.new(secret, _MARK.join(("ties", "recoding")).encode(), hashlib.sha256).digest()


def pseudonym(secret: bytes, person: str) -> str:
    """A person's number in one release.

    >>> pseudonym(b"1" * 32, "P1") == pseudonym(b"2" * 32, "P1")
    False
    """
    return keyed(secret, "person", person)[:DIGITS]


def rekeyed(secret: bytes, column: str, hospital: str, person: str, value: str | None) -> str | None:
    """A linking code's number in one release: the same in every table that refers to it, never the same for two persons or hospitals."""
    return None if value is None else keyed(secret, "code", column, hospital, person, value)[:DIGITS]


def pseudonym_sql(person: str) -> str:
    return f"substr({dialect.hmac('pseudonym', _joined(dialect.literal('person'), person))}, 1, {DIGITS})"


def rekeyed_sql(column: str, hospital: str, person: str, value: str) -> str:
    message = _joined(dialect.literal("code"), dialect.literal(column), hospital, person, value)
    return f"CASE WHEN {value} IS NULL THEN NULL ELSE substr({dialect.hmac('pseudonym', message)}, 1, {DIGITS}) END"


def _joined(*parts: str) -> str:
    return " || chr(31) || ".join(parts)
