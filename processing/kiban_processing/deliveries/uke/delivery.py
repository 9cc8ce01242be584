"""レセプトの提供 (UKE delivery): claims files become pieces, receipt by receipt; frames are checked and what disagrees is remarked."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kiban_processing.deliveries import sources, texts
from kiban_processing.deliveries.cells import Cells, Places
from kiban_processing.deliveries.gathering import Gathering
from kiban_processing.deliveries.pieces import Piece, Remark
from kiban_processing.deliveries.readers import Options
from kiban_processing.deliveries.uke import layouts
from kiban_processing.deliveries.uke.receipts import GO, Receipts, Volume, code_of, judge, month_number
from kiban_processing.deliveries.uke.rows import Rows
from kiban_processing.formats import encodings, findings
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground, Refusal
from kiban_processing.statutes import REG_5_X

NOT_CLAIMS = Ground(
    "not-claims", Family.INPUT, REG_5_X,
    Text("{file} にレセプトの記録(IR、RE)がありません。", "{file} holds no records of claims (IR, RE)."),
    Text("レセプト電算処理のファイル(RECEIPTC.UKE 等)を書き出し直してください。", "Export the claims file (RECEIPTC.UKE or the like) again."),
)  # fmt: skip

_NAMED = re.compile(r"(^|/)RECEIPT[CDHYS][^/]*\.(UKE|CSV)$|\.UKE$", re.IGNORECASE)
_HEADS = (b"IR,", b"RE,", b"YK,")
HEAD = 4096
RAW_SHOWN = 1 << 20


def open_delivery(path: Path, options: Options) -> UkeDelivery:
    """The claims files at a path. Refuses: encoding-unknown; what `sources.walk` refuses comes with the first piece."""
    if options.encoding is not None:
        encodings.declared(options.encoding)
    return UkeDelivery(path, options.encoding)


class UkeDelivery:
    """A delivery of claims; see `pieces.Delivery`."""

    def __init__(self, path: Path, encoding: str | None) -> None:
        self._path = path
        self._encoding = encoding
        self._remarks: tuple[Remark, ...] = ()

    @property
    def translations(self) -> Mapping[str, Mapping[str, str]]:
        return layouts.TRANSLATIONS

    @property
    def remarks(self) -> tuple[Remark, ...]:
        return self._remarks

    @property
    def items(self) -> Mapping[str, tuple[str, ...]]:
        return layouts.ITEMS

    @property
    def registers(self) -> bool:
        return False

    def shown(self, file: str) -> str:
        return file

    def pieces(self, only: Collection[str] | None = None) -> Iterator[Piece]:
        remarks: list[Remark] = []
        for source in sources.walk(self._path):
            reading = _Reading(source, only)
            try:
                if not _is_claims(source):
                    remarks.append(Remark(source.name, findings.FILE_PASSED_OVER.code))
                    continue
                examined = texts.examine(source, self._encoding)
                for stretch in texts.stretches(examined, _whole):
                    yield reading.read(stretch)
                reading.close()
            except Refusal as why:
                yield Piece({source.name: 1}, refused={source.name: (why, 1)})
            remarks += reading.remarks()
        self._remarks = tuple(remarks)


def _is_claims(source: sources.Source) -> bool:
    """By name, else by how it starts. Refuses: archive-broken."""
    if _NAMED.search(source.name):
        return True
    with source.open() as file:
        return file.read(HEAD).removeprefix(encodings.MARK).lstrip(b"\x1a\r\n").startswith(_HEADS)


def _whole(text: bytes) -> int:
    """Up to the last receipt, which may go on, where there is one before it."""
    last = text.rfind(b"\nRE,") + 1
    return last if text.startswith(b"RE,") or text.find(b"\nRE,") + 1 < last else 0


class _Reading:
    """One claims file being read."""

    def __init__(self, source: sources.Source, only: Collection[str] | None) -> None:
        self._file = source.name
        self._only = only
        self._volume = Volume()
        self._base = 1
        self._undated = 0
        self._missing: set[str] = set()
        self._disagreeing: list[dict[str, object]] = []
        self._is_begun = False
        self._known: pa.Array = pa.array([], pa.string())

    def read(self, stretch: encodings.Decoded) -> Piece:
        """One stretch of whole receipts. Refuses: not-claims."""
        cells = Cells(stretch.text, b",")
        receipts = Receipts(cells)
        if not self._is_begun and not receipts.is_receipt.any() and not receipts.is_frame.any():
            raise NOT_CLAIMS.refuse(file=self._file)  # a stretch holds a receipt, or is the whole file
        self._is_begun = True
        volumes, names, aside, month = self._volumes(receipts)
        for number, kind in enumerate(layouts.ASIDE, 1):
            aside[receipts.has([code_of(code) for code, told in layouts.SET_ASIDE_LINES.items() if told == kind])] = number
        lines = layouts.in_force(month)
        rules, unknown = judge(receipts, lines, cells.damaged(stretch.damages), aside > 0)
        named = receipts.named(names)
        self._repeated(receipts, volumes, rules)
        nobody = pc.equal(pc.fill_null(pc.utf8_trim_whitespace(named["patient"]), ""), "").to_numpy(zero_copy_only=False)
        for record in np.flatnonzero(nobody & (aside == 0)).tolist():
            rules.setdefault(record, findings.PERSON_MISSING.code)
        bad = sorted(rules)
        sound = np.ones(len(receipts), bool)
        sound[bad] = False
        into = Gathering(self._file, self._only)
        into.unusable([one + self._base for one in bad], [rules[one] for one in bad], [_raw(receipts, one) for one in bad])
        for number, kind in enumerate(layouts.ASIDE, 1):
            into.aside(kind, int((sound & (aside == number)).sum()))
        read = sound & (aside == 0)
        self._tell_unknown(receipts, unknown, read, into)
        rows = Rows(receipts, read, named, self._base)
        rows.gather(lines, into)
        self._undated += rows.undated
        self._base += len(receipts)
        return into.piece(len(receipts))

    def _volumes(self, receipts: Receipts) -> tuple[Places, pa.Array, npt.NDArray[np.int8], int]:
        """For each record its volume's number, name and kind kept aside, and the latest month billed; checks totals where a volume closes."""
        cells = receipts.cells
        sums = np.concatenate([[0], np.cumsum(receipts.points())])
        parts: list[tuple[int, Volume]] = []
        month, done = self._volume.month, 0
        frames = np.flatnonzero(receipts.is_frame)
        said = zip(*(pc.fill_null(cells.column(frames, place), "").to_pylist() for place in range(8)), strict=True)
        reaches = np.searchsorted(receipts.heads, frames).tolist()
        codes = receipts.codes[frames].tolist()
        for reach, code, words in [*zip(reaches, codes, said, strict=True), (len(receipts), 0, ())]:
            self._count(reach - done, int(sums[reach] - sums[done]))
            parts.append((reach - done, self._volume))
            done = reach
            if code:
                self._frame(code, words)
                month = max(month, self._volume.month)
        counts = [count for count, _ in parts]
        numbers_ = np.repeat([volume.number for _, volume in parts], counts)
        aside = np.repeat([volume.aside for _, volume in parts], counts).astype(np.int8)
        return numbers_, pa.concat_arrays([pa.repeat(volume.name, count) for count, volume in parts]), aside, month

    def _count(self, count: int, points: int) -> None:
        volume = self._volume
        if count and not volume.is_open and not volume.receipts:
            self._missing.add(layouts.OPENS)
        volume.receipts += count
        volume.points += points

    def _frame(self, code: int, said: tuple[str, ...]) -> None:
        """A record that opens or closes a volume, with its first eight cells."""
        volume = self._volume
        if code != GO:
            if volume.is_open:
                self._missing.add(layouts.CLOSES)
            table = "4" if code == code_of(layouts.DISPENSING_OPENS) else said[3]
            kind = layouts.SET_ASIDE_TABLES.get(table)
            aside = layouts.ASIDE.index(kind) + 1 if kind else 0
            self._volume = Volume(volume.number + 1, month_number(said[7]), f"{said[7]}-{said[1]}", aside, is_open=True)
            return
        if not volume.is_open:
            self._missing.add(layouts.OPENS)
        totals = [int(text) if text.isascii() and text.isdigit() and len(text) < 19 else -1 for text in said[1:3]]
        if totals != [volume.receipts, volume.points]:
            self._disagreeing.append({
                "said_receipts": totals[0], "said_points": totals[1], "read_receipts": volume.receipts, "read_points": volume.points,
            })  # fmt: skip
        self._volume = Volume(volume.number, volume.month, volume.name, volume.aside)

    def _repeated(self, receipts: Receipts, volumes: Places, rules: dict[int, str]) -> None:
        """A receipt number said twice in one volume: the first is taken."""
        if not len(receipts):
            return
        keys = pc.binary_join_element_wise(pa.array(volumes).cast(pa.string()), pc.fill_null(receipts.head_cell(1), ""), "-")
        is_first = np.zeros(len(keys), bool)
        is_first[np.unique(keys.dictionary_encode().indices.to_numpy(zero_copy_only=False), return_index=True)[1]] = True
        is_first &= ~pc.is_in(keys, value_set=self._known).to_numpy(zero_copy_only=False)
        for record in np.flatnonzero(~is_first & receipts.is_receipt).tolist():
            rules.setdefault(record, findings.REPEATED_RECORD.code)
        known = pa.concat_arrays([self._known, keys])
        self._known = known.filter(pc.starts_with(known, f"{volumes[-1]}-"))

    def _tell_unknown(self, receipts: Receipts, unknown: Places, told: npt.NDArray[np.bool_], into: Gathering) -> None:
        records = receipts.record[unknown]
        records = records[told[records]]
        into.told((records + self._base).tolist(), [findings.OUTSIDE_LAYOUT.code] * len(records))

    def close(self) -> None:
        """Refuses: not-claims."""
        if self._volume.is_open:
            self._missing.add(layouts.CLOSES)
        if not self._is_begun:
            raise NOT_CLAIMS.refuse(file=self._file)

    def remarks(self) -> list[Remark]:
        told = [Remark(self._file, findings.FRAME_MISSING.code, {"record": record}) for record in sorted(self._missing)]
        if self._disagreeing:
            told.append(Remark(self._file, findings.TOTALS_DISAGREE.code, {**self._disagreeing[0], "number": len(self._disagreeing)}))
        if self._undated:
            told.append(Remark(self._file, findings.DAY_NOT_GIVEN.code, {"number": self._undated}))
        return told


def _raw(receipts: Receipts, record: int) -> str:
    return receipts.cells.raw(int(receipts.heads[record]), int(receipts.tails[record]))[:RAW_SHOWN]
