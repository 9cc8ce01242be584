"""Persons that may be two are found with their grounds and the link to look at first."""

from __future__ import annotations

import numpy as np
import pytest

from kiban_processing.linkage.explaining import judgements, suspicious
from kiban_processing.linkage.settings import LinkageSettings

LINK, REVIEW, VETO, APART = 0, 1, 2, 3
BORN = 19600102


def found(
    pairs: list[tuple[int, int, float, int]],
    labels: list[int],
    sites: list[int] | None = None,
    born: list[int] | None = None,
    sex: list[int] | None = None,
) -> dict[int, dict[str, object]]:
    size = len(labels)
    known = judgements.Judgements(
        np.array([pair[0] for pair in pairs], np.int64),
        np.array([pair[1] for pair in pairs], np.int64),
        np.array([pair[2] for pair in pairs], np.float64),
        np.array([pair[3] for pair in pairs], np.int8),
        np.array(labels, np.int64),
    )
    members = suspicious.Members(np.array(sites or range(size)), np.array(born or [BORN] * size), np.array(sex or [1] * size))
    return {row["person"]: row for row in suspicious.find(known, members, LinkageSettings(16.0, 8.0)).to_pylist()}


TRIANGLE = [(0, 1, 30.0, LINK), (1, 2, 28.0, LINK), (0, 2, 26.0, LINK)]


def test_a_sound_person_is_not_told() -> None:
    assert found(TRIANGLE, [0, 0, 0]) == {}


def test_a_bridge_between_parts_with_other_birth_dates() -> None:
    pairs = [(0, 1, 30.0, LINK), (1, 2, 17.0, LINK), (2, 3, 30.0, LINK)]
    told = found(pairs, [0] * 4, born=[BORN, 0, 0, 19850730])
    assert told[0]["grounds"] == ["bridge", "birth-dates"]
    # Every link of this chain has the two birth dates on its two sides.
    assert (told[0]["cut_left"], told[0]["cut_right"], told[0]["cut_weight"]) == (1, 2, 17.0)


def test_a_bridge_across_which_others_speak_against_one_person() -> None:
    pairs = [*TRIANGLE, (2, 3, 20.0, LINK), (0, 3, -12.0, APART), (1, 3, -3.0, APART)]
    told = found(pairs, [0] * 4)
    assert told[0]["grounds"] == ["bridge"]
    assert (told[0]["cut_left"], told[0]["cut_right"]) == (2, 3)


def test_a_bridge_with_a_veto_across() -> None:
    pairs = [*TRIANGLE, (2, 3, 20.0, LINK), (0, 3, 15.0, VETO)]
    assert found(pairs, [0] * 4)[0]["grounds"] == ["veto", "bridge"]


def test_a_bridge_whose_sides_agree_is_no_ground() -> None:
    assert found([*TRIANGLE, (2, 3, 20.0, LINK)], [0] * 4) == {}


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (BORN, False),
        (19600103, False),  # one digit
        (19610102, False),
        (19600201, False),  # month and day exchanged
        (0, False),
        (19610203, True),
        (19600304, True),
    ],
)
def test_only_birth_dates_beyond_a_slip_contradict(other: int, told: bool) -> None:
    assert bool(found([(0, 1, 30.0, LINK)], [0, 0], born=[BORN, other])) == told


def test_sexes_and_hospitals() -> None:
    assert found([(0, 1, 30.0, LINK)], [0, 0], sex=[1, 2])[0]["grounds"] == ["sexes"]
    assert found([(0, 1, 30.0, LINK)], [0, 0], sex=[0, 2]) == {}
    assert found([(0, 1, 30.0, LINK)], [0, 0], sites=[4, 4])[0]["grounds"] == ["same-hospital"]


def test_a_low_mean_weight_inside() -> None:
    pairs = [(0, 1, 17.0, LINK), (1, 2, 17.0, LINK), (0, 2, -6.0, APART), (0, 3, 17.0, LINK), (1, 3, 17.0, LINK), (2, 3, 9.0, REVIEW)]
    told = found(pairs, [0] * 4)
    assert told[0]["grounds"] == ["cross-weight"]
    assert told[0]["mean_weight"] == pytest.approx(71 / 6)


def test_large_persons_come_with_their_size_and_are_not_taken_apart() -> None:
    chain = [(node, node + 1, 20.0, LINK) for node in range(8)]
    assert found(chain, [0] * 9)[0]["grounds"] == ["large"]
    huge = [(node, node + 1, 20.0, LINK) for node in range(299)]
    told = found(huge, [0] * 300, born=[BORN] * 299 + [19991231])
    assert (told[0]["grounds"], told[0]["registrations"]) == (["large"], 300)


def test_the_gravest_come_first() -> None:
    pairs = [(0, 1, 30.0, LINK), (2, 3, 30.0, LINK), (4, 5, 12.0, VETO)]
    told = found(pairs, [0, 0, 2, 2, 4, 4], sites=[0, 0, 1, 2, 3, 4], sex=[1, 1, 1, 2, 1, 1])
    assert list(told) == [4, 2, 0]
    assert told[4]["cut_left"] is None
