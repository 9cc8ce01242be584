"""The operator's report says all that the evidence says, prints without anything from elsewhere, and is the same for the same release."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest

from kiban_processing.plan import Inference, KnownEvents, Risk
from kiban_processing.reports import charts, operator_figures, operator_page, pages
from kiban_processing.reports.charts import Bar

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def drawn(release: Any) -> tuple[Any, dict[str, bytes]]:
    return operator_figures.draw(release.judge(), release.outcome)


def test_evidence_names_the_digest_of_every_report(drawn: Any) -> None:
    evidence, files = drawn
    named = json.loads(evidence.as_document())["reports"]
    assert named == {name: sha256(content).hexdigest() for name, content in files.items()}
    assert set(named) == {"report.json", "report.ja.html", "report.en.html"}


def test_json_holds_all_figures(release: Any, drawn: Any) -> None:
    evidence, files = drawn
    document = json.loads(files["report.json"])
    assert document["risk"] == json.loads(evidence.as_document())["risk"]
    assert document["verdicts"] == json.loads(evidence.as_document())["verdicts"]
    assert document["persons"] == {
        "before": 400,
        "released": release.outcome.persons_after,
        "suppressed": 400 - release.outcome.persons_after,
    }
    assert document["anonymity"]["class_sizes"] == {str(size): n for size, n in release.outcome.anonymity.class_sizes.items()}
    assert {one["source"] for one in document["figures"]} == {"kiban", "pycanon"}
    risk = document["risk"]["reidentification"]
    assert risk["prosecutor"] == round(1 / release.outcome.anonymity.k_reached, 9)
    assert risk["marketer"] == round(release.outcome.anonymity.classes / release.outcome.persons_after, 9)


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("language", ["ja", "en"])
def test_pages_stand_alone(drawn: Any, language: str) -> None:
    evidence, files = drawn
    text = files[f"report.{language}.html"].decode()
    page = Page()
    page.feed(text)
    assert page.tags[0] == ("html", {"lang": language})
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object", "embed", "base"}
    assert not [attrs for _, attrs in page.tags if {"src", "href", "style"} & set(attrs) or any(name.startswith("on") for name in attrs)]
    assert "@import" not in text and "url(" not in text
    for verdict in evidence.verdicts:
        assert getattr(verdict.checked, language) in page.text
    svgs = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(svgs) >= 4
    for svg in svgs:
        drawing = ElementTree.fromstring(svg)
        assert drawing.get("role") == "img"
        assert drawing.find(f"{SVG}title").text and drawing.find(f"{SVG}desc").text  # type: ignore[union-attr]


def test_same_release_same_reports(drawn: Any, again: Any) -> None:
    other = again(threads=1, order="DESC")
    assert operator_figures.draw(other.judge(), other.outcome)[1] == drawn[1]
    other.con.close()


def test_a_failed_check_comes_first_and_is_named(drawn: Any) -> None:
    document = json.loads(drawn[1]["report.json"])
    document["verdicts"][-1] |= {"passed": False}
    document["passed"] = False
    text = operator_page.compose(document, "en").decode()
    assert "some checks FAILED" in text
    assert text.index(">FAIL<") < text.index(">pass<")


def test_results_of_attacks_are_drawn_beside_their_bounds(release: Any) -> None:
    plan = replace(release.plan, risk=Risk(known_events=(KnownEvents(2, 7, 0.25),), inference=(Inference("diagnoses.icd10", 0.75),)))
    evidence = replace(release, plan=plan).judge()
    document = json.loads(operator_figures.draw(evidence, release.outcome)[1]["report.json"])
    assert {"known_events", "shift_recovery", "attribute_inference", "gap_vectors"} <= set(document["risk"])
    text = operator_page.compose(document, "en").decode()
    titles = ("Share of persons singled out", "Probability of telling the shift", "How much better than by the most frequent value")
    drawn = {title: next(svg for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL) if f"<title>{title}" in svg) for title in titles}
    assert all(svg.count("<line") == 1 for svg in drawn.values())
    assert "2 events ±7 days after" in drawn[titles[0]] and "diagnoses.icd10" in drawn[titles[2]]
    assert "gaps to days" in text and "after" in text
    japanese = operator_page.compose(document, "ja").decode()
    assert "一人に絞られた人" in japanese and "当て推量を超える分" in japanese
    assert not re.search(r"<t[hd][^>]*>(singled_out|gap_days|base_rate|median_rank)<", text + japanese)


def test_results_of_any_other_kind_are_shown(drawn: Any) -> None:
    document = json.loads(drawn[1]["report.json"])
    document["risk"]["new_attack"] = {"advantage": 0.004, "by": [{"method": "weekday", "share": {"low": 0.01}, "interval": [0.1, 0.2]}]}
    text = operator_page.compose(document, "en").decode()
    for shown in ("new_attack", "low 0.01", "0.1 – 0.2", "0.004", "weekday"):
        assert shown in text


def test_bars_are_to_scale_and_read_out() -> None:
    drawing = ElementTree.fromstring(charts.bars("A & B", "risk", [Bar("<i>", 0.5, "0.5", 1.0), Bar("x", 0.25, "0.25")]))
    widths = [float(rect.get("width", "")) for rect in drawing.iter(f"{SVG}rect")]
    assert widths[0] == 2 * widths[1] > 0
    assert drawing.find(f"{SVG}desc").text == "risk: <i> 0.5; x 0.25"  # type: ignore[union-attr]
    assert len(list(drawing.iter(f"{SVG}line"))) == 1
    empty = ElementTree.fromstring(charts.bars("none", "none", []))
    assert not list(empty.iter(f"{SVG}rect"))


def test_cells_are_escaped() -> None:
    assert "<b>" not in pages.table("<b>", ("<b>",), [("<b>",)])
