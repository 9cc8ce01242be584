"""窓口 (desk): the habits of each hospital's reception and of its computer of that time, and the errors booked on its registrations.

Every hospital has two systems, an old one and the one that replaced it between 2003 and 2017; each has its alphabet of readings, its shapes of
characters, its date, its address, its way with insurance cards. Habits that lose something are booked as errors too (`other_mistakes.TAGS`).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from other_lives import Lives
from other_mistakes import Errors
from other_years import Visits

Ints = npt.NDArray[np.int64]
# Name, number of ways, how often each is found in old systems and in new ones.
HABITS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "reading": ((0.3, 0.65, 0.05), (0.75, 0.17, 0.08)),  # full width, half width, hiragana
    "gap": ((0.5, 0.25, 0.25), (0.65, 0.22, 0.13)),  # wide, narrow, none
    "shape": ((0.15, 0.6, 0.25), (0.78, 0.17, 0.05)),  # as on the card, the keyboard's, 〓
    "birth": ((0.06, 0.2, 0.08, 0.26, 0.1, 0.18, 0.12), (0.4, 0.24, 0.18, 0.06, 0.06, 0.02, 0.04)),
    "address": ((0.25, 0.1, 0.15, 0.15, 0.25, 0.1), (0.15, 0.3, 0.15, 0.2, 0.15, 0.05)),
    "prefecture": ((0.45, 0.55), (0.75, 0.25)),  # written, left out
    "building": ((0.6, 0.4), (0.85, 0.15)),
    "postal": ((0.5, 0.4, 0.1), (0.6, 0.38, 0.02)),  # with hyphen, seven digits, with 〒
    "phone": ((0.6, 0.2, 0.2), (0.7, 0.27, 0.03)),  # hyphens, digits, area in brackets
    "sex": ((0.35, 0.5, 0.15), (0.35, 0.4, 0.25)),  # 男 女, 1 2, M F
    "insurer": ((0.6, 0.25, 0.15), (0.75, 0.1, 0.15)),  # as is, first zero dropped, padded to eight digits
    "card": ((0.5, 0.2, 0.3), (0.75, 0.1, 0.15)),  # two fields, both in the number's field, full width
    "branch": ((0.3, 0.7), (0.75, 0.25)),  # kept, not kept
    "big": ((0.35, 0.65), (0.06, 0.94)),  # small kana written big
    "short": ((0.12, 0.88), (0.03, 0.97)),  # fields of ten characters
}


class Desk:
    """The registrations of all hospitals, column by column."""

    def __init__(self, lives: Lives, visits: Visits, hospitals: int, noise: float, random: np.random.Generator) -> None:
        self.lives, self.visits, self.random = lives, visits, random
        self.count = len(visits["person"])
        self.errors = Errors(self.count, noise, random)
        self.sex = lives.sex[visits["person"]]
        self.year = visits["day"].astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
        epoch = (self.year >= random.integers(2003, 2018, hospitals)[visits["site"]]).astype(np.int64)
        self.ways: dict[str, Ints] = {}
        for name, shares in HABITS.items():
            way = np.stack([np.searchsorted(np.cumsum(share)[:-1], random.random(hospitals)) for share in shares], axis=1)
            mine = way[visits["site"], epoch]
            # One clerk of twenty does as at the hospital where they learnt it.
            other = random.random(self.count) < 0.05
            mine[other] = random.permutation(mine[other])
            self.ways[name] = mine
        self.foreign = lives.foreign[visits["person"]] >= 0
