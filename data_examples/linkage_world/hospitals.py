"""医療機関の書き方 (conventions of the hospitals): how each writes names, dates, addresses, telephones and insurance, and what it leaves out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Habits:
    """How one hospital writes. Rates are shares of its rows; errors are multiplied by the world's noise, habits are not."""

    site_id: str
    charset: str  # jis: 髙→高, what JIS X 0208 lacks as 〓 or plain; cp932: 髙 﨑 kept, no IVS; unicode: all kept, IVS too
    kana: str  # full, half, hira, big (small kana written big), long (オウ as オー)
    separator: str
    title: float  # share written with 様
    date: str  # iso, compact, slash, letter, kanji, number
    registered: str
    address: str  # kanji, hyphen, full, chome
    prefecture: bool
    oaza: bool
    building: float
    phone: str  # hyphen, plain, full, bracket
    mobile_first: bool
    sex: tuple[str, str]
    zero_dropped: bool
    joined: bool  # symbol and number in one field
    branch: bool
    default_date: float  # unknown birth dates become 1 January
    missing: dict[str, float]
    care: float  # multiplies the errors of this hospital


# How often a field is left out, on the average of the hospitals; each has its own share.
MISSING = {
    "name_kanji": 0.002, "name_kana": 0.02, "birth_date": 0.002, "sex": 0.004, "postal_code": 0.05, "address": 0.03, "phone": 0.08, "insurance": 0.07,
}  # fmt: skip
_CHARSETS = ("cp932", "jis", "unicode", "cp932", "cp932", "jis")
_KANA = ("full", "half", "full", "hira", "full", "big", "full", "long", "half", "full")
_SEPARATORS = ("　", "", " ", "　", " ")
_DATES = ("iso", "letter", "compact", "kanji", "slash", "number", "iso", "compact")
_ADDRESSES = ("chome", "hyphen", "kanji", "full", "hyphen", "chome", "hyphen")
_PHONES = ("hyphen", "plain", "hyphen", "bracket", "full")
_SEXES = (("1", "2"), ("男", "女"), ("M", "F"), ("1", "2"), ("男性", "女性"))


def habits(hospitals: int) -> list[Habits]:
    """The hospitals of a world, always the same for one number of them."""
    lot = np.random.default_rng(77)
    care = np.exp(lot.normal(0, 0.35, hospitals))
    care /= care.mean()
    left_out = {}
    for field, rate in MISSING.items():
        shares = lot.gamma(1.2, 1.0, hospitals)
        left_out[field] = np.minimum(shares / shares.mean() * rate, 0.5)
    found = []
    for number in range(hospitals):
        missing = {field: float(shares[number]) for field, shares in left_out.items()}
        if number % 11 == 7:
            missing["name_kana"] = 0.25
        found.append(
            Habits(
                site_id=f"H{number + 1:02d}",
                charset=_CHARSETS[number % 6],
                kana=_KANA[number % 10],
                separator=_SEPARATORS[(number * 3) % 5],
                title=0.4 if number % 7 == 4 else 0.0,
                date=_DATES[number % 8],
                registered=("iso", "slash", "compact")[number % 3],
                address=_ADDRESSES[number % 7],
                prefecture=number % 3 != 1,
                oaza=number % 5 == 3,
                building=(0.9, 0.5, 0.15)[number % 3],
                phone=_PHONES[number % 5],
                mobile_first=number % 2 == 0,
                sex=_SEXES[number % 5],
                zero_dropped=number % 4 == 1,
                joined=number % 5 == 2,
                branch=number % 4 != 2,
                default_date=(0.004 if number % 3 == 0 else 0.0005),
                missing=missing,
                care=float(care[number]),
            )
        )
    return found
