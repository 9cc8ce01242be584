"""The tools that stand alone: a statistician with a table and hierarchies, and nothing else of kiban."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kiban_applications.command_line import alone, entry
from kiban_applications.command_line.door import take_options


@dataclass
class Told:
    code: int
    out: str
    err: str

    @property
    def value(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def kiban(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Told]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "age.csv").write_text("".join(f"{age};{age - age % 10}-{age - age % 10 + 9};*\n" for age in range(100)), "utf-8")
    (tmp_path / "sex.csv").write_text("male,*\nfemale,*\n", "utf-8")
    lines = [f"P{n},{40 + n % 4},{'male' if n % 3 else 'female'},{'flu' if n % 2 else 'cold'}" for n in range(60)]
    (tmp_path / "visits.csv").write_text("\n".join(["number,age,sex,illness", *lines]) + "\n", "utf-8")

    def run(*words: object) -> Told:
        capfd.readouterr()
        code = entry.run(["--lang", "en", *(str(word) for word in words)])
        told = capfd.readouterr()
        return Told(code, told.out, told.err)

    return run


QUASI = ("--qi", "age=age.csv", "--qi", "sex=sex.csv")


def test_a_table_and_two_hierarchies_are_all_it_needs(kiban: Callable[..., Told], tmp_path: Path) -> None:
    told = kiban("--json", "anonymise", "visits.csv", "--out", "out", *QUASI, "--k", 5, "--other", "remove")
    assert told.code == 0
    report = told.value
    assert report == json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    with (tmp_path / "out" / "data.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    classes = Counter((row["age"], row["sex"]) for row in rows)
    assert (report["k"], report["classes"]) == (min(classes.values()), len(classes))
    assert report["suppressed_records"] == 60 - len(rows) == 0
    assert set(report["node"]) == {"age", "sex"}
    assert set(report["seconds"]) == {"read", "search", "form", "write", "verify"}
    assert report["peak_memory_bytes"] > 1 << 20
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "<svg" in page
    assert "<script" not in page
    assert "匿名化" in page and "Anonymisation" in page


def test_columns_that_nobody_named_are_refused_by_their_places(kiban: Callable[..., Told], tmp_path: Path) -> None:
    told = kiban("--json", "anonymise", "visits.csv", "--out", "out", *QUASI)
    assert told.code == 11
    assert told.value["refused"]["code"] == "table-column-unplanned"
    assert told.value["refused"]["particulars"]["place"] == "1, 4"
    assert "--other" in told.value["refused"]["remedy"]
    assert "number" not in told.value["refused"]["what"]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("method", ["global", "local", "anjana"])
def test_every_method_and_model_from_the_command(kiban: Callable[..., Told], method: str) -> None:
    models = ("--l", "illness:distinct:2", "--t", "illness:0.4") if method != "anjana" else ("--sensitive", "illness")
    told = kiban("--json", "anonymise", "visits.csv", "--out", "out", *QUASI, "--k", 3, "--remove", "number", "--method", method, *models)
    assert told.code == 0, told.err
    assert told.value["k"] >= 3
    assert ("anjana" in (told.value["note"] or "")) == (method == "anjana")


def test_persons_count_where_a_column_names_them(kiban: Callable[..., Told]) -> None:
    told = kiban("--json", "anonymise", "visits.csv", "--out", "out", *QUASI, "--k", 5, "--person", "number", "--other", "remove")
    assert told.code == 0
    assert told.value["counted"] == "persons"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("anonymise", "visits.csv", "--out", "out"), 2),
        (("anonymise", "visits.csv", "--out", "out", *QUASI, "--plan", "age.csv"), 2),
        (("anonymise", "visits.csv", "--out", "out", *QUASI, "--memory", "much"), 2),
        (("anonymise", "visits.csv", "--out", "out", "--qi", "age"), 11),
        (("anonymise", "visits.csv", "--out", "out", "--qi", "age=none.csv"), 11),
        (("anonymise", "visits.csv", "--out", "out", *QUASI, "--other", "remove", "--k", "61"), 10),
        (("risk", "visits.csv", "--qi", "weight"), 11),
        (("hierarchy", "build", "icd10", "--out", "new.csv"), 11),
        (("hierarchy", "build", "age", "--out", "age.csv"), 11),
        (("hierarchy", "check", "visits.csv"), 11),
    ],
)
def test_what_is_wrong_has_its_exit_code(kiban: Callable[..., Told], words: tuple[str, ...], code: int) -> None:
    assert kiban(*words).code == code


def test_risk_measures_and_writes_nothing(kiban: Callable[..., Told], tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    told = kiban("--json", "risk", "visits.csv", "--qi", "age", "--qi", "sex", "--sensitive", "illness", "--fraction", "0.1")
    assert told.code == 0, told.err
    classes = Counter((40 + n % 4, n % 3 > 0) for n in range(60))
    assert (told.value["k"], told.value["classes"]) == (min(classes.values()), len(classes))
    assert told.value["attackers"]["prosecutor"]["highest"] == pytest.approx(1 / min(classes.values()))
    assert told.value["sensitive"][0]["l_distinct"] == 2 or told.value["sensitive"][0]["l_distinct"] == 1
    assert told.value["uniqueness"]["population"] == 600
    assert sorted(tmp_path.iterdir()) == before
    assert "prosecutor" in kiban("risk", "visits.csv", "--qi", "age").out


def test_risk_beside_a_population_is_that_of_its_classes(kiban: Callable[..., Told], tmp_path: Path) -> None:
    head, *lines = (tmp_path / "visits.csv").read_text("utf-8").splitlines()
    (tmp_path / "all.csv").write_text("\n".join([head, *lines * 10]) + "\n", "utf-8")
    told = kiban("--json", "risk", "visits.csv", "--qi", "age", "--qi", "sex", "--population", "all.csv")
    attackers = told.value["attackers"]
    assert attackers["journalist"]["highest"] == pytest.approx(attackers["prosecutor"]["highest"] / 10)
    assert not attackers["estimated"]


BUILT = {
    "age": (), "quantiles": ("--data", "visits.csv", "--column", "age", "--intervals", 2),
    "intervals": ("--data", "visits.csv", "--column", "age", "--cuts", "41,43"),
    "date": ("--first", "2025-01-30", "--last", "2025-02-02", "--unit", "month"), "ordered": ("--codes", "I,II,III"),
}  # fmt: skip


@pytest.mark.parametrize("sort", BUILT)
def test_a_built_hierarchy_passes_the_check_and_serves(kiban: Callable[..., Told], tmp_path: Path, sort: str) -> None:
    assert kiban("hierarchy", "build", sort, *BUILT[sort], "--out", "built.csv").code == 0
    told = kiban("--json", "hierarchy", "check", "built.csv")
    assert told.code == 0
    assert not [one for one in told.value["findings"] if one["weight"] == "error"]
    if sort in ("age", "quantiles", "intervals"):
        told = kiban("anonymise", "visits.csv", "--out", "out", "--qi", "age=built.csv", "--other", "remove")
        assert told.code == 0


def test_a_gap_is_found_before_anything_is_anonymised(kiban: Callable[..., Told], tmp_path: Path) -> None:
    (tmp_path / "short.csv").write_text("40;*\n41;*\n", "utf-8")
    told = kiban("--json", "hierarchy", "check", "short.csv", "--data", "visits.csv", "--column", "age")
    assert told.code == 11
    assert told.value["refused"]["code"] == "hierarchy-malformed"


NEVER = ("pandas", "sqlalchemy", "splink", "fastapi", "pyarrow.dataset", "kiban_operator.home", "rich.progress")


@pytest.mark.parametrize(
    "words", [("anonymise", "visits.csv", "--out", "out", *QUASI, "--other", "remove"), ("hierarchy", "check", "age.csv")]
)
def test_a_tool_loads_nothing_that_it_does_not_need(kiban: Callable[..., Told], tmp_path: Path, words: tuple[str, ...]) -> None:
    code = (
        "import sys\nfrom kiban_applications.command_line import entry\n"
        f"assert entry.run({list(words)!r}) == 0\nprint(sorted(set({NEVER!r}) & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", alone.COMMANDS)
@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_tool_alone_is_the_command_of_the_whole_tree(command: str, language: str, capfd: pytest.CaptureFixture[str]) -> None:
    import typer.main

    door, _ = take_options(["--lang", language])
    whole = typer.main.get_command(entry.assemble(door)).commands[command]  # type: ignore[attr-defined]
    single = typer.main.get_command(alone.assemble(door, command)).commands[command]  # type: ignore[attr-defined]
    import click

    assert whole.get_help(click.Context(whole)) == single.get_help(click.Context(single))
    assert entry.run(["--lang", language, command, "--help"]) == 0
    assert f"kiban {command}" in capfd.readouterr().out
