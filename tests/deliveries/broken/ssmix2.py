"""Broken deliveries of SS-MIX2: each a small storage with one thing wrong, and what must be said of it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from data_examples.ssmix2_world import encode

Outcome = Literal["quarantined", "refused", "value", "row", "aside", "raised"]
"""`value`: accepted, and a value dropped; `row`: accepted, and a row lost; `aside`: accepted without rows; `raised`: refused as a whole."""

PATIENT = "0000000123"
LAB = f"000/000/{PATIENT}/20240501/OML-11/{PATIENT}_20240501_OML-11_000000000000777_20240501101500000_01_1"


@dataclass(frozen=True)
class Broken:
    """`files`: name → bytes; `expected`: rule or refusal that must be told; of all files exactly one record must meet `outcome`."""

    name: str
    files: Mapping[str, bytes]
    expected: str
    outcome: Outcome


def place(
    kind: str,
    day: str = "20240501",
    order: str = "000000000000777",
    flag: str = "1",
    patient: str = PATIENT,
    time: str = "20240501101500000",
) -> str:
    return f"{patient[:3]}/{patient[3:6]}/{patient}/{day}/{kind}/{patient}_{day}_{kind}_{order}_{time}_01_{flag}"


def header(message: str, charset: str = "~ISO IR87") -> str:
    return f"MSH|^~\\&|HIS|SEND|GW|RCV|20240501101500||{message}|1|P|2.5||||||{charset}||ISO 2022-1994"


PID = f"PID|0001||{PATIENT}^^^^PI||髙橋^健^^^^^L^I~タカハシ^ケン^^^^^L^P||19600102|M"
PV1 = "PV1|0001|I|32^302||||110^医師^一郎^^^^^^^L^^^^^I|||01"
OBX = "OBX|1|NM|3A010000002327101^総蛋白^JC10||7.2|g/dL^g/dL^ISO+||N|||F"


def joined(*segments: str) -> bytes:
    return encode("\r".join(segments) + "\r\x1c")


def lab(pid: str = PID, obx: str = OBX, head: str | None = None) -> bytes:
    return joined(
        head or header("OUL^R22^OUL_R22"), pid, "SPM|1|||023^血清^JC10|||||||||||||202405010930", "OBR|1|777||E001^生化学^99O03", obx
    )


def patient(pid: str) -> tuple[str, bytes]:
    return place("ADT-00", "-"), joined(header("ADT^A08^ADT_A01"), "EVN||202405011015", pid, PV1)


def visit(kind: str, message: str, tail: str, pid: str = PID) -> tuple[str, bytes]:
    return place(kind), joined(header(message), "EVN||202405011015", pid, PV1 + tail)


def _bytes() -> Iterator[tuple[str, bytes, str]]:
    sound = lab()
    kanji = sound.index(b"\x1b$B") + 3
    yield "empty", b"", "record-cut-off"
    yield "one byte", b"M", "record-cut-off"
    yield "only FS", b"\x1c", "not-of-format"
    yield "only line ends", b"\r\r\n\r", "not-of-format"
    yield "zeros", bytes(2000) + b"\r", "not-of-format"
    yield "a zero inside", sound.replace(b"g/dL", b"g\0dL", 1), "not-of-format"
    for share in (0.05, 0.2, 0.4, 0.6, 0.8, 0.95):
        cut = sound[: int(len(sound) * share)].rstrip(b"\r")
        yield f"cut off at {share:.0%}", cut, "record-cut-off"
    yield "cut inside kanji", sound[: kanji + 1], "record-cut-off"
    yield "cut after the patient", sound[: sound.index(b"SPM")], "record-cut-off"
    yield "without the last line end", sound.rstrip(b"\r\x1c"), "record-cut-off"
    yield "UTF-16 little", lab().decode("latin-1").encode("utf-16") + b"\r", "not-of-format"
    yield "UTF-16 big", lab().decode("latin-1").encode("utf-16-be") + b"\r", "not-of-format"
    text = "\r".join((header("OUL^R22^OUL_R22"), PID.replace("髙", "高"), OBX)) + "\r"
    yield "CP932 declared ISO IR87", text.encode("cp932"), "undecodable"
    yield "EUC declared ISO IR87", text.encode("euc_jp"), "undecodable"
    yield "UTF-8 declared ISO IR87", text.encode(), "undecodable"
    yield "UTF-8 without a declaration", text.replace("~ISO IR87", "").encode(), "undecodable"
    yield "CP932 declared UTF-8", text.replace("~ISO IR87", "~UNICODE UTF-8").encode("cp932"), "undecodable"
    yield "Chinese escape", sound.replace(b"\x1b$B", b"\x1b$A"), "undecodable"
    yield "Korean escape", sound.replace(b"\x1b$B", b"\x1b$(C"), "undecodable"
    yield "escape without a set", sound.replace(b"\x1b$B", b"\x1b"), "undecodable"
    yield "escape at the end", sound[:-1] + b"\x1b\r", "undecodable"
    yield "shift out", sound.replace(b"g/dL", b"\x0eg\x0f", 1), "undecodable"
    yield "half a kanji", sound[:kanji] + sound[kanji + 1 :], "undecodable"
    yield "a control inside kanji", sound[:kanji] + b"\x07\x07" + sound[kanji:], "undecodable"
    yield "bytes of eight bits", sound.replace(b"g/dL", b"\xb5g/dL", 1), "undecodable"
    yield "kana outside its table", sound.replace(b"g/dL", b"\x1b(I\x7e\x1b(B", 1), "undecodable"
    for charset in ("ISO IR100", "8859/1", "GB 18030-2000", "SHIFT_JIS", "~KS X 1001", "ISO IR87~??"):
        yield f"character set {charset}", lab(head=header("OUL^R22^OUL_R22", charset)), "charset-unknown"


def _formats() -> Iterator[tuple[str, bytes, str]]:
    sound = lab()
    yield "no header", sound[sound.index(b"PID") :], "not-of-format"
    yield "header in small letters", b"msh" + sound[3:], "not-of-format"
    yield "two headers", sound[:-1] + sound, "not-of-format"
    yield "batch header", b"FHS|^~\\&|\r" + sound, "not-of-format"
    yield "segment name of two letters", sound.replace(b"\rOBR|", b"\rOB|"), "not-of-format"
    yield "segment name in words", sound.replace(b"\rOBR|", b"\rresult|"), "not-of-format"
    yield "a line without a name", sound.replace(b"\rOBR|", b"\r|"), "not-of-format"
    yield "marks alike", sound.replace(b"|^~\\&|", b"|^^\\&|", 1), "not-of-format"
    yield "marks that are letters", b"MSHX^~\\&X" + sound[9:], "not-of-format"
    yield "marks missing", sound.replace(b"|^~\\&|", b"|", 1), "not-of-format"
    for name, data in (
        ("HTML", b"<html><body>404</body></html>\n"), ("JSON", b'{"resourceType":"Bundle"}\n'), ("XML", b"<?xml version='1.0'?><ClinicalDocument/>\n"),
        ("PDF", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), ("zip", b"PK\x03\x04" + bytes(30) + b"\r"), ("gzip", b"\x1f\x8b\x08" + bytes(20) + b"\n"),
        ("CSV", b"id,name\r\n1,x\r\n"), ("EBCDIC", "MSH|^~".encode("cp500") + b"\r"), ("V3", b"HL7 v3\r"),
    ):  # fmt: skip
        yield f"{name} under the name of a message", data, "not-of-format"
    yield "header alone", joined(header("OUL^R22^OUL_R22")), "person-missing"
    yield "no message type", lab(head="MSH|^~\\&|HIS"), "not-of-format"
    yield "message of another kind", lab(head=header("RDE^O11^RDE_O11")), "not-of-format"
    yield "event of another kind", lab(head=header("OUL^R21^OUL_R21")), "not-of-format"
    yield "no result", joined(header("OUL^R22^OUL_R22"), PID, "SPM|1"), "record-cut-off"


def _persons() -> Iterator[tuple[str, bytes, str]]:
    yield "no PID", joined(header("OUL^R22^OUL_R22"), OBX), "person-missing"
    yield "PID without a field", lab("PID"), "person-missing"
    yield "PID without an ID", lab(PID.replace(PATIENT, "")), "person-missing"
    yield "PID deleted", lab(PID.replace(PATIENT, '""')), "person-missing"
    yield "only an insurer's number", lab(PID.replace("^^^^PI", "^^^^XX")), "person-missing"
    yield "another patient", lab(PID.replace(PATIENT, "0000000124")), "path-disagrees"
    yield "the same number without its zeros", lab(PID.replace(PATIENT, "123")), "path-disagrees"
    yield "two patients in one PID", lab(PID.replace(f"{PATIENT}^^^^PI", f"{PATIENT}^^^^PI~0000000124^^^^PI")), "path-disagrees"
    yield "two PIDs", lab(PID + "\r" + PID.replace(PATIENT, "0000000124")), "path-disagrees"
    yield "the other patient first", lab(PID.replace(PATIENT, "0000000124") + "\r" + PID), "path-disagrees"


def _places() -> Iterator[Broken]:
    sound = lab()
    name = LAB.rsplit("/", 1)[-1]
    for why, other in (
        ("folder of another patient", f"000/000/0000000124/20240501/OML-11/{name}"), ("folder of another day", f"000/000/{PATIENT}/20240502/OML-11/{name}"),
        ("folder of another kind", f"000/000/{PATIENT}/20240501/OML-01/{name}"), ("first folders of another patient", f"000/001/{PATIENT}/20240501/OML-11/{name}"),
    ):  # fmt: skip
        yield Broken(why, {other: sound}, "path-disagrees", "quarantined")
    yield Broken(
        "superseded and of another patient", {place("OML-11", flag="2"): lab(PID.replace(PATIENT, "9"))}, "path-disagrees", "quarantined"
    )
    yield Broken("set aside and of another patient", {place("OMG-01"): lab(PID.replace(PATIENT, "9"))}, "path-disagrees", "quarantined")
    for why, wrong in (
        ("no flag", name[:-2]), ("flag 3", name[:-1] + "3"), ("flag and more", name + "_x"), ("no time", name.replace("_20240501101500000", "")), ("time of letters", name.replace("101500000", "noon")),
        ("kind in small letters", name.replace("OML", "oml")), ("day of seven digits", name.replace("_20240501_", "_2024501_")), ("a space in the ID", "00 123" + name[10:]), ("temporary", name + ".tmp"),
        ("no patient", name[10:]), ("thumbnails", "Thumbs.db"), ("folder settings", ".DS_Store"), ("words", "お読みください.txt"), ("a message without a name", "message.hl7"),
    ):  # fmt: skip
        yield Broken(f"name: {why}", {LAB.replace(name, wrong): sound}, "ssmix2-name", "refused")
    yield Broken("twice valid", {LAB: sound, LAB.replace("101500000", "101600000"): sound}, "repeated-record", "quarantined")
    yield Broken("a message of 17 million bytes", {LAB: sound[:-1] + b" " * (17 << 20) + b"\r"}, "message-too-large", "refused")
    for why, beside in (
        ("transactions", "tr/2024/TR_20240501000000000_00001.DAT"), ("index", "SSMIXIDX.csv"), ("extended storage", f"ext/000/000/{PATIENT}/20240501/L-OBS^OBS^99ZL01/x_1/main_document.hl7"),
    ):  # fmt: skip
        yield Broken(f"beside: {why}", {beside: sound}, "stored-beside", "aside")


def _values() -> Iterator[Broken]:
    for why, obx, rule in (
        ("words for a number", OBX.replace("7.2", "high"), "not-a-number"), ("below what can be measured", OBX.replace("7.2", "<0.5"), "inequality"), ("SN below", OBX.replace("NM", "SN").replace("7.2", "<^0.5"), "inequality"),
        ("a number without end", OBX.replace("7.2", "9" * 400), "out-of-range"), ("a code of another form", OBX.replace("3A010000002327101", "3A01"), "pattern-mismatch"),
        ("a grade that is none", OBX.replace("NM", "ST").replace("7.2", "(5+)"), "not-in-choices"), ("an unknown flag", OBX.replace("||N|", "||?|"), "unmapped-value"),
    ):  # fmt: skip
        yield Broken(f"result: {why}", {LAB: lab(obx=obx)}, rule, "value")
    for why, old, new, rule in (
        ("no such day of birth", "19600102", "19600230", "not-a-date"), ("day of birth cut short", "19600102", "1960", "not-a-date"), ("unknown sex", "|M", "|X", "unmapped-value"),
        ("postal code of two digits", "|M", "|M|||^^^^12^JPN^H^東京都", "pattern-mismatch"), ("born before all registers", "19600102", "17000101", "out-of-range"),
    ):  # fmt: skip
        yield Broken(f"patient: {why}", dict([patient(PID.replace(old, new))]), rule, "value")
    dead = PID + "|" * 20
    yield Broken("patient: dead without a day", dict([patient(dead + "||Y")]), "required-missing", "row")
    yield Broken("patient: dead on no day", dict([patient(dead + "|20240230|Y")]), "not-a-date", "row")
    own = lab(PID.replace("健", "〓")).replace(encode("〓")[3:5], b"\x75\x21")
    yield Broken(
        "patient: a character of the hospital's own",
        {place("ADT-00", "-"): patient(PID.replace("健", "〓"))[1].replace(encode("〓")[3:5], b"\x75\x21")},
        "character-lost",
        "value",
    )
    text = "\r".join((header("ADT^A08^ADT_A01", "~UNICODE UTF-8"), PID.replace("健", "\ufffd"), PV1)) + "\r"
    yield Broken("patient: a name lost before it came", {place("ADT-00", "-"): text.encode()}, "character-lost", "value")
    assert b"\x75\x21" in own
    for why, (name, data), rule in (
        ("discharged, never admitted", visit("ADT-52", "ADT^A03^ADT_A03", "|" * 35 + "202405011000"), "required-missing"), ("admitted on no day", visit("ADT-22", "ADT^A01^ADT_A01", "|" * 34 + "202413011000"), "not-a-date"),
        ("admitted without a day", visit("ADT-22", "ADT^A01^ADT_A01", ""), "required-missing"), ("a message without a visit", (place("ADT-12"), joined(header("ADT^A04^ADT_A01"), PID)), "record-cut-off"),
        ("no problem", (place("PPR-01", "-"), joined(header("PPR^ZD1^PPR_ZD1"), PID)), "record-cut-off"), ("no drug", (place("OMP-01"), joined(header("RDE^O11^RDE_O11"), PID, "ORC|NW|1")), "record-cut-off"),
        ("nothing given", (place("OMP-11"), joined(header("RAS^O17^RAS_O17"), PID, "ORC|NW|1")), "record-cut-off"),
    ):  # fmt: skip
        yield Broken(f"event: {why}", {name: data}, rule, "quarantined")
    for why, rxe in (("an amount below nothing", "-1"), ("an amount in words", "適量")):
        drug = joined(
            header("RDE^O11^RDE_O11"), PID, "ORC|NW|777|||||||20240501", f"RXE||108665201^薬^HOT9|1||TAB^錠^MR9P|||||{rxe}|TAB^錠^MR9P"
        )
        yield Broken(f"drug: {why}", {place("OMP-01"): drug}, "out-of-range" if rxe == "-1" else "not-a-number", "value")
    code = joined(header("RDE^O11^RDE_O11"), PID, "ORC|NW|777|||||||20240501", "RXE||12^薬^HOT9|1||TAB^錠^MR9P|||||3|TAB^錠^MR9P")
    yield Broken("drug: a code of two digits", {place("OMP-01"): code}, "pattern-mismatch", "value")
    cancelled = joined(header("ADT^A11^ADT_A11"), PID, PV1)
    yield Broken("event: an admission taken back", {place("ADT-22"): cancelled}, "deleted", "aside")
    yield Broken("result: posted by mistake", {LAB: lab(obx=OBX[:-1] + "W")}, "deleted", "aside")


def archive(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of these files; a name that is given twice stands in it twice."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    return target.getvalue()


def _archives() -> Iterator[Broken]:
    whole = archive({LAB: lab(), place("OML-11", order="8"): lab()})
    yield Broken("zip: cut off", {"d.zip": whole[:-40]}, "archive-broken", "raised")
    yield Broken("zip: a bomb", {"d.zip": archive({LAB: bytes(64 << 20)})}, "archive-bomb", "raised")
    yield Broken("zip: leads outside", {"d.zip": archive({"../" + LAB: lab()})}, "archive-outside", "raised")
    yield Broken("zip: an absolute path", {"d.zip": archive({"/" + LAB: lab()})}, "archive-outside", "raised")
    stored = archive({LAB: lab()}, zipfile.ZIP_STORED)
    yield Broken("zip: a damaged entry", {"d.zip": stored.replace(b"19600102", b"19600103", 1)}, "archive-broken", "refused")


CORPUS: tuple[Broken, ...] = (
    *(Broken(name, {LAB: data}, rule, "quarantined") for group in (_bytes(), _formats(), _persons()) for name, data, rule in group),
    *_places(),
    *_values(),
    *_archives(),
)
