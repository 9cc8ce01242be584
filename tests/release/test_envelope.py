"""The envelope: it opens with the right keys only, is whole or not there at all, and leaves no clear bag behind."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path
from typing import Any

import pyrage
import pytest

from kiban_processing import package
from kiban_processing.package import archive, envelope
from kiban_processing.refusals import Refusal

RECIPIENT, ARCHIVE, STRANGER = (pyrage.x25519.Identity.generate() for _ in range(3))


def keys(*identities: Any) -> list[str]:
    return [str(identity.to_public()) for identity in identities]


@pytest.mark.parametrize("identity", [RECIPIENT, ARCHIVE], ids=["recipient", "archive"])
def test_each_addressee_opens_the_bag_as_it_was(bag: Path, tmp_path: Path, identity: Any) -> None:
    before = package.verify(bag)
    sealed = package.seal(bag, tmp_path / "R.age", keys(RECIPIENT, ARCHIVE))
    assert not bag.exists()
    assert sealed.size == (tmp_path / "R.age").stat().st_size
    opened = package.unseal(sealed.path, f"# created: today\n{identity}\n", tmp_path / "opened")
    assert opened.name == "R-2026-0001"
    assert package.verify(opened) == before
    assert sorted(path.name for path in (tmp_path / "opened").iterdir()) == ["R-2026-0001"]


def test_a_stranger_opens_nothing(bag: Path, tmp_path: Path) -> None:
    package.seal(bag, tmp_path / "R.age", keys(RECIPIENT))
    with pytest.raises(Refusal) as refused:
        package.unseal(tmp_path / "R.age", str(STRANGER), tmp_path / "opened")
    assert refused.value.code == "envelope-closed"
    assert list((tmp_path / "opened").iterdir()) == []


@pytest.mark.parametrize("place", ["middle", "end", "cut", "empty"])
def test_a_damaged_envelope_opens_nothing(bag: Path, tmp_path: Path, place: str) -> None:
    path = package.seal(bag, tmp_path / "R.age", keys(RECIPIENT)).path
    raw = bytearray(path.read_bytes())
    if place in ("middle", "end"):
        raw[len(raw) // 2 if place == "middle" else -1] ^= 1
    path.write_bytes(raw if place in ("middle", "end") else raw[: len(raw) // 2] if place == "cut" else b"")
    with pytest.raises(Refusal) as refused:
        package.unseal(path, str(RECIPIENT), tmp_path / "opened")
    assert refused.value.code == "envelope-closed"
    assert list((tmp_path / "opened").iterdir()) == []


def test_the_envelope_shows_nothing_in_clear(bag: Path, tmp_path: Path) -> None:
    path = package.seal(bag, tmp_path / "R.age", keys(RECIPIENT)).path
    raw = path.read_bytes()
    assert raw.startswith(b"age-encryption.org/v1\n")
    assert not any(word.encode() in raw for word in ("patients", "manifest.json", "匿名加工医療情報", "R-2026-0001"))


def test_the_tar_inside_is_the_same_for_the_same_bag_the_envelope_is_not(release: Any, tmp_path: Path) -> None:
    sealed = []
    for number in (1, 2):
        release.build(tmp_path / str(number))
        sealed.append(package.seal(tmp_path / str(number), tmp_path / f"{number}.age", keys(RECIPIENT), name="R-2026-0001"))
    assert sealed[0].archive_sha256 == sealed[1].archive_sha256
    assert sealed[0].sha256 != sealed[1].sha256


@pytest.mark.parametrize(
    ("recipients", "code"), [([], "no-recipient"), (["age1nonsense"], "recipient-key-unusable"), ([""], "recipient-key-unusable")]
)
def test_without_a_usable_key_nothing_is_sealed_and_nothing_lost(bag: Path, tmp_path: Path, recipients: list[str], code: str) -> None:
    with pytest.raises(Refusal) as refused:
        package.seal(bag, tmp_path / "R.age", recipients)
    assert refused.value.code == code
    assert not (tmp_path / "R.age").exists()
    package.verify(bag)


def test_a_seal_that_fails_leaves_no_part_of_an_envelope(bag: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_folder: Path, _name: str) -> Any:
        yield b"some"
        raise OSError("disk")

    monkeypatch.setattr(archive, "pieces", fail)
    with pytest.raises(OSError, match="disk"):
        package.seal(bag, tmp_path / "R.age", keys(RECIPIENT))
    assert bag.exists()
    assert [path.name for path in tmp_path.iterdir()] == [bag.name]


@pytest.mark.parametrize("identity", ["", "AGE-SECRET-KEY-1NONSENSE", "age1abc"])
def test_what_is_no_key_is_refused(bag: Path, tmp_path: Path, identity: str) -> None:
    package.seal(bag, tmp_path / "R.age", keys(RECIPIENT))
    with pytest.raises(Refusal) as refused:
        package.unseal(tmp_path / "R.age", identity, tmp_path / "opened")
    assert refused.value.code == "identity-unusable"


def test_the_tar_names_no_owner_no_time_and_sorted_files(bag: Path, tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(archive.Stream(bag, "R").read())
    with tarfile.open(tmp_path / "a.tar") as tar:
        members = tar.getmembers()
    assert [member.name for member in members] == sorted(member.name for member in members)
    assert {(member.uid, member.gid, member.uname, member.gname, member.mtime, member.mode) for member in members} == {
        (0, 0, "", "", 0, 0o644)
    }


def test_reading_in_any_steps_gives_the_same_tar(bag: Path) -> None:
    whole = archive.Stream(bag, "R").read()
    stream = archive.Stream(bag, "R")
    parts = list(iter(lambda: stream.read(1000), b""))
    assert b"".join(parts) == whole
    assert stream.sha256 == hashlib.sha256(whole).hexdigest()


@pytest.mark.parametrize("kind", ["outside", "link", "link inside", "two", "garbage"])
def test_an_archive_that_holds_what_it_should_not_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "bad.tar"
    with tarfile.open(path, "w") as tar:
        names = {"outside": ["../x"], "link": ["R/x"], "link inside": ["R/x"], "two": ["R/x", "S/x"], "garbage": ["R/x"]}[kind]
        for name in names:
            member = tarfile.TarInfo(name)
            if kind.startswith("link"):
                member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd" if kind == "link" else "y"
            tar.addfile(member)
    if kind == "garbage":
        path.write_bytes(b"x" * 2000)
    (tmp_path / "out").mkdir()
    with pytest.raises(Refusal) as refused:
        archive.unpack(path, tmp_path / "out")
    assert refused.value.code == "archive-damaged"
    assert not (tmp_path / "x").exists()


def test_envelope_and_folder_are_private(bag: Path, tmp_path: Path) -> None:
    assert bag.stat().st_mode & 0o077 == 0
    assert envelope.seal(bag, tmp_path / "R.age", keys(RECIPIENT)).path.stat().st_mode & 0o077 == 0
