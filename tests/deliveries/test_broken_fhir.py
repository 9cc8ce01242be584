"""Broken FHIR is told by its file and rule, and no record of it is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from kiban_processing.deliveries import inspection
from kiban_processing.deliveries.readers import Format
from tests.deliveries.broken import fhir


@pytest.mark.parametrize("name", fhir.CASES)
def test_broken_fhir_is_told_and_counted(name: str, tmp_path: Path) -> None:
    case = fhir.CASES[name]
    found = inspection.inspect(case.write(tmp_path), Format.FHIR)
    told = {*found.by_rule, *(why.code for why in found.refusals.values()), *(one.rule for one in found.remarks)}
    assert case.told in told
    total = found.total
    assert total.sent == total.accepted + total.quarantined + total.refused
    if case.counts is not None:
        assert (total.sent, total.accepted, total.quarantined, total.refused) == case.counts
