"""A plan is read strictly, has a digest of all it says, and is refused where the law or the approval does not carry it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from kiban_processing import permitted, plan
from kiban_processing.catalogue import tables
from kiban_processing.catalogue.items import Kind
from kiban_processing.permitted import Treatment
from kiban_processing.refusals import Refusal

EXAMPLE = Path(__file__).parents[2] / "data_examples" / "plans" / "diabetes-cohort.toml"
WITHOUT_BOUNDS = re.sub(r"\[risk\]\n.*?\n\n", "", EXAMPLE.read_text("utf-8"), flags=re.DOTALL)


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """The example, apart from its bounds of risk, with some text replaced."""

    def write(old: str = "", new: str = "") -> Path:
        text = WITHOUT_BOUNDS
        assert old in text
        path = tmp_path / "plan.toml"
        path.write_text(text.replace(old, new, 1) if old else text, encoding="utf-8")
        return path

    return write


def test_the_example_is_accepted_for_exactly_what_it_asks() -> None:
    read = plan.read(EXAMPLE)
    plan.check(read, read.requested)
    assert "patients.name_kanji" not in read.requested
    for item in read.requested:
        with pytest.raises(Refusal) as caught:
            plan.check(read, read.requested - {item})
        assert caught.value.code == "plan-exceeds-approval"
        assert item in caught.value.read("en")


# What is changed in the example, and the code of the refusal; None where the text is changed by reading already.
CHANGES = {
    "k below the floor for a file": ("k = 10 ", "k = 9 ", "plan-k-below-floor"),
    "k not a number": ("k = 10 ", 'k = "10" ', "plan-field"),
    "k is true": ("k = 10 ", "k = true ", "plan-field"),
    "limit above one": ("suppression_limit = 0.05", "suppression_limit = 5", "plan-field"),
    "unknown recipient": ('"academia"', '"everyone"', "plan-field"),
    "unknown field": ("[shift]", "[shift]\nrandom = true", "plan-field"),
    "unknown section": ("[shift]", "[swap]\nx = 1\n[shift]", "plan-field"),
    "no window": ("window_weeks = 26", "", "plan-field"),
    "broken TOML": ("[shift]", "[shift", "plan-unreadable"),
    "unknown column": ("sex = {", 'shoe_size = { treatment = "keep" }\nsex = {', "undeclared-item"),
    "unknown table": ("[tables.encounters.columns]", "[tables.visits.columns]", "undeclared-item"),
    "no treatment": ('icd10 = { treatment = "generalise_rare" }', "icd10 = {}", "plan-treatment-missing"),
    "unknown treatment": ('icd10 = { treatment = "generalise_rare" }', 'icd10 = { treatment = "encrypt" }', "plan-treatment-forbidden"),
    "name kept": ('name_kanji = { treatment = "remove" }', 'name_kanji = { treatment = "keep" }', "plan-treatment-forbidden"),
    "name rekeyed": ('name_kanji = { treatment = "remove" }', 'name_kanji = { treatment = "rekey" }', "plan-treatment-forbidden"),
    "insured number": ("sex = {", 'insured_number = { treatment = "rekey" }\nsex = {', "plan-treatment-forbidden"),
    "local patient ID": ("sex = {", 'local_patient_id = { treatment = "rekey" }\nsex = {', "plan-treatment-forbidden"),
    "hospital name": ('facility_name = { treatment = "remove" }', 'facility_name = { treatment = "keep" }', "plan-treatment-forbidden"),
    "free text": (
        'disease_name = { treatment = "remove" }',
        'disease_name = { treatment = "generalise_rare" }',
        "plan-treatment-forbidden",
    ),
    "open code kept": ('icd10 = { treatment = "generalise_rare" }', 'icd10 = { treatment = "keep" }', "plan-treatment-forbidden"),
    "number kept": ('value = { treatment = "clip" }', 'value = { treatment = "keep" }', "plan-treatment-forbidden"),
    "linking code kept": ('encounter_id = { treatment = "rekey" }', 'encounter_id = { treatment = "keep" }', "plan-treatment-forbidden"),
    "date unshifted": ('started_on = { treatment = "shift" }', 'started_on = { treatment = "keep" }', "plan-date-unshifted"),
    "birth date unshifted": ('birth_date = { treatment = "birth_year"', 'birth_date = { treatment = "keep"', "plan-date-unshifted"),
    "birth date in full": ('birth_date = { treatment = "birth_year"', 'birth_date = { treatment = "shift"', "plan-treatment-forbidden"),
    "sex not quasi": ('sex = { treatment = "keep", quasi = true,', 'sex = { treatment = "keep",', "plan-quasi-missing"),
    "year not quasi": ('"birth_year", quasi = true,', '"birth_year",', "plan-quasi-missing"),
    "place not quasi": ('address = { treatment = "place", quasi = true,', 'address = { treatment = "place",', "plan-quasi-missing"),
    "quasi in events": ('certainty = { treatment = "keep" }', 'certainty = { treatment = "keep", quasi = true }', "plan-quasi-misplaced"),
    "quasi full date": (
        'death_date = { treatment = "shift" }',
        'death_date = { treatment = "shift", quasi = true }',
        "plan-quasi-misplaced",
    ),
    "l on nothing": ('method = "global"', 'l = [{ column = "diagnoses.outcome", value = 2 }]', "plan-sensitive-unreleased"),
    "t on a quasi": ('method = "global"', 't = [{ column = "patients.sex", value = 0.2 }]', "plan-sensitive-unreleased"),
    "l on a department": ('method = "global"', 'l = [{ column = "encounters.department", value = 2 }]', "plan-sensitive-unreleased"),
    "hierarchy without quasi": ('days = { treatment = "clip" }', 'days = { treatment = "clip", hierarchy = "sex" }', "plan-field"),
    "groups without clip": ('certainty = { treatment = "keep" }', 'certainty = { treatment = "keep", by = ["icd10"] }', "plan-field"),
    "groups of no codes": ('days = { treatment = "clip" }', 'days = { treatment = "clip", by = ["quantity"] }', "plan-field"),
    "hierarchy file absent": ('hierarchy = "sex"', 'hierarchy = "sex.csv"', "plan-unreadable"),
    "unknown risk": ("[shift]", "[risk]\nhunter = 0.1\n[shift]", "plan-field"),
    "risk above one": ("[shift]", "[risk]\nprosecutor = 10\n[shift]", "plan-field"),
    "journalist without population": ("[shift]", "[risk]\njournalist = 0.05\n[shift]", "plan-field"),
    "five events": ("[shift]", "[risk]\nknown_events = [{ events = 5, days = 7 }]\n[shift]", "plan-field"),
    "events twice": ("[shift]", "[risk]\nknown_events = [{ events = 2, days = 7 }, { events = 2, days = 7 }]\n[shift]", "plan-field"),
    "event without days": ("[shift]", "[risk]\nknown_events = [{ events = 2 }]\n[shift]", "plan-field"),
    "inference of nothing released": (
        "[shift]",
        '[risk]\ninference = [{ column = "diagnoses.outcome", advantage = 0.3 }]\n[shift]',
        "plan-sensitive-unreleased",
    ),
    "inference twice": (
        "[shift]",
        '[risk]\ninference = [{ column = "diagnoses.icd10", advantage = 0.3 }, { column = "diagnoses.icd10", advantage = 0.2 }]\n[shift]',
        "plan-field",
    ),
    "no collusion without a reason": ("[shift]", '[risk]\nintersection = "recipient"\n[shift]', "plan-risk-weakened"),
    "shift recovery without a reason": ("[shift]", "[risk]\nshift_advantage = 0.1\n[shift]", "plan-risk-weakened"),
    "municipality without floor": ('level = "prefecture"', 'level = "municipality"', "plan-field"),
}


@pytest.mark.parametrize(("old", "new", "code"), CHANGES.values(), ids=CHANGES.keys())
def test_a_plan_is_refused(old: str, new: str, code: str, written: Callable[..., Path]) -> None:
    with pytest.raises(Refusal) as caught:
        read = plan.read(written(old, new))
        plan.check(read, read.requested)
    assert caught.value.code == code
    assert caught.value.read("ja")
    assert caught.value.read("en")


def test_a_recorded_reason_goes_below_the_floor(written: Callable[..., Path]) -> None:
    path = written("k = 10 ", "k = 5 ")
    path.write_text(path.read_text("utf-8").replace("[anonymity]", 'k_reason = "committee 2025-3"\n\n[anonymity]', 1), "utf-8")
    read = plan.read(path)
    plan.check(read, read.requested)


def test_a_visiting_environment_has_a_lower_floor(written: Callable[..., Path]) -> None:
    path = written("k = 10 ", "k = 5 ")
    path.write_text(path.read_text("utf-8").replace('"file"', '"visiting"'), "utf-8")
    read = plan.read(path)
    plan.check(read, read.requested)


def test_the_digest_is_of_the_meaning_and_of_all_of_it(written: Callable[..., Path], tmp_path: Path) -> None:
    first = plan.read(written()).digest
    assert (
        plan.read(written("# one constant", "# another comment")).digest == first
        if "# one constant" in EXAMPLE.read_text("utf-8")
        else True
    )
    for old, new in (("k = 10 ", "k = 11 "), ("window_weeks = 26", "window_weeks = 25"), ('abnormal = { treatment = "keep" }\n', "")):
        assert plan.read(written(old, new)).digest != first
    (tmp_path / "sex.csv").write_text("male;*\nfemale;*\n", "utf-8")
    one = plan.read(written('hierarchy = "sex"', 'hierarchy = "sex.csv"')).digest
    (tmp_path / "sex.csv").write_text("male;*\nfemale;*\nother;*\n", "utf-8")
    assert plan.read(written('hierarchy = "sex"', 'hierarchy = "sex.csv"')).digest != one


def test_a_plan_without_bounds_has_the_defaults_and_one_with_them_another_digest(written: Callable[..., Path]) -> None:
    plain = plan.read(written())
    assert plain.risk == plan.Risk(intersection=plan.Intersection.ALL, shift_advantage=0.02)
    assert plain.risk.highest(10) == 0.1
    text = """[risk]
