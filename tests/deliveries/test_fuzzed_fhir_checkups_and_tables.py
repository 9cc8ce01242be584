"""However a delivery is damaged, its reader comes to an end, and every record is accepted, quarantined or refused."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from data_examples import checkup_world, fhir_world
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kiban_processing.deliveries import inspection
from kiban_processing.deliveries.readers import Format, Options
from kiban_processing.refusals import Refusal
from tests.deliveries.broken import separated

CHECKUPS = checkup_world.world(2)
SOUND: dict[str, tuple[Format, str, bytes]] = {
    "FHIR document": (Format.FHIR, "a.json", json.dumps(fhir_world.document(1), ensure_ascii=False).encode()),
    "NDJSON": (Format.FHIR, "a.ndjson", b"".join(json.dumps(one["resource"]).encode() + b"\n" for one in fhir_world.document(2)["entry"])),
    "checkup": (Format.CHECKUP, "DATA/h1.xml", checkup_world.document(CHECKUPS[0]).encode()),
    "table": (Format.CSV, "deaths.csv", separated.SOUND.encode() * 1 + b'"0002",2024-04-02,"E11.9"\r\n0003,R6.4.1,\n'),
    "table in CP932": (
        Format.CSV,
        "patients.csv",
        "local_patient_id,name_kanji,sex\n0001,見本 花,male\n0002,例示 空,female\n".encode("cp932"),
    ),
}
NASTY = [
    b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xc0\x80", b'"', b"\\", b"{", b"}", b"[" * 50, b"]", b"<", b">", b"&", b"&x;", b"<![CDATA[", b"]]>",
    b"<!DOCTYPE x>", b"\n", b"\r", b"\x1a", b"\x1b$B", b",", b":", b'\\ud800', b"1e999", b"9" * 400, b"-", b"null", b"true", b'"resourceType":"Patient",', b'"id":"p1",',
]  # fmt: skip


@st.composite
def damage(draw: st.DrawFn, sound: bytes) -> bytes:
    data = sound
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        match draw(st.sampled_from(["cut", "drop", "put", "change", "double"])):
            case "cut":
                data = data[:at]
            case "drop":
                data = data[:at] + data[at + draw(st.integers(1, 40)) :]
            case "put":
                data = data[:at] + draw(st.sampled_from(NASTY)) + data[at:]
            case "change":
                data = data[:at] + draw(st.binary(min_size=1, max_size=4)) + data[at + 1 :]
            case _:
                data = data[:at] + data[at : at + draw(st.integers(1, 200))] * 2 + data[at:]
    return data


def judged(kind: Format, name: str, data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "delivery"
        (path / name).parent.mkdir(parents=True)
        (path / name).write_bytes(data)
        table = Path(folder) / "ids.csv"
        table.write_text(checkup_world.identifiers(CHECKUPS), "utf-8")
        try:
            found = inspection.inspect(path, kind, Options(identifiers=table))
        except Refusal:
            return
        total = found.total
        assert total.sent == total.accepted + total.quarantined + total.refused
        assert min(total.accepted, total.quarantined, total.refused) >= 0
        json.dumps(found.as_json("ja"))


@pytest.mark.parametrize("name", SOUND)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.data_too_large, HealthCheck.too_slow])
@given(data=st.data())
def test_a_damaged_file_is_read_to_its_end(name: str, data: st.DataObject) -> None:
    kind, file, sound = SOUND[name]
    judged(kind, file, data.draw(damage(sound)))


VALUE: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers(-(10**30), 10**30) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def misbuilt(draw: st.DrawFn) -> bytes:
    """Sound resources with one element of each replaced by anything at all."""
    lines: list[str] = []
    for entry in fhir_world.document(draw(st.integers(1, 3)))["entry"]:
        whole = json.loads(json.dumps(entry["resource"]))
        place = whole
        for _ in range(draw(st.integers(0, 4))):
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            inner = [key for key in keys if isinstance(place[key], dict | list) and place[key]]
            if not inner:
                break
            place = place[draw(st.sampled_from(inner))]
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        place[draw(st.sampled_from(keys))] = draw(VALUE)
        lines.append(json.dumps(whole))
    return "\n".join(lines).encode()


@settings(max_examples=200, deadline=None)
@given(misbuilt())
def test_resources_built_in_any_other_way_are_read_or_told(data: bytes) -> None:
    judged(Format.FHIR, "a.ndjson", data)


@settings(max_examples=100, deadline=None)
@given(
    st.binary(max_size=300),
    st.sampled_from([(Format.FHIR, "a.ndjson"), (Format.FHIR, "a.json"), (Format.CHECKUP, "h1.xml"), (Format.CSV, "a.csv")]),
)
def test_bytes_of_any_kind_are_read_or_told(data: bytes, place: tuple[Format, str]) -> None:
    judged(*place, data)
