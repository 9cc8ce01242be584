"""Every broken claims or DPC file leads to a refusal or a finding that names file, place and remedy; no record is lost, none counted twice."""

from pathlib import Path

import pytest

from kiban_processing.deliveries import readers
from kiban_processing.formats import findings
from tests.deliveries.broken import dpc, uke
from tests.deliveries.broken.expected import Broken
from tests.deliveries.reading import Read, read

TRIAL = readers.Options(is_trial=True)


def judge(found: Read, broken: Broken, name: str) -> None:
    if broken.refused is not None:
        assert {file: why.code for file, why in found.refused.items()} == {name: broken.refused}
        (why,) = found.refused.values()
        assert why.read("ja") and why.read("en")
        return
    assert found.refused == {}
    assert tuple(found.rules) == broken.rules
    assert tuple(one["rule"] for one in found.defects if one["severity"] == "value") == broken.told
    assert sorted(one["rule"] for one in found.defects if one["severity"] == "row" and one["column"]) == sorted(broken.row_rules)
    assert tuple(one.rule for one in found.remarks if one.rule != "data-ids-stand") == broken.remarks
    assert all(one["raw"] for one in found.defects if one["severity"] == "row")
    if broken.sent is not None:
        assert (found.count.sent, found.count.accepted) == (broken.sent, broken.accepted)
    for one in found.remarks:
        assert findings.named(one.rule).what.filled(dict(one.particulars)).read("en")


@pytest.mark.parametrize("name", uke.FILES)
def test_a_broken_claims_file_is_told(tmp_path: Path, name: str) -> None:
    broken = uke.FILES[name]
    path = tmp_path / (broken.name or "RECEIPTC.UKE")
    path.write_bytes(broken.content)
    judge(read(path, "uke"), broken, path.name)


@pytest.mark.parametrize("name", dpc.FILES)
def test_a_broken_dpc_file_is_told(tmp_path: Path, name: str) -> None:
    broken = dpc.FILES[name]
    path = tmp_path / (broken.name or "EFn_139999999_2407.txt")
    path.write_bytes(broken.content)
    judge(read(path, "dpc", TRIAL), broken, path.name)


def test_there_are_at_least_a_hundred_and_fifty_kinds() -> None:
    assert len(uke.FILES) >= 90 and len(uke.FILES) + len(dpc.FILES) >= 150
