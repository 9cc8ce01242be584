"""照合項目 (comparisons): what is compared between two registrations, level by level, in conditions every engine can evaluate.

One comparison for the name (kanji, kana, former surname and alias together), one for the birth date, one for sex, one for everything a
household shares (address, telephone and insurance are one piece of evidence; counting them three times merges families) and one for the
hospital. All values compared are integers, so that DuckDB, Spark and a stored state judge alike.
Rates are shares among pairs of one person (m), of two members of one household (h) and of two strangers (u).
Source: Fellegi & Sunter, JASA 1969, 64:1183, with a third class; the built-in rates are ours and serve until there is data to learn from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # loading Splink takes longer than linking a small delivery
    from splink import SettingsCreator
    from splink.internals.comparison_level_creator import ComparisonLevelCreator

VERSION = "7"


@dataclass(frozen=True)
class Rates:
    """Shares of a level: among pairs of one person, of one household, of strangers."""

    person: float
    household: float
    stranger: float


@dataclass(frozen=True)
class Level:
    """One level of a comparison; `rates` None for "cannot be compared", which says nothing either way."""

    name: str
    condition: str | None
    rates: Rates | None = None


@dataclass(frozen=True)
class Comparison:
    field: str
    levels: tuple[Level, ...]


def _same(*columns: str) -> str:
    return " AND ".join(f"{column}_l = {column}_r" for column in columns)


def _unknown(*columns: str) -> str:
    return " AND ".join(f"({column}_l IS NULL OR {column}_r IS NULL)" for column in columns)


def _near(bits: str, share: float) -> str:
    """Dice coefficient of the bigrams of two readings."""
    both = f"bit_count({bits}_l & {bits}_r)"
    return f"2.0 * {both} >= {share} * (bit_count({bits}_l) + bit_count({bits}_r))"


_SWAPPED = "(surname_kana_l = given_kana_r AND given_kana_l = surname_kana_r) OR (surname_kanji_l = given_kanji_r AND given_kanji_l = surname_kanji_r)"
_GIVEN = "(given_kanji_l = given_kanji_r OR given_kana_l = given_kana_r)"
_FORMER = f"""(former_surname_kanji_l = surname_kanji_r OR surname_kanji_l = former_surname_kanji_r
    OR former_surname_kana_l = surname_kana_r OR surname_kana_l = former_surname_kana_r) AND {_GIVEN}"""
# Two names in brackets that agree prove nothing: it may be the mother's name, with both of her twins. Words of the reading in any order are for names
# that have Latin letters: of Japanese ones they would make リツキ of リキ, and one name of all that are read alike.
_ALIAS = """alias_kanji_l = kanji_wide_r OR kanji_wide_l = alias_kanji_r OR alias_kana_l = kana_wide_r OR kana_wide_l = alias_kana_r
    OR latin_l = latin_r OR (tokens_kana_l = tokens_kana_r AND (latin_l IS NOT NULL OR latin_r IS NOT NULL))"""

NAME = Comparison(
    "name",
    (
        Level("newborn", "newborn_l OR newborn_r"),
        Level("missing", _unknown("kanji_wide") + " AND " + _unknown("kana_wide")),
        Level("equal", _same("kanji_wide", "kana_wide"), Rates(0.80, 1e-5, 1e-5)),
        Level("kanji-equal", _same("kanji_wide"), Rates(0.06, 5e-6, 5e-6)),
        Level("kana-equal", f"{_same('kana_wide')} AND {_unknown('kanji_wide')}", Rates(0.04, 4e-5, 3e-5)),
        Level("former-surname", _FORMER, Rates(0.006, 1e-5, 2e-6)),
        Level("alias", _ALIAS, Rates(0.01, 5e-6, 8e-6)),
        Level("kana-equal-kanji-differs", _same("kana_wide"), Rates(0.01, 1e-4, 3e-5)),
        Level("swapped", _SWAPPED, Rates(0.004, 2e-6, 1e-6)),
        Level("given-equal", _same("given_kanji", "given_kana"), Rates(0.03, 5e-5, 1e-3)),
        Level("given-equal-once", _GIVEN, Rates(0.012, 1e-3, 3e-3)),
        Level("near", _near("kana_bits", 0.75), Rates(0.012, 8e-3, 1e-3)),
        Level("surname-only", "surname_kana_l = surname_kana_r OR surname_kanji_l = surname_kanji_r", Rates(0.008, 0.88, 4e-3)),
        Level("differs", None, Rates(0.008, 0.11, 0.99)),
    ),
)
_YEAR = "dob_year_l = dob_year_r"
BIRTH_DATE = Comparison(
    "birth_date",
    (
        # A filler day against a date says nothing.
        Level("missing", _unknown("dob") + " OR ((dob_default_l OR dob_default_r) AND dob_l <> dob_r)"),
        Level("equal-default", "dob_l = dob_r AND (dob_default_l OR dob_default_r)", Rates(0.01, 1e-3, 1e-3)),
        Level("equal", "dob_l = dob_r", Rates(0.965, 0.012, 4e-5)),
        Level("exchanged", f"{_YEAR} AND dob_monthday_l // 100 = dob_monthday_r % 100 AND dob_monthday_l % 100 = dob_monthday_r // 100",
              Rates(0.004, 4e-5, 4e-5)),
        Level("month-or-day", f"{_YEAR} AND (dob_monthday_l // 100 = dob_monthday_r // 100 OR dob_monthday_l % 100 = dob_monthday_r % 100)",
              Rates(0.012, 2e-3, 1.4e-3)),
        # Not on 1 January, where a clerk puts whoever knows only the year.
        Level("year", "dob_monthday_l = dob_monthday_r AND dob_monthday_l <> 101", Rates(0.006, 3e-3, 2.7e-3)),
        Level("year-only", f"{_YEAR} AND (dob_monthday_l = 101 OR dob_monthday_r = 101)", Rates(0.002, 1e-4, 1e-4)),
        Level("differs", None, Rates(0.002, 0.9799, 0.9947)),
    ),
)  # fmt: skip
SEX = Comparison(
    "sex",
    (
        Level("missing", _unknown("sex")),
        Level("equal", _same("sex"), Rates(0.995, 0.45, 0.5)),
        Level("differs", None, Rates(0.005, 0.55, 0.5)),
    ),
)

_AGREES = "CAST(coalesce({0}, false) AS INTEGER)"
# Before and after a merger of municipalities one place has two names, but one postal code.
SAME_ADDRESS = "(coalesce(address_l = address_r, false) OR coalesce(postal_address_l = postal_address_r, false))"
AGREEING = "(" + " + ".join(_AGREES.format(each) for each in (_same("insurance"), _same("phone"), SAME_ADDRESS)) + ")"
# A place of residence lasts years: two registrations of one summer in different towns speak louder than two of different decades.
_PLACE = _unknown("town") + " AND " + _unknown("postal") + " AND " + _unknown("municipality")


def _parted(name: str, condition: str | None, rates: tuple[Rates, Rates, Rates]) -> tuple[Level, ...]:
    """One level for each span of time between the two registrations; the last needs no date."""
    spans = (("within-a-year", "abs(day_l - day_r) < 400"), ("within-three-years", "abs(day_l - day_r) < 1200"), ("", ""))
    return tuple(
        Level(f"{name}-{span}" if span else name, " AND ".join(each for each in (condition, when) if each) or None, shares)
        for (span, when), shares in zip(spans, rates, strict=True)
    )


HOUSEHOLD = Comparison(
    "household",
    (
        Level(
            "missing",
            " AND ".join(
                _unknown(column) for column in ("insurance", "phone", "address", "postal_address", "town", "postal", "municipality")
            ),
        ),
        Level("personal-number", _same("personal"), Rates(0.16, 1e-4, 1e-7)),
        Level("branch-differs", f"{_same('insurance')} AND branch_l <> branch_r", Rates(0.003, 0.2, 1e-7)),
        Level("three-agree", f"{AGREEING} = 3", Rates(0.12, 0.20, 1e-8)),
        Level("two-agree", f"{AGREEING} = 2", Rates(0.20, 0.25, 1e-6)),
        Level("insurance", _same("insurance"), Rates(0.06, 0.10, 2e-6)),
        Level("phone", _same("phone"), Rates(0.10, 0.12, 4e-6)),
        Level("address", SAME_ADDRESS, Rates(0.09, 0.11, 8e-6)),
        Level("place-unknown", _PLACE, Rates(0.02, 2e-3, 0.05)),
        *_parted(
            "same-town",
            f"({_same('town')} OR {_same('postal')})",
            (Rates(0.012, 2e-3, 2e-4), Rates(0.01, 2e-3, 2e-4), Rates(0.02, 2e-3, 6e-4)),
        ),
        *_parted("same-city", _same("municipality"), (Rates(0.004, 1e-3, 6e-3), Rates(0.008, 1e-3, 6e-3), Rates(0.04, 4e-3, 0.03))),
        *_parted("same-prefecture", _same("prefecture"), (Rates(0.006, 1e-3, 0.03), Rates(0.01, 1e-3, 0.03), Rates(0.05, 2e-3, 0.14))),
        *_parted("differs", None, (Rates(0.005, 5e-4, 0.07), Rates(0.01, 5e-4, 0.07), Rates(0.08, 2e-3, 0.55))),
    ),
)
_DIFFERS = "({0}_l IS NOT NULL AND {0}_r IS NOT NULL)"
# Where nothing of a household agrees: what could be compared and did not. People move with their mobile telephones.
CONTACT = Comparison(
    "contact",
    (
        Level("agrees", f"{AGREEING} > 0 OR {_same('personal')}"),
        Level("mobile-differs", f"mobile_l AND mobile_r AND {_DIFFERS.format('phone')}", Rates(0.10, 0.20, 0.12)),
        Level("both-differ", f"{_DIFFERS.format('phone')} AND {_DIFFERS.format('insurance')}", Rates(0.30, 0.40, 0.48)),
        Level("one-differs", f"{_DIFFERS.format('phone')} OR {_DIFFERS.format('insurance')}", Rates(0.45, 0.30, 0.32)),
        Level("not-compared", None, Rates(0.15, 0.10, 0.08)),
    ),
)
HOSPITAL = Comparison(
    "hospital",
    (Level("same", _same("site"), Rates(0.025, 0.3, 0.1)), Level("other", None, Rates(0.975, 0.7, 0.9))),
)
COMPARISONS = (NAME, BIRTH_DATE, SEX, HOUSEHOLD, CONTACT, HOSPITAL)
# The columns of the keys table that the conditions ask.
COLUMNS = tuple(
    sorted(
        {
            found
            for each in COMPARISONS
            for level in each.levels
            if level.condition
            for found in re.findall(r"\b([a-z_]+)_l\b", level.condition)
        }
    )
)

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


def sided(columns: Iterable[str] = COLUMNS) -> str:
    """SQL that names these columns of `l` and `r` as the conditions ask for them."""
    return ", ".join(f"l.{column} AS {column}_l, r.{column} AS {column}_r" for column in columns)


def splink_settings(prior: float) -> SettingsCreator:
    """The comparisons and blocks as Splink reads them; `prior` is the share of pairs of one person among all pairs."""
    import splink.comparison_library as cl
    from splink import SettingsCreator, block_on

    return SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="node",
        comparisons=[
            cl.CustomComparison(
                output_column_name=comparison.field, comparison_levels=[_splink_level(level) for level in comparison.levels]
            )
            for comparison in COMPARISONS
        ],
        blocking_rules_to_generate_predictions=[block_on(*columns) for columns in BLOCKS],
        probability_two_random_records_match=prior,
        retain_matching_columns=False,
        retain_intermediate_calculation_columns=False,
    )


def level_of(comparison: Comparison) -> str:
    """SQL for the place of a pair's level in `comparison.levels`, from the same conditions Splink is given."""
    arms = [f"WHEN {level.condition} THEN {place}" for place, level in enumerate(comparison.levels) if level.condition]
    return f"CAST(CASE {' '.join(arms)} ELSE {len(comparison.levels) - 1} END AS TINYINT)"


def _splink_level(level: Level) -> ComparisonLevelCreator:
    import splink.comparison_level_library as cll

    rates = level.rates
    if level.condition is None:
        made: ComparisonLevelCreator = cll.ElseLevel()
    else:
        made = cll.CustomLevel(level.condition, label_for_charts=level.name, base_dialect_str="duckdb")
    if rates is None:
        return made.configure(is_null_level=True)
    return made.configure(m_probability=rates.person, u_probability=rates.stranger, label_for_charts=level.name)
