"""判定 (evidence): each candidate pair is linked, sent to clerical review, vetoed or left apart, with its reasons.

The weights come from the model; what no sum of weights may decide is decided here: twins, branch numbers, contradicting personal
numbers, newborns without a name, two registrations of one hospital.
"""

from __future__ import annotations

import duckdb

from kiban_processing.linkage import comparisons
from kiban_processing.linkage.settings import LinkageSettings

# Population that a name's frequency is smoothed towards: with two registrations of a name nobody knows yet how rare it is.
_TOWN = 50_000
_REGISTRATIONS_PER_PERSON = 2
_KANJI_LEVELS = "('equal', 'equal-widely', 'kanji-equal')"
_KANA_LEVELS = "('kana-equal', 'kana-equal-kanji-differs')"
_KANJI_COLLISION, _KANA_COLLISION = 2e-5, 6e-5

_SIDED = (
    "node", "site_id", "kanji", "kanji_wide", "surname_kanji", "given_kanji", "kana", "kana_wide", "surname_kana", "given_kana", "kana_bits", "newborn",
    "dob", "dob_year", "dob_monthday", "sex", "postal", "town", "address", "phone", "insurance", "branch", "personal",
)  # fmt: skip


def judge(con: duckdb.DuckDBPyConnection, keys: str, scored: str, settings: LinkageSettings, name: str = "linkage_judged") -> str:
    """Makes the temporary table `name`, one row per candidate pair, and returns that name.

    `keys` is the table of `keys.normalise_relation`, `scored` Splink's predictions for it.
    Columns: left, right (nodes), left_registration, right_registration, weight (log2, sum of `weights`), certain (found by the
    deterministic pass), decision (link, review, veto or apart), notable (looks like one person, or like twins), reasons and, in the same order, weights.
    """
    sided = ", ".join(f"l.{column} AS {column}_l, r.{column} AS {column}_r" for column in _SIDED)
    levels = ", ".join(f"{comparisons.level_of(comparison)} AS {comparison.field}_level" for comparison in comparisons.COMPARISONS)
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE {name} AS
        WITH kanji_names AS (SELECT kanji_wide, count(*) AS held FROM {keys} GROUP BY kanji_wide),
        kana_names AS (SELECT kana_wide, count(*) AS held FROM {keys} GROUP BY kana_wide),
        size AS (SELECT count(*) AS rows FROM {keys}),
        pairs AS (
            SELECT l.registration AS left_registration, r.registration AS right_registration,
                   p.match_weight, p.mw_name, p.mw_birth_date, p.mw_sex, p.mw_household,
                   {_frequency("j.held", _KANJI_COLLISION)} AS kanji_rarity, {_frequency("k.held", _KANA_COLLISION)} AS kana_rarity, {sided}
            FROM {scored} p JOIN {keys} l ON l.registration = p.registration_l JOIN {keys} r ON r.registration = p.registration_r
            CROSS JOIN size
            LEFT JOIN kanji_names j ON j.kanji_wide = l.kanji_wide LEFT JOIN kana_names k ON k.kana_wide = l.kana_wide),
        facts AS (
            SELECT *, {levels},
                   {_given_same("kanji")} AS given_kanji_same, {_given_same("kana")} AS given_kana_same,
                   coalesce(personal_l = personal_r, false) AS same_person_number,
                   coalesce(insurance_l = insurance_r, false) AS same_insurance,
                   coalesce(insurance_l = insurance_r AND branch_l <> branch_r, false) AS branch_differs,
                   coalesce(phone_l = phone_r, false) AS same_phone, coalesce(address_l = address_r, false) AS same_address,
                   coalesce(dob_l = dob_r, false) AS same_dob, coalesce(sex_l <> sex_r, false) AS sex_differs,
                   newborn_l OR newborn_r AS newborn, site_id_l = site_id_r AS same_site
            FROM pairs),
        weighed AS (
            SELECT *, CASE WHEN name_level IN {_KANJI_LEVELS} THEN kanji_rarity WHEN name_level IN {_KANA_LEVELS} THEN kana_rarity ELSE 0 END AS rarity,
                   coalesce(given_kanji_same, false) OR coalesce(given_kana_same, false) AS given_same,
                   (given_kanji_same IS NOT NULL OR given_kana_same IS NOT NULL)
                       AND NOT coalesce(given_kanji_same, false) AND NOT coalesce(given_kana_same, false) AS given_differs,
                   coalesce(insurance_l <> insurance_r, false) AND NOT same_phone AND NOT same_address AS insurance_contradicts
            FROM facts),
        ruled AS (
            SELECT *, match_weight + rarity AS weight,
                   same_dob AND NOT newborn AND NOT same_person_number
                       AND coalesce(NOT given_kanji_same, false) AND coalesce(NOT given_kana_same, false) AS twin,
                   sex_differs AND given_differs AND NOT newborn AND NOT same_person_number AS another_sex_and_given,
                   NOT newborn AND NOT branch_differs AND NOT sex_differs AND same_dob AND (
                       (same_person_number AND NOT given_differs)
                       OR (name_level = 'equal' AND sex_l = sex_r AND (same_address OR same_phone OR same_insurance))) AS certain
            FROM weighed),
        decided AS (
            SELECT *, CASE WHEN twin OR branch_differs OR another_sex_and_given THEN 'veto'
                           WHEN certain THEN 'link'
                           WHEN weight >= {settings.link_weight!r} AND given_same AND NOT newborn AND NOT insurance_contradicts AND NOT same_site THEN 'link'
                           WHEN weight >= {settings.review_weight!r} OR (same_person_number AND same_dob) THEN 'review'
                           ELSE 'apart' END AS decision
            FROM ruled),
        explained AS (SELECT *, {_reasons()} AS because FROM decided)
        SELECT node_l AS "left", node_r AS "right", left_registration, right_registration, weight, certain, decision,
               weight >= {settings.review_weight!r} OR (same_dob AND (same_insurance OR same_phone OR same_address)) AS notable,
               list_transform(because, lambda reason: reason.code) AS reasons,
               list_transform(because, lambda reason: reason.weight) AS weights
        FROM explained
        ORDER BY "left", "right" """)
    return name


def _frequency(held: str, collision: float) -> str:
    persons = f"({held} / {_REGISTRATIONS_PER_PERSON}.0 + 1)"
    everybody = f"(size.rows / {_REGISTRATIONS_PER_PERSON}.0 + {_TOWN})"
    return f"log2({collision!r} * {everybody} / {persons})"


def _given_same(script: str) -> str:
    """Whether the given names are the same; null where they cannot be compared, as those of names that could not be split."""
    given_l, given_r, full_l, full_r = f"given_{script}_l", f"given_{script}_r", f"{script}_wide_l", f"{script}_wide_r"
    return f"CASE WHEN newborn_l OR newborn_r THEN NULL WHEN {full_l} = {full_r} THEN true ELSE {given_l} = {given_r} END"


def _reasons() -> str:
    weighed = [
        _reason("'prior:expected'", "match_weight - mw_name - mw_birth_date - mw_sex - mw_household"),
        *(
            _reason(f"'{comparison.field}:' || {comparison.field}_level", f"mw_{comparison.field}")
            for comparison in comparisons.COMPARISONS
        ),
        "CASE WHEN rarity <> 0 THEN " + _reason("'name:frequency'", "rarity") + " END",
    ]
    facts = {
        "same_insurance AND NOT branch_differs": "insurance:number-equal",
        "branch_differs": "insurance:branch-differs",
        "insurance_contradicts": "insurance:contradicts",
        "same_phone": "phone:equal",
        "same_address": "address:equal",
        "certain": "rule:deterministic",
        "twin": "rule:twin",
        "another_sex_and_given": "rule:sex-and-given-differ",
        "newborn": "rule:newborn",
        "NOT given_same AND NOT twin AND NOT newborn": "rule:given-not-equal",
        "same_site AND NOT certain": "rule:same-hospital",
    }
    noted = [f"CASE WHEN {fact} THEN {_reason(repr(code), '0')} END" for fact, code in facts.items()]
    return f"list_filter([{', '.join(weighed + noted)}], lambda reason: reason IS NOT NULL)"


def _reason(code: str, weight: str) -> str:
    return f"{{'code': {code}, 'weight': CAST({weight} AS DOUBLE)}}"
