"""What a plan asks beyond k: read strictly, met by the result, judged again at the gate, and sealed so that older plans keep their digests."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from kiban_processing import anonymise, engine, plan
from kiban_processing.hierarchies import hierarchy
from kiban_processing.outcome import ReleaseSecrets
from kiban_processing.recoding import demands, meaning
from kiban_processing.recoding.demands import (
    Closeness,
    DistinctDiversity,
    EntropyDiversity,
    Ground,
    Likeness,
    Model,
    RecursiveDiversity,
)
from kiban_processing.refusals import Refusal

SECRETS = ReleaseSecrets(b"p" * 32, b"s" * 32)
EXAMPLE = Path(__file__).parents[2] / "data_examples" / "plans" / "diabetes-cohort.toml"
PLAN = """
[anonymity]
k = 2
suppression_limit = {limit}
{models}
{population}
[columns.age]
quasi = true
hierarchy = "age.csv"
[columns.stage]
sensitive = true
"""
STAGES = ["I", "II", "III", "IV"]
ROWS = [(20 + number % 40, STAGES[(number * number // 3 + number // 10) % 4]) for number in range(160)]
ASKED: dict[str, tuple[str, Model]] = {
    "distinct l": ('l = [{ column = "stage", value = 3 }]', DistinctDiversity(3)),
    "entropy l": ('l = [{ column = "stage", kind = "entropy", value = 2.8 }]', EntropyDiversity(2.8)),
    "recursive l": ('l = [{ column = "stage", kind = "recursive", c = 1.2, value = 2 }]', RecursiveDiversity(1.2, 2)),
    "t": ('t = [{ column = "stage", value = 0.2 }]', Closeness(0.2)),
    "ordered t": ('t = [{ column = "stage", ground = "ordered", hierarchy = "stages.csv", value = 0.1 }]', Closeness(0.1, Ground.ORDERED)),
    "hierarchical t": (
        't = [{ column = "stage", ground = "hierarchical", hierarchy = "stages.csv", value = 0.12 }]',
        Closeness(0.12, Ground.HIERARCHICAL),
    ),
    "beta": ('beta = [{ column = "stage", value = 0.5 }]', Likeness(0.5)),
    "enhanced beta": ('beta = [{ column = "stage", value = 0.5, enhanced = true }]', Likeness(0.5, True)),
}


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., tuple[dict[str, Any], list[dict[str, str]]]]:
    (tmp_path / "age.csv").write_text("".join(f"{a};{a // 5 * 5}+;{a // 10 * 10}++;{a // 20 * 20}+++;*\n" for a in range(20, 60)), "utf-8")
    (tmp_path / "stages.csv").write_text("I;early;*\nII;early;*\nIII;late;*\nIV;late;*\n", "utf-8")
    (tmp_path / "table.csv").write_text("age,stage\n" + "".join(f"{age},{stage}\n" for age, stage in ROWS), "utf-8")

    def go(models: str = "", population: str = "", limit: float = 0.0) -> tuple[dict[str, Any], list[dict[str, str]]]:
        text = PLAN.replace("{models}", models).replace("{population}", population).replace("{limit}", str(limit))
        (tmp_path / "plan.toml").write_text(text, "utf-8")
        report = anonymise.anonymise_table(tmp_path / "table.csv", tmp_path / "plan.toml", tmp_path / "out", SECRETS)
        assert json.loads((tmp_path / "out" / "report.json").read_text("utf-8")) == report
        with (tmp_path / "out" / "data.csv").open(encoding="utf-8") as file:
            return report, list(csv.DictReader(file))

    return go


@pytest.mark.parametrize(("models", "model"), ASKED.values(), ids=ASKED.keys())
def test_the_written_table_satisfies_what_is_asked(models: str, model: Model, run: Any, tmp_path: Path) -> None:
    plain, _ = run()
    report, rows = run(models)
    assert report["node"]["age"] > plain["node"]["age"]  # it did ask for something
    tree = hierarchy.read("stages", "1", (tmp_path / "stages.csv").read_text("utf-8"))
    classes: dict[str, Counter[str | None]] = defaultdict(Counter)
    for row in rows:
        classes[row["age"]][row["stage"]] += 1
    whole = sum(classes.values(), Counter[str | None]())
    assert all(meaning.holds(model, here, whole, tree) for here in classes.values())
    (one,) = report["sensitive"]
    assert [asked["model"] for asked in one["models"]] == [demands.called(model)]
    # One level finer does not satisfy it: the search gave away no more than it had to.
    finer: dict[str, Counter[str | None]] = defaultdict(Counter)
    labels = [line.split(";") for line in (tmp_path / "age.csv").read_text("utf-8").splitlines()]
    for age, stage in ROWS:
        finer[labels[age - 20][report["node"]["age"] - 1]][stage] += 1
    assert not all(meaning.holds(model, here, whole, tree) and here.total() >= 2 for here in finer.values())


def test_all_models_at_once_are_all_met(run: Any) -> None:
    report, _ = run(
        'l = [{ column = "stage", value = 3 }, { column = "stage", kind = "entropy", value = 2.8 }]\n'
        't = [{ column = "stage", value = 0.3 }, { column = "stage", ground = "ordered", value = 0.2 }]\n'
        'beta = [{ column = "stage", value = 0.6 }]'
    )
    asked = {one["model"]: one for one in report["sensitive"][0]["models"]}
    assert list(asked) == ["l-distinct", "l-entropy", "t-equal", "t-ordered", "beta-basic"]
    assert all(one["reached"] >= one["asked"] for name, one in asked.items() if name.startswith("l-"))
    assert all(one["reached"] <= one["asked"] + 1e-9 for name, one in asked.items() if not name.startswith("l-"))


def test_a_population_table(run: Any, tmp_path: Path) -> None:
    ages = [age for age, _ in ROWS] + [age for age, _ in ROWS if age % 2] * 2
    (tmp_path / "people.csv").write_text("age\n" + "".join(f"{age}\n" for age in ages), "utf-8")
    plain, _ = run()
    mapped, _ = run(population='[population]\nfile = "people.csv"\nk_map = 5')
    assert plain["node"] == {"age": 0} and mapped["node"] == {"age": 1}  # even ages have four alike, odd ones twelve
    shared, _ = run(population='[population]\nfile = "people.csv"\npresence_high = 0.6')
    assert shared["node"] == {"age": 1}
    with pytest.raises(Refusal) as caught:
        run(population='[population]\nfile = "people.csv"\npresence_high = 0.4')
    assert caught.value.code == "anonymity-unattainable"


WRONG = {
    "unknown kind": ('l = [{ column = "stage", kind = "magic", value = 2 }]', "", "plan-field"),
    "recursive without c": ('l = [{ column = "stage", kind = "recursive", value = 2 }]', "", "plan-field"),
    "c where none belongs": ('l = [{ column = "stage", c = 2.0, value = 2 }]', "", "plan-field"),
    "half a value": ('l = [{ column = "stage", value = 2.5 }]', "", "plan-field"),
    "hierarchical without one": ('t = [{ column = "stage", ground = "hierarchical", value = 0.1 }]', "", "plan-field"),
    "equal with one": ('t = [{ column = "stage", hierarchy = "stages.csv", value = 0.1 }]', "", "plan-field"),
    "no such file": ('t = [{ column = "stage", ground = "ordered", hierarchy = "x.csv", value = 0.1 }]', "", "hierarchy-unknown"),
    "a gap": ('t = [{ column = "stage", ground = "ordered", hierarchy = "age.csv", value = 0.1 }]', "", "hierarchy-gap"),
    "two hierarchies": (
        't = [{ column = "stage", ground = "ordered", hierarchy = "age.csv", value = 0.1 }, '
        '{ column = "stage", ground = "ordered", hierarchy = "stages.csv", value = 0.1 }]',
        "",
        "plan-field",
    ),
    "beta on a quasi-identifier": ('beta = [{ column = "age", value = 0.5 }]', "", "plan-field"),
    "a population without a model": ("", '[population]\nfile = "table.csv"', "plan-field"),
    "bounds the wrong way round": ("", '[population]\nfile = "table.csv"\npresence_low = 0.5\npresence_high = 0.2', "plan-field"),
    "no population table": ("", '[population]\nfile = "x.csv"\nk_map = 5', "table-unreadable"),
    "a population without the columns": ("", '[population]\nfile = "stages.csv"\nk_map = 5', "table-column-absent"),
}


@pytest.mark.parametrize(("models", "population", "code"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_asked_is_refused(models: str, population: str, code: str, run: Any) -> None:
    with pytest.raises(Refusal) as caught:
        run(models, population)
    assert caught.value.code == code


def test_a_release_plan_says_the_same_and_an_older_one_keeps_its_digest(tmp_path: Path) -> None:
    text = re.sub(r"\[risk\]\n.*?\n\n", "", EXAMPLE.read_text("utf-8"), flags=re.DOTALL)
    (tmp_path / "plan.toml").write_text(text, "utf-8")
    before = plan.read(tmp_path / "plan.toml")
    old_form = {**asdict(before), "reference_date": str(before.reference_date)}
    for grown in ("digest", "risk", "visits", "derived", "code_sets"):
        del old_form[grown]
    for grown in ("beta", "metric", "suppress"):
        del old_form["anonymity"][grown]
    assert before.digest == hashlib.sha256(rfc8785.dumps(old_form)).hexdigest()
    head = 'method = "global"'
    assert head in text
    (tmp_path / "codes.csv").write_text("E11.9;E11;*\nI10;I10;*\n", "utf-8")
    asked = [
        't = [{ column = "diagnoses.icd10", value = 0.5 }]',
        't = [{ column = "diagnoses.icd10", ground = "ordered", value = 0.5 }]',
        't = [{ column = "diagnoses.icd10", ground = "hierarchical", hierarchy = "codes.csv", value = 0.5 }]',
        'beta = [{ column = "diagnoses.icd10", value = 0.5 }]',
        'beta = [{ column = "diagnoses.icd10", value = 0.5, enhanced = true }]',
    ]
    digests = {before.digest}
    for one in asked:
        (tmp_path / "plan.toml").write_text(text.replace(head, f"{head}\n{one}", 1), "utf-8")
        read = plan.read(tmp_path / "plan.toml")
        plan.check(read, read.requested)
        digests.add(read.digest)
    assert len(digests) == 1 + len(asked)
    (found,) = engine.asked_of(read)
    assert found.models == (Likeness(0.5, enhanced=True),)
