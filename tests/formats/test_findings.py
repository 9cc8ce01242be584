"""指摘: a closed list, readable in both languages, without values."""

from __future__ import annotations

import re

import pytest

from kiban_processing.formats import findings
from kiban_processing.refusals import Refusal


@pytest.mark.parametrize("code", sorted(findings.RULES))
def test_every_rule_tells_what_and_what_to_do(code: str) -> None:
    rule = findings.named(code)
    finding = findings.Finding("検査.csv", 12, "value", rule)
    for language, place in (("ja", "検査.csv 12行目 value: "), ("en", "検査.csv, row 12, value: ")):
        told = finding.read(language)
        assert told.startswith(place)
        assert f"[{code}]" in told
        assert "{" not in re.sub(r"\{[a-z_]+\}", "", told)  # remarks are filled with their particulars
    assert rule.what.ja.endswith("。") and rule.remedy.ja.endswith("。")


def test_every_declared_rule_is_in_the_list() -> None:
    declared = {value.code for value in vars(findings).values() if isinstance(value, findings.Rule)}
    assert declared == set(findings.RULES)


def test_a_finding_without_a_column_names_the_row() -> None:
    assert findings.Finding("a.csv", 3, None, findings.UNDECODABLE).read("en").startswith("a.csv, row 3: ")


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(Refusal) as caught:
        findings.named("bad-luck")
    assert caught.value.code == "finding-unknown"
