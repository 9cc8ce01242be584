"""判定 (evidence): each candidate pair is linked, sent to clerical review, vetoed or left apart, with its reasons.

The weights come from the model; what no sum of weights may decide is decided here: twins, branch numbers, newborns without a name, two
registrations of one hospital, given names that are not known to be equal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import duckdb

from kiban_processing.linkage import comparisons, namesakes
from kiban_processing.linkage.comparisons import BIRTH_DATE, COMPARISONS, CONTACT, HOUSEHOLD, NAME, SEX, Comparison
from kiban_processing.linkage.parameters import Model

# However rare the parts of a name, a person of the same full name is never less likely than this many.
_LEAST_CARRIERS = 0.1
_COUNTED_FULL = {"equal": "kanji_held", "kanji-equal": "kanji_held", "kana-equal": "kana_held", "kana-equal-kanji-differs": "kana_held"}
# Of the links, so many may be expected to be wrong. What no model knows of comes on top, so it is a sixth of what is aimed at.
WRONG_LINKS = 1.6e-5
LOWEST_LINK_WEIGHT, HIGHEST_LINK_WEIGHT = 10.0, 18.0
_STEPS_PER_BIT = 4
_COUNTED_GIVEN = ("given-equal", "given-equal-once")
_FIELDS = tuple(comparison.field for comparison in COMPARISONS)
_COLUMNS = (*comparisons.COLUMNS, *namesakes.HELD)
_SAME_NAME = ("equal", "kanji-equal", "kana-equal", "kana-equal-kanji-differs")
_ONE_NAME = (*_SAME_NAME, "former-surname", "alias", "swapped")
_TWICE = ("personal-number", "three-agree", "two-agree")
# Parent and child are at least so many years apart; a birth date that is wrong by as much, for one person in one home, is rarer than they are.
_GENERATION = 12
# Until this age (days) twins are registered from one home.
_GROWN = 25 * 365
_SHARED = ("personal-number", "three-agree", "two-agree", "insurance", "phone", "address")


def judge(con: duckdb.DuckDBPyConnection, keys: str, pairs: str, model: Model, registrations: int, name: str = "linkage_judged") -> str:
    """Makes the temporary table `name`, one row per pair of `pairs` (left, right: nodes of `keys`), and returns that name.

    `registrations`: how many the frozen counts were counted over. Nothing else is asked of the table `keys` as a whole, so it may hold
    only the registrations concerned.
    Columns: left, right; a place of a level for each comparison (`name`, `birth_date`, `sex`, `household`, `contact`, `hospital`); w_<comparison>
    and w_rarity, w_household_alternative, w_namesakes (log2); weight (log2 odds, their sum with the prior); certain (found by the
    deterministic pass); decision (link, review, veto or apart); notable (looks like one person, or shares a household); facts (bits of `FACTS`).
    """
    levels = ", ".join(f"{comparisons.level_of(comparison)} AS {comparison.field}" for comparison in COMPARISONS)
    weights = ", ".join(f"{_chosen(comparison, _person_weights(model, comparison))} AS w_{comparison.field}" for comparison in COMPARISONS)
    prior = math.log2(model.persons)
    against_household = " + ".join(
        [double(math.log2(model.persons / model.households)), *(_chosen(each, _household_weights(model, each)) for each in COMPARISONS)]
    )
    facts = " + ".join(f"CASE WHEN {condition} THEN {1 << place} ELSE 0 END" for place, condition in enumerate(FACTS.values()))
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE {name} AS
        WITH sided AS (SELECT p."left", p."right", {comparisons.sided(_COLUMNS)} FROM {pairs} p JOIN {keys} l ON l.node = p."left" JOIN {keys} r ON r.node = p."right"),
        levelled AS (SELECT *, {levels}, {_given_same("kanji")} AS given_kanji_same, {_given_same("kana")} AS given_kana_same FROM sided),
        weighed AS (
            SELECT *, {weights}, {_rarity(model, registrations)} AS w_rarity, {against_household} AS against_household,
                   {_against_namesakes(model, registrations)} AS against_namesakes
            FROM levelled),
        summed AS (
            SELECT *, {double(prior)} + {" + ".join(f"w_{field}" for field in _FIELDS)} + w_rarity AS against_strangers,
                   coalesce(given_kanji_same, false) OR coalesce(given_kana_same, false) OR {level_in(NAME, *_ONE_NAME)} AS given_same,
                   coalesce(insurance_l = insurance_r, false) AS same_insurance, coalesce(phone_l = phone_r, false) AS same_phone,
                   {comparisons.SAME_ADDRESS} AS same_address, coalesce(dob_l = dob_r, false) AS same_dob,
                   coalesce(sex_l <> sex_r, false) AS sex_differs, newborn_l OR newborn_r AS newborn, site_l = site_r AS same_site,
                   coalesce(personal_l = personal_r, false) AS same_person_number
            FROM weighed),
        alternatives AS (
            SELECT *, -log2(pow(2.0e0, -against_strangers) + pow(2.0e0, -against_household)) AS against_both FROM summed),
        ruled AS (
            SELECT *, against_both - against_strangers AS w_household_alternative,
                   -log2(pow(2.0e0, -against_both) + pow(2.0e0, -against_namesakes)) - against_both AS w_namesakes,
                   -log2(pow(2.0e0, -against_both) + pow(2.0e0, -against_namesakes)) AS weight,
                   coalesce(insurance_l = insurance_r AND branch_l <> branch_r, false) AS branch_differs,
                   same_dob AND NOT newborn AND NOT same_person_number AND NOT {level_in(NAME, *_ONE_NAME)}
                       AND coalesce(NOT given_kanji_same, false) AND coalesce(NOT given_kana_same, false) AS twin,
                   sex_differs AND NOT given_same AND NOT newborn AND NOT same_person_number AS another_sex_and_given,
                   same_dob AND NOT same_person_number AND {_read_alike()} AS read_alike,
                   NOT same_person_number AND {level_in(BIRTH_DATE, "differs")} AND abs(dob_year_l - dob_year_r) >= {_GENERATION}
                       AND {level_in(HOUSEHOLD, *_SHARED)} AS another_generation
            FROM alternatives),
        certified AS (
            SELECT *, NOT newborn AND NOT branch_differs AND NOT sex_differs AND same_dob AND NOT dob_default_l AND NOT dob_default_r AND (
                       (same_person_number AND given_same)
                       OR ({level_in(NAME, "equal")} AND {level_in(SEX, "equal")} AND (same_address OR same_phone OR same_insurance))) AS certain
            FROM ruled),
        bounded AS (
            SELECT *, twin OR another_sex_and_given OR another_generation OR (branch_differs AND NOT ({level_in(NAME, *_SAME_NAME)} AND same_dob)) AS vetoed,
                   given_same AND NOT newborn AND NOT branch_differs AND NOT read_alike AND NOT {level_in(BIRTH_DATE, "differs")}
                       AND (NOT {level_in(BIRTH_DATE, "missing")} OR ({level_in(NAME, "equal")} AND {level_in(SEX, "equal")} AND {level_in(HOUSEHOLD, *_TWICE)}))
                       AND (NOT same_site OR (same_dob AND {level_in(NAME, *_SAME_NAME)} AND {level_in(HOUSEHOLD, *_SHARED)})) AS linkable
            FROM certified),
        decided AS (
            SELECT *, {decision(model)} AS decision FROM bounded)
        SELECT "left", "right", {", ".join(_FIELDS)}, {", ".join(f"w_{field}" for field in _FIELDS)}, {double(prior)} AS w_prior, w_rarity, w_household_alternative, w_namesakes,
               weight, certain, vetoed, linkable, decision,
               weight >= {double(model.review_weight)} OR (same_dob AND (same_insurance OR same_phone OR same_address)) AS notable,
               CAST({facts} AS INTEGER) AS facts
        FROM decided
        ORDER BY "left", "right" """)
    return name


