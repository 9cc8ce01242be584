"""The stand-alone tool: a table and a plan in, a table and a report out."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from kiban_processing import anonymise
from kiban_processing.outcome import ReleaseSecrets
from kiban_processing.refusals import Refusal

SECRETS = ReleaseSecrets(b"p" * 32, b"s" * 32)
PLAN = """
[table]
{table}
[anonymity]
k = {k}
suppression_limit = {limit}
method = "{method}"
{models}
[columns.age]
quasi = true
hierarchy = "age.csv"
[columns.sex]
quasi = true
hierarchy = "sex.csv"
[columns.illness]
sensitive = true
[columns.number]
treatment = "hash"
[columns.name]
treatment = "remove"
"""
HEAD = "name,number,age,sex,illness\n"


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., tuple[dict[str, Any], list[dict[str, str]]]]:
    (tmp_path / "age.csv").write_text("".join(f"{age};{age - age % 10}-{age - age % 10 + 9};*\n" for age in range(100)), "utf-8")
    (tmp_path / "sex.csv").write_text("male,*\nfemale,*\n", "utf-8")

    def go(
        lines: list[str],
        k: int = 2,
        limit: float = 0.0,
        method: str = "global",
        models: str = "",
        table: str = "",
        head: str = HEAD,
        plan: str = PLAN,
    ) -> tuple[dict[str, Any], list[dict[str, str]]]:
        (tmp_path / "table.csv").write_text(head + "\n".join(lines) + "\n", "utf-8")
        text = plan
        for name, value in (("k", k), ("limit", limit), ("method", method), ("models", models), ("table", table)):
            text = text.replace("{" + name + "}", str(value))
        (tmp_path / "plan.toml").write_text(text, "utf-8")
        report = anonymise.anonymise_table(tmp_path / "table.csv", tmp_path / "plan.toml", tmp_path / "out", SECRETS)
        with (tmp_path / "out" / "data.csv").open(encoding="utf-8") as file:
            return report, list(csv.DictReader(file))

    return go


LINES = [f"佐藤{one},{one % 20},{40 + one % 4},{'male' if one % 3 else 'female'},{'flu' if one % 2 else 'cold'}" for one in range(40)]


def test_the_report_is_true_of_the_files(run: Any, tmp_path: Path) -> None:
    report, rows = run([*LINES, "佐藤40,40,97,male,flu"], limit=0.05)
    assert report == json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    classes = Counter((row["age"], row["sex"]) for row in rows)
    assert report["k"] == min(classes.values()) >= 2
    assert report["classes"] == len(classes)
    assert report["suppressed_records"] == 41 - len(rows) == 1
    assert report["node"] == {"age": 0, "sex": 0}
    assert set(rows[0]) == {"age", "sex", "illness", "number"}
    assert not {row["number"] for row in rows} & {str(one) for one in range(41)}
    parquet = duckdb.sql(f"SELECT count(*) FROM '{tmp_path / 'out' / 'data.parquet'}'").fetchone()
    assert parquet == (len(rows),)
    assert "佐藤" not in (tmp_path / "out" / "data.csv").read_text("utf-8")
    assert not (tmp_path / "out" / ".spill").exists()


def test_loss_follows_its_definition(run: Any) -> None:
    report, _ = run(LINES[:3], k=2)
    assert report["node"] == {"age": 1, "sex": 1}
    age, sex = (0.1 - 0.01) / (1 - 0.01), 1.0
    assert report["loss_geometric"] == pytest.approx(((1 + age) * (1 + sex)) ** 0.5 - 1)
    assert report["loss_arithmetic"] == pytest.approx((age + sex) / 2)


def test_the_same_rows_in_any_order_give_the_same_bytes(run: Any, tmp_path: Path) -> None:
    written = []
    for lines in (LINES, LINES[::-1]):
        run(lines, k=3, limit=0.1)
        written.append([(tmp_path / "out" / name).read_bytes() for name in ("data.csv", "data.parquet", "report.json")])
    assert written[0] == written[1]


def test_rows_pass_where_persons_fail(run: Any) -> None:
    """Ten rows of one person make a class of ten rows, and of one person."""
    lines = ["a,1,40,male,flu"] * 10 + ["b,2,55,female,flu"] * 10
    report, _ = run(lines, k=5, plan=PLAN)
    assert (report["k"], report["counted"]) == (10, "rows")
    with pytest.raises(Refusal) as caught:
        run(lines, k=5, table='person = "number"')
    assert caught.value.code == "anonymity-unattainable"
    report, rows = run(lines, k=2, table='person = "number"')
    assert (report["k"], report["counted"], len(rows)) == (2, "persons", 20)
    assert report["node"] == {"age": 2, "sex": 1}


def test_a_person_whose_quasi_identifiers_vary_is_refused(run: Any) -> None:
    with pytest.raises(Refusal) as caught:
        run(["a,1,40,male,flu", "a,1,41,male,flu"], table='person = "number"')
    assert caught.value.code == "table-person-varies"


def test_an_unplanned_or_absent_column_is_refused(run: Any) -> None:
    with pytest.raises(Refusal) as caught:
        run(["x,1,40,male,flu,090"], head=HEAD.strip() + ",phone\n")
    assert caught.value.code == "table-column-unplanned"
    with pytest.raises(Refusal) as caught:
        run(["1,40,male,flu"], head="number,age,sex,illness\n")
    assert caught.value.code == "table-column-absent"


def test_missing_values_are_a_class_of_their_own(run: Any) -> None:
    report, rows = run([*LINES, "x,1,,male,flu", "y,2,,male,flu"])
    assert report["suppressed_records"] == 0
    assert Counter(row["age"] for row in rows)[""] == 2
    report, rows = run([*LINES, "x,1,,male,flu"], limit=0.05)
    assert report["suppressed_records"] == 1
    assert "" not in {row["age"] for row in rows}


def test_diversity_is_met(run: Any) -> None:
    report, rows = run(LINES, models='l = [{ column = "illness", value = 2 }]', limit=0.5)
    values: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        values.setdefault((row["age"], row["sex"]), set()).add(row["illness"])
    assert report["sensitive"][0]["l"] == min(len(one) for one in values.values()) == 2


def test_anjana_is_another_way_and_counted_by_us(run: Any) -> None:
    report, rows = run([*LINES, "x,1,,male,flu"], k=4, limit=0.1, method="anjana")
    best, _ = run([*LINES, "x,1,,male,flu"], k=4, limit=0.1)
    assert report["method"] == "anjana"
    assert report["k"] == min(Counter((row["age"], row["sex"]) for row in rows).values()) >= 4
    assert "index" not in rows[0]
    assert best["loss_geometric"] <= report["loss_geometric"] + 1e-9


PLANS = {
    "no such hierarchy": ('"sex.csv"', '"gender.csv"', "hierarchy-unknown"),
    "two uses": ("sensitive = true", 'sensitive = true\ntreatment = "keep"', "plan-field"),
    "l on a quasi-identifier": ("{models}", 'l = [{ column = "sex", value = 2 }]', "plan-field"),
    "unknown method": ("{method}", "magic", "plan-field"),
    "unknown treatment": ('"hash"', '"mask"', "plan-field"),
}


@pytest.mark.parametrize(("old", "new", "code"), PLANS.values(), ids=PLANS.keys())
def test_a_wrong_plan_is_refused(old: str, new: str, code: str, run: Any) -> None:
    with pytest.raises(Refusal) as caught:
        run(LINES, plan=PLAN.replace(old, new, 1))
    assert caught.value.code == code


def test_a_table_in_another_encoding_is_refused(run: Any, tmp_path: Path) -> None:
    run(LINES)
    (tmp_path / "table.csv").write_bytes((HEAD + "佐藤,1,40,male,flu\n").encode("cp932"))
    with pytest.raises(Refusal) as caught:
        anonymise.anonymise_table(tmp_path / "table.csv", tmp_path / "plan.toml", tmp_path / "out", SECRETS)
    assert caught.value.code == "table-unreadable"
