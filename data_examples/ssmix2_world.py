"""SS-MIX2の試験世界 (ssmix2 world): a standard storage of invented patients, as a hospital's module writes it; the same seed gives the same bytes.

    python -m data_examples.ssmix2_world OUT [--messages 10000] [--seed 1]

Messages have 0.5 to 5 kB in ISO-2022-JP with CR and a closing FS. Names hold vendor characters (髙, 﨑), texts hold row 13 (①, ㎎).
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

FAMILIES = (
    ("佐藤", "サトウ"),
    ("髙橋", "タカハシ"),
    ("山﨑", "ヤマザキ"),
    ("鈴木", "スズキ"),
    ("構", "カマエ"),
    ("渡邉", "ワタナベ"),
    ("小林", "コバヤシ"),
)
GIVENS = (
    ("健", "ケン", "M"),
    ("誠", "マコト", "M"),
    ("陽子", "ヨウコ", "F"),
    ("結衣", "ユイ", "F"),
    ("大輔", "ダイスケ", "M"),
    ("美咲", "ミサキ", "F"),
)
TOWNS = (("5300001", "大阪府大阪市北区梅田"), ("6040000", "京都府京都市中京区烏丸通"), ("4228033", "静岡県静岡市駿河区登呂"))
DISEASES = (
    ("20054174", "胃炎", "K297"),
    ("20061520", "高血圧症", "I10"),
    ("20069051", "２型糖尿病", "E119"),
    ("20052345", "気管支喘息", "J459"),
)
DRUGS = (
    ("103835401", "アムロジピン錠５㎎", "TAB", "錠"), ("110626901", "セフジニル錠１００㎎①", "TAB", "錠"), ("108665201", "酸化マグネシウム末", "G", "グラム"),
    ("620007329", "輸液３号５００ｍＬ", "HON", "本"), ("620002559", "静注用５０㎎", "AMP", "アンプル"),
)  # fmt: skip
TESTS = (
    ("3A010000002327101", "総蛋白", 7.2, "g/dL"), ("3A015000002327101", "アルブミン", 4.3, "g/dL"), ("3B035000002327201", "ＡＳＴ", 24, "U/L"),
    ("3B045000002327201", "ＡＬＴ", 21, "U/L"), ("3C025000002327101", "クレアチニン", 0.8, "mg/dL"), ("3H010000002326101", "ナトリウム", 140, "mmol/L"),
    ("3D010000001926101", "血糖", 98, "mg/dL"), ("3D046000001906202", "ＨｂＡ１ｃ", 5.8, "%"), ("2A990000001930952", "白血球数", 6.1, "10*3/uL"),
    ("1A020000000190111", "尿糖", 0, ""),
)  # fmt: skip
DOCTOR = "110^医師^一郎^^^^^^^L^^^^^I"
FS = "\x1c"


@dataclass(frozen=True)
class Person:
    """One invented patient of the storage."""

    number: str
    family: tuple[str, str]
    given: tuple[str, str, str]
    born: date
    town: tuple[str, str]

    @property
    def pid(self) -> str:
        name = f"{self.family[0]}^{self.given[0]}^^^^^L^I~{self.family[1]}^{self.given[1]}^^^^^L^P"
        home = f"^^^^{self.town[0]}^JPN^H^{self.town[1]}１丁目{int(self.number) % 30 + 1}番"
        phone = f"^PRN^PH^^^^^^^^^06-0000-{int(self.number) % 10000:04}"
        return f"PID|0001||{self.number}^^^^PI||{name}||{self.born:%Y%m%d}|{self.given[2]}|||{home}||{phone}"


def encode(text: str) -> bytes:
    """ISO-2022-JP with the vendor characters of CP932 and half-width kana, as hospital systems write it.

    >>> encode("①A").decode("latin-1")
    '\\x1b$B-!\\x1b(BA'
    """
    found = bytearray()
    state = b"(B"
    for character in text:
        wanted, code = _code(character)
        if wanted != state:
            found += b"\x1b" + wanted
            state = wanted
        found += code
    return bytes(found) + (b"" if state == b"(B" else b"\x1b(B")


def _code(character: str) -> tuple[bytes, bytes]:
    if character < "\x80":
        return b"(B", character.encode("ascii")
    if "\uff61" <= character <= "\uff9f":
        return b"(I", bytes((ord(character) - 0xFF40,))
    return b"$B", _PAIRS[character]


def _pairs() -> Iterator[tuple[str, bytes]]:
    """CP932 character → seven-bit pair, from the last row to the first so that JIS X 0208 wins over the copies in vendor rows."""
    for lead in (*range(0xEF, 0xDF, -1), *range(0x9F, 0x80, -1)):
        for trail in (*range(0x40, 0x7F), *range(0x80, 0xFD)):
            try:
                character = bytes((lead, trail)).decode("cp932")
            except UnicodeDecodeError:
                continue
            row = 2 * (lead - (0x81 if lead < 0xA0 else 0xC1)) + (trail >= 0x9F)
            cell = trail - 0x9F if trail >= 0x9F else trail - 0x40 - (trail > 0x7F)
            yield character, bytes((row + 0x21, cell + 0x21))


_PAIRS = dict(_pairs())


def name_of(person: str, day: str, kind: str, order: str, written: str, department: str = "01", condition: int = 1) -> str:
    """Path and name of a file below the root of the storage."""
    return f"{person[:3]}/{person[3:6]}/{person}/{day}/{kind}/{person}_{day}_{kind}_{order}_{written}_{department}_{condition}"


def message(kind: str, written: str, number: int, segments: list[str], charset: str = "~ISO IR87") -> str:
    """A message's text: its header, its segments, CR after each and FS at the end."""
    header = f"MSH|^~\\&|HIS123|SEND|GW|RCV|{written[:14]}||{kind}|{number:020}|P|2.5||||||{charset}||ISO 2022-1994|SS-MIX2_1.20^SS-MIX2^1.2.392.200250.2.1.100.1.2.120^ISO"
    return "\r".join((header, *segments)) + "\r" + FS