def decision(model: Model, otherwise: str = "'apart'") -> str:
    """SQL for the decision from vetoed, certain, linkable, weight and levels; equal personal numbers and birth dates ask for review at any weight."""
    insisted = f"({level_in(HOUSEHOLD, 'personal-number')} AND {level_in(BIRTH_DATE, 'equal', 'equal-default')})"
    return f"""CASE WHEN vetoed THEN 'veto' WHEN certain OR (linkable AND weight >= {double(model.link_weight)}) THEN 'link'
        WHEN weight >= {double(model.review_weight)} OR {insisted} THEN 'review' ELSE {otherwise} END"""


def calibrate(con: duckdb.DuckDBPyConnection, judged: str, model: Model) -> Model:
    """The model with the lowest link weight at which the links are expected to hold no more wrong ones than `WRONG_LINKS` of them.

    What is expected comes from the weights themselves: a link of weight w is wrong with odds of 2 to the power −w. No truth is needed, and
    a file with many doubtful pairs gets a higher bar than one with few.
    """
    found = con.execute(f"""
        SELECT certain, CAST(floor(weight * {_STEPS_PER_BIT}) AS INTEGER) AS step, count(*) AS pairs FROM {judged}
        WHERE certain OR (linkable AND NOT vetoed AND weight >= {double(LOWEST_LINK_WEIGHT)}) GROUP BY ALL ORDER BY certain DESC, step DESC""").fetchall()
    links = wrong = 0.0
    bar = HIGHEST_LINK_WEIGHT
    for certain, step, pairs in found:
        weight = step / _STEPS_PER_BIT
        links += pairs
        wrong += 0.0 if certain else pairs * 2.0**-weight
        if certain:
            continue
        if wrong > WRONG_LINKS * links:
            break
        bar = weight
    return replace(model, link_weight=min(max(bar, LOWEST_LINK_WEIGHT), HIGHEST_LINK_WEIGHT))


