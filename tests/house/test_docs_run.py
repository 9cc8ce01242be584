"""The console blocks of README and the guides are run for real; what they print must be what the pages say."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiban_applications.documents import examples

ROOT = Path(__file__).resolve().parents[2]
HAND_WRITTEN = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.fixture(scope="module")
def terminals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, examples.Terminal]]:
    return examples.terminals(ROOT, tmp_path_factory.mktemp("docs"))


@pytest.mark.parametrize("page", examples.PAGES)
def test_a_page_prints_what_it_says(page: str, terminals: Iterator[tuple[str, examples.Terminal]]) -> None:
    name, terminal = next(terminals)
    assert name == page
    told = examples.read((ROOT / page).read_text(encoding="utf-8"))
    assert told, "a page of examples without any"
    for example in told:
        printed = terminal.run(example.command)
        terminal.learn(example.printed, printed)
        assert examples.masked(printed) == examples.masked(example.printed), f"{page}:{example.line}: {example.command}"


def test_a_changed_output_is_noticed() -> None:
    (told,) = examples.read("```console\n$ kiban x\n278 rows: 278 new, 0 rejected\n```\n")
    assert told.printed == "278 rows: 278 new, 0 rejected"
    assert examples.masked("278 rows: 277 new, 1 rejected") != examples.masked(told.printed)
    assert examples.masked("Registered p-0123456789abcdef") == examples.masked("Registered p-fedcba9876543210")


def test_a_command_may_go_over_lines_and_use_an_identifier_shown_before(tmp_path: Path) -> None:
    page = "```console\n$ printf 's-%s\\n' 00000000000000aa\ns-0000000000000001\n$ echo s-0000000000000001 &&\n> echo end\n```\n"
    terminal = examples.Terminal(tmp_path)
    again = examples.rewritten(page, terminal)
    assert "$ echo s-00000000000000aa &&\n> echo end\ns-00000000000000aa\nend" in again
    assert examples.rewritten(again, examples.Terminal(tmp_path)) == again


@pytest.mark.parametrize("path", HAND_WRITTEN, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (path.parent / target).exists(), target
