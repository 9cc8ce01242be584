"""状態の部分 (parts): what is written in the same way when a state begins and at each step after it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kiban_processing.linkage.clusters import Nodes
from kiban_processing.linkage.state import lines
from kiban_processing.linkage.state.writing import Writer

ROW_BYTES, SMALL_BYTES = 4096, 1024
LINE = np.dtype([("at", "<i8"), ("length", "<u4")])
_LARGE_BYTES = 1 << 16


def line(at: Nodes, length: Nodes) -> npt.NDArray[np.void]:
    """Places and lengths of lines as a state keeps them."""
    held = np.zeros(len(at), LINE)
    held["at"], held["length"] = at, length
    return held


def attach(writer: Writer, name: str, content: bytes) -> None:
    """Keep what the caller keeps besides; see `Kept.attached`."""
    writer.add(f"attached/{name}", np.frombuffer(content, np.uint8), _LARGE_BYTES)


def add_small(writer: Writer, dead: Nodes, cuts: lines.Cuts, review: npt.NDArray[np.void]) -> None:
    """What is short enough to be written whole each time."""
    writer.add("dead", dead, passing=True)
    writer.add("cuts/at", cuts.at, passing=True)
    writer.add("cuts/length", cuts.length, passing=True)
    writer.add("review", review, passing=True)
