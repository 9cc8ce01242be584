"""同姓同名・同生年月日 (namesakes): how often two registrations of equal name and birth date are two persons, by how common the name is.

Nobody knows it from one pair; the file as a whole tells. Pairs of one person share address, telephone or insurance equally often whatever
their name, two namesakes live where strangers live. Where common names show more pairs that share nothing, the surplus is namesakes.
Known from Japanese claims data as the first cause of wrong links: Kubo et al., JJHR 2017, 38:11.
"""

from __future__ import annotations

from dataclasses import replace

import duckdb
import numpy as np

from kiban_processing.linkage import comparisons
from kiban_processing.linkage.comparisons import HOUSEHOLD
from kiban_processing.linkage.mixture import Floats
from kiban_processing.linkage.parameters import Model

REGISTRATIONS_PER_PERSON = 2.3
_VILLAGE = 2_000.0
# Of a village so many persons are known however few are registered: two registrations do not show that a name is common, nor that it is rare.
_KNOWN = 250.0
# Other persons who carry the name: fewer than so many. The odds of two persons against one where nothing is known yet, for each class; in the
# first class they fall with the number of others, down to this share of them.
CLASSES = (0.25, 1.0, 4.0, 12.0, 44.0)
ODDS = (7e-4, 2e-3, 5e-3, 1.4e-2, 4e-2, 1.2e-1)
RAREST = 1.0 / 16.0
# Of a name whose parts promise nobody else, a second bearer seen counts for so little: rather one person with a wrong birth date.
_DOUBTED = 0.1
# What the carriers are told from, as columns of the keys.
HELD = ("kanji_held", "kana_held", "surname_held", "given_held")
# Of namesakes, so many live in one city by chance of birth or because a name is at home there.
IN_CITY = 0.3
_CITY = tuple(level.name for level in HOUSEHOLD.levels if level.name.startswith(("same-city", "same-town")))
_PSEUDO = 3_000.0
_ROUNDS = 100
# The learnt odds are raised to this margin: what the file cannot tell (families that moved together, odd hospitals) errs on one side only.
_MARGIN = 2.0


def living(model: Model) -> dict[str, float]:
    """Where two namesakes live against each other: shares of the levels of the household comparison."""
    rates = model.rates[HOUSEHOLD.field]
    in_city = sum(rates[level].stranger for level in _CITY)
    elsewhere = sum(each.stranger for level, each in rates.items() if level not in _CITY)
    return {level: each.stranger * (IN_CITY / in_city if level in _CITY else (1.0 - IN_CITY) / elsewhere) for level, each in rates.items()}


def class_of(carriers: str) -> str:
    """SQL for the place of a name's class among `CLASSES`, from how many others carry it."""
    arms = " ".join(f"WHEN {carriers} < {fewer!r}e0 THEN {place}" for place, fewer in enumerate(CLASSES))
    return f"(CASE {arms} ELSE {len(CLASSES)} END)"


def persons(registrations: int) -> float:
    """Persons the counts stand for; a few hundred registrations are taken for part of a village, not for all there is."""
    return registrations / REGISTRATIONS_PER_PERSON + _VILLAGE


def held(column: str) -> str:
    """SQL: of both sides' counts the greater. A name a clerk misread is rare, the name meant may not be."""
    return f"greatest(coalesce({column}_l, 1), coalesce({column}_r, 1))"


def carriers(column: str, registrations: int) -> str:
    """SQL for how many other persons carry this full name, from the counts of both sides: of the name (`column`) and of its two parts.

    By its parts so many are expected as chance lets them meet, each part taken to be borne once more than the file shows; so a small file calls
    few names rare. Others that were seen count in full where the parts promise some, and for little where they promise nobody.
    """
    counted = registrations / REGISTRATIONS_PER_PERSON + _KNOWN
    scale = persons(registrations) / counted**2
    parts = " * ".join(
        f"(greatest(coalesce({part}_l, {part}_r), coalesce({part}_r, {part}_l)) + 1.0e0)" for part in ("surname_held", "given_held")
    )
    # Of a name that nobody could part, nothing is known of its parts.
    expected = f"coalesce({parts} * {scale:.17e}, {CLASSES[0]!r}e0)"
    return f"({expected} + ({held(column)} - 1.0e0) * ({expected} + {_DOUBTED!r}e0) / ({expected} + 1.0e0))"


