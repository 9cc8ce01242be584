"""Explanations told from the sealed state: every judgement of a run, after a link of all and after a delivery, and the commands that show them."""

from __future__ import annotations

import json
import math
import random
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from kiban_applications.command_line.entry import run
from kiban_processing.linkage import by_model, files, model, registrations
from kiban_processing.linkage.explaining import judgements, pairs, quality
from kiban_processing.linkage.explaining.judgements import Judgements
from kiban_processing.linkage.explaining.rejudging import Rejudged
from kiban_processing.linkage.frozen import Frozen
from kiban_processing.linkage.parameters import Model
from kiban_processing.linkage.state.kept import SEPARATOR, Kept
from tests.linkage.test_files import KEY, as_lines, link, persons, written

MakeWorld = Callable[..., tuple[pa.Table, dict[str, int]]]


# A family before and after a move, with a new insurer and telephone: two pairs that share nothing but name and birth date, and support each other.
MOVED = [
    f"{site},{number},new,{day},{name},{kana},{born},{sex},{home}"
    for site, day, home in (
        ("S0", "2020-01-01", "2200012,横浜市西区みなとみらい2-3-1,045-123-4567,06123457,12,345,"),
        ("S1", "2024-06-01", "9800811,仙台市青葉区一番町1-2-3,022-765-4321,01130012,77,9021,"),
    )
    for number, name, kana, born, sex in (
        ("m1", "山田 健一", "ヤマダ ケンイチ", "1980-05-03", "男"),
        ("m2", "山田 美香", "ヤマダ ミカ", "1982-11-21", "女"),
    )
]


@dataclass(frozen=True)
class Ran:
    """An outcome, and what a link of the same registrations at once judged: left, right, weight, decision; all of it as arrays; its quality."""

    folder: Path
    judged: pa.Table
    known: Judgements
    quality: dict[str, Any]
    linked: model.Linked


def at_once(folder: Path, surviving: Path, before: Path | None) -> Ran:
    frozen: Frozen | None = None
    learnt: Model | None = None
    if before is not None:
        state = Kept(before, KEY, by_model.SHAPE)
        frozen, learnt = by_model.frozen_of(state), by_model.model_of(state)
        state.close()
    held: list[Any] = []

    def keep(con: duckdb.DuckDBPyConnection, table: str, judged: str, labels: Any, used: Model, _frozen: Frozen) -> None:
        held.append(
            con.execute(f"""
                SELECT a.registration AS "left", b.registration AS "right", weight, decision
                FROM {judged} j JOIN {table} a ON a.node = j."left" JOIN {table} b ON b.node = j."right" ORDER BY j."left", j."right" """)
            .to_arrow_table()
            .cast(pa.schema([("left", pa.string()), ("right", pa.string()), ("weight", pa.float64()), ("decision", pa.string())]))
        )
        held.append(judgements.of_tables(con, judged, labels))
        held.append(quality.of_run(con, table, judged, labels, used))

    with duckdb.connect() as con:
        registrations.lay(con, registrations.read([surviving]))
        linked = model.link(con, "linkage_registrations", frozen=frozen, learnt=learnt, keep=keep)
    return Ran(folder, held[0], held[1], held[2], linked)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("outcomes")


@pytest.fixture(scope="module")
def whole(make_world: MakeWorld, place: Path) -> Ran:
    lines = as_lines(make_world(23, 260, noise=2.0)[0])
    random.Random(3).shuffle(lines)
    site, _number, rest = lines[50].split(",", 2)
    lines = [*lines[:100], *MOVED, f"{site},again,{rest}", *lines[100:]]  # one patient with two numbers of a hospital
    half = len(lines) * 3 // 4
    first = written(place, "first.csv", *lines[:half])
    link([first], place / "one")
    corrected = [",".join([*old.split(",")[:2], *other.split(",")[2:]]) for old, other in zip(lines[:9], lines[half:], strict=False)]
    withdrawn = [",".join([*old.split(",")[:2], "delete", *[""] * 12]) for old in lines[9:30]]
    written(place, "second.csv", *corrected, *withdrawn, *lines[half:])
    written(place, "surviving.csv", *corrected, *lines[30:])
    return at_once(place / "one", first, None)


