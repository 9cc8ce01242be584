"""SS-MIX2の提供データ (delivery): a standard storage, whole, in part or as a single message, read file by file in the order of its folders.

Each file is one record. The folder decides whose it is: a message whose PID-3 names another patient than its place is quarantined whole.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import groupby
from pathlib import Path

from kiban_processing.deliveries import sources
from kiban_processing.deliveries.pieces import Piece, Remark
from kiban_processing.deliveries.readers import Options
from kiban_processing.deliveries.ssmix2 import contents, masks, messages, places, rows
from kiban_processing.deliveries.ssmix2.gathering import Gathering
from kiban_processing.deliveries.ssmix2.places import Beside, Condition, Place
from kiban_processing.deliveries.ssmix2.segment_table import ASIDE, KINDS, TRANSLATIONS, DataKind
from kiban_processing.deliveries.ssmix2.stays import Stays
from kiban_processing.formats import encodings, findings
from kiban_processing.formats.findings import Rule
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground, Refusal
from kiban_processing.statutes import REG_5_X

PIECE = 4_000  # files
_HEAD = b"MSH|"
ENCODINGS = ("iso-2022-jp", "utf-8", "cp932")

NAME_NOT_STANDARD = Ground(
    "ssmix2-name", Family.INPUT, REG_5_X,
    Text("{file} の名前は SS-MIX2 標準化ストレージのものではありません。", "{file} has no name of the SS-MIX2 standard storage."),
    Text("患者ID_診療日_種別_オーダー番号_日時_診療科_フラグ の名前で送ってください。他のファイルは除いてください。",
         "Send it as ID_day_kind_order_time_department_flag; leave other files out."),
)  # fmt: skip


def open_delivery(path: Path, options: Options) -> Storage:
    """The storage at a path. Refuses: encoding-unknown; what `sources.walk` refuses is told when it is read."""
    if options.encoding is not None and options.encoding not in ENCODINGS:
        raise encodings.ENCODING_UNKNOWN.refuse(encoding=options.encoding)
    return Storage(path, options.encoding)


class Storage:
    """One delivery of SS-MIX2 (`pieces.Delivery`). `encoding`: how to read bytes of eight bits where a message does not say (MSH-18)."""

    def __init__(self, path: Path, encoding: str | None = None) -> None:
        self._path, self._encoding = path, encoding
        self._masks = masks.Masks()
        self._remarks: tuple[Remark, ...] = ()

    @property
    def translations(self) -> Mapping[str, Mapping[str, str]]:
        return TRANSLATIONS

    @property
    def remarks(self) -> tuple[Remark, ...]:
        return self._remarks

    @property
    def items(self) -> Mapping[str, tuple[str, ...]]:
        return rows.items()

    @property
    def registers(self) -> bool:
        return True

    def shown(self, file: str) -> str:
        """The masked name of a file of the last reading (see `masks.Masks`)."""
        return self._masks.shown(file)

    def pieces(self, only: Collection[str] | None = None) -> Iterator[Piece]:
        """Some thousand files at a time. With `only`, files whose name says that they cannot hold these tables are not opened.

        Memory: one piece, and eight bytes for each file.
        """
        reading = _Reading(self._encoding, only)
        self._masks, self._remarks = reading.masks, ()
        try:
            for _, group in groupby(_placed(self._path), key=lambda one: one[2].key if isinstance(one[2], Place) else one[1]):
                same = list(group)
                valid = sum(isinstance(place, Place) and place.condition is Condition.VALID for _, _, place in same)
                for source, name, place in same:
                    reading.file(source, name, place, is_repeated=valid > 1)
                if len(reading.gathering.sent) >= PIECE:
                    yield reading.piece()
            if reading.gathering.sent:
                yield reading.piece()
        finally:
            reading.contents.close()
        self._remarks = reading.remarks()


def _placed(path: Path) -> Iterator[tuple[sources.Source, str, Place | Beside | None]]:
    for source in contents.walk(path):
        name = source.name if source.name.isascii() else _clean(source.name)
        yield source, name, places.read(name)


def _clean(name: str) -> str:
    """A name whose bytes are no UTF-8 as text that can be kept."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


