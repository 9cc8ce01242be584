"""学習 (training): parameters learnt from the data by expectation maximisation, and the check that they make sense.

Trained blocks name the very columns that are compared: a block on a derived column leaves its comparison switched on, and every
namesake then counts as one person. An insane model is refused, never used.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from splink import Linker, block_on

from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_18

INSANE_MODEL = Ground(
    "linkage-model-insane",
    Family.INTEGRITY,
    ACT_18,
    Text(
        "データから学習した名寄せモデルの{field}の値が妥当ではありません（{rule}）。",
        "The linkage model learnt from the data has an implausible value for {field} ({rule}).",
    ),
    Text(
        "組込みのモデルを使うか（train = never）、入力の列の対応付けを確かめてください。",
        "Use the built-in model (train = never) or check how the input columns are mapped.",
    ),
)

Parameters = dict[str, dict[str, tuple[float, float]]]

_PAIRS_FOR_U = 5e6
_PAIRS_FOR_M = 3e6
_NAMES_OF_ONE_PERSON = ("equal", "equal-widely", "kanji-equal", "kana-equal", "kana-equal-kanji-differs")


def train(linker: Linker, seed: int) -> None:
    """Learns u from random pairs and m from two blocks that leave different comparisons free; fixed levels keep their values."""
    linker.training.estimate_u_using_random_sampling(max_pairs=_PAIRS_FOR_U, seed=seed)
    for block in (block_on("dob", "sex"), block_on("kana_wide", "given_kana")):
        linker.training.estimate_parameters_using_expectation_maximisation(
            block, fix_probability_two_random_records_match=False, max_pairs=_PAIRS_FOR_M
        )


def parameters(linker: Linker) -> Parameters:
    """field → level → (m, u), null levels left out."""
    model: Mapping[str, Any] = linker.misc.save_model_to_json()
    return {
        comparison["output_column_name"]: {
            level["label_for_charts"]: (float(level["m_probability"]), float(level["u_probability"]))
            for level in comparison["comparison_levels"]
            if "m_probability" in level and "u_probability" in level
        }
        for comparison in model["comparisons"]
    }


def check(learnt: Parameters) -> None:
    """Holds what must be true of any sensible model of people.

    Refuses: linkage-model-insane.
    """
    birth, sex, name, household = (learnt.get(field, {}) for field in ("birth_date", "sex", "name", "household"))
    _hold("birth_date", "m(equal) > 0.9", _m(birth, "equal") > 0.9)
    _hold("sex", "m(equal) > 0.95", _m(sex, "equal") > 0.95)
    _hold("name", "m(same name) > 0.7", sum(_m(name, level) for level in _NAMES_OF_ONE_PERSON) > 0.7)
    _hold("name", "u(equal) < 0.001", _u(name, "equal") < 0.001)
    _hold("household", "m(branch-differs) < u(branch-differs)", _m(household, "branch-differs") < _u(household, "branch-differs"))
    for field, order in (
        ("name", ("equal", "near", "differs")),
        ("birth_date", ("equal", "near", "differs")),
        ("household", ("personal-number", "same-town", "differs")),
    ):
        ratios = [_m(learnt.get(field, {}), level) / max(_u(learnt.get(field, {}), level), 1e-12) for level in order]
        _hold(field, "weights fall: " + " > ".join(order), ratios == sorted(ratios, reverse=True) and ratios[-1] < 1)


def _m(levels: Mapping[str, tuple[float, float]], level: str) -> float:
    return levels.get(level, (0.0, 1.0))[0]


def _u(levels: Mapping[str, tuple[float, float]], level: str) -> float:
    return levels.get(level, (0.0, 1.0))[1]


def _hold(field: str, rule: str, holds: bool) -> None:
    if not holds:
        raise INSANE_MODEL.refuse(field=field, rule=rule)
