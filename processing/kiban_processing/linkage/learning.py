"""学習 (learning): the model's rates are learnt from the registrations themselves, without any known truth.

Splink gives the shares of levels among random pairs (strangers). The shares among pairs of one person and of one household come from
three samples of pairs, each chosen by agreement in one comparison that is then left out of what is learnt from it: equal birth date,
equal full name, and shared household. A block on a derived column would leave its comparison switched on, and every namesake would then
count as one person.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import duckdb
import numpy as np

from kiban_processing.linkage import comparisons, engines, mixture, namesakes
from kiban_processing.linkage.comparisons import COMPARISONS, Comparison, Rates
from kiban_processing.linkage.parameters import Model

_RANDOM_PAIRS = 2e6
_SAMPLED_PAIRS = 1_000_000
_PRIME = 1_000_003
# The built-in rates count for so many pairs of each class, so that a thousand registrations cannot talk the model into nonsense.
_PSEUDO = 2_000.0
# Levels rarer than this among strangers are fewer than the pairs of one person among random pairs, and cannot be counted there.
_COUNTABLE = 1e-3
# Of two people drawn from the towns that hospitals serve, at most this share is one person, however small the file is.
# Families do not give one name twice; what a sample shows of it is one person with a wrong birth date, so these keep their rates.
_NEVER_TWICE_IN_A_HOUSEHOLD = (
    "equal",
    "kanji-equal",
    "kana-equal",
    "former-surname",
    "alias",
    "kana-equal-kanji-differs",
    "swapped",
    "given-equal",
)
_HIGHEST_PRIOR = 2.0**-14
_PAIRS_PER_REGISTRATION = 1.3
_HOUSEHOLD_PAIRS_PER_REGISTRATION = 1.0


@dataclass(frozen=True)
class _Sample:
    """Pairs that agree in `left_out`; what is learnt from them: rates of the class `group` in the comparisons `learnt`."""

    agreeing: tuple[str, ...]
    left_out: str
    learnt: tuple[str, ...]
    group: int
    start: tuple[float, float, float]


_SAMPLES = (
    _Sample(("dob",), "birth_date", ("name", "sex", "household", "contact", "hospital"), mixture.PERSON, (0.05, 0.005, 0.945)),
    _Sample(("surname_kana", "given_kana"), "name", ("birth_date",), mixture.PERSON, (0.3, 0.001, 0.699)),
    _Sample(("phone",), "household", ("name", "birth_date", "sex", "hospital"), mixture.HOUSEHOLD, (0.5, 0.49, 0.01)),
)


def built_in(registrations: int, link_weight: float, review_weight: float) -> Model:
    """The model that needs no data, for a file of so many registrations."""
    pairs = max(registrations - 1, 1) / 2.0
    return Model(
        rates={each.field: {level.name: level.rates for level in each.levels if level.rates} for each in COMPARISONS},
        persons=min(_PAIRS_PER_REGISTRATION / pairs, _HIGHEST_PRIOR),
        households=min(_HOUSEHOLD_PAIRS_PER_REGISTRATION / pairs, _HIGHEST_PRIOR),
        namesakes=namesakes.ODDS,
        link_weight=link_weight,
        review_weight=review_weight,
        registrations=registrations,
    )


def learn(con: duckdb.DuckDBPyConnection, keys: str, start: Model, seed: int) -> Model:
    """The model learnt from the table `keys`, beginning with `start`.

    Not checked: whether the outcome makes sense (see `sanity.check`).
    """
    model = replace(_strangers(con, keys, start, seed), learnt="learnt")
    for sample in _SAMPLES:
        model = _from_sample(con, keys, model, sample)
    return namesakes.learn(con, keys, model)


def _strangers(con: duckdb.DuckDBPyConnection, keys: str, start: Model, seed: int) -> Model:
    """Shares of levels among random pairs, by Splink."""
    # Drawn by arithmetic on the number of the row: what Splink draws depends on the engine's own hash, and so does where it ends early.
    share = (2 * _RANDOM_PAIRS) ** 0.5 / max(start.registrations, 1)
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE linkage_sample AS
        SELECT * FROM {keys} WHERE (node % {_PRIME} * 7919 + {seed % _PRIME * 104729:d}) % {_PRIME} < {math.ceil(share * _PRIME):d}""")
    linker = engines.linker(con, "linkage_sample", comparisons.splink_settings(start.persons))
    linker.training.estimate_u_using_random_sampling(max_pairs=1e18, min_count_per_level=None, num_chunks=1)
    con.execute("DROP TABLE linkage_sample")
    found = {
        comparison["output_column_name"]: {
            level["label_for_charts"]: level["u_probability"] for level in comparison["comparison_levels"] if "u_probability" in level
        }
        for comparison in linker.misc.save_model_to_json()["comparisons"]
    }
    model = start
    for comparison in COMPARISONS:
        rates = model.rates[comparison.field]
        counted = {
            level: max(float(found[comparison.field].get(level, each.stranger)), each.stranger * 0.05)
            for level, each in rates.items()
            if each.stranger >= _COUNTABLE
        }
        rest = 1.0 - sum(each.stranger for level, each in rates.items() if level not in counted)
        scale = rest / sum(counted.values())
        for level, share in counted.items():
            model = model.with_rates(comparison.field, level, replace(rates[level], stranger=share * scale))
    return model