class _Reading:
    """What one reading of a storage remembers."""

    def __init__(self, encoding: str | None, only: Collection[str] | None) -> None:
        self.gathering = Gathering()
        self.contents = contents.Contents()
        self.masks = masks.Masks()
        self._encoding = encoding
        self._kinds = {name for name, kind in KINDS.items() if only is None or kind.tables & set(only)}
        self._only = None if only is None else frozenset(only)
        self._stays = Stays()
        self._beside: dict[Beside, tuple[str, int]] = {}
        self._other_days: dict[str, tuple[str, int]] = {}
        self._passed: tuple[str, int] | None = None

    def piece(self) -> Piece:
        done, self.gathering = self.gathering.piece(), Gathering()
        return done

    def remarks(self) -> tuple[Remark, ...]:
        beside = (
            Remark(file, findings.STORED_BESIDE.code, {"storage": one.value, "number": number})
            for one, (file, number) in self._beside.items()
        )
        days = (
            Remark(file, findings.DAY_DISAGREES.code, {"kind": kind, "number": number}) for kind, (file, number) in self._other_days.items()
        )
        passed = [Remark(self._passed[0], findings.FILE_PASSED_OVER.code, {"number": self._passed[1]})] if self._passed else []
        return (*beside, *days, *passed)

    def file(self, source: sources.Source, name: str, place: Place | Beside | None, is_repeated: bool) -> None:
        """One file, counted once."""
        number = self.masks.add(name)
        if isinstance(place, Place):
            if self._only is not None and (place.kind not in self._kinds or place.condition is not Condition.VALID):
                return
            self.gathering.begin(name)
            self._record(source, name, number, place, is_repeated)
            return
        if place is None:
            self._foreign(source, name, number)
            return
        self.gathering.begin(name)
        first, count = self._beside.get(place, (name, 0))
        self._beside[place] = first, count + 1
        self.gathering.set_aside(place.value)

    def _foreign(self, source: sources.Source, name: str, number: int) -> None:
        """A file whose name is none of the storage: a message under it is refused, anything else is no record and only remarked."""
        try:
            with source.open() as file:
                is_message = file.read(len(_HEAD)) == _HEAD
        except Refusal:
            is_message = True  # what cannot be looked into may be one
        if is_message:
            self.gathering.begin(name)
            self._refuse(name, NAME_NOT_STANDARD.refuse(file=masks.shown(number, None)))
            return
        first, count = self._passed or (name, 0)
        self._passed = first, count + 1

    def _record(self, source: sources.Source, name: str, number: int, place: Place, is_repeated: bool) -> None:
        try:
            data = self.contents.read(source, masks.shown(number, place))
        except Refusal as why:
            self._refuse(name, why)
            return
        try:
            message = messages.read(data, self._encoding)
        except messages.Unreadable as why:
            self._quarantine(name, why.rule, why.raw)
            return
        rule = _person(message, place) or self._standing(message, place, is_repeated)
        if rule is not None:
            self._quarantine(name, rule, message.text)
        elif place.condition is not Condition.VALID:
            self.gathering.set_aside("deleted" if place.condition is Condition.DELETED else "superseded")
        elif place.kind in KINDS:
            self._rows(name, message, place, KINDS[place.kind])
        else:
            self.gathering.set_aside(place.kind if place.kind in ASIDE else "unknown-kind")

    def _standing(self, message: messages.Message, place: Place, is_repeated: bool) -> Rule | None:
        """What is wrong with a valid message as one of its kind."""
        kind = KINDS.get(place.kind)
        if place.condition is not Condition.VALID:
            return None
        if is_repeated:
            return findings.REPEATED_RECORD
        if kind is None:
            return None
        code, event = (*message.segments[0][9].split("^"), "", "")[:2] if len(message.segments[0]) > 9 else ("", "")
        if code != kind.code or event not in kind.events | kind.cancels:
            return findings.NOT_OF_FORMAT
        return findings.RECORD_CUT_OFF if not all(message.first(segment) for segment in kind.needs) else None

    def _rows(self, name: str, message: messages.Message, place: Place, kind: DataKind) -> None:
        event = message.segments[0][9].split("^")[1]
        key = f"{place.patient}_{place.day}_{place.kind}_{place.order}"
        said = [
            "",
            place.patient,
            "" if place.day == "-" else place.day,
            "" if place.department == "-" else place.department,
            "",
            "ordered",
            "administered",
        ]
        found = rows.read(kind, message.segments, said, key) if event in kind.events else []
        if not found:  # the message takes back what it tells of, or all of its rows are taken back
            self.gathering.set_aside("deleted")
            return
        inside = rows.day_inside(kind, message.segments)
        if inside and place.day != "-" and inside != place.day:
            first, number = self._other_days.get(kind.name, (name, 0))
            self._other_days[kind.name] = first, number + 1
        if kind.stay is not None:
            self._stay(kind, place, found)
        wanted = found if self._only is None else [one for one in found if one[0] in self._only]
        self.gathering.accept(name, wanted, message.is_lossy)

    def _stay(self, kind: DataKind, place: Place, found: list[tuple[str, rows.Row]]) -> None:
        for table, row in found:
            started = rows.columns(table).index("started_on")
            if kind.stay == "opens":
                self._stays.open(place.patient, row[started])
            else:
                before = self._stays.close(place.patient, row[rows.columns(table).index("ended_on")])
                row[started] = row[started] or before

    def _refuse(self, name: str, why: Refusal) -> None:
        self.gathering.refuse(name, why)

    def _quarantine(self, name: str, rule: Rule, raw: str) -> None:
        self.gathering.quarantine(name, rule, raw)


def _person(message: messages.Message, place: Place) -> Rule | None:
    """Whose message it is must be said, and be said alike by the folders, the name of the file and every PID-3 (type PI or none)."""
    named = [segment[3] if len(segment) > 3 else "" for segment in message.segments if segment[0] == "PID"]
    if not named:
        return findings.PERSON_MISSING
    for text in named:
        parts = [(*one.split("^"), "", "", "", "")[:5] for one in text.split("~")] if text else []
        own = [messages.unescape(one[0]).strip() for one in parts if one[4] in ("", "PI") and one[0] not in ("", '""')]
        if not own:
            return findings.PERSON_MISSING
        if any(one != place.patient for one in own):
            return findings.PATH_DISAGREES
    return None if place.agrees else findings.PATH_DISAGREES
