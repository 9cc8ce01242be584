"""作り物の特定健診 (a world of checkups): invented persons as hc08 documents in a zip laid out as the exchange says; seeded.

Run: `python -m data_examples.checkup_world FILE.zip [PERSONS] [SEED]`; the hospital's table of patient IDs is written beside it.
"""

from __future__ import annotations

import random
import sys
import zipfile
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

INSURER = "00999999"  # no insurer has this number
SENDER = "1399999999"
OIDS = "1.2.392.200119.6."


@dataclass(frozen=True)
class Checkup:
    """One checkup as it was made up: the truth beside the document."""

    number: int
    local_patient_id: str
    ticket: str
    name_kana: str
    birth_date: date
    sex: str
    checked_on: date
    values: dict[str, str]
    """Item code → value."""

    @property
    def file(self) -> str:
        return f"h{SENDER}{self.checked_on:%Y%m%d}0{self.number:06}.xml"


UNITS = {
    "9N001000000000001": "cm", "9N006000000000001": "kg", "9N011000000000001": "kg/m2", "9N016160100000001": "cm", "9A751000000000001": "mmHg",
    "9A761000000000001": "mmHg", "3D010000001926101": "mg/dl", "3D046000001906202": "%", "3F070000002327101": "mg/dl", "3F077000002327101": "mg/dl",
    "3F015000002327101": "mg/dl", "3B035000002327201": "U/L", "3B045000002327201": "U/L", "3B090000002327101": "U/L",
}  # fmt: skip
SMOKING = "9N736000000000011"
FINDINGS = "9N511000000000049"


def checkup(number: int, chance: random.Random) -> Checkup:
    height, weight = round(chance.uniform(145, 185), 1), round(chance.uniform(42, 95), 1)
    numbers = {
        "9N001000000000001": height, "9N006000000000001": weight, "9N011000000000001": round(weight / (height / 100) ** 2, 1),
        "9N016160100000001": round(chance.uniform(62, 110), 1), "9A751000000000001": chance.randrange(95, 170), "9A761000000000001": chance.randrange(55, 100),
        "3D010000001926101": chance.randrange(75, 140), "3D046000001906202": round(chance.uniform(4.8, 8.5), 1), "3F070000002327101": chance.randrange(35, 95),
        "3F077000002327101": chance.randrange(60, 190), "3F015000002327101": chance.randrange(40, 300), "3B035000002327201": chance.randrange(12, 60),
        "3B045000002327201": chance.randrange(8, 70), "3B090000002327101": chance.randrange(10, 120),
    }  # fmt: skip
    values = {code: str(value) for code, value in numbers.items()} | {SMOKING: chance.choice("123"), FINDINGS: "見本の所見"}
    return Checkup(
        number, f"{number:08}", f"24{number:09}", f"ミホン　{chance.choice(('ハジメ', 'ハナ', 'ソラ'))}", date(1950, 1, 1) + timedelta(chance.randrange(12_000)),
        chance.choice("12"), date(2024, 4, 1) + timedelta(chance.randrange(330)), values,
    )  # fmt: skip


def document(one: Checkup) -> str:
    """The document of a checkup: CDA R2 with the roots and items of the specification, all values invented."""
    ids = ((INSURER, "101"), ("見本", "204"), (str(one.number), "205"), ("01", "211"))
    role = "".join(f'<id root="{OIDS}{leaf}" extension={quoteattr(value)}/>' for value, leaf in ids)
    entries = "".join(_entry(code, value) for code, value in one.values.items())
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/><id nullFlavor="NI"/>
<code code="10" codeSystem="{OIDS}1001"/><effectiveTime value="{one.checked_on:%Y%m%d}"/>
<recordTarget><patientRole>{role}<addr>見本県見本市{one.number}<postalCode>100-0001</postalCode></addr>
<patient><name>{escape(one.name_kana)}</name><administrativeGenderCode code="{one.sex}" codeSystem="{OIDS}1104"/>
<birthTime value="{one.birth_date:%Y%m%d}"/></patient></patientRole></recordTarget>
<author><assignedAuthor><representedOrganization><name>見本健診所</name></representedOrganization></assignedAuthor></author>
<participant typeCode="HLD"><associatedEntity classCode="IDENT"><id root="{OIDS}209.1{INSURER}" extension="{one.ticket}"/></associatedEntity></participant>
<documentationOf><serviceEvent><code code="010" codeSystem="{OIDS}1002"/><effectiveTime value="{one.checked_on:%Y%m%d}"/></serviceEvent></documentationOf>
<component><structuredBody><component><section><code code="01010" codeSystem="{OIDS}1010"/><text/>{entries}</section></component></structuredBody></component>
</ClinicalDocument>
"""


def _entry(code: str, value: str) -> str:
    if code == SMOKING:
        told = f'<value xsi:type="CD" code="{value}"/>'
    elif code == FINDINGS:
        told = f'<value xsi:type="ST">{escape(value)}</value>'
    else:
        told = f'<value xsi:type="PQ" value="{value}" unit="{UNITS[code]}"/>'
    return f'<entry><observation classCode="OBS" moodCode="EVN"><code code="{code}" codeSystem="{OIDS}1005"/>{told}</observation></entry>'


def index(number: int) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><index xmlns="http://tokuteikenshin.jp/checkup/2007"><totalRecordCount value="{number}"/></index>'


def world(persons: int, seed: int = 1) -> list[Checkup]:
    chance = random.Random(seed)
    return [checkup(number, chance) for number in range(1, persons + 1)]


def files(checkups: list[Checkup]) -> dict[str, str]:
    """The files of a delivery by their place in it."""
    top = f"{SENDER}_{INSURER}_202503310_1"
    found = {f"{top}/ix08_V08.xml": index(len(checkups)), f"{top}/su08_V08.xml": '<summary xmlns="http://tokuteikenshin.jp/checkup/2007"/>'}
    return found | {f"{top}/DATA/{one.file}": document(one) for one in checkups}


def identifiers(checkups: list[Checkup]) -> str:
    """The hospital's table of ticket numbers and patient IDs."""
    return "患者ID,受診券整理番号\n" + "".join(f"{one.local_patient_id},{one.ticket}\n" for one in checkups)


def write(path: Path, persons: int, seed: int = 1) -> list[Checkup]:
    made = world(persons, seed)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files(made).items():
            archive.writestr(zipfile.ZipInfo(name, (2025, 3, 31, 0, 0, 0)), content)
    path.with_suffix(".csv").write_text(identifiers(made), "utf-8")
    return made


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 100, int(sys.argv[3]) if len(sys.argv) > 3 else 1)