def _from_sample(con: duckdb.DuckDBPyConnection, keys: str, model: Model, sample: _Sample) -> Model:
    patterns, factor = _patterns(con, keys, sample)
    if not len(patterns.counts):
        return model
    seen = [each for each in COMPARISONS if each.field != sample.left_out]
    start = mixture.Mixture(np.array(sample.start), tuple(_table(model, each) for each in seen))
    fitted = mixture.fit(patterns, start, tuple(each.field in sample.learnt for each in seen), _PSEUDO)
    mass = (fitted.memberships(patterns) * patterns.counts[:, None]).sum(axis=0) * factor
    pairs = max(model.registrations * (model.registrations - 1) / 2.0, 1.0)
    for comparison, table in zip(seen, fitted.rates, strict=True):
        if comparison.field in sample.learnt:
            model = _with_table(model, comparison, table, sample.group)
    if sample.left_out == "birth_date":
        agree = model.rates["birth_date"]["equal"].person
        model = replace(model, persons=min(max(mass[mixture.PERSON] / agree / pairs, 0.1 / pairs), _HIGHEST_PRIOR))
    elif sample.left_out == "household":
        rates = model.rates["household"]
        agree = sum(rates[level].household for level in ("phone", "two-agree", "three-agree"))
        model = replace(model, households=min(max(mass[mixture.HOUSEHOLD] / agree / pairs, 0.1 / pairs), _HIGHEST_PRIOR))
    return model


def _patterns(con: duckdb.DuckDBPyConnection, keys: str, sample: _Sample) -> tuple[mixture.Patterns, float]:
    """Counts of patterns among the sampled pairs, and for how many pairs each of them stands."""
    columns = ", ".join(sample.agreeing)
    known = " AND ".join(f"{column} IS NOT NULL" for column in sample.agreeing)
    plain = f"{known} AND NOT newborn" + (" AND NOT dob_default" if sample.left_out == "birth_date" else "")
    total = con.execute(f"SELECT sum(held * (held - 1) / 2) FROM (SELECT count(*) AS held FROM {keys} WHERE {plain} GROUP BY {columns})")
    pairs = float(total.fetchall()[0][0] or 0.0)
    one_in = max(int(np.ceil(pairs / _SAMPLED_PAIRS)), 1)
    # The values are spread by a fixed hash, so that the same file gives the same sample.
    chosen = f"(SELECT * FROM {keys} WHERE {plain} AND (abs({sample.agreeing[-1]}) % {_PRIME}) * 7919 % {_PRIME} % {one_in} = 0)"
    seen = [each for each in COMPARISONS if each.field != sample.left_out]
    joined = " AND ".join(f"l.{column} = r.{column}" for column in sample.agreeing)
    found = con.execute(f"""
        SELECT {", ".join(each.field for each in seen)}, count(*) AS pairs FROM (
            SELECT {", ".join(f"{comparisons.level_of(each)} AS {each.field}" for each in seen)}
            FROM (SELECT {comparisons.sided()} FROM {chosen} l JOIN {chosen} r ON {joined} AND l.node < r.node))
        GROUP BY ALL ORDER BY ALL""").fetchnumpy()
    levels = np.stack([_learnable(each, np.asarray(found[each.field], np.int64)) for each in seen], axis=1)
    return mixture.Patterns(levels, np.asarray(found["pairs"], np.float64)), float(one_in)


def _learnable(comparison: Comparison, places: mixture.Places) -> mixture.Places:
    """Places among the levels that have rates; −1 where the comparison says nothing."""
    learnable = np.full(len(comparison.levels), -1, np.int64)
    kept = [place for place, level in enumerate(comparison.levels) if level.rates]
    learnable[kept] = np.arange(len(kept))
    return np.asarray(learnable[places])


def _table(model: Model, comparison: Comparison) -> mixture.Floats:
    rates = [model.rates[comparison.field][level.name] for level in comparison.levels if level.rates]
    table = np.array([[each.person for each in rates], [each.household for each in rates], [each.stranger for each in rates]])
    return np.asarray(table / table.sum(axis=1, keepdims=True))


def _with_table(model: Model, comparison: Comparison, table: mixture.Floats, group: int) -> Model:
    names = [level.name for level in comparison.levels if level.rates]
    for place, level in enumerate(names):
        if group == mixture.HOUSEHOLD and level in _NEVER_TWICE_IN_A_HOUSEHOLD:
            continue
        before = model.rates[comparison.field][level]
        share = float(table[group, place])
        changed: Rates = replace(before, person=share) if group == mixture.PERSON else replace(before, household=share)
        model = model.with_rates(comparison.field, level, changed)
    return model
