"""モジュールの一覧 (modules): every module of the three parts in one line, from the first sentence of its file."""

from __future__ import annotations

from pathlib import Path

from kiban_applications.documents import markdown, survey


def compose(_root: Path) -> str:
    parts = ["Each file opens with one sentence that says what it is. A newcomer reads this page first."]
    for part in survey.PARTS:
        own = [module for module in survey.modules() if module.__name__.split(".")[0] == part.__name__ and module is not part]
        parts.append(f"## {part.__name__}")
        parts.append(survey.sentence(part))
        parts.append(
            markdown.table(
                ("module", "what it is"),
                [(markdown.code(module.__name__.removeprefix(f"{part.__name__}.")), survey.sentence(module)) for module in own],
            )
        )
    return markdown.page("Modules (モジュール)", *parts)
