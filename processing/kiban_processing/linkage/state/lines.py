"""行の置き場 (lines): `persons.csv` as a file whose lines keep their places: IDs are changed in place, lines appended, lines cut out.

A line's place counts the bytes before it as if no line had ever been cut, so that it stays what it is; `Cuts` says how many of them are
gone.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from kiban_processing.linkage.clusters import Nodes
from kiban_processing.linkage.state.sealing import STATE_DAMAGED

COLUMNS = ("site_id", "local_patient_id", "person_id")
HEADER = (",".join(COLUMNS) + "\n").encode()
ID_BYTES = 21
_AT_A_TIME = 500_000
_NEEDS_QUOTES = '[",\r\n]'

Ids = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Cuts:
    """Lines cut out: where they began, in order, and how many bytes they took."""

    at: Nodes
    length: Nodes

    def now(self, places: Nodes) -> Nodes:
        """Where these places lie in the file as it is."""
        gone = np.concatenate([[0], np.cumsum(self.length)])
        return np.asarray(places - gone[np.searchsorted(self.at, places, "left")])

    def more(self, at: Nodes, length: Nodes) -> Cuts:
        together, lengths = np.concatenate([self.at, at]), np.concatenate([self.length, length])
        order = np.argsort(together)
        return Cuts(together[order], lengths[order])


NO_CUTS = Cuts(np.zeros(0, np.int64), np.zeros(0, np.int64))


def write(path: Path, sites: pa.Array, locals_: pa.Array, ids: Callable[[int, int], Ids]) -> tuple[Nodes, Nodes]:
    """Write the file; `ids(start, stop)`: the IDs of these rows. Returns place and length of each line."""
    lengths = [np.zeros(0, np.int64)]
    with path.open("wb") as file:
        file.write(HEADER)
        for start in range(0, len(sites), _AT_A_TIME):
            stop = min(start + _AT_A_TIME, len(sites))
            text, length = _lines(sites.slice(start, stop - start), locals_.slice(start, stop - start), ids(start, stop))
            file.write(text)
            lengths.append(length)
    length = np.concatenate(lengths)
    return len(HEADER) + np.cumsum(length) - length, length


def rewrite(
    source: Path,
    target: Path,
    before: Cuts,
    cut: tuple[Nodes, Nodes],
    changed: tuple[Nodes, Nodes, Ids],
    added: tuple[pa.Array, pa.Array, Ids],
) -> tuple[Cuts, Nodes, Nodes]:
    """The next file: lines of `source` cut out (place, length), IDs of others changed (place, length, ID), lines added at the end.

    Returns all cuts, and place and length of the added lines.
    """
    text, lengths = _lines(*added)
    size = source.stat().st_size
    at, length = before.now(cut[0]), cut[1]
    order = np.argsort(at)
    starts = np.concatenate([[0], at[order] + length[order]])
    stops = np.concatenate([at[order], [size]])
    cuts = before.more(*cut)
    with source.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held, target.open("w+b") as out:
        whole = memoryview(held)
        for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
            out.write(whole[start:stop])
        whole.release()
        out.write(text)
        out.flush()
        ends = cuts.now(changed[0]) + changed[1]
        for end, written in zip(ends.tolist(), changed[2], strict=True):
            out.seek(end - ID_BYTES - 1)
            out.write(written.tobytes())
    begins = size + int(before.length.sum()) + np.cumsum(lengths) - lengths
    return cuts, begins, lengths


def read(path: Path, cuts: Cuts, at: Nodes, length: Nodes) -> pa.Table:
    """The lines at these places as a table of texts (COLUMNS).

    Refuses: linkage-state-damaged (the file is not the one the places were taken from).
    """
    if not len(at):
        return pa.table({column: pa.array([], pa.string()) for column in COLUMNS})
    begin = cuts.now(at)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
        found = [held[start:stop] for start, stop in zip(begin.tolist(), (begin + length).tolist(), strict=True)]
    try:
        lines: pa.Table = pa_csv.read_csv(
            pa.BufferReader(HEADER + b"".join(found)),
            parse_options=pa_csv.ParseOptions(newlines_in_values=True),
            convert_options=pa_csv.ConvertOptions(column_types=dict.fromkeys(COLUMNS, pa.string()), strings_can_be_null=False),
        )
    except pa.ArrowInvalid:
        raise STATE_DAMAGED.refuse(part=path.name) from None
    if lines.num_rows != len(at) or not all(line.endswith(b"\n") for line in found):
        raise STATE_DAMAGED.refuse(part=path.name)
    return lines


def _lines(sites: pa.Array, locals_: pa.Array, ids: Ids) -> tuple[bytes, Nodes]:
    if not len(sites):
        return b"", np.zeros(0, np.int64)
    ended = np.concatenate([ids, np.full((len(ids), 1), ord("\n"), np.uint8)], axis=1)
    person = pa.FixedSizeBinaryArray.from_buffers(pa.binary(ended.shape[1]), len(ended), [None, pa.py_buffer(ended.tobytes())])
    joined = pc.binary_join_element_wise(_quoted(sites), _quoted(locals_), person.cast(pa.binary()).cast(pa.string()), ",")
    lengths = pc.binary_length(joined).to_numpy(zero_copy_only=False).astype(np.int64)
    text = joined.buffers()[2]
    return text.to_pybytes()[: int(lengths.sum())], lengths


def _quoted(texts: pa.Array) -> pa.Array:
    texts = texts.cast(pa.string())
    risky = pc.match_substring_regex(texts, _NEEDS_QUOTES)
    if not pc.any(risky).as_py():
        return texts
    doubled = pc.binary_join_element_wise('"', pc.replace_substring(texts, '"', '""'), '"', "")
    return pc.if_else(risky, doubled, texts)
