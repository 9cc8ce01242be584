"""Counting a node's classes: numba and NumPy count alike, group by group, and give up only where too many are suppressed."""

from __future__ import annotations

from collections import Counter
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiban_processing.recoding import counting
from kiban_processing.recoding.counting import Counted, Work


@st.composite
def works(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, Work, int]:
    """A table of two columns in groups, of which some are empty; sometimes with keys beyond 32 bits."""
    lengths = draw(st.lists(st.integers(0, 30), min_size=1, max_size=6))
    rows = sum(lengths)
    random = np.random.default_rng(draw(st.integers(0, 1000)))
    widths = (draw(st.integers(1, 40)), draw(st.integers(1, 40)))
    codes = np.stack([random.integers(0, width, rows) for width in widths]).astype(np.uint16)
    persons = random.integers(0, 4, rows).astype(np.int32)
    far = draw(st.sampled_from([1, 1 << 40]))
    starts = np.cumsum([0, *lengths[:-1]])
    order = random.permutation(len(lengths))
    luts = [np.arange(widths[0]) * widths[1] * far, np.arange(widths[1]) * far]
    work = Work([0, 1], luts, widths[0] * widths[1] * far, starts[order], (starts + lengths)[order])
    return codes, persons, work, draw(st.integers(1, 6))


def classes(found: Counted) -> Counter[tuple[int, int, int]]:
    return Counter(zip(found.groups.tolist(), found.keys.tolist(), found.sizes.tolist(), strict=True))


def by_hand(codes: np.ndarray, persons: np.ndarray, work: Work) -> dict[tuple[int, int], int]:
    found: dict[tuple[int, int], int] = {}
    for group, (start, stop) in enumerate(zip(work.starts.tolist(), work.stops.tolist(), strict=True)):
        for row in range(start, stop):
            key = sum(int(lut[codes[column, row]]) for column, lut in zip(work.columns, work.luts, strict=True))
            found[group, key] = found.get((group, key), 0) + int(persons[row])
    return {key: size for key, size in found.items() if size}


@pytest.mark.parametrize("compiled", [False, True], ids=["numpy", "numba"])
@given(case=works())
@settings(max_examples=150, deadline=None)
def test_every_class_is_counted(case: tuple[np.ndarray, np.ndarray, Work, int], compiled: bool) -> None:
    if compiled:
        pytest.importorskip("numba")
    codes, persons, work, k = case
    total = int(persons.sum())
    with patch.object(counting, "_BATCH", 10):
        found = counting.counter(0, compiled)(codes, persons, work, k, total, total)
    expected = by_hand(codes, persons, work)
    assert found.complete
    assert classes(found) == Counter((*key, size) for key, size in expected.items())
    assert (found.suppressed, found.seen) == (sum(size for size in expected.values() if size < k), total)


@pytest.mark.parametrize("compiled", [False, True], ids=["numpy", "numba"])
@given(case=works(), share=st.sampled_from([0.0, 0.1, 0.3]))
@settings(max_examples=150, deadline=None)
def test_what_is_given_up_has_failed(case: tuple[np.ndarray, np.ndarray, Work, int], share: float, compiled: bool) -> None:
    if compiled:
        pytest.importorskip("numba")
    codes, persons, work, k = case
    total = int(persons.sum())
    with patch.object(counting, "_BATCH", 10):
        found = counting.counter(0, compiled)(codes, persons, work, k, int(share * total), total)
    suppressed = sum(size for size in by_hand(codes, persons, work).values() if size < k)
    assert (found.suppressed > int(share * total)) == (suppressed > int(share * total))
    assert found.suppressed <= suppressed
    assert found.complete or (found.suppressed > int(share * total) and 2 * found.seen < total)


def test_a_compiled_count_needs_no_folder_to_write_to() -> None:
    numba = pytest.importorskip("numba")
    from kiban_processing.recoding import kernels

    def refused(*_: object, cache: bool = False, **__: object) -> object:
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: function

    with patch.object(numba, "njit", refused):
        assert kernels._compiled(kernels._count) is kernels._count