def decide_again(con: duckdb.DuckDBPyConnection, judged: str, model: Model) -> str:
    """Puts the decisions of the table `judged` right for another link or review weight; returns its name."""
    con.execute(f"UPDATE {judged} SET decision = {decision(model)}")
    return judged


# Facts of a pair that carry no weight of their own, as bits in this order.
FACTS: Mapping[str, str] = {
    "insurance:number-equal": "same_insurance AND NOT branch_differs",
    "insurance:branch-differs": "branch_differs",
    "phone:equal": "same_phone",
    "address:equal": "same_address",
    "rule:deterministic": "certain",
    "rule:twin": "twin",
    "rule:sex-and-given-differ": "another_sex_and_given",
    "rule:newborn": "newborn",
    "rule:given-not-equal": "NOT given_same AND NOT twin AND NOT newborn",
    "rule:same-hospital": "same_site",
    "rule:read-alike": "read_alike",
    "rule:another-generation": "another_generation",
}


def double(value: float) -> str:
    """A literal that engines read as a double, not as a decimal of few digits."""
    shown = repr(float(value))
    return shown if "e" in shown else f"{shown}e0"


def level_in(comparison: Comparison, *names: str) -> str:
    places = [place for place, level in enumerate(comparison.levels) if level.name in names]
    return f"{comparison.field} IN ({', '.join(map(str, places))})"


def _chosen(comparison: Comparison, by_level: list[float]) -> str:
    arms = " ".join(f"WHEN {place} THEN {double(weight)}" for place, weight in enumerate(by_level) if weight)
    return f"(CASE {comparison.field} {arms} ELSE 0.0e0 END)"


def _person_weights(model: Model, comparison: Comparison) -> list[float]:
    rates = model.rates[comparison.field]
    return [math.log2(rates[level.name].person / rates[level.name].stranger) if level.name in rates else 0.0 for level in comparison.levels]


def _household_weights(model: Model, comparison: Comparison) -> list[float]:
    rates = model.rates[comparison.field]
    return [
        math.log2(rates[level.name].person / rates[level.name].household) if level.name in rates else 0.0 for level in comparison.levels
    ]


def _rarity(model: Model, registrations: int) -> str:
    """How much rarer, or commoner, this very name is than names that agree at this level are on average."""
    rates = model.rates[NAME.field]
    everybody = double(namesakes.persons(registrations))
    arms = []
    for place, level in enumerate(NAME.levels):
        if column := _COUNTED_FULL.get(level.name):
            carriers = f"({namesakes.carriers(column, registrations)} + {double(_LEAST_CARRIERS)})"
        elif level.name in _COUNTED_GIVEN:
            carriers = f"({namesakes.held('given_held')} + 1.0e0)"
        else:
            continue
        arms.append(f"WHEN {place} THEN log2({double(rates[level.name].stranger)} * {everybody} / {carriers})")
    return f"(CASE name {' '.join(arms)} ELSE 0.0e0 END)"


