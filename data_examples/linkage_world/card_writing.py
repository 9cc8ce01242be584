"""保険資格の記載 (written insurance): insurer, symbol, number and branch of a registration as the desk copied them from the card."""

from __future__ import annotations

import numpy as np
from data_examples.linkage_world import insurance, places
from data_examples.linkage_world.desk import Desk, Texts, figures, scattered
from data_examples.linkage_world.histories import YEAR, Ints
from data_examples.linkage_world.insurance import ELDERLY, NATIONAL, RANKS, Cards
from data_examples.linkage_world.lives import World

_BRANCHES_SINCE = 18_700  # March 2021


def write(world: World, desk: Desk) -> tuple[Texts, Texts, Texts, Texts, Ints]:
    """insurer_number, insured_symbol, insured_number, insured_branch, and a figure for the policy in force (which is not always the one written)."""
    habit, chance = desk.habit, desk.chance
    earlier = desk.day - (chance.exponential(3, len(desk)) * YEAR).astype(np.int64)
    true, before = _cards(world, desk.person, desk.day), _cards(world, desk.person, earlier)
    old = desk.err("insurance_old", before.number != true.number)
    card = Cards(*(np.where(old, getattr(before, name), getattr(true, name)) for name in Cards.__dataclass_fields__))
    slip = desk.err("insurance_typo")
    number = np.where(slip, card.number + 10 ** chance.integers(0, 4, len(desk)), card.number)
    insurer, insured = figures(card.insurer), figures(number)
    symbols = np.where(card.symbol == 0, "", figures(card.symbol))
    if not habit.zero_dropped:
        insurer = np.where(card.wide == 6, insurer, figures(card.insurer, 8))
        insured = np.where(card.kind == NATIONAL, figures(number % 100_000_000, 8), insured)
    if habit.joined:
        rows = np.flatnonzero(card.kind != ELDERLY)
        insured[rows] = symbols[rows] + ("-" if habit.phone == "hyphen" else "・") + insured[rows]
        symbols[:] = ""
    order = np.where(card.kind == NATIONAL, card.rank + 1, card.rank)
    shown = habit.branch & (desk.day >= _BRANCHES_SINCE) & (card.kind != ELDERLY) & (chance.random(len(desk)) < 0.93)
    branch = np.where(shown, figures(order) if habit.zero_dropped else figures(order, 2), "")
    return insurer, symbols, insured, branch, scattered(true.insurer, true.symbol, true.number) >> 20


def _cards(world: World, person: Ints, day: Ints) -> Cards:
    held = world.insurances.holder.at(person, day)
    holder, rank = held // RANKS, held % RANKS
    policy = world.insurances.policy.at(holder, day)
    town = world.homes.town[world.homes.home.at(world.homes.unit.at(holder, day), day)]
    atlas = places.atlas(world.regions)
    return insurance.cards(
        policy,
        holder,
        rank,
        atlas.city[town].astype(np.int64),
        atlas.prefecture_number[town],
        holder == person,
        scattered(policy, 23),
        scattered(holder, 29),
    )
