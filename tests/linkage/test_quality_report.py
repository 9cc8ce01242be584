"""The quality report as JSON and as a page, and the commands that show explanations from a folder."""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pytest
import typer
from typer.testing import CliRunner

from kiban_applications.command_line import explaining_links
from kiban_applications.command_line.door import Door
from kiban_processing.language import LANGUAGES, Language
from kiban_processing.linkage import evidence, keys, model, support
from kiban_processing.linkage.explaining import judgements, kept, pairs, quality, quality_page
from kiban_processing.refusals import Refusal

MakeWorld = Callable[..., tuple[pa.Table, dict[str, int]]]


def named(table: pa.Table, columns: tuple[str, ...]) -> pa.Table:
    """Registrations as `kiban link` names them: hospital, 0x1F, number."""
    for column in columns:
        at = table.column_names.index(column)
        table = table.set_column(at, column, pc.replace_substring(table.column(column), "/", "\x1f"))
    return table


@pytest.fixture(scope="module")
def made(make_world: MakeWorld, tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows, _truth = make_world(41, 300, noise=2.0)
    folder = tmp_path_factory.mktemp("run")
    with duckdb.connect() as con:
        con.register("world", named(rows, ("registration",)))
        outcome = model.link(con, "world")
        # What a run has at hand when it ends.
        keys.normalise_relation(con, "world", outcome.frozen, "kept_keys")
        judged = evidence.judge(con, "kept_keys", model.block(con, "kept_keys", outcome.model), outcome.model, outcome.frozen.registrations)
        judged = support.strengthen(con, "kept_keys", judged, outcome.model)
        labels = judgements.read(outcome.pairs, outcome.clusters).labels
        report = quality.of_run(con, "kept_keys", judged, labels, outcome.model)
    registrations = outcome.clusters.column("registration").combine_chunks()
    ids = pc.binary_join_element_wise("P", pc.ascii_reverse(outcome.clusters.column("cluster")), "")
    persons = pa.table({"registration": registrations, "person": ids})
    kept.write_pairs(folder, outcome.pairs)
    halves = pc.split_pattern(registrations, "\x1f")
    local = {"site_id": pc.list_element(halves, 0), "local_patient_id": pc.list_element(halves, 1)}
    pa_csv.write_csv(pa.table({**local, "person_id": persons.column("person")}), folder / "persons.csv")
    content = {"linkage": {**outcome.report, "quality": quality.renamed(report, persons)}}
    (folder / "report.json").write_text(json.dumps(content, allow_nan=False), encoding="utf-8")
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """What `kiban link` writes of a small world."""
    return Path(shutil.copytree(made, tmp_path / "run"))


def test_the_report_counts_what_the_run_made(folder: Path) -> None:
    report, run = kept.read_quality(folder), kept.read(folder)
    decided = run.pairs.column("decision").to_pylist()
    assert report["registrations"] == run.clusters.num_rows
    assert report["persons"] == len(set(run.clusters.column("cluster").to_pylist()))
    # The report counts all judged pairs, the folder keeps those that people may ask about.
    assert report["pairs"]["link"] >= decided.count("link") > 0
    assert all(report["pairs"][decision] >= decided.count(decision) for decision in pairs.DECISIONS)
    assert report["pairs"]["apart"] > 0
    assert sum(int(size) * count for size, count in report["sizes"].items()) == report["registrations"]
    for decision in pairs.DECISIONS:
        assert sum(step[decision] for step in report["weights"]) == report["pairs"][decision]
    linked = [pair.weight for pair in pairs.read(run.pairs) if pair.decision == "link"]
    for step in report["weights"]:
        assert step["link"] >= sum(step["from"] <= weight < step["from"] + 2 for weight in linked)
    weights = {(row["field"], row["level"]): row["weight"] for row in report["parameters"]}
    assert weights["birth_date", "equal"] == pytest.approx(math.log2(0.965 / 4e-5))
    assert 0.9 < report["from_model"]["recall"]["low"] <= report["from_model"]["recall"]["high"] <= 1


def test_the_report_says_what_it_does_not_cover(folder: Path) -> None:
    told = {limit["code"] for limit in kept.read_quality(folder)["limits"]}
    assert {"pairs", "model", "unproposed", "no-sample"} == told


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in ("meta", "rect", "line", "circle"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_stands_alone_and_shows_no_registration(folder: Path, language: Language) -> None:
    report = kept.read_quality(folder)
    page = quality_page.compose(report, language).decode()
    assert page == quality_page.compose(report, language).decode()
    reader = _Reader()
    reader.feed(page)
    assert not reader.open
    assert not reader.tags & {"script", "img", "link", "iframe"}
    assert set(re.findall(r"https?://[^\s\"<]+", page)) == {"http://www.w3.org/2000/svg"}
    for said in (
        ("名寄せの品質報告", "適合率", "再現率", "疑わしい本人") if language == "ja" else ("Quality of linkage", "precision", "recall")
    ):
        assert said in reader.text
    assert not [name for name in kept.read(folder).registrations.to_pylist() if name.split("\x1f")[1] in page]


def _invoke(language: Language, *arguments: str, as_json: bool = False) -> str:
    app = typer.Typer()
    explaining_links.build(Door(language, Path("home"), None, as_json), app)
    outcome = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert outcome.exit_code == 0
    return outcome.output


def test_commands_explain_a_pair_and_a_person(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = kept.read(folder)
    pair = next(pair for pair in pairs.read(run.pairs) if pair.decision == "veto")
    named_pair = [*pair.left.split("\x1f"), *pair.right.split("\x1f")]
    drawing = tmp_path / "pair.svg"
    _invoke("ja", "link-explain", str(folder), "--pair", *named_pair, "--svg", str(drawing))
    assert "別人と判定しました" in capsys.readouterr().out + drawing.read_text(encoding="utf-8")
    told = json.loads(_invoke("en", "link-explain", str(folder), "--pair", *named_pair, as_json=True))
    assert told["decision"] == "veto"
    assert abs(sum(step["weight"] for step in told["steps"]) - told["weight"]) <= 1e-9
    person_id = run.clusters.column("cluster")[0].as_py()
    told = json.loads(_invoke("en", "link-explain", str(folder), "--person", person_id, as_json=True))
    assert run.clusters.column("registration")[0].as_py() in told["members"]


def test_commands_draw_a_sample_and_report_its_answers(folder: Path, tmp_path: Path) -> None:
    sample, page = tmp_path / "sample.csv", tmp_path / "quality.html"
    _invoke("ja", "link-sample", str(folder), "--out", str(sample), "--per-stratum", "20")
    first = sample.read_bytes()
    assert first.splitlines()[0].count(b",") == 4
    sample.write_bytes(first.replace(b'""', b'"1"'))
    report = json.loads(_invoke("ja", "link-report", str(folder), "--answers", str(sample), "--html", str(page), as_json=True))
    assert report["from_sample"]["precision"]["value"] == 1.0
    assert report["from_sample"]["unanswered"] == []
    assert {limit["code"] for limit in report["limits"]} == {"pairs", "model", "unproposed", "sample"}
    assert "担当者が見た標本" in page.read_text(encoding="utf-8")


def test_what_cannot_be_read_is_refused(folder: Path, tmp_path: Path) -> None:
    answers = tmp_path / "answers.csv"
    answers.write_text("left_site_id,left_local_patient_id,right_site_id,right_local_patient_id,same\nS0,1,S1,2,maybe\n", encoding="utf-8")
    for ask, code in (
        (lambda: kept.read_answers(answers), "linkage-answers-unusable"),
        (lambda: kept.read(tmp_path / "nothing"), "linkage-result-unreadable"),
        (lambda: kept.read_report(tmp_path / "nothing"), "linkage-result-unreadable"),
        (lambda: kept.read(folder).of_person("P-none"), "linkage-registration-unknown"),
        (lambda: _invoke("ja", "link-explain", str(folder)), "link-explain-nothing-asked"),
    ):
        with pytest.raises(Refusal) as refused:
            ask()
        assert refused.value.code == code
    (folder / "report.json").write_text(json.dumps({"linkage": {"model": {}}}), encoding="utf-8")
    with pytest.raises(Refusal) as refused:
        kept.read_quality(folder)
    assert refused.value.code == "linkage-quality-missing"


def test_pairs_are_kept_in_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    before = (folder / kept.PAIRS_FILE).read_bytes()
    kept.write_pairs(folder, kept.read(folder).pairs)
    assert (folder / kept.PAIRS_FILE).read_bytes() == before