def _against_namesakes(model: Model, registrations: int) -> str:
    """Log2 odds of one person against two of equal name and birth date."""
    rates, living = model.rates[HOUSEHOLD.field], namesakes.living(model)
    places = " ".join(
        f"WHEN {place} THEN {double(math.log2(rates[level.name].person / living[level.name]))}"
        for place, level in enumerate(HOUSEHOLD.levels)
        if level.name in rates
    )
    contact = _chosen(CONTACT, _person_weights(model, CONTACT))
    commonness = " ".join(f"WHEN {place} THEN {double(-math.log2(odds))}" for place, odds in enumerate(model.namesakes))
    carriers = namesakes.carriers("kanji_held", registrations)
    rare = f"log2(greatest(least({carriers} / {double(namesakes.CLASSES[0])}, 1.0e0), {double(namesakes.RAREST)}))"
    return (
        f"(CASE WHEN {level_in(NAME, *_SAME_NAME)} AND {level_in(BIRTH_DATE, 'equal', 'equal-default')}"
        f" THEN (CASE household {places} ELSE 0.0e0 END) + {contact} + (CASE {namesakes.class_of(carriers)} {commonness} END) - {rare} ELSE 60.0e0 END)"
    )


def _given_same(script: str) -> str:
    """Whether the given names are the same; null where they cannot be compared."""
    given_l, given_r, full_l, full_r = f"given_{script}_l", f"given_{script}_r", f"{script}_wide_l", f"{script}_wide_r"
    return f"""CASE WHEN newborn_l OR newborn_r THEN NULL
        WHEN {full_l} = {full_r} THEN true
        WHEN {given_l} IS NOT NULL AND {given_r} IS NOT NULL THEN {given_l} = {given_r} END"""


def _read_alike() -> str:
    """Whether the given names agree in reading alone, with kanji known to differ, where this may be two people: the surname differs too, or
    both were registered from one home before they were grown (twins: 翔生, 翔樹) and no branch of the insurance says that it is one."""
    young = f"coalesce(day_l < dob_l + {_GROWN} OR day_r < dob_l + {_GROWN}, true)"
    at_home = f"(same_insurance OR same_phone OR same_address) AND {young}"
    one_branch = "coalesce(insurance_l = insurance_r AND branch_l = branch_r, false)"
    return f"""coalesce(NOT given_kanji_same, false) AND ({level_in(NAME, "given-equal-once")}
        OR ({level_in(NAME, "kana-equal-kanji-differs")} AND {at_home} AND NOT {one_branch}))"""


def reasons() -> str:
    """SQL for the reasons of a judged pair: a list of {code, weight} whose weights add up to the weight.

    Asks beside the columns of `judge` for w_support, settled (see `support` and `decided`) and parted (would have joined two persons).
    """
    weighed = [_reason("'prior:expected'", "w_prior")]
    for comparison in COMPARISONS:
        arms = " ".join(f"WHEN {place} THEN '{comparison.field}:{level.name}'" for place, level in enumerate(comparison.levels))
        weighed.append(_reason(f"CASE {comparison.field} {arms} END", f"w_{comparison.field}"))
    for code, column in _ADJUSTMENTS.items():
        weighed.append(f"CASE WHEN abs({column}) > 1e-12 THEN {_reason(repr(code), column)} END")
    further = {"rule:cluster": "parted", "rule:settled-same": "settled", "rule:settled-apart": "NOT settled"}
    noted = [f"CASE WHEN {condition} THEN {_reason(repr(code), '0.0e0')} END" for code, condition in further.items()]
    noted += [f"CASE WHEN facts & {1 << place} > 0 THEN {_reason(repr(code), '0.0e0')} END" for place, code in enumerate(FACTS)]
    return f"list_filter([{', '.join(weighed + noted)}], lambda reason: reason IS NOT NULL)"


_ADJUSTMENTS = {
    "name:frequency": "w_rarity",
    "household:alternative": "w_household_alternative",
    "name:namesakes": "w_namesakes",
    "household:support": "w_support",
}


def _reason(code: str, weight: str) -> str:
    return f"{{'code': {code}, 'weight': CAST({weight} AS DOUBLE)}}"
