"""Waterfalls: every link, veto and doubtful pair of a small world is explained, adds up, reads well and is drawn without cutting a letter."""

from __future__ import annotations

import itertools
import re
import unicodedata
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiban_processing.language import LANGUAGES, Language
from kiban_processing.linkage import comparisons, evidence, model, reasons
from kiban_processing.linkage.explaining import networks, pairs, person, suspicious, waterfalls
from kiban_processing.refusals import Refusal

MakeWorld = Callable[..., tuple[pa.Table, dict[str, int]]]
SVG = "{http://www.w3.org/2000/svg}"
PAGE = Path(__file__).parents[2] / "docs" / "linkage.md"

# What a sentence about a subject must name, in the words of the Health Insurance Act, the family register and the field.
TERMS = {
    "name": "氏名|姓|名",
    "birth_date": "生年月日",
    "sex": "性別",
    "household": "住所|電話・保険|被保険者等記号・番号|被保険者番号|町名|市区町村|都道府県|世帯",
    "insurance": "被保険者等記号・番号|枝番",
    "phone": "電話番号",
    "address": "住所",
    "hospital": "医療機関",
    "contact": "電話|保険",
}


@pytest.fixture(scope="module")
def outcome(make_world: MakeWorld) -> model.Linked:
    rows, _truth = make_world(31, 600, noise=2.0)
    with duckdb.connect() as con:
        con.register("world", rows)
        return model.link(con, "world")


def drawn_width(text: str, height: float) -> float:
    """Measured in Noto Sans CJK: a full-width letter is as wide as high, the mean of Latin letters and digits just over half of it."""
    return sum(height if unicodedata.east_asian_width(letter) in "WF" else 0.56 * height for letter in text)


def check_drawing(svg: str, language: Language) -> ElementTree.Element:
    root = ElementTree.fromstring(svg)
    assert root.tag == SVG + "svg"
    assert root.findtext(SVG + "title")
    assert root.findtext(SVG + "desc")
    assert not [
        one for one in root.iter() if one.tag.split("}")[1] not in ("svg", "title", "desc", "style", "text", "rect", "line", "circle")
    ]
    assert "href" not in svg
    assert "url(" not in svg
    assert svg.count("http") == 1  # the name space
    width, height = (float(size) for size in root.attrib["viewBox"].split()[2:])
    for one in root.iter(SVG + "text"):
        wide, at = drawn_width(one.text or "", 14), float(one.attrib["x"])
        left = at - {"start": 0.0, "middle": wide / 2, "end": wide}[one.attrib.get("text-anchor", "start")]
        assert left >= 0
        assert left + wide <= width
        assert 14 <= float(one.attrib["y"]) <= height
        if language == "en":
            assert not [letter for letter in one.text or "" if unicodedata.east_asian_width(letter) == "W"]
    return root


def test_every_link_veto_and_doubt_is_explained_and_adds_up(outcome: model.Linked) -> None:
    explained = [pairs.explain(pair) for pair in pairs.read(outcome.pairs)]
    assert {waterfall.pair.decision for waterfall in explained} >= {"link", "review", "veto"}
    for waterfall in explained:
        pair = waterfall.pair
        assert abs(sum(step.weight for step in waterfall.steps) - pair.weight) <= 1e-9
        assert abs(waterfall.steps[-1].end - pair.weight) <= 1e-9
        assert waterfall.steps[0].code == "prior:expected"
        assert all(after.start == before.end for before, after in itertools.pairwise(waterfall.steps))
        assert len(waterfall.steps) + len(waterfall.notes) == len(pair.reasons)
        if pair.decision == "veto":
            assert {code for code, _ in waterfall.notes} & {"rule:twin", "rule:sex-and-given-differ", "insurance:branch-differs"}
        for language in LANGUAGES:
            text = pairs.as_text(waterfall, language)
            assert all(reasons.TEXTS[code].read(language) in text for code in pair.reasons)
            assert pairs.CONCLUSIONS[pair.decision].read(language) in text


def test_drawings_of_each_decision_are_whole_accessible_and_repeatable(outcome: model.Linked) -> None:
    longest: dict[str, pairs.Pair] = {}
    for pair in pairs.read(outcome.pairs):
        if pair.decision not in longest or len(pair.reasons) > len(longest[pair.decision].reasons):
            longest[pair.decision] = pair
    for pair in longest.values():
        waterfall = pairs.explain(pair)
        for language in LANGUAGES:
            svg = waterfalls.draw(waterfall, language)
            root = check_drawing(svg, language)
            said = "".join(one.text or "" for one in root.iter(SVG + "text"))
            assert all(reasons.TEXTS[code].read(language).replace(" ", "") in said.replace(" ", "") for code in pair.reasons)
            assert svg == waterfalls.draw(waterfall, language)
            assert "<style>" not in waterfalls.draw(waterfall, language, alone=False)


def test_every_code_can_be_drawn_with_its_whole_sentence() -> None:
    codes = tuple(reasons.TEXTS)
    pair = pairs.Pair("病院H1\x1f0007", "病院H2\x1f0042", float(len(codes)), "link", codes, (1.0,) * len(codes))
    for language in LANGUAGES:
        root = check_drawing(waterfalls.draw(pairs.explain(pair), language), "ja")
        said = "".join(one.text or "" for one in root.iter(SVG + "text")).replace(" ", "")
        assert all(reasons.TEXTS[code].read(language).replace(" ", "") in said for code in codes)