@pytest.fixture(scope="module")
def delivered(whole: Ran, place: Path) -> Ran:
    link([place / "second.csv"], place / "two", place / "one")
    return at_once(place / "two", place / "surviving.csv", place / "one")


@pytest.fixture(params=["whole", "delivered"])
def ran(request: pytest.FixtureRequest) -> Ran:
    found: Ran = request.getfixturevalue(request.param)
    return found


@contextmanager
def rejudged(folder: Path) -> Iterator[Rejudged]:
    state = Kept(folder, KEY, by_model.SHAPE)
    with files.connection(small=True) as con:
        yield Rejudged(con, state)
        assert con.execute("SHOW TABLES").fetchall() == []
    state.close()


def test_every_judgement_is_told_as_the_run_made_it_and_adds_up(ran: Ran) -> None:
    judged = {frozenset((row["left"], row["right"])): row for row in ran.judged.to_pylist()}
    assert {row["decision"] for row in judged.values()} == {"link", "review", "veto", "apart"}
    assigned = {SEPARATOR.join(key): who for key, who in persons(ran.folder).items()}
    with rejudged(ran.folder) as again:
        left, right = (again.nodes(ran.judged.column(side).combine_chunks()) for side in ("left", "right"))
        told = pairs.read(again.told(again.judged(left, right)))
    assert len(told) == len(judged)
    supported = 0
    for pair in told:
        was = judged[frozenset((pair.left, pair.right))]
        assert pair.left < pair.right
        assert abs(pair.weight - was["weight"]) <= 1e-9
        assert abs(math.fsum(pair.weights) - was["weight"]) <= 1e-9
        parted = was["decision"] == "link" and assigned[pair.left] != assigned[pair.right]
        assert pair.decision == ("review" if parted else was["decision"])
        assert ("rule:cluster" in pair.reasons) == parted
        assert abs(pairs.explain(pair).steps[-1].end - was["weight"]) <= 1e-9
        supported += "household:support" in pair.reasons
    assert supported


def test_reasons_are_those_that_the_run_gave(ran: Ran) -> None:
    given = [pair for pair in pairs.read(ran.linked.pairs) if pair.decision in ("link", "veto")]
    with rejudged(ran.folder) as again:
        nodes = [again.nodes(pa.array([getattr(pair, side) for pair in given])) for side in ("left", "right")]
        told = {(pair.left, pair.right): pair for pair in pairs.read(again.told(again.judged(*nodes)))}
    for pair in given:
        assert told[pair.left, pair.right].reasons == pair.reasons
        assert told[pair.left, pair.right].weights == pytest.approx(pair.weights, abs=1e-9)


def test_all_pairs_judged_again_are_those_of_the_run(ran: Ran) -> None:
    with rejudged(ran.folder) as again:
        found = again.everything()
        report = quality.of_judgements(found.known, found.own, found.shared, found.members, again.model, found.registrations)
    for column in ("left", "right", "decision", "labels"):
        assert np.array_equal(getattr(found.known, column), getattr(ran.known, column)), column
    assert np.allclose(found.known.weight, ran.known.weight, rtol=0, atol=1e-9)
    assert report["from_model"] == ran.quality["from_model"]
    assert report["suspicious"] == ran.quality["suspicious"]


