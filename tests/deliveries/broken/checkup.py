"""Broken checkups: name → what is sent and what has to become of it."""

from __future__ import annotations

import io
import zipfile

from data_examples import checkup_world

from tests.deliveries.broken.delivered import ACCEPTED, QUARANTINED, REFUSED, Broken, Counts

ONE = checkup_world.world(1)[0]
SOUND = checkup_world.document(ONE)
TABLE = checkup_world.identifiers([ONE])
PERSON = SOUND[SOUND.index("<recordTarget>") : SOUND.index("</recordTarget>") + len("</recordTarget>")]


def one(
    content: str | bytes, told: str, counts: Counts | None = REFUSED, identifiers: str | None = TABLE, name: str = "DATA/h1.xml"
) -> Broken:
    return Broken({name: content.encode() if isinstance(content, str) else content}, told, counts, identifiers=identifiers)


def changed(old: str, new: str, told: str, counts: Counts = ACCEPTED) -> Broken:
    assert old in SOUND, old
    return one(SOUND.replace(old, new), told, counts)


def with_doctype(declared: str, used: str = "") -> str:
    head, rest = SOUND.split("\n", 1)
    return f"{head}\n<!DOCTYPE ClinicalDocument [{declared}]>\n" + rest.replace("見本の所見", used or "見本の所見")


