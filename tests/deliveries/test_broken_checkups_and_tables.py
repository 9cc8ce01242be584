"""Broken checkups and separated values are told by their file and rule, and no record of them is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from kiban_processing.deliveries import inspection
from kiban_processing.deliveries.readers import Format, Options
from kiban_processing.refusals import Refusal
from tests.deliveries.broken import checkup, separated
from tests.deliveries.broken.delivered import Broken


def judge(case: Broken, kind: Format, tmp_path: Path) -> None:
    mapping, identifiers = None, None
    if case.mapping is not None:
        mapping = tmp_path / ("mapping.json" if case.mapping.startswith("{") else "mapping.toml")
        mapping.write_text(case.mapping, "utf-8")
    if case.identifiers is not None:
        identifiers = tmp_path / "ids.csv"
        identifiers.write_text(case.identifiers, "utf-8")
    path = case.write(tmp_path / "delivery")
    try:
        found = inspection.inspect(path, kind, Options(mapping=mapping, identifiers=identifiers))
    except Refusal as why:
        assert case.counts is None, why
        assert why.code == case.told
        return
    told = {*found.by_rule, *(why.code for why in found.refusals.values()), *(one.rule for one in found.remarks)}
    assert case.told in told
    total = found.total
    assert (total.sent, total.accepted, total.quarantined, total.refused) == case.counts
    assert total.sent == total.accepted + total.quarantined + total.refused


@pytest.mark.parametrize("name", checkup.CASES)
def test_a_broken_checkup_is_told_and_counted(name: str, tmp_path: Path) -> None:
    judge(checkup.CASES[name], Format.CHECKUP, tmp_path)


@pytest.mark.parametrize("name", separated.CASES)
def test_a_broken_table_is_told_and_counted(name: str, tmp_path: Path) -> None:
    judge(separated.CASES[name], Format.CSV, tmp_path)
