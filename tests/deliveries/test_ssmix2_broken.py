"""Every broken SS-MIX2 delivery gets the answer that names what is wrong, and no record of it is lost."""

from pathlib import Path

import pytest

from kiban_processing.deliveries import inspection
from kiban_processing.deliveries.readers import Format
from kiban_processing.refusals import Refusal
from tests.deliveries.broken import ssmix2
from tests.deliveries.broken.ssmix2 import CORPUS, PATIENT, Broken


def laid(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder / "d.zip" if "d.zip" in files else folder


def test_the_corpus_is_large_and_names_each_case_once() -> None:
    names = [broken.name for broken in CORPUS]
    assert len(names) >= 60
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("broken", CORPUS, ids=lambda broken: broken.name)
def test_a_broken_delivery_is_told_for_what_it_is(broken: Broken, tmp_path: Path) -> None:
    path = laid(tmp_path, dict(broken.files))
    if broken.outcome == "raised":
        with pytest.raises(Refusal) as caught:
            inspection.inspect(path, Format.SSMIX2)
        assert caught.value.code == broken.expected
        assert PATIENT not in str(caught.value) + str(caught.value.as_json("ja"))
        return
    found = inspection.inspect(path, Format.SSMIX2)
    total = found.total
    sent = 1 if path.suffix == ".zip" else len(broken.files)
    assert total.sent == sent == total.accepted + total.quarantined + total.refused
    told = {*found.by_rule, *found.set_aside, *(why.code for why in found.refusals.values()), *(remark.rule for remark in found.remarks)}
    assert broken.expected in told
    expected = {"quarantined": (0, sent, 0), "refused": (0, 0, sent)}.get(broken.outcome, (sent, 0, 0))
    assert (total.accepted, total.quarantined, total.refused) == expected
    if broken.outcome == "value":
        assert total.values_dropped == found.by_rule[broken.expected] == 1
    if broken.outcome == "row":
        assert total.rows_quarantined == 1
    if broken.outcome == "aside":
        assert (total.set_aside, total.rows) == (1, 0)
    assert PATIENT not in str(found.as_json("ja")) + str(found.as_json("en"))


def test_the_message_that_the_corpus_damages_is_sound(tmp_path: Path) -> None:
    found = inspection.inspect(laid(tmp_path, {ssmix2.LAB: ssmix2.lab()}), Format.SSMIX2)
    assert (found.total.accepted, found.tables, found.by_rule, found.refusals) == (1, {"laboratory_results": 1}, {}, {})


def test_a_link_in_a_storage_is_refused_without_the_patients_number(tmp_path: Path) -> None:
    folder = (tmp_path / ssmix2.LAB).parent
    folder.mkdir(parents=True)
    (tmp_path / ssmix2.LAB).symlink_to("/etc/hostname")
    with pytest.raises(Refusal) as caught:
        inspection.inspect(tmp_path, Format.SSMIX2)
    assert caught.value.code == "link-found"
    assert PATIENT not in str(caught.value.as_json("ja"))


def test_a_name_that_is_no_text_is_refused_and_counted(tmp_path: Path) -> None:
    try:
        (tmp_path / b"\xff\xfe_name".decode("utf-8", "surrogateescape")).write_bytes(b"MSH|x")
    except OSError:
        pytest.skip("this file system takes names in UTF-8 only")
    found = inspection.inspect(tmp_path, Format.SSMIX2)
    assert (found.total.refused, [why.code for why in found.refusals.values()]) == (1, ["ssmix2-name"])


def test_what_is_no_message_beside_the_storage_is_no_record_and_is_remarked(tmp_path: Path) -> None:
    for name in ("README.txt", "spec/table.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"notes")
    found = inspection.inspect(tmp_path, Format.SSMIX2)
    assert (found.total.sent, found.refusals) == (0, {})
    assert [(one.rule, one.particulars["number"]) for one in found.remarks] == [("file-passed-over", 2)]
