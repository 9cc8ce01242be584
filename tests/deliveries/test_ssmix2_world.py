"""The generated storage is read as it was written, and no damage to it loses a record."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from data_examples import ssmix2_world
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kiban_processing.deliveries import inspection
from kiban_processing.deliveries.readers import Format
from kiban_processing.deliveries.ssmix2 import messages

FILES = list(ssmix2_world.messages(120, seed=2))


def laid(folder: Path, files: list[tuple[str, bytes]]) -> Path:
    for name, data in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert list(ssmix2_world.messages(120, seed=2)) == FILES != list(ssmix2_world.messages(120, seed=3))


def test_rows_are_as_many_as_segments_of_valid_messages(tmp_path: Path) -> None:
    """Counted in the bytes: names of segments stand at the start of lines, which no kanji can hold."""
    valid = [(name, data) for name, data in FILES if name.endswith("_1")]

    def segments(kind: str, name: bytes) -> int:
        return sum(len(re.findall(rb"(?:^|\r)" + name + rb"\|", data)) for file, data in valid if f"_{kind}_" in file)

    found = inspection.inspect(laid(tmp_path, FILES), Format.SSMIX2)
    assert found.tables == {
        "patients": segments("ADT-00", b"PID"), "diagnoses": segments("PPR-01", b"PRB"), "laboratory_results": segments("OML-11", b"OBX"),
        "prescriptions": segments("OMP-01", b"RXE") + segments("OMP-12", b"RXA"),
        "encounters": sum(segments(kind, b"PV1") for kind in ("ADT-12", "ADT-22", "ADT-52")),
    }  # fmt: skip
    assert found.persons == len({name.split("/")[2] for name, _ in FILES})
    assert (found.total.accepted, found.by_rule) == (len(FILES), {})
    assert found.set_aside["superseded"] == sum(name.endswith("_2") for name, _ in FILES)


def damaged(data: bytes, rng: random.Random) -> bytes:
    """One of the ways in which files break."""
    way = rng.randrange(6)
    place = rng.randrange(len(data))
    if way == 0:
        return data[:place]
    if way == 1:
        return data[:place] + bytes((rng.randrange(256),)) + data[place + 1 :]
    if way == 2:
        return data[:place] + rng.randbytes(rng.randrange(1, 9)) + data[place:]
    if way == 3:
        return data[:place] + data[place + rng.randrange(1, 40) :]
    if way == 4:
        return rng.randbytes(rng.randrange(200))
    return data[:place] + data[rng.randrange(len(data)) :]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.integers(0, 2**32))
def test_no_damage_crashes_the_reader_or_loses_a_record(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    rng = random.Random(seed)
    files = [(name, damaged(data, rng) if rng.random() < 0.8 else data) for name, data in rng.sample(FILES, 40)]
    total = inspection.inspect(laid(tmp_path_factory.mktemp("d"), files), Format.SSMIX2).total
    assert total.sent == 40 == total.accepted + total.quarantined + total.refused


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=300).map(lambda data: b"MSH|^~\\&|" + data) | st.binary(max_size=300), st.sampled_from(["\r", "\x1c", ""]))
def test_any_bytes_are_a_message_or_told_why_not(data: bytes, end: str) -> None:
    try:
        message = messages.read(data + end.encode())
    except messages.Unreadable as why:
        assert why.rule.severity == "row"
    else:
        assert message.segments[0][0] == "MSH"
