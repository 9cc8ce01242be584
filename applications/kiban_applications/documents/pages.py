"""生成頁の一覧 (pages): which page is composed by which module, and whether the files on disk are in step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kiban_applications.documents import articles, commands, entries, items, modules, refusals, roles, schema, states

FOLDER = Path("docs/generated")

PAGES: dict[str, Callable[[Path], str]] = {
    "articles.md": articles.compose,
    "commands.md": commands.compose,
    "entries.md": entries.compose,
    "items.md": items.compose,
    "modules.md": modules.compose,
    "refusals.md": refusals.compose,
    "roles.md": roles.compose,
    "schema.md": schema.compose,
    "states.md": states.compose,
}


def composed(root: Path) -> dict[Path, bytes]:
    """Every page as it should be, by its path."""
    return {root / FOLDER / name: compose(root).encode() for name, compose in PAGES.items()}


def write(root: Path) -> None:
    """Write every page; a file in the folder that is no page any more is removed."""
    wanted = composed(root)
    (root / FOLDER).mkdir(parents=True, exist_ok=True)
    for path in (root / FOLDER).glob("*.md"):
        if path not in wanted:
            path.unlink()
    for path, content in wanted.items():
        path.write_bytes(content)


def stale(root: Path) -> list[Path]:
    """Pages that are missing, differ from the code, or belong to nothing; in order."""
    wanted = composed(root)
    differing = [path for path, content in wanted.items() if not path.is_file() or path.read_bytes() != content]
    return sorted({*differing, *(path for path in (root / FOLDER).glob("*.md") if path not in wanted)})
