"""確認待ちのファイル (review file): `review.csv`, a line for each pair that people should look at, the likeliest first."""

from __future__ import annotations

import csv
import io
import mmap
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kiban_processing.linkage.reasons import TEXTS
from kiban_processing.linkage.state.kept import REVIEW, SEPARATOR

COLUMNS = (
    "left_site_id", "left_local_patient_id", "right_site_id", "right_local_patient_id", "weight", "reasons", "reasons_ja",
)  # fmt: skip
_HEADER = (",".join(COLUMNS) + "\n").encode()

Lines = npt.NDArray[np.void]


def text(explained: pa.Table) -> tuple[list[bytes], list[float]]:
    """One line for each pair (left, right: registrations; weight; reasons; weights), the likeliest first; and the weights."""
    ordered = explained.sort_by([("weight", "descending"), ("left", "ascending"), ("right", "ascending")])
    lines = [_line(**row) for row in ordered.to_pylist()]
    return lines, ordered.column("weight").to_pylist()


def order(explained: pa.Table) -> npt.NDArray[np.int64]:
    """The order of `text`."""
    places = explained.append_column("place", pa.array(np.arange(explained.num_rows)))
    by = [("weight", "descending"), ("left", "ascending"), ("right", "ascending")]
    return np.asarray(places.take(pc.sort_indices(places, sort_keys=by)).column("place").to_numpy())


def entries(left: npt.NDArray[np.int64], right: npt.NDArray[np.int64], weight: npt.NDArray[np.float64], lines: list[bytes]) -> Lines:
    """What a state keeps of the lines of these pairs of nodes."""
    made = np.zeros(len(lines), REVIEW)
    made["left"], made["right"], made["weight"], made["length"] = left, right, weight, [len(line) for line in lines]
    return made


def write(path: Path, lines: list[bytes]) -> None:
    with path.open("wb") as file:
        file.write(_HEADER)
        file.writelines(lines)


def rewrite(source: Path, target: Path, listed: Lines, closed: npt.NDArray[np.bool_], opened: Lines, lines: list[bytes]) -> Lines:
    """The next file: lines of `source` taken out where `closed`, the lines of `opened` (the likeliest first) put in by weight."""
    stops = len(_HEADER) + np.cumsum(listed["length"].astype(np.int64))
    starts = stops - listed["length"]
    kept = np.flatnonzero(~closed)
    before = np.searchsorted(-listed["weight"][kept], -opened["weight"], "right")
    with source.open("rb") as file, target.open("wb") as out:
        held = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        out.write(held[: len(_HEADER)])
        done = 0
        for line, at in zip([*lines, b""], [*before.tolist(), len(kept)], strict=True):
            _copy(held, out, starts[kept[done:at]], stops[kept[done:at]])
            out.write(line)
            done = at
        held.close()
    return np.insert(listed[kept], before, opened)


def _copy(held: mmap.mmap, out: io.BufferedWriter, starts: npt.NDArray[np.int64], stops: npt.NDArray[np.int64]) -> None:
    """Lines that follow each other are copied at once."""
    if not len(starts):
        return
    gaps = np.flatnonzero(starts[1:] != stops[:-1])
    firsts, lasts = np.concatenate([[0], gaps + 1]), np.concatenate([gaps, [len(starts) - 1]])
    for start, stop in zip(starts[firsts].tolist(), stops[lasts].tolist(), strict=True):
        out.write(held[start:stop])


def _line(left: str, right: str, weight: float, reasons: list[str], weights: list[float], **_rest: object) -> bytes:
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\n").writerow(
        (*left.split(SEPARATOR, 1), *right.split(SEPARATOR, 1), f"{weight:.4f}", _weighed(reasons, weights), _in_japanese(reasons))
    )
    return written.getvalue().encode()


def _weighed(codes: list[str], weights: list[float]) -> str:
    return "; ".join(f"{code} {weight:+.2f}" if weight else code for code, weight in zip(codes, weights, strict=True))


def _in_japanese(codes: list[str]) -> str:
    return "／".join(TEXTS[code].ja for code in codes)
