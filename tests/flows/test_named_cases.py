"""Every planted case of data_examples/cases.toml, by its name: what became of it at intake, in linkage and in the release."""

from __future__ import annotations

import csv
import tomllib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from kiban_operator import vault
from kiban_processing.transforms import keys as pseudonyms

DATA = Path(__file__).resolve().parents[2] / "data_examples"
CASES: dict[str, dict[str, Any]] = {case["name"]: case for case in tomllib.loads((DATA / "cases.toml").read_text("utf-8"))["cases"]}
REFERENCE_YEAR = 2025  # of the plan's reference_date


def with_key(*keys: str) -> list[str]:
    return [name for name, case in CASES.items() if all(key in case for key in keys)]


def stored(place: Any, shelf: str, key: str, table: str = "patients") -> list[dict[str, Any]]:
    return [row for row in place.rows(shelf, table) if row["patient_key"] == key]


def patient_line(case: dict[str, Any], prefix: str = "") -> tuple[str, int]:
    """File and data line of a registration in the hospital's patient file."""
    folder = DATA / "hospitals" / case[f"{prefix}hospital"].lower() / "submission"
    entry = next(e for e in tomllib.loads((folder / "mapping.toml").read_text("utf-8"))["files"] if e["table"] == "patients")
    manifest = tomllib.loads((folder / "manifest.toml").read_text("utf-8"))["submission"]
    encoding = "cp932" if manifest["encoding"] == "cp932" else "utf-8-sig"
    columns = {name: item if isinstance(item, str) else item["item"] for name, item in entry["columns"].items()}
    text = (folder / entry["file"]).read_bytes().decode(encoding, errors="replace")
    rows = csv.reader(text.splitlines(), delimiter=entry.get("delimiter", ","))
    at = [columns.get(name) for name in next(rows)].index("local_patient_id")
    lines = [number for number, row in enumerate(rows, 1) if row and row[at].strip('="') == case[f"{prefix}local_patient_id"]]
    (line,) = lines
    return entry["file"], line


def expect(told: Any, case: dict[str, Any], expected: str, prefix: str = "") -> None:
    key = told.key(case[f"{prefix}hospital"], case[f"{prefix}local_patient_id"])
    table, rule = case.get("table", "patients"), case.get("rule")
    in_vault, held = stored(told, "vault", key, table), stored(told, "held", key, table)
    if expected == "accepted":
        assert in_vault and not held
    elif expected == "held":
        assert held and not in_vault
        assert {row["ground"] for row in held} == {rule}
    else:
        assert expected == "quarantined"
        if "file" in case:
            where = (case["file"], case["source_row"])
        else:
            where = patient_line(case, prefix)
            assert not in_vault and not held
        rules = [
            found["rule"]
            for found in told.findings()
            if (found["source_file"], found["source_row"]) == where and found["severity"] == "row"
        ]
        assert rules == [rule]


@pytest.mark.parametrize("name", CASES)
def test_case_at_intake(told: Any, name: str) -> None:
    expect(told, CASES[name], CASES[name]["expected"])


@pytest.mark.parametrize("name", with_key("other_hospital"))
def test_other_registration_of_the_case(told: Any, name: str) -> None:
    expect(told, CASES[name], CASES[name].get("other_expected", CASES[name]["expected"]), "other_")


@pytest.mark.parametrize("name", with_key("linkage"))
def test_case_in_linkage(told: Any, name: str) -> None:
    case, known = CASES[name], told.persons()
    one = told.key(case["hospital"], case["local_patient_id"])
    other = told.key(case["other_hospital"], case["other_local_patient_id"])
    if case["linkage"] == "not linked":
        assert one not in known and other in known
        assert list(known.values()).count(known[other]) == 1
    else:
        assert (known[one] == known[other]) is (case["linkage"] == "one person")


def test_held_case_has_its_day(told: Any) -> None:
    case = CASES["notice-10-days-old"]
    held = stored(told, "held", told.key(case["hospital"], case["local_patient_id"]))
    assert [row["eligible_on"].isoformat() for row in held] == ["2026-12-11"]


@pytest.mark.parametrize(
    "name", [name for name, case in CASES.items() if case["expected"] != "accepted" and "file" not in case and "table" not in case]
)
def test_nothing_of_the_person_entered_or_left(told: Any, name: str) -> None:
    """No row of any table lies in the vault, no registration is linked, and none is a member of the release."""
    key = told.key(CASES[name]["hospital"], CASES[name]["local_patient_id"])
    for table in ("patients", "deaths", "encounters", "diagnoses", "prescriptions", "laboratory_results", "procedures", "health_checkups"):
        assert not stored(told, "vault", key, table)
    assert key not in told.persons()
    assert key not in {row["patient_key"] for row in told.rows("released", "members")}


