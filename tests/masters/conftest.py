"""Small masters of our own invention: their codes are of ranges nobody uses, their names say that they are invented."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from kiban_processing.masters.kinds import MasterKind

Bring = Callable[..., Path]


def positional(kind: MasterKind, *rows: dict[str, str]) -> list[list[str]]:
    """Rows of a file without header: what is named at its position, `0` elsewhere."""
    made = []
    for row in rows:
        cells = ["0"] * (kind.width or 0)
        for field in kind.fields:
            assert field.position is not None
            letter = field.pattern or "" if field.name == "mark" else ""
            cells[field.position - 1] = row.get(field.name, letter)
        made.append(cells)
    return made


def text_of(rows: Sequence[Sequence[str]], quoted: bool = True) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


@pytest.fixture
def bring(tmp_path: Path) -> Bring:
    """Write a file as it would be brought."""

    def brought(content: str | bytes, encoding: str = "cp932", name: str = "master.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return brought