def learn(con: duckdb.DuckDBPyConnection, keys: str, model: Model) -> Model:
    """The model with the odds of namesakes, and where one person's registrations live, learnt from all pairs of equal name and birth date."""
    levels = [level.name for level in HOUSEHOLD.levels if level.rates]
    rates = model.rates[HOUSEHOLD.field]
    there = living(model)
    share, person = divide(
        _counts(con, keys, levels, model.registrations),
        np.array([rates[level].person for level in levels]),
        np.array([there[level] for level in levels]),
    )
    surplus = np.maximum(_MARGIN * share[1:] / (1.0 - share[1:]), ODDS[1:])
    model = replace(model, namesakes=(ODDS[0], *map(float, np.maximum.accumulate(surplus))))
    for level, each in zip(levels, person.tolist(), strict=True):
        model = model.with_rates(HOUSEHOLD.field, level, replace(model.rates[HOUSEHOLD.field][level], person=each))
    return model


def divide(counts: Floats, person: Floats, living: Floats) -> tuple[Floats, Floats]:
    """The share of namesakes in each class of names, and the shares of levels among pairs of one person, by expectation maximisation.

    The rarest class keeps its share: it has next to no namesakes, and shows how the registrations of one person lie; the others' surplus is told
    against it. `counts`: classes × levels, pairs of equal name and birth date. `person`: where to begin. `living`: the levels of two namesakes, which
    do not follow the data. The shares `ODDS` stand for and `person` count for 3,000 pairs of each class.
    """
    start = person / person.sum()
    prior = np.array(ODDS) / (1.0 + np.array(ODDS))
    one_person, share = start, prior
    for _ in range(_ROUNDS):
        two = share[:, None] * living[None, :]
        two = two / (two + (1.0 - share)[:, None] * one_person[None, :])
        share = ((counts * two).sum(axis=1) + _PSEUDO * prior) / (counts.sum(axis=1) + _PSEUDO)
        share[0] = prior[0]
        one = (counts * (1.0 - two)).sum(axis=0) + _PSEUDO * start
        one_person = one / one.sum()
    return share, one_person


def _counts(con: duckdb.DuckDBPyConnection, keys: str, levels: list[str], registrations: int) -> Floats:
    """Classes × levels: pairs of equal kanji name, kana name, birth date and sex."""
    found = con.execute(f"""
        SELECT class, household, count(*) AS pairs FROM (
            SELECT {class_of("carriers")} AS class, household FROM (
                SELECT {carriers("kanji_held", registrations)} AS carriers, {comparisons.level_of(HOUSEHOLD)} AS household
                FROM (SELECT {comparisons.sided((*comparisons.COLUMNS, *HELD))} FROM {keys} l JOIN {keys} r
                      ON l.dob = r.dob AND l.kanji_wide = r.kanji_wide AND l.kana_wide = r.kana_wide AND l.sex = r.sex AND l.node < r.node
                      WHERE NOT l.newborn AND NOT l.dob_default)))
        GROUP BY ALL ORDER BY ALL""").fetchnumpy()
    places = {place: levels.index(level.name) for place, level in enumerate(HOUSEHOLD.levels) if level.rates}
    counts = np.zeros((len(CLASSES) + 1, len(levels)))
    for group, place, pairs in zip(found["class"].tolist(), found["household"].tolist(), found["pairs"].tolist(), strict=True):
        if place in places:
            counts[group, places[place]] += pairs
    return counts
