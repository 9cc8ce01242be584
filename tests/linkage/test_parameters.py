"""The stored model: what is written is read again, and nothing else is accepted."""

from __future__ import annotations

import json

import pytest

from kiban_processing.linkage import learning, parameters
from kiban_processing.linkage.comparisons import Rates
from kiban_processing.refusals import Refusal

MODEL = learning.built_in(100_000, 14.0, 0.0)


def test_what_is_written_is_read_again() -> None:
    assert parameters.read(json.dumps(MODEL.as_json()), "model.json") == MODEL


def test_every_number_is_part_of_the_digest() -> None:
    digests = {MODEL.digest(), learning.built_in(100_000, 15.0, 0.0).digest(), learning.built_in(100_000, 14.0, 1.0).digest()}
    for field, levels in MODEL.rates.items():
        for level, rates in levels.items():
            digests.add(MODEL.with_rates(field, level, Rates(rates.person * 0.9, rates.household, rates.stranger)).digest())
            digests.add(MODEL.with_rates(field, level, Rates(rates.person, rates.household * 0.9, rates.stranger)).digest())
            digests.add(MODEL.with_rates(field, level, Rates(rates.person, rates.household, rates.stranger * 0.9)).digest())
    assert len(digests) == 3 + 3 * sum(len(levels) for levels in MODEL.rates.values())


def changed(**replaced: object) -> str:
    return json.dumps({**MODEL.as_json(), **replaced})


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "json"),
        ("[]", "json"),
        ("{}", "json"),
        (changed(version="0"), "version"),
        (changed(keys="0"), "version"),
        (changed(rates={}), "levels"),
        (changed(persons=0.5), "digest"),
        (changed(digest="0" * 64), "digest"),
    ],
)
def test_anything_else_is_refused(text: str, rule: str) -> None:
    with pytest.raises(Refusal) as refused:
        parameters.read(text, "model.json")
    assert refused.value.code == "linkage-model-unusable"
    assert str(refused.value.particulars["rule"]).startswith(rule)
