"""住所の丸め (places): address and postal code become a prefecture or a large municipality (Reg 18(i)).

The address counts first, by its longest known beginning; the postal code only where the address says nothing. A code of a single
organisation is unknown here, and an unknown place is missing. What it protects: nothing below the level leaves. What it does not: a
prefecture with few persons of the release; that is the matter of the quasi-identifiers.
"""

from __future__ import annotations

from kiban_processing import dialect
from kiban_processing.hierarchies import gazetteer
from kiban_processing.hierarchies.residence import Residence

BEGINNINGS, CODES = "place_beginnings", "place_codes"  # engine tables: beginning, place | code, place


def place(address: str | None, postal_code: str | None, residence: Residence) -> str | None:
    """The place a release may name for an address and a postal code.

    >>> from kiban_processing.hierarchies.residence import residence
    >>> place("東京都千代田区丸の内1-1", None, residence(False, 0, ()))
    '東京都'
    """
    if address is not None:
        text = gazetteer.simplified(address)
        for length in sorted({len(beginning) for beginning in residence.by_beginning}, reverse=True):
            if len(text) >= length and text[:length] in residence.by_beginning:
                return residence.by_beginning[text[:length]]
    return None if postal_code is None else residence.by_code.get(postal_code.replace("-", ""))


def place_sql(address: str | None, postal_code: str | None, residence: Residence) -> tuple[str, str]:
    """The expression and the joins (text to follow a FROM) of `place`; `address`, `postal_code` are expressions, None where not used.

    Needs the engine tables BEGINNINGS and CODES.
    """
    choices, joins = [], []
    if address is not None:
        simplified = dialect.without(address, "\u0020\u3000", "ヶ", "ケ")
        for length in sorted({len(beginning) for beginning in residence.by_beginning}, reverse=True):
            alias = f"beginning_{length}"
            joins.append(
                f"LEFT JOIN (SELECT * FROM {BEGINNINGS} WHERE length(beginning) = {length}) {alias} "
                f"ON {alias}.beginning = substr({simplified}, 1, {length})"
            )
            choices.append(f"{alias}.place")
    if postal_code is not None:
        joins.append(f"LEFT JOIN {CODES} postal ON postal.code = replace({postal_code}, '-', '')")
        choices.append("postal.place")
    return f"coalesce({', '.join(choices)}, NULL)", "\n".join(joins)
