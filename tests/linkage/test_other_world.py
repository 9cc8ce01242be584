"""もう一つの世界の検査: the world kept for reporting is stable, has the asked form, a whole truth, and is what it says it is, counted on its files alone."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "linkage" / "other_world.py"
REGISTRATIONS, HOSPITALS = 10_000, 12
HEADER = (
    "site_id,local_patient_id,op,registered_on,name_kanji,name_kana,birth_date,sex,postal_code,address,phone,"
    "insurer_number,insured_symbol,insured_number,insured_branch"
)
Rows = list[dict[str, str]]


def make(out: Path, seed: int, noise: float = 1.0) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    asked = ["--registrations", str(REGISTRATIONS), "--hospitals", str(HOSPITALS), "--seed", str(seed), "--noise", str(noise), "--check"]
    made = subprocess.run([sys.executable, str(SCRIPT), str(out), *asked], check=True, capture_output=True, text=True, env=environment)
    return made.stdout


def read(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("other")
    (out / "told.txt").write_text(make(out, 1), "utf-8")
    return out


@pytest.fixture(scope="module")
def registrations(folder: Path) -> Rows:
    return read(folder / "registrations.csv")


@pytest.fixture(scope="module")
def truth(folder: Path) -> Rows:
    return read(folder / "truth.csv")


def test_equal_seeds_give_equal_bytes_and_other_seeds_another_world(folder: Path, tmp_path: Path) -> None:
    make(tmp_path / "again", 1)
    make(tmp_path / "second", 2)
    for name in ("registrations.csv", "truth.csv"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()
        assert (tmp_path / "second" / name).read_bytes() != (folder / name).read_bytes()


def test_the_registrations_have_the_form_of_the_door(folder: Path, registrations: Rows) -> None:
    assert (folder / "registrations.csv").read_text("utf-8").partition("\n")[0] == HEADER
    assert len(registrations) == REGISTRATIONS
    assert {row["op"] for row in registrations} == {"new"}
    assert len({row["site_id"] for row in registrations}) == HOSPITALS
    days = [row["registered_on"] for row in registrations]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", day) for day in days)
    assert "1998-01-01" <= min(days) < "1999" and "2025" < max(days) <= "2025-12-31"


def test_every_registration_has_one_line_of_truth(registrations: Rows, truth: Rows) -> None:
    keys = [(row["site_id"], row["local_patient_id"]) for row in registrations]
    assert len(set(keys)) == REGISTRATIONS
    assert [(row["site_id"], row["local_patient_id"]) for row in truth] == keys
    assert all(row["person"] for row in truth)
    causes: dict[str, set[str]] = defaultdict(set)
    for row in truth:
        causes[row["person"]].add(row["cause"])
    assert all(len(found) == 1 for found in causes.values())
    assert {row["cause"] for row in truth} == {"", "twin", "namesake", "newborn", "foreign", "family"}


def test_the_facts_of_the_world_are_near_what_was_asked(truth: Rows) -> None:
    sites: dict[str, list[str]] = defaultdict(list)
    cause = {row["person"]: row["cause"] for row in truth}
    for row in truth:
        sites[row["person"]].append(row["site_id"])
    persons = len(sites)
    share = {name: count / persons for name, count in Counter(cause.values()).items()}
    pairs = sum(len(held) * (len(held) - 1) // 2 for held in sites.values())
    same = sum(number * (number - 1) // 2 for held in sites.values() for number in Counter(held).values())
    assert 2.15 < REGISTRATIONS / persons < 2.45
    assert 0.006 < share["twin"] < 0.018
    assert 0.0008 < share["namesake"] < 0.004
    assert 0.015 < share["foreign"] < 0.035
    assert 0.004 < share["newborn"] < 0.03
    assert 0.015 < same / pairs < 0.03


def test_surnames_are_spread_as_in_japan(registrations: Rows) -> None:
    spaced = [re.split("[ 　]", row["name_kanji"]) for row in registrations]
    surnames = Counter(parts[0] for parts in spaced if len(parts) == 2 and not parts[0].isascii())
    assert 0.07 < sum(count for _, count in surnames.most_common(10)) / surnames.total() < 0.19  # few families: nearer to chance
    assert len(surnames) > 900


ERAS = {"M": 1867, "T": 1911, "S": 1925, "H": 1988, "R": 2018, "明治": 1867, "大正": 1911, "昭和": 1925, "平成": 1988, "令和": 2018}
CODES = dict(zip("12345", "MTSHR", strict=True))


def born(text: str) -> tuple[int, int, int]:
    """The day of birth in any of the seven ways in which the hospitals write it."""
    if found := re.fullmatch(r"([1-5])(\d\d)(\d\d)(\d\d)", text):
        era, year, month, day = found.groups()
        return ERAS[CODES[era]] + int(year), int(month), int(day)
    if found := re.fullmatch(r"(\d{4})[-/]?(\d{1,2})[-/]?(\d{1,2})", text):
        return int(found[1]), int(found[2]), int(found[3])
    found = re.fullmatch(r"(\D+?)(\d+|元)[./年](\d+)[./月](\d+)日?", text)
    assert found
    return ERAS[found[1]] + int(found[2].replace("元", "1")), int(found[3]), int(found[4])


@pytest.fixture(scope="module")
def birthdays(registrations: Rows, truth: Rows) -> dict[str, set[tuple[int, int, int]]]:
    """By person, the days of birth of the registrations on which no error of birth is booked."""
    found: dict[str, set[tuple[int, int, int]]] = defaultdict(set)
    for row, told in zip(registrations, truth, strict=True):
        if "birth" not in told["tags"]:
            found[told["person"]].add(born(row["birth_date"]))
    return found


def test_a_person_is_born_on_one_day_wherever_no_error_is_booked(birthdays: dict[str, set[tuple[int, int, int]]]) -> None:
    assert len(birthdays) > 4_000
    assert all(len(days) == 1 for days in birthdays.values())
    assert len({year for days in birthdays.values() for year, _, _ in days}) > 80


def test_twins_and_namesakes_come_in_pairs_of_one_birthday(birthdays: dict[str, set[tuple[int, int, int]]], truth: Rows) -> None:
    cause = {row["person"]: row["cause"] for row in truth}
    for kind in ("twin", "namesake"):
        days = Counter(day for person, held in birthdays.items() if cause[person] == kind for day in held)
        assert days
        assert sum(number for number in days.values() if number > 1) / days.total() > 0.9


def test_families_are_on_one_insurance_number(registrations: Rows, truth: Rows) -> None:
    holders: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for row, told in zip(registrations, truth, strict=True):
        if len(row["insured_number"]) > 4 and row["insured_symbol"]:
            holders[row["insurer_number"].lstrip("0"), row["insured_symbol"], row["insured_number"]].add(told["person"])
    families = [persons for persons in holders.values() if len(persons) > 1]
    assert len(families) > 50
    assert max(len(persons) for persons in families) < 12


@pytest.mark.parametrize(
    ("tag", "column", "seen"),
    [
        ("half-width", "name_kana", "[ｦ-ﾟ]"),
        ("gaiji", "name_kanji", "[〓?]"),
        ("variation-selector", "name_kanji", "\U000e0101"),
        ("former-name-in-brackets", "name_kanji", "（.+）"),
        ("newborn-name", "name_kanji", "ベビ|ﾍﾞﾋﾞ|子|児|BABY"),
        ("no-kana", "name_kana", "^$"),
        ("no-birth", "birth_date", "^$"),
        ("no-insurance", "insured_number", "^$"),
        ("no-phone", "phone", "^$"),
        ("phone-two", "phone", "/"),
        ("address-kanji-number", "address", "[一二三四五六七八九十百千]"),
        ("care-home", "address", "ホーム|施設|ハウス|[0-9０-９]$|番地$|号$|^$|[^0-9]$"),
    ],
)
def test_a_tag_is_seen_in_its_column(registrations: Rows, truth: Rows, tag: str, column: str, seen: str) -> None:
    held = [(row, told["tags"].split(";")) for row, told in zip(registrations, truth, strict=True) if tag in told["tags"].split(";")]
    later = {"no-kanji", "fields-swapped", "no-kana", "cut-at-10", "no-phone", "phone-filler", "no-address", "address-cut"} - {tag}
    plain = [row for row, tags in held if not later & set(tags)]
    assert plain
    assert all(re.search(seen, row[column]) for row in plain)


def test_doubled_noise_doubles_errors_and_leaves_habits(truth: Rows, tmp_path: Path) -> None:
    make(tmp_path, 1, 2.0)
    once, twice = (Counter(tag for row in rows for tag in row["tags"].split(";")) for rows in (truth, read(tmp_path / "truth.csv")))
    assert (
        1.7
        < sum(twice[t] for t in ("no-insurance", "no-postal", "address-number"))
        / sum(once[t] for t in ("no-insurance", "no-postal", "address-number"))
        < 2.3
    )
    assert 0.9 < twice["half-width"] / once["half-width"] < 1.1


def test_the_check_tells_each_fact_beside_what_was_asked(folder: Path) -> None:
    told = (folder / "told.txt").read_text("utf-8")
    assert re.search(r"registrations a person +2\.\d+ +about 2\.3", told)
    assert re.search(r"pairs of one hospital, of all true pairs +[12]\.\d+% +2\.2 %", told)
