"""照合モデル (comparisons): what is compared between two registrations, level by level, and the built-in weights.

One comparison for the name (kanji and kana together), one for the birth date, one for sex and one for everything a household
shares: address, telephone and insurance are one piece of evidence, and counting them three times merges families.
m is the share of a level among pairs of one person, u among pairs of two people picked at random.
Source: Fellegi & Sunter, JASA 1969, 64:1183; the parameters are ours, set for towns of about half a million people.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import splink.comparison_level_library as cll
import splink.comparison_library as cl
from splink import SettingsCreator, block_on
from splink.internals.comparison_level_creator import ComparisonLevelCreator

from kiban_processing.linkage import keys

VERSION = "builtin-1"


@dataclass(frozen=True)
class Level:
    """One level of a comparison; `m` and `u` None for "cannot be compared". `fixed`: training must not change m, nor u."""

    name: str
    condition: str | None
    m: float | None = None
    u: float | None = None
    fixed_m: bool = False
    fixed_u: bool = False


@dataclass(frozen=True)
class Comparison:
    field: str
    levels: tuple[Level, ...]


_TWO = "(CAST(coalesce({0}, false) AS INTEGER) + CAST(coalesce({1}, false) AS INTEGER) + CAST(coalesce({2}, false) AS INTEGER))"
AGREEING = _TWO.format("insurance_l = insurance_r", "phone_l = phone_r", "address_l = address_r")
_SAME_KANJI = "kanji_wide_l = kanji_wide_r"
_SAME_KANA = "kana_wide_l = kana_wide_r"
_SHARED = ("insurance", "phone", "address", "town", "postal")
_NOTHING_SHARED = " AND ".join(f"({column}_l IS NULL OR {column}_r IS NULL)" for column in _SHARED)
_SWAPPED = "(surname_kana_l = given_kana_r AND given_kana_l = surname_kana_r) OR (surname_kanji_l = given_kanji_r AND given_kanji_l = surname_kanji_r)"

# Two readings with nearly the same bigrams (Dice's coefficient on their bitmaps).
_NEAR = "2 * bit_count(kana_bits_l & kana_bits_r) >= 0.75 * (bit_count(kana_bits_l) + bit_count(kana_bits_r))"

NAME = Comparison(
    "name",
    (
        Level("missing", "(kanji_l IS NULL OR kanji_r IS NULL) AND (kana_l IS NULL OR kana_r IS NULL)"),
        Level("equal", "kanji_l = kanji_r AND kana_l = kana_r", 0.72, 2e-5, fixed_u=True),
        # Not the same glyphs or long vowels, but the same name as clerks write it.
        Level("equal-widely", f"{_SAME_KANJI} AND {_SAME_KANA}", 0.06, 2e-6, fixed_u=True),
        Level("kanji-equal", _SAME_KANJI, 0.07, 4e-6, fixed_u=True),
        Level("kana-equal", f"{_SAME_KANA} AND (kanji_l IS NULL OR kanji_r IS NULL)", 0.04, 6e-5, fixed_u=True),
        Level("kana-equal-kanji-differs", _SAME_KANA, 0.02, 5e-5, fixed_u=True),
        Level("given-equal", "given_kana_l = given_kana_r OR given_kanji_l = given_kanji_r", 0.045, 3e-3),
        Level("near", f"{_SWAPPED} OR {_NEAR}", 0.03, 2e-4),
        Level("surname-only", "surname_kana_l = surname_kana_r OR surname_kanji_l = surname_kanji_r", 0.005, 3e-3),
        Level("differs", None, 0.01, 0.993711),
    ),
)
BIRTH_DATE = Comparison(
    "birth_date",
    (
        Level("missing", "dob_l IS NULL OR dob_r IS NULL"),
        Level("equal", "dob_l = dob_r", 0.984, 4e-5),
        # One part mistyped, or month and day exchanged.
        Level(
            "near",
            "dob_monthday_l = dob_monthday_r"
            " OR (dob_year_l = dob_year_r AND (dob_monthday_l // 100 = dob_monthday_r // 100 OR dob_monthday_l % 100 = dob_monthday_r % 100))"
            " OR (dob_year_l = dob_year_r AND dob_monthday_l // 100 = dob_monthday_r % 100 AND dob_monthday_l % 100 = dob_monthday_r // 100)",
            0.013,
            4e-3,
        ),
        Level("differs", None, 0.003, 0.99596),
    ),
)
SEX = Comparison(
    "sex",
    (
        Level("missing", "sex_l IS NULL OR sex_r IS NULL"),
        Level("equal", "sex_l = sex_r", 0.995, 0.5),
        Level("differs", None, 0.005, 0.5),
    ),
)
HOUSEHOLD = Comparison(
    "household",
    (
        Level("missing", _NOTHING_SHARED),
        Level("personal-number", "personal_l = personal_r", 0.3, 1e-6, fixed_u=True),
        # Two members of one family. Training on two classes would learn the opposite, so both values stay as they are.
        Level("branch-differs", "insurance_l = insurance_r AND branch_l <> branch_r", 1e-5, 1e-2, fixed_m=True, fixed_u=True),
        Level("two-agree", f"{AGREEING} >= 2", 0.3, 3.6e-5, fixed_u=True),
        Level("one-agrees", f"{AGREEING} = 1", 0.24, 4.7e-4, fixed_u=True),
        # A namesake of the same age in the same town is no rarity, so this must never tip the scales: one bit.
        Level("same-town", "town_l = town_r OR postal_l = postal_r", 0.06, 0.03, fixed_m=True, fixed_u=True),
        Level("differs", None, 0.09999, 0.959493),
    ),
)
COMPARISONS = (NAME, BIRTH_DATE, SEX, HOUSEHOLD)

# Grows linearly with the data: a full name alone would grow with its square.
BLOCKS: tuple[tuple[str, ...], ...] = (
    ("dob", "surname_kana"),
    ("dob", "given_kana"),
    ("dob", "surname_kanji"),
    ("dob", "given_kanji"),
    ("dob", "kana_wide"),
    ("dob", "kanji_wide"),
    ("insurance", "given_kana"),
    ("phone", "given_kana"),
    ("insurance", "dob"),
    ("phone", "dob"),
    ("kana_wide", "dob_year"),
    ("kana_wide", "dob_monthday"),
    ("address", "given_kana"),
    ("dob", "postal", "sex"),
)


def splink_settings(prior: float) -> SettingsCreator:
    """The model as Splink reads it; `prior` is the share of pairs of one person among all pairs."""
    return SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="registration",
        comparisons=[
            cl.CustomComparison(
                output_column_name=comparison.field, comparison_levels=[_splink_level(level) for level in comparison.levels]
            )
            for comparison in COMPARISONS
        ],
        blocking_rules_to_generate_predictions=[block_on(*columns) for columns in BLOCKS],
        probability_two_random_records_match=prior,
        retain_matching_columns=False,
        retain_intermediate_calculation_columns=True,
    )


def level_of(comparison: Comparison) -> str:
    """SQL that names the level of a pair, from the same conditions Splink is given."""
    arms = [f"WHEN {level.condition} THEN '{level.name}'" for level in comparison.levels if level.condition]
    return f"CASE {' '.join(arms)} ELSE '{comparison.levels[-1].name}' END"


def digest() -> str:
    """Identifies levels, weights, blocks and normalisation; two runs with equal digests judge alike."""
    content = {
        "version": VERSION,
        "keys": keys.VERSION,
        "blocks": BLOCKS,
        "comparisons": [
            [comparison.field, [[level.name, level.condition, level.m, level.u] for level in comparison.levels]]
            for comparison in COMPARISONS
        ],
    }
    return hashlib.sha256(json.dumps(content, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def _splink_level(level: Level) -> ComparisonLevelCreator:
    if level.condition is None:
        return cll.ElseLevel().configure(m_probability=level.m, u_probability=level.u, label_for_charts=level.name)
    made = cll.CustomLevel(level.condition, label_for_charts=level.name)
    if level.m is None:
        return made.configure(is_null_level=True)
    return made.configure(m_probability=level.m, u_probability=level.u, fix_m_probability=level.fixed_m, fix_u_probability=level.fixed_u)