@given(
    st.lists(st.tuples(st.sampled_from(sorted(reasons.TEXTS)), st.floats(-40, 40)), min_size=1, max_size=12),
    st.sampled_from(pairs.DECISIONS),
)
def test_steps_add_up_whatever_the_weights(given_reasons: list[tuple[str, float]], decision: pairs.Decision) -> None:
    codes, weights = zip(*given_reasons, strict=True)
    waterfall = pairs.explain(pairs.Pair("a", "b", sum(weights), decision, codes, weights))
    end = waterfall.steps[-1].end if waterfall.steps else 0.0
    assert abs(end - sum(weights)) <= 1e-9
    assert abs(sum(step["weight"] for step in pairs.as_json(waterfall)["steps"]) - sum(weights)) <= 1e-9
    # Nothing with a weight may hide among the notes.
    assert all(
        weight == 0
        for code, weight in given_reasons
        if code in {note for note, _ in waterfall.notes} and code not in {step.code for step in waterfall.steps}
    )


def test_weights_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(Refusal) as refused:
        pairs.explain(pairs.Pair("a", "b", 3.0, "link", ("prior:expected", "sex:equal"), (1.0, 2.0 + 1e-6)))
    assert refused.value.code == "linkage-weights-disagree"


@pytest.mark.parametrize(
    ("decision", "weight", "ja"),
    [
        ("veto", 20.0, "重みの合計（20.00）にかかわらず、規則又は担当者の判断により別人とします。"),
        ("link", 20.0, "重みの合計（20.00）が統合のしきい値（16.00）以上です。"),
        ("link", 9.0, "重みの合計（9.00）にかかわらず、確定的な条件又は担当者の判断により同一人とします。"),
        ("review", 20.0, "重みの合計（20.00）は統合のしきい値（16.00）以上ですが、下記の理由により担当者の確認が必要です。"),
        ("review", 9.0, "重みの合計（9.00）が確認のしきい値（8.00）以上、統合のしきい値（16.00）未満です。"),
        ("review", 1.0, "重みの合計（1.00）は確認のしきい値（8.00）未満ですが、規則により担当者の確認が必要です。"),
        ("apart", 1.0, "重みの合計（1.00）が確認のしきい値（8.00）未満か、規則により統合しません。"),
    ],
)
def test_the_decision_is_said_in_one_sentence(decision: pairs.Decision, weight: float, ja: str) -> None:
    waterfall = pairs.explain(pairs.Pair("a", "b", weight, decision, ("prior:expected",), (weight,)), pairs.Bars(16.0, 8.0))
    assert pairs.because(waterfall).ja == ja


@pytest.mark.parametrize("code", sorted(reasons.TEXTS))
def test_a_reason_is_a_polite_japanese_sentence_in_the_terms_of_the_field(code: str) -> None:
    text, subject = reasons.TEXTS[code], code.split(":")[0]
    assert re.fullmatch(r"[^（）]+(です|ます|ません|ました)(（[^（）]+）)?", text.ja)
    assert unicodedata.normalize("NFC", text.ja) == text.ja
    assert not re.search(r"[ -~｡-ﾟ。]|または|および|もしくは", text.ja)  # the Act's spelling, full-width letters, no full stop
    assert re.search(TERMS.get(subject, "."), text.ja)
    assert re.fullmatch(r"[ -~]+[^. ]", text.en)
    assert subject in reasons.SUBJECTS


def test_every_reason_the_model_can_give_has_its_sentence_and_no_other() -> None:
    levels = {f"{each.field}:{level.name}" for each in comparisons.COMPARISONS for level in each.levels}
    quoted = set(re.findall(r"'([a-z_]+:[a-z-]+)'", evidence.reasons()))
    assert {"prior:expected", "rule:cluster", "name:namesakes", "household:support", "rule:twin", "rule:settled-same"} <= quoted
    assert levels | quoted == set(reasons.TEXTS)


def test_the_manual_tells_every_reason() -> None:
    table = "\n".join(f"| `{code}` | {text.ja} | {text.en} |" for code, text in reasons.TEXTS.items())
    assert table in PAGE.read_text(encoding="utf-8"), f"docs/linkage.md should hold:\n{table}"


def test_the_manual_tells_every_ground_of_suspicion() -> None:
    table = "\n".join(f"| `{code}` | {text.ja} | {text.en} |" for code, text in suspicious.GROUNDS.items())
    assert table in PAGE.read_text(encoding="utf-8"), f"docs/linkage.md should hold:\n{table}"


def test_persons_are_explained_and_drawn(outcome: model.Linked) -> None:
    touched = {end for pair in pairs.read(outcome.pairs) if pair.decision == "veto" for end in (pair.left, pair.right)}
    for registration in sorted(touched)[:25]:
        because = person.explain(outcome.pairs, outcome.clusters, registration)
        assert registration in because.members
        assert because.near
        assert all((pair.left in because.members) != (pair.right in because.members) for pair in because.near)
        for language in LANGUAGES:
            check_drawing(networks.draw(because, language), language)
            text = person.as_text(because, language)
            assert all(
                reasons.TEXTS[code].read(language) in text for pair in because.near for code in pair.reasons if code != "prior:expected"
            )