prosecutor = 0.05
marketer = 0.01
journalist = 0.02
population = 120000
known_events = [{ events = 2, days = 7, share = 0.05 }, { events = 4, days = 0 }]
shift_advantage = 0.1
inference = [{ column = "diagnoses.icd10", advantage = 0.3 }]
intersection = "recipient"
margin = 2
reason = "visiting room, one recipient only"
[shift]"""
    bounded = plan.read(written("[shift]", text))
    plan.check(bounded, bounded.requested)
    assert bounded.risk == plan.Risk(
        0.05,
        0.01,
        0.02,
        120000,
        (plan.KnownEvents(2, 7, 0.05), plan.KnownEvents(4, 0)),
        0.1,
        (plan.Inference("diagnoses.icd10", 0.3),),
        plan.Intersection.RECIPIENT,
        2,
        "visiting room, one recipient only",
    )
    assert bounded.risk.highest(10) == 0.05
    digests = {plain.digest, bounded.digest}
    for old, new in (("marketer = 0.01", "marketer = 0.02"), ("days = 7", "days = 8"), ("margin = 2", "margin = 3")):
        digests.add(plan.read(written("[shift]", text.replace(old, new))).digest)
    assert len(digests) == 5


@pytest.mark.parametrize("kind", [Kind.DIRECT_IDENTIFIER, Kind.IDENTIFICATION_CODE, Kind.FREE_TEXT])
def test_what_must_go_can_only_be_removed(kind: Kind) -> None:
    for name in tables.names_of(kind):
        assert permitted.treatments_of(tables.named(name)) == {Treatment.REMOVE}


def test_every_item_has_treatments_and_can_be_removed() -> None:
    for _, item in tables.qualified_items():
        assert Treatment.REMOVE in permitted.treatments_of(item)
    assert set(permitted.BY_KIND) == set(Kind)
    assert len(permitted.K_FLOORS) == len(permitted.RecipientClass) * len(permitted.DeliveryForm)
