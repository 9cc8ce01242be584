"""帳簿の記載の一覧 (entries): what the ledger can say, the facts each kind carries, and which fields are sealed (Act 14, Reg 12)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kiban_applications.documents import markdown
from kiban_operator.ledger import kinds
from kiban_operator.ledger.shapes import Shape


def compose(_root: Path) -> str:
    rows = [
        (
            f"{markdown.code(kind.name)}<br>{kind.label.ja}" + (" **statutory**" if kind.statutory else ""),
            kind.article.citation,
            f"`{kind.aggregate or '…'}/<id>`",
            _facts(kind.required),
            _facts(kind.optional),
            ", ".join(sorted(kind.sealed)) + (f" (may: {', '.join(sorted(kind.sealed_optional))})" if kind.sealed_optional else ""),
        )
        for kind in kinds.KINDS.values()
    ]
    return markdown.page(
        "Ledger entries (帳簿の記載)",
        "An entry carries every required fact, may carry the optional ones, and no other: the ledger can never forget what it holds. "
        "A sealed field is text that may have to be erased one day; the entry holds a salted commitment `c:…` only, and the text lies "
        f"beside the book. **statutory**: an event of Reg 12(1) (施行規則第12条第1項), kept {kinds.RETENTION_YEARS} years with its texts.",
        markdown.table(("kind", "article", "about", "required facts", "optional facts", "sealed"), rows),
    )


def _facts(facts: Mapping[str, Shape]) -> str:
    return "<br>".join(f"{markdown.code(name)}: {shape.name}" for name, shape in facts.items())
