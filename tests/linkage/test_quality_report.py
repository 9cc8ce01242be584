"""The quality report as JSON and as a page, and the commands that show explanations from a folder."""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
import typer
from typer.testing import CliRunner

from kiban_applications.command_line import explaining_links
from kiban_applications.command_line.door import Door
from kiban_processing.language import LANGUAGES, Language
from kiban_processing.linkage import by_model
from kiban_processing.linkage.explaining import kept, pairs, quality_page, samples
from kiban_processing.linkage.explaining.rejudging import Rejudged
from kiban_processing.linkage.state.kept import Kept
from kiban_processing.refusals import Refusal
from tests.linkage.test_files import KEY, as_lines, link, persons, written

MakeWorld = Callable[..., tuple[pa.Table, dict[str, int]]]


@pytest.fixture(scope="module")
def made(make_world: MakeWorld, tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows, _truth = make_world(41, 300, noise=2.0)
    place = tmp_path_factory.mktemp("run")
    link([written(place, "all.csv", *as_lines(rows))], place / "run")
    (place / "run" / "own.key").write_text(KEY.secret.hex())
    return place / "run"


@contextmanager
def rejudged(folder: Path) -> Iterator[Rejudged]:
    state = Kept(folder, KEY, by_model.SHAPE)
    with duckdb.connect() as con:
        yield Rejudged(con, state)
    state.close()


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """What `kiban link` writes of a small world."""
    return Path(shutil.copytree(made, tmp_path / "run"))


def test_the_report_counts_what_the_run_made(folder: Path) -> None:
    report, whole = kept.read_quality(folder), kept.read_report(folder)["linkage"]
    assigned = persons(folder)
    assert report["registrations"] == len(assigned)
    assert report["persons"] == len(set(assigned.values()))
    # The report counts all judged pairs, the other count those that people may ask about.
    assert report["pairs"]["link"] >= whole["pairs"]["link"] > 0
    assert sum(report["pairs"].values()) == whole["pairs"]["compared"]
    assert report["pairs"]["apart"] > 0
    assert sum(int(size) * count for size, count in report["sizes"].items()) == report["registrations"]
    for decision in pairs.DECISIONS:
        assert sum(step[decision] for step in report["weights"]) == report["pairs"][decision]
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
    assert not [number for _site, number in persons(folder) if number in page]


def _invoke(language: Language, command: str, folder: Path, *arguments: str, as_json: bool = False) -> str:
    app = typer.Typer()
    explaining_links.build(Door(language, Path("home"), None, as_json), app)
    key = [] if command == "link-report" and not {"--answers", "--anew"} & set(arguments) else ["--key-file", str(folder / "own.key")]
    outcome = CliRunner().invoke(app, [command, str(folder), *arguments, *key], catch_exceptions=False)
    assert outcome.exit_code == 0
    return outcome.output


def test_commands_draw_a_sample_and_report_its_answers(folder: Path, tmp_path: Path) -> None:
    sample, page = tmp_path / "sample.csv", tmp_path / "quality.html"
    _invoke("ja", "link-sample", folder, "--out", str(sample), "--per-stratum", "20")
    first = sample.read_bytes()
    assert first.splitlines()[0].count(b",") == 4
    sample.write_bytes(first.replace(b'""', b'"1"'))
    report = json.loads(_invoke("ja", "link-report", folder, "--answers", str(sample), "--html", str(page), as_json=True))
    assert report["from_sample"]["precision"]["value"] == 1.0
    assert report["from_sample"]["unanswered"] == []
    assert {limit["code"] for limit in report["limits"]} == {"pairs", "model", "unproposed", "sample"}
    assert "担当者が見た標本" in page.read_text(encoding="utf-8")


def test_what_cannot_be_read_is_refused(folder: Path, tmp_path: Path) -> None:
    answers = tmp_path / "answers.csv"
    answers.write_text("left_site_id,left_local_patient_id,right_site_id,right_local_patient_id,same\nS0,1,S1,2,maybe\n", encoding="utf-8")
    for ask, code in (
        (lambda: kept.read_answers(answers), "linkage-answers-unusable"),
        (lambda: kept.read_report(tmp_path / "nothing"), "linkage-result-unreadable"),
        (lambda: kept.of_person(folder, "P-none"), "linkage-person-unknown"),
        (lambda: kept.of_person(tmp_path / "nothing", "P-none"), "linkage-result-unreadable"),
        (lambda: _invoke("ja", "link-explain", folder), "link-explain-nothing-asked"),
    ):
        with pytest.raises(Refusal) as refused:
            ask()
        assert refused.value.code == code
    (folder / "report.json").write_text(json.dumps({"linkage": {"model": {}}}), encoding="utf-8")
    with pytest.raises(Refusal) as refused:
        kept.read_quality(folder)
    assert refused.value.code == "linkage-quality-missing"


def test_the_report_of_all_pairs_judged_again_is_that_of_the_run(folder: Path) -> None:
    again = json.loads(_invoke("en", "link-report", folder, "--anew", as_json=True))
    assert again == json.loads(json.dumps(kept.read_quality(folder)))


def test_a_sample_is_drawn_from_all_that_was_judged(folder: Path) -> None:
    with rejudged(folder) as run:
        everything = run.everything()
    strata = samples.frame(everything.known, run.model).sizes
    assert {"link-high", "review-low", "veto", "apart"} <= set(strata)
