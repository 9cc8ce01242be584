"""The files of a delivery are found in order, and nothing outside of it is."""

import zipfile
from pathlib import Path

import pytest

from kiban_processing.deliveries import sources
from kiban_processing.refusals import Refusal


def names(path: Path) -> list[str]:
    return [source.name for source in sources.walk(path)]


def refused(path: Path) -> str:
    with pytest.raises(Refusal) as caught:
        names(path)
    return caught.value.code


def test_a_folder_is_walked_in_order_of_names(tmp_path: Path) -> None:
    for name in ("b/1", "a/2", "a/10", "c"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert names(tmp_path) == ["a/10", "a/2", "b/1", "c"]


def test_a_zip_is_read_like_the_folder_it_was_made_of(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "d.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("b/1", b"one")
        archive.writestr("a/2", b"two")
    found = list(sources.walk(tmp_path / "d.zip"))
    assert [source.name for source in found] == ["a/2", "b/1"]
    with found[1].open() as file:
        assert file.read() == b"one"


def test_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/hostname")
    assert refused(tmp_path) == refused(tmp_path / "link") == "link-found"


@pytest.mark.parametrize("name", ["../out", "/absolute", "a/../../out", "a\\..\\out", "c:/x"])
def test_a_name_that_leads_out_of_the_archive_is_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        archive.writestr(name, b"x")
    assert refused(tmp_path / "d.zip") == "archive-outside"


def test_an_archive_that_unpacks_to_far_more_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "d.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x", b"\0" * (32 << 20))
    assert refused(tmp_path / "d.zip") == "archive-bomb"


def test_an_archive_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        archive.writestr("x", b"content" * 100)
    (tmp_path / "d.zip").write_bytes((tmp_path / "d.zip").read_bytes()[:-30])
    assert refused(tmp_path / "d.zip") == "archive-broken"


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path / "nothing") == "delivery-missing"