def test_item_not_in_notice_keeps_the_rest(told: Any) -> None:
    case = CASES["item-not-in-notice"]
    key = told.key(case["hospital"], case["local_patient_id"])
    assert stored(told, "vault", key) and stored(told, "held", key, "health_checkups")
    assert not told.rows("vault", "health_checkups", "H003")
    assert told.rows("vault", "health_checkups", "H002")


@pytest.fixture(scope="module")
def released(told: Any) -> Callable[[str], list[dict[str, Any]]]:
    folder = Path(told.told["opened"]) / "data" / "parquet"
    return lambda table: pq.read_table(folder / f"{table}.parquet").to_pylist()


def pseudonym_of(told: Any, case: dict[str, Any]) -> str:
    person = told.persons()[told.key(case["hospital"], case["local_patient_id"])]
    with told.home.transaction() as session:
        secret = told.home.keyring.open(session, f"release/{told.told['release']}/pseudonym")
    return pseudonyms.pseudonym(secret, person)


def test_rare_disease_is_not_in_the_release(told: Any, released: Callable[[str], list[dict[str, Any]]]) -> None:
    case = CASES["rare-disease"]
    key = told.key(case["hospital"], case["local_patient_id"])
    diagnoses = told.rows("vault", "diagnoses")
    holders = Counter(code for code, _ in {(row["icd10"], row["patient_key"]) for row in diagnoses})
    rare = {row["icd10"] for row in diagnoses if row["patient_key"] == key and holders[row["icd10"]] == 1}
    assert rare
    codes = {row["icd10"] for row in released("diagnoses")}
    assert len(codes) > 3 and not rare & codes
    held_by: dict[str, set[str]] = {}
    for row in released("diagnoses"):
        if row["icd10"] is not None:
            held_by.setdefault(row["icd10"], set()).add(row["person"])
    assert min(len(people) for people in held_by.values()) >= 10


def test_age_103_is_one_of_all_over_90(told: Any, released: Callable[[str], list[dict[str, Any]]]) -> None:
    case = CASES["age-103"]
    own = stored(told, "vault", told.key(case["hospital"], case["local_patient_id"]))[0]["birth_date"]
    assert own.year == 1923
    shown = {row["person"]: row["birth_year"] for row in released("patients")}
    name = pseudonym_of(told, case)
    with told.home.transaction() as session:
        secret = told.home.keyring.open(session, f"release/{told.told['release']}/pseudonym")
    # A year older than the edge, since a shift of up to half a year may carry those at the edge over it.
    old = {
        row["patient_key"] for row in told.rows("vault", "patients") if row["birth_date"] and row["birth_date"].year < REFERENCE_YEAR - 90
    }
    people = {pseudonyms.pseudonym(secret, row["person"]) for row in told.rows("released", "members") if row["patient_key"] in old}
    assert name in people and len(people & shown.keys()) >= 10
    assert {shown[each] for each in people & shown.keys()} == {f"<={REFERENCE_YEAR - 90}"}


def test_postal_code_of_one_organisation_never_leaves(told: Any, released: Callable[[str], list[dict[str, Any]]]) -> None:
    case = CASES["one-organisation-postal-code"]
    code = stored(told, "vault", told.key(case["hospital"], case["local_patient_id"]))[0]["postal_code"]
    assert code
    digits = code.replace("-", "")
    for row in released("patients"):
        assert not any(digits in str(value).replace("-", "") for value in row.values())


def test_stop_at_one_hospital_takes_nothing_of_it_along(told: Any, released: Callable[[str], list[dict[str, Any]]]) -> None:
    """The person's other registration is in the release; of the stopped hospital no visit is under its pseudonym."""
    case = CASES["stopped-at-one-hospital"]
    other = told.key(case["other_hospital"], case["other_local_patient_id"])
    person = told.persons()[other]
    members = [row for row in told.rows("released", "members") if row["person"] == person]
    assert {row["hospital"] for row in members} <= {case["other_hospital"]}
    with told.home.transaction() as session:
        secret = told.home.keyring.open(session, f"release/{told.told['release']}/pseudonym")
    name = pseudonyms.pseudonym(secret, person)
    of_the_other = [row for row in told.rows("vault", "encounters") if row["patient_key"] == other]
    assert len([row for row in released("encounters") if row["person"] == name]) <= len(of_the_other)
    stopped = told.key(case["hospital"], case["local_patient_id"])
    for file_rows in (told.rows(shelf, table) for shelf in ("vault", "held") for table in ("patients", "encounters", "diagnoses")):
        assert stopped not in {row["patient_key"] for row in file_rows}


def test_release_members_are_only_rows_of_the_vault(told: Any) -> None:
    assert vault.Shelf.RELEASED.value == "released"
    in_vault = {row["patient_key"] for row in told.rows("vault", "patients")}
    members = {row["patient_key"] for row in told.rows("released", "members")}
    assert members and members <= in_vault
