"""The generated pages are in step with the code, and the code leaves no gap that they would have to hide."""

import re
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from kiban_applications import hospital_file
from kiban_applications.documents import __main__ as writing
from kiban_applications.documents import articles, commands, pages, survey
from kiban_operator import machine, notices
from kiban_operator.roles import Role
from kiban_processing import plan, statutes

ROOT = Path(__file__).resolve().parents[2]


def test_every_page_is_in_step() -> None:
    assert [path.name for path in pages.stale(ROOT)] == [], "run `make docs`"


def test_the_same_code_gives_the_same_bytes() -> None:
    assert pages.composed(ROOT) == pages.composed(ROOT)


def test_a_stale_missing_or_foreign_page_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    pages.write(tmp_path)
    assert writing.main(["--check", "--root", str(tmp_path)]) == 0
    folder = tmp_path / pages.FOLDER
    (folder / "items.md").unlink()
    (folder / "roles.md").write_text("altered", encoding="utf-8")
    (folder / "foreign.md").write_text("nobody's", encoding="utf-8")
    assert writing.main(["--check", "--root", str(tmp_path)]) == 1
    named = capsys.readouterr().err
    assert all(name in named for name in ("items.md", "roles.md", "foreign.md"))
    assert writing.main(["--root", str(tmp_path)]) == 0
    assert pages.stale(tmp_path) == [] and not (folder / "foreign.md").exists()


def test_every_cited_article_has_a_test_or_a_reason() -> None:
    assert articles.untested(ROOT) == []


def test_no_reason_outlives_its_gap() -> None:
    cited = survey.citations()
    assert set(articles.ELSEWHERE) <= set(cited)
    assert [name for name in articles.ELSEWHERE if articles.test_file(ROOT, name)] == []


def test_citations_are_found_both_ways_of_importing() -> None:
    cited = survey.citations()
    assert "kiban_operator.ledger.kinds" in cited["ACT_14"]  # as `statutes.ACT_14`
    assert "kiban_operator.guard.rules" in cited["ACT_56_1_II"]  # imported by name
    assert set(cited) <= set(statutes.ARTICLES)


def test_one_code_means_one_refusal() -> None:
    counted = Counter(one.ground.code for one in survey.grounds())
    assert len(counted) > 200
    assert {code: number for code, number in counted.items() if number > 1} == {}


@pytest.mark.parametrize("declared", survey.grounds(), ids=lambda one: one.ground.code)
def test_a_refusal_says_it_in_both_languages(declared: survey.Declared) -> None:
    ground = declared.ground
    assert ground.code == ground.code.lower() and " " not in ground.code
    for text in (ground.what, ground.remedy):
        assert text.ja.strip() and text.en.strip()
        assert not text.en.isascii() or text.ja != text.en


def test_every_command_appears_in_both_languages() -> None:
    page = (ROOT / pages.FOLDER / "commands.md").read_text(encoding="utf-8")
    english, japanese = dict(commands.helps("en")), dict(commands.helps("ja"))
    assert english.keys() == japanese.keys()
    promised = "init hospital submit notice optout link plan apply review contract release deliver ledger audit demo serve anonymise risk hierarchy"
    assert {f"kiban {name}" for name in promised.split()} <= english.keys()
    for path, text in english.items():
        assert f"## `{path}`" in page and text in page and japanese[path] in page


def test_every_state_and_command_has_its_place() -> None:
    page = (ROOT / pages.FOLDER / "roles.md").read_text(encoding="utf-8")
    tables = [table for _module, table in survey.state_tables()]
    assert {"application", "contract", "release", "obligation", "destruction", "grant"} <= {table.name for table in tables}
    for table in tables:
        assert "| " + " | ".join(("state \\ command", *table.commands)) + " |" in page
        for step in table.transitions:
            assert step.role in Role
            assert f"| {step.state}" in page
        assert machine.diagram(table).strip() in (ROOT / pages.FOLDER / "states.md").read_text(encoding="utf-8")


def test_the_glossary_is_in_order_and_says_each_word_once() -> None:
    rows = [line.split("|") for line in (ROOT / "docs/glossary.md").read_text(encoding="utf-8").splitlines() if line.startswith("| ")][1:]
    terms = [row[1].strip().casefold() for row in rows]
    assert terms == sorted(set(terms)) and len(terms) > 60
    assert all(len(row) == 6 and row[2].strip() and row[4].strip() for row in rows)


def test_every_decision_is_listed_and_has_its_four_parts() -> None:
    folder = ROOT / "docs/decisions"
    listed = (folder / "README.md").read_text(encoding="utf-8")
    numbers = []
    for path in sorted(folder.glob("0*.md")):
        text = path.read_text(encoding="utf-8")
        numbers.append(int(path.name[:4]))
        assert f"({path.name})" in listed
        assert text.startswith(f"# {path.name[:4]} ") and "**Article**" in text
        assert all(f"\n## {part}\n" in text for part in ("Context", "Decision", "Consequences"))
    assert numbers == list(range(1, len(numbers) + 1))


def test_every_key_of_a_hospital_file_and_of_a_plan_is_explained() -> None:
    guide = (ROOT / "docs/operator.md").read_text(encoding="utf-8")
    registered = {name for part in hospital_file._PARTS.values() for name in part} | set(notices.ENTRY_NAMES)
    assert [
        name for name in sorted(registered) if f"`{name}`" not in guide and f"`[{name}]`" not in guide and f".{name}]`" not in guide
    ] == []
    planned = set(re.findall(r"\.(?:text|optional_text|integer|number|choice|tables|day|truth|texts)\(\s*\"(\w+)\"", _source(plan)))
    assert {"suppression_limit", "window_weeks", "k_reason", "tail_persons"} <= planned
    assert [name for name in sorted(planned) if not re.search(rf"`[^`]*\b{name}\b[^`]*`", guide)] == []


def _source(module: ModuleType) -> str:
    return Path(str(module.__file__)).read_text(encoding="utf-8")