def packed(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


LAUGHS = '<!ENTITY a "ha">' + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
CASES: dict[str, Broken] = {
    "entity bomb": one(with_doctype(LAUGHS, "&i;"), "xml-forbidden"),
    "quadratic entity": one(with_doctype(f'<!ENTITY a "{"x" * 10_000}">', "&a;" * 1000), "xml-forbidden"),
    "external entity of a file": one(with_doctype('<!ENTITY x SYSTEM "file:///etc/hostname">', "&x;"), "xml-forbidden"),
    "external entity of the network": one(with_doctype('<!ENTITY x SYSTEM "http://127.0.0.1:9/x">', "&x;"), "xml-forbidden"),
    "parameter entity": one(with_doctype('<!ENTITY % x SYSTEM "file:///etc/hostname">%x;'), "xml-forbidden"),
    "external DTD": one(
        SOUND.replace("<ClinicalDocument", '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><ClinicalDocument', 1), "xml-forbidden"
    ),
    "entity that nobody uses": one(with_doctype('<!ENTITY x "y">'), "xml-forbidden"),
    "empty DTD": one(with_doctype(""), "xml-forbidden"),
    "entity that is not declared": changed("見本の所見", "&nbsp;", "xml-broken", REFUSED),
    "include of another file": one(
        '<x xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="/etc/hostname"/></x>', "not-of-format", QUARANTINED
    ),
    "cut off": one(SOUND[: len(SOUND) // 2], "xml-broken"),
    "empty": one("", "xml-broken"),
    "of spaces": one("  \n ", "xml-broken"),
    "two roots": one(SOUND + "<more/>", "xml-broken"),
    "text after the root": one(SOUND + "more", "xml-broken"),
    "tags crossed": changed("</patient></patientRole>", "</patientRole></patient>", "xml-broken", REFUSED),
    "attribute twice": changed('code="10"', 'code="10" code="11"', "xml-broken", REFUSED),
    "attribute without quotes": changed('code="10"', "code=10", "xml-broken", REFUSED),
    "prefix without a namespace": changed("<addr>", "<x:addr>", "xml-broken", REFUSED),
    "NUL inside": changed("見本の所見", "\0", "xml-broken", REFUSED),
    "control character inside": changed("見本の所見", "\x0b", "xml-broken", REFUSED),
    "bare ampersand": changed("見本の所見", "A & B", "xml-broken", REFUSED),
    "CP932 called UTF-8": one(SOUND.encode("cp932"), "xml-broken"),
    "CP932 by declaration": one(SOUND.replace("UTF-8", "Shift_JIS", 1).encode("cp932"), "xml-encoding"),
    "EUC-JP by declaration": one(SOUND.replace("UTF-8", "EUC-JP", 1).encode("euc-jp"), "xml-encoding"),
    "encoding unheard of": one(SOUND.replace("UTF-8", "X-UNHEARD", 1), "xml-encoding"),
    "binary": one(bytes(range(256)) * 10, "xml-broken"),
    "JSON": one('{"resourceType":"Patient"}', "xml-broken"),
    "too large": one(b"<a>" + b"x" * (17 << 20), "xml-too-large"),
    "nested without end": one("<a>" * 200_000, "xml-broken"),
    "nested deeply": one("<a>" * 100_000 + "</a>" * 100_000, "not-of-format", QUARANTINED),
    "no namespace": changed(' xmlns="urn:hl7-org:v3"', "", "not-of-format", QUARANTINED),
    "wrong namespace": changed("urn:hl7-org:v3", "urn:hl7-org:v2", "not-of-format", QUARANTINED),
    "root of another document": one('<html xmlns="http://www.w3.org/1999/xhtml"/>', "not-of-format", QUARANTINED),
    "no person": one(SOUND.replace(PERSON, ""), "person-missing", QUARANTINED),
    "person without a role": one(SOUND.replace(PERSON, "<recordTarget/>"), "person-missing", QUARANTINED),
    "two persons": one(SOUND.replace(PERSON, PERSON * 2), "person-ambiguous", QUARANTINED),
    "no ticket": one(SOUND.replace(f'extension="{ONE.ticket}"', ""), "person-missing", QUARANTINED),
    "ticket not in the table": one(SOUND.replace(ONE.ticket, "29999999999"), "person-missing", QUARANTINED),
    "no table of IDs": one(SOUND, "identifiers-needed", QUARANTINED, None),
    "table that names two patients": one(SOUND, "person-ambiguous", QUARANTINED, TABLE + f"other,{ONE.ticket}\n"),
    "table whose keys disagree": one(
        SOUND, "person-ambiguous", QUARANTINED, f"患者ID,受診券整理番号,ファイル名\na,{ONE.ticket},\nb,,h1.xml\n"
    ),
    "table without an ID": one(SOUND, "person-missing", QUARANTINED, f"患者ID,受診券整理番号\n,{ONE.ticket}\n"),
    "no day of the checkup": changed(
        f'<effectiveTime value="{ONE.checked_on:%Y%m%d}"/></serviceEvent>', "</serviceEvent>", "required-missing"
    ),
    "day that does not exist": changed(
        f'value="{ONE.checked_on:%Y%m%d}"/></serviceEvent>', 'value="20240230"/></serviceEvent>', "not-a-date"
    ),
    "birth on no day": changed(f'<birthTime value="{ONE.birth_date:%Y%m%d}"', '<birthTime value="19501332"', "not-a-date"),
    "sex unheard of": changed(f'<administrativeGenderCode code="{ONE.sex}"', '<administrativeGenderCode code="9"', "unmapped-value"),
    "postal code too short": changed("100-0001", "100-00", "pattern-mismatch"),
    "height in metres": changed('unit="cm"', 'unit="m"', "unit-disagrees"),
    "height of a giant": changed(f'value="{ONE.values["9N001000000000001"]}"', 'value="900"', "out-of-range"),
    "height as a word": changed(f'value="{ONE.values["9N001000000000001"]}"', 'value="tall"', "not-a-number"),
    "height below a limit": changed(f'value="{ONE.values["9N001000000000001"]}"', 'value="&lt;140"', "inequality"),
    "answer unheard of": changed(f'xsi:type="CD" code="{ONE.values[checkup_world.SMOKING]}"', 'xsi:type="CD" code="8"', "not-in-choices"),
    "index that tells of more": Broken(
        {"DATA/h1.xml": SOUND.encode(), "ix08_V08.xml": checkup_world.index(2).encode()}, "count-disagrees", (2, 2, 0, 0), identifiers=TABLE
    ),
    "zip inside": Broken({"DATA/h1.xml": SOUND.encode(), "more.zip": b"PK\x03\x04"}, "file-passed-over", ACCEPTED, identifiers=TABLE),
    "table beside": Broken({"DATA/h1.xml": SOUND.encode(), "ids.csv": TABLE.encode()}, "file-passed-over", ACCEPTED, identifiers=TABLE),
    "nothing but a schema": Broken({"XSD/hc08_V08.xsd": b"<x/>"}, "checkup-none", None, identifiers=TABLE),
    "zip that leads outside": Broken({"d.zip": packed({"../h1.xml": SOUND})}, "archive-outside", None, True, identifiers=TABLE),
    "zip without documents": Broken({"d.zip": packed({"readme.txt": "x"})}, "checkup-none", None, True, identifiers=TABLE),
    "zip cut off": Broken({"d.zip": packed({"DATA/h1.xml": SOUND})[:-40]}, "archive-broken", None, True, identifiers=TABLE),
    "table with another header": one(SOUND, "identifiers-unreadable", None, "番号,整理番号\n1,2\n"),
    "table of one column": one(SOUND, "identifiers-unreadable", None, "患者ID\n1\n"),
    "table with a short row": one(SOUND, "identifiers-unreadable", None, TABLE + "1\n"),
    "table with an open quote": one(SOUND, "identifiers-unreadable", None, TABLE + '"1,2\n'),
    "table that is empty": one(SOUND, "identifiers-unreadable", None, ""),
}
