"""医療保険 (health insurance): whose policy covers a person from when, and what stands on the card: insurer, symbol, number, branch.

Employees' funds change with the job, National Health Insurance with the municipality; at 75 everybody gets a personal number of the
late-elderly scheme (39…). Dependants stand on a parent's or a husband's policy and differ from each other by the branch number (枝番) only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from data_examples.linkage_world.families import Families
from data_examples.linkage_world.histories import BEGIN, END, LONG_AGO, YEAR, Bools, History, Ints, Log
from data_examples.linkage_world.profiles import Profile

FUND, NATIONAL, ELDERLY = 0, 1, 2
ELDERLY_SCHEME = 13_970  # April 2008
RANKS = 128  # holder × RANKS + rank: 0 the insured person, 1 the spouse, 2 and more the children
KINDS = 4  # policy × KINDS + kind


@dataclass
class Insurances:
    """`holder`: person → holder × RANKS + rank; `policy`: holder → policy × KINDS + kind."""

    holder: History
    policy: History


def insure(chance: np.random.Generator, families: Families, with_mother: Ints, profile: Profile) -> Insurances:
    """Policies of every adult, and who is covered by whom."""
    count, birth, family = families.persons, families.birth, families.family
    me = np.arange(count)
    elderly = np.maximum(birth + int(75 * YEAR), ELDERLY_SCHEME)
    retires = birth + ((60 + chance.random(count) * 8) * YEAR).astype(np.int64)
    policy, made = Log(), 0

    def issue(who: Ints, day: Ints, kind: Ints | int) -> None:
        nonlocal made
        policy.add(who, day, (made + np.arange(len(who))) * KINDS + kind)
        made += len(who)

    at, day = me, np.full(count, LONG_AGO)
    for step in range(10):
        issue(at, day, np.where(chance.random(len(at)) < 0.3, NATIONAL, FUND))
        base = np.maximum(np.maximum(day, BEGIN - 500) if step == 0 else day, birth[at] + int(20 * YEAR))
        following = base + (chance.exponential(27 / profile.insurers, len(at)) * YEAR + 200).astype(np.int64)
        going = (following < END) & (following < retires[at])
        at, day = at[going], following[going]
        if not len(at):
            break
    issue(me, retires, NATIONAL)
    issue(me, elderly, ELDERLY)

    holder = Log()
    holder.add(me, LONG_AGO, me * RANKS)
    child = np.flatnonzero(family >= 0)
    rank = np.minimum(2 + _rank_in_family(family, birth), RANKS - 1)
    holder.add(child, birth[child], families.husband[family[child]] * RANKS + rank[child])
    divorced = families.divorce[family[with_mother]]
    holder.add(with_mother, divorced + 5, families.wife[family[with_mother]] * RANKS + rank[with_mother])
    works = birth + ((19 + chance.random(count) * 5) * YEAR).astype(np.int64)
    holder.add(me, works, me * RANKS)
    husband, wife, wed, divorce = families.husband, families.wife, families.wed, families.divorce
    dependent = np.flatnonzero(chance.random(len(wife)) < 0.5)
    holder.add(wife[dependent], np.maximum(wed, works[wife])[dependent], husband[dependent] * RANKS + 1)
    back = dependent[chance.random(len(dependent)) < 0.35]
    holder.add(
        wife[back], np.minimum(wed[back] + (chance.exponential(9, len(back)) * YEAR).astype(np.int64), divorce[back]), wife[back] * RANKS
    )
    holder.add(wife[dependent], np.minimum(divorce, elderly[husband])[dependent], wife[dependent] * RANKS)
    holder.add(me, elderly, me * RANKS)
    return Insurances(holder.close(), policy.close())


def _rank_in_family(family: Ints, birth: Ints) -> Ints:
    order = np.lexsort((birth, family))
    ranked = family[order]
    fresh = np.r_[True, ranked[1:] != ranked[:-1]]
    begin = np.maximum.accumulate(np.where(fresh, np.arange(len(order)), 0))
    rank = np.zeros(len(order), np.int64)
    rank[order] = np.arange(len(order)) - begin
    return rank


@dataclass
class Cards:
    """What the cards say: `insurer` without leading zeros, `wide` its digits; `number` as a figure; `symbol` 0 where there is none."""

    kind: Ints
    insurer: Ints
    wide: Ints
    symbol: Ints
    number: Ints
    rank: Ints


def cards(policy: Ints, holder: Ints, rank: Ints, city: Ints, prefecture: Ints, own: Bools, scattered: Ints, personal: Ints) -> Cards:
    """The cards of policies. `city`, `prefecture`: of the holder's home; `own`: the person is the holder; `scattered`, `personal`: fixed random figures
    of the policy and of the holder."""
    kind = policy % KINDS
    kind = np.where((kind == ELDERLY) & ~own, NATIONAL, kind)
    fund = ((scattered % 1_000 / 1_000.0) ** 2.2 * 240).astype(np.int64)  # few funds insure most people
    law = np.select([fund % 10 < 4, fund % 10 < 8], [1, 6], 31 + fund % 4)
    body = np.select(
        [kind == FUND, kind == NATIONAL],
        [law * 100_000 + prefecture * 1_000 + np.where(law == 1, 1, 10 + fund * 3), prefecture * 1_000 + 1 + city % 900],
        39 * 100_000 + prefecture * 1_000 + 1 + city % 900,
    )
    symbol = np.select([kind == FUND, kind == NATIONAL], [100 + (fund * 37 + scattered // 131_072 % 40) % 9_800, 1 + city % 60], 0)
    number = 1 + scattered // 1_024 % 89_999
    number = np.select(
        [kind == FUND, kind == NATIONAL], [number, number * 80 + (city * 7919 + scattered // 97) % 80], 10_000_000 + personal % 89_999_999
    )
    return Cards(kind, body * 10 + _check_digit(body), np.where(kind == NATIONAL, 6, 8), symbol, number, rank)


def _check_digit(body: Ints) -> Ints:
    """The verification digit of insurer numbers (検証番号): digits times 2, 1, 2, … from the right, digits of the products summed."""
    total = np.zeros(len(body), np.int64)
    for place in range(7):
        product = body // 10**place % 10 * (2 if place % 2 == 0 else 1)
        total += product // 10 + product % 10
    return (10 - total % 10) % 10