def test_persons_hang_together_by_the_runs_links(ran: Ran) -> None:
    assigned = persons(ran.folder)
    members: dict[str, list[str]] = {}
    for key, who in assigned.items():
        members.setdefault(who, []).append(SEPARATOR.join(key))
    decided = {frozenset((row["left"], row["right"])): row["decision"] for row in ran.judged.to_pylist()}
    notable = {frozenset((pair.left, pair.right)) for pair in pairs.read(ran.linked.pairs) if pair.decision == "veto"}
    seen: set[frozenset[str]] = set()
    with rejudged(ran.folder) as again:
        for held in [each for each in members.values() if len(each) > 2][:40]:
            because = again.person(pa.array(held))
            assert because.members == tuple(sorted(held))
            assert sum(link.in_tree for link in because.links) == len(held) - 1
            inside = {frozenset((link.pair.left, link.pair.right)) for link in because.links}
            compared = {pair for pair in decided if pair <= set(held)}
            assert inside == {pair for pair in compared if decided[pair] == "link"}
            assert {frozenset((pair.left, pair.right)) for pair in because.inside} == compared - inside
            assert because.near == tuple(sorted(because.near, key=lambda pair: (-pair.weight, pair.left, pair.right)))
            seen |= {frozenset((pair.left, pair.right)) for pair in because.near if pair.decision == "veto"}
    assert seen & notable
    assert all(decided[pair] == "veto" for pair in seen)


