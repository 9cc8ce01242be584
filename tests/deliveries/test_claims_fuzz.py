"""However claims and DPC files are damaged, the readers come to an end, and every record is accepted, quarantined or refused."""

import random
from pathlib import Path

import pytest
from data_examples import dpc_world, uke_world
from hypothesis import given, settings
from hypothesis import strategies as st

from kiban_processing.deliveries import readers, texts
from kiban_processing.deliveries.dpc import layouts
from kiban_processing.refusals import Refusal
from tests.deliveries.reading import Read, read

TRIAL = readers.Options(is_trial=True)
WORLD = dpc_world.World(seed=2, stays=4)
FILES: dict[str, tuple[str, bytes]] = {
    "RECEIPTC.UKE": ("uke", uke_world.written(uke_world.World(seed=2, receipts=12, dpc=0.3))),
    "RECEIPTD.UKE": ("uke", uke_world.written(uke_world.World(seed=3, receipts=12, dpc=0.9, trailing=False, era=True), "utf-8", "\n")),
    WORLD.name("EFn"): ("dpc", dpc_world.written(dpc_world.act_and_detail(WORLD, each=4), layouts.EFN_COLUMNS)),
    WORLD.name("EFg"): ("dpc", dpc_world.written(dpc_world.act_and_detail(WORLD, outpatient=True, each=4))),
    WORLD.name("FF1"): ("dpc", dpc_world.written(dpc_world.form_one(WORLD))),
    WORLD.name("D"): ("dpc", dpc_world.written(dpc_world.daily_groups(WORLD), layouts.D_COLUMNS)),
    WORLD.name("H"): ("dpc", dpc_world.written(dpc_world.nursing(WORLD), layouts.H_COLUMNS, "utf-8", "\n")),
}


def damaged(content: bytes, random_: random.Random) -> bytes:
    """The content after a few accidents."""
    made = bytearray(content)
    for _ in range(random_.randrange(1, 6)):
        at = random_.randrange(len(made) + 1)
        reach = random_.choice((1, 1, 2, 7, 60, 500))
        accident = random_.randrange(7)
        if accident == 0:
            made[at : at + reach] = random_.randbytes(len(made[at : at + reach]))
        elif accident == 1:
            del made[at : at + reach]
        elif accident == 2:
            made[at:at] = made[at : at + reach]
        elif accident == 3:
            made[at:at] = random_.choice(
                (b",", b"\t", b"\r", b"\n", b"\x1a", b'"', b"RE,", b"\nGO,1\n", b"\xff", b"\xef\xbb\xbf", b"\x1b", b"\xe3\x81")
            )
        elif accident == 4:
            del made[at:]
        elif accident == 5:
            lines = bytes(made).split(b"\n")
            random_.shuffle(lines)
            made = bytearray(b"\n".join(lines))
        else:
            made[at : at + reach] = bytes(len(made[at : at + reach])).replace(b"\0", random_.choice((b",", b"9", b"\x81", b"\0")))
    return bytes(made)


def taken(folder: Path, name: str, content: bytes, size: int) -> Read:
    path = folder / name
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts.stretches, "__defaults__", (None, size))
        return read(path, FILES[name][0], TRIAL)


@pytest.mark.parametrize("name", FILES)
@given(st.integers(0, 2**32), st.sampled_from([200, 3000, 8 << 20]))
@settings(max_examples=40, deadline=None)
def test_damage_ends_in_findings_and_every_record_is_counted_once(
    tmp_path_factory: pytest.TempPathFactory, name: str, seed: int, size: int
) -> None:
    content = damaged(FILES[name][1], random.Random(seed))
    found = taken(tmp_path_factory.mktemp("fuzz"), name, content, size)
    if not found.refused and name.endswith(".UKE"):
        lines = content.replace(b"\r", b"\n").replace(b"\n\x1a", b"\n").split(b"\n")
        assert found.count.sent >= sum(line.startswith(b"RE,") for line in lines)


@pytest.mark.parametrize("name", FILES)
@given(st.binary(max_size=3000))
@settings(max_examples=25, deadline=None)
def test_bytes_of_any_kind_come_to_an_end(tmp_path_factory: pytest.TempPathFactory, name: str, content: bytes) -> None:
    try:
        taken(tmp_path_factory.mktemp("fuzz"), name, content, 8 << 20)
    except Refusal as refusal:
        assert refusal.code == "archive-broken" and content.startswith(b"PK")


@pytest.mark.parametrize("name", [name for name in FILES if not name.endswith(".UKE")])
@given(st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_shuffled_rows_are_all_counted_and_accepted(tmp_path_factory: pytest.TempPathFactory, name: str, random_: random.Random) -> None:
    content = FILES[name][1]
    end = b"\r\n" if b"\r\n" in content else b"\n"
    lines = [line for line in content.split(end) if line]
    rows = [line for line in lines if line[:1].isdigit()]
    random_.shuffle(lines)
    found = taken(tmp_path_factory.mktemp("fuzz"), name, end.join(lines), 8 << 20)
    assert (found.count.sent, found.count.accepted) == (len(rows), len(rows))


@given(st.integers(0, 2**32), st.sampled_from(list(FILES)))
@settings(max_examples=40, deadline=None)
def test_what_is_found_does_not_hang_on_where_stretches_end(tmp_path_factory: pytest.TempPathFactory, seed: int, name: str) -> None:
    content = damaged(FILES[name][1], random.Random(seed))
    folder = tmp_path_factory.mktemp("fuzz")
    first, second = taken(folder, name, content, 700), taken(folder, name, content, 8 << 20)
    if name.startswith("FF1"):
        return  # rows of one stay that stand apart are one form only where they stand in one stretch
    assert (first.count, first.rules, set(first.refused)) == (second.count, second.rules, set(second.refused))
