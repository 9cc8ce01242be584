"""DPC調査データの提供 (DPC delivery): FF1, EFn, EFg, D and H become pieces, row by row, under the hospital's table of IDs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kiban_processing.deliveries import sources, texts
from kiban_processing.deliveries.cells import Cells, Places, numbers
from kiban_processing.deliveries.dpc import form_one_codes, identifiers, kinds, layouts
from kiban_processing.deliveries.dpc.rows import Rows, Seen, hashed, is_known, joined
from kiban_processing.deliveries.gathering import Gathering
from kiban_processing.deliveries.pieces import Piece, Remark
from kiban_processing.deliveries.readers import Options
from kiban_processing.formats import encodings, findings
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground, Refusal
from kiban_processing.statutes import REG_5_X

NOT_DPC = Ground(
    "not-dpc", Family.INPUT, REG_5_X,
    Text("{file} にDPC調査データの行がありません。", "{file} holds no rows of DPC survey data."),
    Text("様式1、EF、D、H のファイルを書き出し直してください。", "Export the file (form 1, EF, D or H) again."),
)  # fmt: skip
PERIOD_UNKNOWN = Ground(
    "dpc-period-unknown", Family.INPUT, REG_5_X,
    Text("{file} がどの年月の様式か、名前からも中身からも分かりません。", "Neither name nor content of {file} tells which month's layout it follows."),
    Text("ファイル名の末尾に年月(例: FF1_123456789_2407.txt)を付けてください。", "End its name with year and month, as in FF1_123456789_2407.txt."),
)  # fmt: skip

HEAD = 64 << 10
_DATA_ID = "^ *[0-9]{10} *$"
_FACILITY = "^ *[0-9]{9} *$"


def open_delivery(path: Path, options: Options) -> DpcDelivery:
    """The DPC files at a path.

    Refuses: dpc-identifiers-missing (a trial reads without the table, each data ID standing for a patient), what `identifiers.read` refuses,
    encoding-unknown; what `sources.walk` refuses comes with the first piece.
    """
    if options.encoding is not None:
        encodings.declared(options.encoding)
    if options.identifiers is None and not options.is_trial:
        raise identifiers.IDENTIFIERS_MISSING.refuse()
    known = identifiers.read(options.identifiers) if options.identifiers is not None else identifiers.NONE
    return DpcDelivery(path, options, known)


class DpcDelivery:
    """A delivery of DPC survey data; see `pieces.Delivery`."""

    def __init__(self, path: Path, options: Options, known: identifiers.Identifiers) -> None:
        self._path = path
        self._options = options
        self._known = known
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
        if self._known.stand:
            remarks.append(Remark(self._path.name, findings.DATA_IDS_STAND.code))
        for source in sources.walk(self._path):
            reading: _Reading | None = None
            try:
                named, month = kinds.by_name(source.name)
                kind = layouts.KINDS.get(named or _content(source) or "")
                if kind is None:
                    remarks.append(Remark(source.name, findings.FILE_PASSED_OVER.code))
                    continue
                if only is not None and not kind.tables.intersection(only):
                    continue
                reading = _Reading(source.name, kind, month, self._options, self._known, only)
                examined = texts.examine(source, self._options.encoding)
                for stretch in texts.stretches(examined, _whole_stay if kind.name == "FF1" else None):
                    yield reading.read(stretch)
                reading.close()
            except Refusal as why:
                yield Piece({source.name: 1}, refused={source.name: (why, 1)})
            remarks += reading.remarks() if reading else []
        self._remarks = tuple(remarks)


def _content(source: sources.Source) -> str | None:
    """The kind of file its first rows show. Refuses: archive-broken."""
    with source.open() as file:
        head = file.read(HEAD)
    codec = "utf-8" if encodings.mostly_utf8(head) is not None or head.startswith(encodings.MARK) else "cp932"
    return kinds.by_content(head, codec)


def _whole_stay(text: bytes) -> int:
    """Up to the last stay, which may go on: rows of one stay share their first three columns."""
    start = text.rfind(b"\n", 0, len(text) - 1) + 1
    stay = text[start:].split(b"\t", 3)[:3]
    prefix = b"\t".join(stay) + b"\t"
    while start > 0:
        before = text.rfind(b"\n", 0, start - 1) + 1
        if not text.startswith(prefix, before):
            break
        start = before
    return start


class _Reading:
    """One DPC file being read."""

    def __init__(
        self, file: str, kind: layouts.Kind, month: int, options: Options, known: identifiers.Identifiers, only: Collection[str] | None
    ) -> None:
        self._file = file
        self._kind = kind
        self._named = month or (options.effective.year * 100 + options.effective.month if options.effective else 0)
        self._month = self._named
        self._known = known
        self._only = only
        self._rows, self._stays = Seen(), Seen()
        self._periods: set[int] = set()
        self._base = 1
        self._has_lines = False

    def read(self, stretch: encodings.Decoded) -> Piece:
        cells = Cells(stretch.text, b"\t")
        is_row = ~_headers(cells)
        self._has_lines = self._has_lines or bool(len(cells))
        numbering = np.cumsum(is_row) - 1 + self._base
        every = np.flatnonzero(is_row)
        into = Gathering(self._file, self._only)
        self._base += len(every)
        if not self._kind.is_read:
            into.aside(self._kind.name, len(every))
            return into.piece(len(every))
        self._tell_period(cells, every)
        data_ids = pc.utf8_trim_whitespace(pc.fill_null(cells.column(np.arange(len(cells)), self._kind.person), ""))
        patients = self._known.of(data_ids)
        rules = self._judge(cells, every, cells.damaged(stretch.damages), patients)
        bad = sorted(rules)
        into.unusable([int(numbering[one]) for one in bad], [rules[one] for one in bad], [cells.raw(one, one) for one in bad])
        sound = is_row.copy()
        sound[bad] = False
        lines = np.flatnonzero(sound)
        rows = Rows(self._kind, cells, lines, patients, numbering, self._month)
        rows.gather(self._stays, into)
        self._tell_outside(cells, lines, numbering, into)
        self._set_aside(cells, lines[~rows.used[lines]], into)
        return into.piece(len(every))

    def _set_aside(self, cells: Cells, unused: Places, into: Gathering) -> None:
        """Rows that gave nothing; acts as a whole, which say no more than their parts, apart from the others."""
        if self._kind.name not in layouts.WITH_WHOLE_ACTS:
            into.aside(self._kind.name, len(unused))
            return
        wholes = pc.sum(pc.match_substring_regex(cells.column(unused, layouts.LINE), "^ *0+ *$")).as_py() or 0
        into.aside(f"{self._kind.name} 000", wholes)
        into.aside(self._kind.name, len(unused) - wholes)

    def _tell_period(self, cells: Cells, every: Places) -> None:
        """The month whose layout holds, where the name does not tell it; and the periods the rows themselves tell of."""
        days = cells.column(every, self._kind.day)
        if self._kind.name == "FF1":
            is_end = pc.equal(cells.column(every, 5), "A000030")
            days = pc.if_else(pc.fill_null(is_end, False), cells.column(every, 8), "")
        months = numbers(pc.utf8_slice_codeunits(pc.fill_null(pc.utf8_trim_whitespace(days), ""), 0, 6))
        likely = np.unique(months[(months >= layouts.PERIODS[0]) & (months < 210000) & (months % 100 >= 1) & (months % 100 <= 12)])
        if not self._month and len(likely):
            self._month = int(likely[-1])
        self._periods |= {layouts.period_of(month) for month in likely.tolist()}
        if not self._month and len(every):
            raise PERIOD_UNKNOWN.refuse(file=self._file)

    def _judge(self, cells: Cells, every: Places, damaged: dict[int, str], patients: pa.Array) -> dict[int, str]:
        """Line → the first rule it breaks."""
        kind = self._kind
        judged = set(every.tolist()) if damaged else set()
        rules = {line: rule for line, rule in damaged.items() if line in judged}
        over = np.zeros(len(cells), bool)
        if (cells.counts > len(kind.columns)).any():
            found, places, _ = cells.filled()
            over[found[places >= len(kind.columns)]] = True
        self._add(rules, every[(cells.counts[every] < kind.least) | over[every]], findings.COLUMN_COUNT)
        for place, pattern in ((0, _FACILITY), (kind.person, _DATA_ID)):
            matches = pc.fill_null(pc.match_substring_regex(cells.column(every, place), pattern), False)
            self._add(rules, every[~matches.to_numpy(zero_copy_only=False)], findings.NOT_OF_FORMAT)
        if kind.code is not None:
            codes = cells.column(every, kind.code)
            if kind.name == "FF1":
                is_code = pc.is_in(codes, value_set=pa.array(list(form_one_codes.in_force(self._month)), pa.string()))
            else:
                is_code = pc.fill_null(pc.match_substring_regex(codes, layouts.H_CODE), False)
            self._add(rules, every[~is_code.to_numpy(zero_copy_only=False)], findings.OUTSIDE_LAYOUT)
        self._add(rules, every[pc.is_null(patients.take(pa.array(every))).to_numpy(zero_copy_only=False)], findings.PERSON_MISSING)
        shaped = every[~np.isin(every, list(rules))] if rules else every
        if len(shaped):
            fresh = self._rows.fresh(hashed(joined(cells, shaped, kind.key, "\t")))
            self._add(rules, shaped[~fresh], findings.REPEATED_RECORD)
        return rules

    def _add(self, rules: dict[int, str], lines: Places, rule: findings.Rule) -> None:
        for line in lines.tolist():
            rules.setdefault(line, rule.code)

    def _tell_outside(self, cells: Cells, lines: Places, numbering: Places, into: Gathering) -> None:
        """Payloads of form 1 that the layout in force does not know."""
        if self._kind.name != "FF1" or self._kind.payloads is None:
            return
        start, number = self._kind.payloads
        found, places, _ = cells.filled()
        is_line = np.zeros(len(cells), bool)
        is_line[lines] = True
        kept = is_line[found] & (places >= start) & (places < start + number)
        found, payload = found[kept], places[kept] - start + 1
        unknown: npt.NDArray[np.bool_] = ~is_known(cells.column(found, 5), payload, self._month, with_dates=True)
        told = np.unique(numbering[found[unknown]])
        into.told(told.tolist(), [findings.OUTSIDE_LAYOUT.code] * len(told))

    def close(self) -> None:
        """Refuses: not-dpc."""
        if not self._has_lines:
            raise NOT_DPC.refuse(file=self._file)

    def remarks(self) -> list[Remark]:
        periods = self._periods | ({layouts.period_of(self._named)} if self._named and self._periods else set())
        if len(periods) < 2:
            return []
        return [Remark(self._file, findings.LAYOUTS_MIXED.code, {"periods": ", ".join(str(one) for one in sorted(periods))})]


def _headers(cells: Cells) -> npt.NDArray[np.bool_]:
    """Lines that name columns; a file joined of several may have them in its middle."""
    first = cells.column(np.arange(len(cells)), 0)
    found: npt.NDArray[np.bool_] = pc.fill_null(pc.starts_with(first, kinds.HEADER), False).to_numpy(zero_copy_only=False)
    return found