def test_a_delivery_tells_which_touched_persons_are_suspicious(whole: Ran, delivered: Ran) -> None:
    linkage = json.loads((delivered.folder / "report.json").read_bytes())["linkage"]
    listed = {row["person"]: row for row in linkage["suspicious_of_touched"]["listed"]}
    assigned = persons(delivered.folder)
    all_of_them = {assigned[_key(row["person"])]: row["grounds"] for row in delivered.quality["suspicious"]["listed"]}
    before = persons(whole.folder)
    fresh = {who for key, who in assigned.items() if key not in before}
    assert listed
    assert {who: row["grounds"] for who, row in listed.items()} == {who: grounds for who, grounds in all_of_them.items() if who in listed}
    assert fresh & set(all_of_them) <= set(listed)
    once = json.loads((whole.folder / "report.json").read_bytes())["linkage"]["quality"]["suspicious"]
    assert [row["person"] for row in once["listed"]] == [before[_key(row["person"])] for row in whole.quality["suspicious"]["listed"]]
    assert once["listed"]
    earlier = linkage["quality_of_last_full_run"]
    assert earlier["report"] == json.loads((whole.folder / "report.json").read_bytes())["linkage"]["quality"]
    brought = (delivered.folder.parent / "second.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert (earlier["deliveries"], earlier["changed"]) == (1, len(brought))
    assert earlier["digest"] == json.loads((whole.folder / "report.json").read_bytes())["linkage"]["quality_digest"]


def _key(registration: str) -> tuple[str, str]:
    site, _, number = registration.partition(SEPARATOR)
    return site, number


@pytest.fixture
def command(place: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    key = place / "own.key"
    key.write_text(KEY.secret.hex())

    def invoke(*arguments: str | Path, with_key: bool = True) -> tuple[int, str]:
        capsys.readouterr()
        code = run([*map(str, arguments), *(["--key-file", str(key)] if with_key else [])])
        return code, capsys.readouterr().out

    return invoke


def by_decision(ran: Ran, decision: str) -> list[str]:
    row = next(row for row in ran.judged.to_pylist() if row["decision"] == decision)
    return [*row["left"].split(SEPARATOR), *row["right"].split(SEPARATOR)]


@pytest.mark.parametrize(
    ("decision", "words"), [("link", "同一人と判定しました"), ("veto", "別人と判定しました"), ("apart", "根拠が足りません")]
)
def test_a_pair_is_explained(ran: Ran, command: Callable[..., tuple[int, str]], tmp_path: Path, decision: str, words: str) -> None:
    asked = by_decision(ran, decision)
    code, text = command("link-explain", ran.folder, "--lang", "ja", "--pair", *asked, "--svg", tmp_path / "pair.svg")
    assert code == 0
    assert words in text
    assert "比較していません" not in text
    ElementTree.parse(tmp_path / "pair.svg")
    code, text = command("link-explain", ran.folder, "--json", "--pair", *asked[2:], *asked[:2])
    told = json.loads(text)
    assert abs(math.fsum(step["weight"] for step in told["steps"]) - told["weight"]) <= 1e-9


def test_a_pair_never_compared_says_so_and_shows_what_the_model_says(ran: Ran, command: Callable[..., tuple[int, str]]) -> None:
    compared = {frozenset((row["left"], row["right"])) for row in ran.judged.to_pylist()}
    names = sorted(SEPARATOR.join(key) for key in persons(ran.folder))
    one, other = next((names[0], name) for name in names[1:] if frozenset((names[0], name)) not in compared)
    code, text = command("link-explain", ran.folder, "--lang", "en", "--pair", *one.split(SEPARATOR), *other.split(SEPARATOR))
    assert code == 0
    assert "never compared" in text
    code, text = command("link-explain", ran.folder, "--json", "--pair", *one.split(SEPARATOR), *other.split(SEPARATOR))
    told = json.loads(text)
    assert [each["code"] for each in told["standing"]] == ["never-compared", "two-persons"]
    assert told["weight"] < 0


def test_a_person_is_explained(ran: Ran, command: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    assigned = persons(ran.folder)
    who = max(set(assigned.values()), key=lambda each: (list(assigned.values()).count(each), each))
    code, text = command("link-explain", ran.folder, "--lang", "en", "--person", who, "--svg", tmp_path / "person.svg")
    assert code == 0
    assert "are taken as one person" in text
    assert "weakest link" in text
    ElementTree.parse(tmp_path / "person.svg")
    code, text = command("link-explain", ran.folder, "--json", "--person", who)
    assert sorted(json.loads(text)["members"]) == sorted(SEPARATOR.join(key) for key, each in assigned.items() if each == who)


def test_the_report_after_a_delivery_says_of_when_it_is(delivered: Ran, command: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    code, text = command("link-report", delivered.folder, "--lang", "en", "--html", tmp_path / "report.html", with_key=False)
    assert code == 0
    assert "last link of all" in text
    assert "last link of all" in (tmp_path / "report.html").read_text(encoding="utf-8")
    code, text = command("link-report", delivered.folder, "--json", "--anew")
    report = json.loads(text)
    assert report["from_model"] == json.loads(json.dumps(delivered.quality["from_model"]))
    assert "aged" not in {limit["code"] for limit in report["limits"]}


def test_a_sample_of_a_delivered_outcome_can_be_answered(delivered: Ran, command: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    sample = tmp_path / "sample.csv"
    assert command("link-sample", delivered.folder, "--out", sample, "--per-stratum", "9")[0] == 0
    sample.write_text(re.sub('""$', "1", sample.read_text(encoding="utf-8"), flags=re.MULTILINE), encoding="utf-8")
    code, text = command("link-report", delivered.folder, "--json", "--answers", sample)
    assert code == 0
    report = json.loads(text)
    assert report["from_sample"]["unanswered"] == []
    assert report["registrations"] == len(persons(delivered.folder))


def test_what_cannot_be_explained_is_refused(
    whole: Ran, command: Callable[..., tuple[int, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "no-keys"))
    known = by_decision(whole, "link")
    for arguments, expected, code, with_key in (
        (("link-explain", whole.folder, "--pair", *known[:2], "S9", "none"), "linkage-registration-unknown", 11, True),
        (("link-explain", whole.folder, "--pair", *known[:2], *known[:2]), "linkage-pair-of-one", 11, True),
        (("link-explain", whole.folder, "--person", "P" + "0" * 20), "linkage-person-unknown", 11, True),
        (("link-explain", whole.folder), "link-explain-nothing-asked", 11, True),
        (("link-explain", whole.folder, "--pair", *known), "linkage-state-key-missing", 12, False),
        (("link-explain", tmp_path, "--pair", *known), "linkage-result-unreadable", 11, True),
        (("link-report", tmp_path), "linkage-result-unreadable", 11, False),
    ):
        found, text = command("--json", *arguments, with_key=with_key)
        assert (found, json.loads(text)["refused"]["code"]) == (code, expected)


def test_nothing_is_written_in_clear_beside_the_state(ran: Ran) -> None:
    assert {each.name for each in ran.folder.iterdir()} == {"persons.csv", "review.csv", "report.json", "model.json", "state"}
    assert pc.all(pc.is_valid(ran.judged.column("left"))).as_py()
