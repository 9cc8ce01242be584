"""妥当性 (sanity): what must be true of any sensible model of people; an insane model is refused, never used."""

from __future__ import annotations

from kiban_processing.language import Text
from kiban_processing.linkage.comparisons import Rates
from kiban_processing.linkage.parameters import Model
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
_NAMES_OF_ONE_PERSON = ("equal", "kanji-equal", "kana-equal", "kana-equal-kanji-differs", "former-surname", "alias")
# Levels from the best evidence to the worst; the weight must fall along each row, and the last must speak against one person.
_FALLING = (
    ("name", ("equal", "near", "differs")),
    ("birth_date", ("equal", "month-or-day", "differs")),
    ("household", ("personal-number", "address", "same-town", "differs")),
)


def check(model: Model) -> None:
    """Holds the model against what is known of people.

    Refuses: linkage-model-insane.
    """
    rates = model.rates
    _hold("birth_date", "m(equal) > 0.9", rates["birth_date"]["equal"].person > 0.9)
    _hold("sex", "m(equal) > 0.95", rates["sex"]["equal"].person > 0.95)
    _hold("name", "m(same name) > 0.7", sum(rates["name"][level].person for level in _NAMES_OF_ONE_PERSON) > 0.7)
    _hold("name", "u(equal) < 0.001", rates["name"]["equal"].stranger < 0.001)
    _hold("name", "h(equal) < 0.01", rates["name"]["equal"].household < 0.01)
    branch = rates["household"]["branch-differs"]
    _hold("household", "m(branch-differs) < h(branch-differs)", branch.person < branch.household)
    for field, order in _FALLING:
        ratios = [_ratio(rates[field][level]) for level in order]
        _hold(field, "weights fall: " + " > ".join(order), ratios == sorted(ratios, reverse=True) and ratios[-1] < 1)


def _ratio(rates: Rates) -> float:
    return rates.person / max(rates.stranger, 1e-15)


def _hold(field: str, rule: str, holds: bool) -> None:
    if not holds:
        raise INSANE_MODEL.refuse(field=field, rule=rule)
