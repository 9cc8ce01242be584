"""The worked examples of the model and treatment pages: the figures that a page claims are the figures of its own table."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from kiban_processing import anonymity
from kiban_processing.hierarchies import ages as age_labels
from kiban_processing.hierarchies import codes, hierarchy
from kiban_processing.hierarchies.residence import residence
from kiban_processing.planned import Clip
from kiban_processing.recoding import lattice, local
from kiban_processing.recoding.demands import Demand
from kiban_processing.recoding.tuples import Tuples
from kiban_processing.risk import figures
from kiban_processing.transforms import dates, measurements, places, rarity

DOCS = Path(__file__).resolve().parents[2] / "docs"
CLAIMED = ["k-anonymity", "l-diversity", "t-closeness", "beta-likeness"]


def tables_of(page: str) -> list[list[list[str]]]:
    """The tables of a page below its heading “Worked example”, header first."""
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8").split("## Worked example", 1)[1]
    found: list[list[list[str]]] = [[]]
    for line in text.splitlines():
        if line.startswith("|"):
            found[-1].append([cell.strip() for cell in line.strip("|").split("|")])
        elif found[-1]:
            found.append([])
    return [[table[0], *table[2:]] for table in found if table]


@pytest.mark.parametrize("page", CLAIMED)
def test_a_model_page_claims_the_figures_of_its_table(page: str) -> None:
    (header, *rows), *_ = tables_of(f"models/{page}")
    claimed = dict(re.findall(r"^(\w+) = ([\d.]+)$", (DOCS / f"models/{page}.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert claimed
    con = duckdb.connect()
    con.register("example", pa.table(list(zip(*rows, strict=True)), names=header))
    measured = figures.measure(con, "example", ["age_band", "sex", "residence"], [header[-1]], person="person")
    (illness,) = measured.sensitive
    found = {
        "k": measured.k,
        "classes": measured.classes,
        "distinct_l": illness.l_distinct,
        "entropy_l": illness.l_entropy,
        "t": illness.t_equal,
        "beta": illness.beta,
    }
    for name, value in claimed.items():
        assert found[name] == pytest.approx(float(value), abs=5e-5), name


def test_ages_places_dates_and_numbers_are_treated_as_the_pages_say() -> None:
    reference = date(2025, 3, 31)
    for born, year, band in tables_of("treatments/ages")[0][1:]:
        assert age_labels.birth_year_label(date.fromisoformat(born), reference) == year
        assert age_labels.age_band_label(date.fromisoformat(born), reference) == band
    prefectures = residence(False, 0, ())
    for address, code, prefecture in tables_of("treatments/places")[0][1:]:
        assert places.place(address or None, code or None, prefectures) == prefecture
    for _, before, after in tables_of("treatments/date-shift")[0][1:]:
        assert dates.shifted(date.fromisoformat(before), 3) == date.fromisoformat(after)
    first = date(2024, 4, 12)
    for day, gap, becomes in tables_of("treatments/date-shift")[2][1:]:
        assert (date.fromisoformat(day) - first).days == int(gap)
        assert dates.coarse(date.fromisoformat(day), first, 7) == date.fromisoformat(becomes)
    for before, after in tables_of("treatments/clipping")[0][1:]:
        assert measurements.clipped(float(before), (4.1, 12.0)) == float(after)
    assert measurements.ranks(1000, Clip(0.005, 0.995, 3)) == (5, 5)


def test_rare_codes_go_up_as_the_page_says() -> None:
    rows = tables_of("treatments/rare-values")[0][1:]
    held = {code: set(persons.split(", ")) for code, persons, _ in rows}
    settled = rarity.settle_slowly({code: codes.path("ICD-10", code) for code in held}, held, 3)
    assert settled == {code: label for code, _, label in rows}


def encoded(rows: list[tuple[str, ...]], hierarchies: list[hierarchy.Hierarchy]) -> Tuples:
    con = duckdb.connect()
    columns = [f"c{number}" for number, _ in enumerate(hierarchies)]
    con.register("rows", pa.table([range(len(rows)), *zip(*rows, strict=True)], names=["person", *columns]))
    quasi = [anonymity.Quasi(column, one) for column, one in zip(columns, hierarchies, strict=True)]
    return anonymity.encode(con, "rows", quasi, [])


def test_the_loss_of_global_recoding_is_what_the_page_says() -> None:
    ages = hierarchy.build("age", "1", [(str(age), f"{age - age % 10}-{age - age % 10 + 9}", "*") for age in range(100)])
    rows = [(age, sex) for age, sex, _, _ in tables_of("treatments/global-recoding")[0][1:]]
    found = lattice.search(encoded(rows, [ages, age_labels.sex()]), Demand(2), 0)
    assert found is not None
    assert found.node == (1, 1)
    text = (DOCS / "treatments/global-recoding.md").read_text(encoding="utf-8")
    assert f"{found.loss_geometric:.4f}" in text


def test_local_recoding_forms_the_classes_that_the_page_shows() -> None:
    persons = [tuple(row[1:4]) for row in tables_of("models/k-anonymity")[0][1:]] + [("45-49", "male", "千葉県")]
    hierarchies = [age_labels.age_band(), age_labels.sex(), residence(False, 0, ()).hierarchy]
    tuples = encoded(persons, hierarchies)
    found = local.recode(tuples, Demand(3), 0)
    assert found is not None
    shown = {(age, sex, place) for _, age, sex, place in tables_of("treatments/local-recoding")[0][1:]}
    released = {
        tuple(
            one.labels[found.levels[found.of[at], number]][one.codes[found.levels[found.of[at], number]][tuples.leaves[number][at]]]
            for number, one in enumerate(hierarchies)
        )
        for at in range(len(tuples))
    }
    assert released == shown