def messages(count: int, seed: int = 1) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of so many files, patient by patient."""
    rng = random.Random(seed)
    number = 0
    patient = 0
    while number < count:
        patient += 1
        person = Person(
            f"{patient * 37 % 10_000_000:010}",
            rng.choice(FAMILIES),
            rng.choice(GIVENS),
            date(1935, 1, 1) + timedelta(rng.randrange(30_000)),
            rng.choice(TOWNS),
        )
        for name, text in _history(person, rng):
            if number == count:
                return
            number += 1
            yield name, encode(text)


def write(folder: Path, count: int, seed: int = 1) -> int:
    """Write a storage of so many messages; its bytes in all."""
    total = 0
    for name, data in messages(count, seed):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        total += len(data)
    return total


def _history(person: Person, rng: random.Random) -> Iterator[tuple[str, str]]:
    first = date(2023, 1, 1) + timedelta(rng.randrange(600))
    written = f"{first:%Y%m%d}093012345"
    base = [f"EVN||{first:%Y%m%d}0930", person.pid, f"PV1|0001|O|01^^^^^C||||{DOCTOR}|||01", "DB1|1|PT||N"]
    insured = f"IN1|1|67^国民健康保険^JHSD0001|67{int(person.number) % 10**6:06}|||||||記号{int(person.number) % 90}|{int(person.number) % 10**7}|20200401"
    yield name_of(person.number, "-", "ADT-00", "9" * 15, written, "-"), message("ADT^A08^ADT_A01", written, 1, [*base, insured])
    disease = rng.choice(DISEASES)
    problem = f"PRB|AD|{first:%Y%m%d}|{disease[0]}^{disease[1]}^MDCDX2|{int(person.number):015}|||{first:%Y%m%d}|||{disease[2]}^^I10^O^外来時^JHSD0004||||N^回復せず^HL70241"
    yield name_of(person.number, "-", "PPR-01", "9" * 15, written), message("PPR^ZD1^PPR_ZD1", written, 2, [person.pid, problem])
    for visit in range(rng.randrange(2, 9)):
        yield from _visit(person, first + timedelta(28 * visit), rng)
    if rng.random() < 0.15:
        yield from _stay(person, first + timedelta(300), rng)


def _visit(person: Person, day: date, rng: random.Random) -> Iterator[tuple[str, str]]:
    shown, order = f"{day:%Y%m%d}", f"{rng.randrange(10**15):015}"
    written = shown + "101512345"
    visit = f"PV1|0001|O|01^^^^^C||||{DOCTOR}|||01" + "|" * 9 + f"V{order}" + "|" * 25 + f"{shown}1000"
    yield (
        name_of(person.number, shown, "ADT-12", "9" * 15, written),
        message("ADT^A04^ADT_A01", written, 3, [f"EVN||{shown}1000", person.pid, visit]),
    )
    yield (
        name_of(person.number, shown, "OML-11", order, written),
        message("OUL^R22^OUL_R22", written, 4, _results(person, shown, order, rng)),
    )
    if rng.random() < 0.3:  # the first results, superseded by these
        earlier = shown + "095900000"
        yield (
            name_of(person.number, shown, "OML-11", order, earlier, condition=2),
            message("OUL^R22^OUL_R22", earlier, 4, _results(person, shown, order, rng)),
        )
    drugs = [segment for _ in range(rng.randrange(1, 5)) for segment in _drug(shown, order, rng)]
    yield name_of(person.number, shown, "OMP-01", order, written), message("RDE^O11^RDE_O11", written, 5, [person.pid, visit, *drugs])
    if rng.random() < 0.2:
        image = [
            person.pid,
            visit,
            f"ORC|NW|{order}|||||||{shown}",
            "TQ1|1||||||||R^^HL70485",
            f"OBR||{order}||1000000000000000^Ｘ線単純撮影^JJ1017",
        ]
        yield name_of(person.number, shown, "OMG-01", order, written), message("OMG^O19^OMG_O19", written, 6, image)


def _results(person: Person, day: str, order: str, rng: random.Random) -> list[str]:
    found = [
        person.pid,
        "PV1|0001|O|01^^^^^C",
        f"SPM|1|{order}||023^血清^JC10|||||||||||||{day}0930",
        f"OBR|1|{order}|{order}|E001^生化学的検査^99O03|||{day}|{day}",
    ]
    for number, (code, name, usual, unit) in enumerate(rng.sample(TESTS * 3, rng.randrange(12, 28)), 1):
        local = f"{code}^{name}^JC10^{10000 + number}^{name}^99X03"
        if not unit:
            found.append(f"OBX|{number}|ST|{local}||{rng.choice(('(-)', '(±)', '(1+)', '（２＋）'))}|||N|||F")
            continue
        value = round(usual * rng.uniform(0.7, 1.3), 2)
        found.append(
            f"OBX|{number}|NM|{local}||{value}|{unit}^{unit}^ISO+|{usual * 0.8:.1f}-{usual * 1.2:.1f}|{'H' if value > usual * 1.2 else 'N'}|||F|||{day}0930"
        )
    return found


def _drug(day: str, order: str, rng: random.Random) -> list[str]:
    code, name, unit, words = rng.choice(DRUGS)
    days = rng.choice((7, 14, 28))
    return [
        f"ORC|NW|{order}||1|||||{day}103045|058^入力者^花子^^^^^^^L^^^^^I||{DOCTOR}|10^^^^^C||||01^内科^99XY1|PC01^^99XY2|||北浜病院|^^^^5410041^JPN^^大阪府大阪市中央区北浜1-1",
        f"RXE||{code}^{name}^HOT9|1||{unit}^{words}^MR9P|||||{3 * days}|{unit}^{words}^MR9P|||||||||OHP^外来処方^MR9P",
        f"TQ1|1||1013044400000000&内服・経口・１日３回朝昼夕食後&JAMISDP01|||{days}^d|{day}00",
        "RXR|PO^口^HL70162",
    ]


def _stay(person: Person, day: date, rng: random.Random) -> Iterator[tuple[str, str]]:
    end = day + timedelta(rng.randrange(2, 20))
    ward = f"PV1|0001|I|32^302^1^^^N||||{DOCTOR}|||01"
    written = f"{day:%Y%m%d}110000000"
    admitted = [f"EVN||{day:%Y%m%d}1100", person.pid, ward + "|" * 34 + f"{day:%Y%m%d}1100"]
    yield name_of(person.number, f"{day:%Y%m%d}", "ADT-22", "9" * 15, written), message("ADT^A01^ADT_A01", written, 7, admitted)
    order = f"{rng.randrange(10**15):015}"
    given = [
        f"RXA|0|{number}|{day:%Y%m%d}1300|{day:%Y%m%d}1500|{code}^{name}^HOT9|1|{unit}^{words}^MR9P|||||||||||||CP"
        for number, (code, name, unit, words) in enumerate(DRUGS[3:], 1)
    ]
    infusion = [person.pid, ward, f"ORC|NW|{order}||1|||||{day:%Y%m%d}1200", *given, "RXR|IV^静脈内^HL70162"]
    yield name_of(person.number, f"{day:%Y%m%d}", "OMP-12", order, written), message("RAS^O17^RAS_O17", written, 8, infusion)
    left = f"{end:%Y%m%d}100000000"
    gone = [f"EVN||{end:%Y%m%d}1000", person.pid, ward + "|" * 35 + f"{end:%Y%m%d}1000"]
    yield name_of(person.number, f"{end:%Y%m%d}", "ADT-52", "9" * 15, left), message("ADT^A03^ADT_A03", left, 9, gone)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m data_examples.ssmix2_world", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    print(f"{chosen.messages:,} messages, {write(chosen.out, chosen.messages, chosen.seed):,} bytes")


if __name__ == "__main__":
    main()
