"""条文の一覧 (articles): article → gist → in force → modules that cite it → tests; what has no test of its own says why."""

from __future__ import annotations

from pathlib import Path

from kiban_applications.documents import markdown, survey
from kiban_processing import statutes

TESTS = Path("tests/articles")

# Cited articles without a file of their own under tests/articles: where they are tested instead, or why they are not.
ELSEWHERE: dict[str, str] = {
    "ACT_19": "what a plan may ask for and what the engine does: tests/transforms; the judgement: tests/articles/test_reg_18.py",
    "ACT_20": "destruction at the recipient: tests/governance/test_the_whole_way.py; erasure within the operator is not built yet",
    "ACT_21": "damaged or altered packages and keys: tests/release, tests/ledger; safety measures of the premises are not software",
    "POLICY_SHIFT": "intervals kept, one shift per person: tests/transforms/test_treatments.py; a date left unshifted: test_plan.py",
}


def test_file(root: Path, name: str) -> str | None:
    """The test file of an article: that of its paragraph or item, else of its article (`ACT_56_1_I` → `test_act_56.py`)."""
    words = name.lower().split("_")
    for length in range(len(words), 1, -1):
        path = TESTS / f"test_{'_'.join(words[:length])}.py"
        if (root / path).is_file():
            return path.as_posix()
    return None


def untested(root: Path) -> list[str]:
    """Cited articles with neither a test file nor a word on why not."""
    return [name for name in survey.citations() if test_file(root, name) is None and name not in ELSEWHERE]


def compose(root: Path) -> str:
    cited = survey.citations()
    rows = []
    for name, article in statutes.ARTICLES.items():
        found = test_file(root, name)
        tests = f"[{Path(found).name}](../../{found})" if found else ELSEWHERE.get(name, "")
        rows.append(
            (
                f"{article.citation}<br>{article.citation_ja}",
                f"{article.gist.en}<br>{article.gist.ja}",
                article.in_force.isoformat(),
                "<br>".join(markdown.code(module) for module in cited.get(name, [])) or "(none yet)",
                tests or ("**none**" if name in cited else ""),
            )
        )
    return markdown.page(
        "Articles (条文)",
        "The Act is Act No. 28 of 2017 as amended by Act No. 35 of 2023, in the numbering in force since 2024-04-01; "
        "“in force” is the day from which the provision binds in that numbering. The gist is in our words and is no translation.",
        markdown.table(("article", "gist", "in force", "modules that cite it", "tests"), rows),
    )
