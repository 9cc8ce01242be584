"""Act 30: a user does not collate anonymised information to identify a person, nor obtain the method of processing."""

from __future__ import annotations

from kiban_applications import conditions
from kiban_applications.conditions import KINDS, STATUTORY, Due
from kiban_processing.statutes import ACT_30


def test_the_ban_stands_in_every_contract_in_both_languages() -> None:
    (ban,) = (each for each in STATUTORY if each.kind == "no-reidentification")
    assert ban.declared.article is ACT_30
    assert "照合" in ban.text.ja and "加工の方法" in ban.text.ja
    assert "identify a person" in ban.text.en and "method of processing" in ban.text.en


def test_the_ban_has_no_parameter_and_never_ends() -> None:
    kind = KINDS["no-reidentification"]
    assert (kind.unit, kind.due) == (None, Due.ALWAYS)


def test_a_contract_without_the_ban_falls_short() -> None:
    rest = [each for each in STATUTORY if each.kind != "no-reidentification"]
    assert conditions.shortfall(rest, STATUTORY) == ("no-reidentification",)
