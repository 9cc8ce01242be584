"""A broken delivery: what is sent, and what has to become of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

Counts = tuple[int, int, int, int]
"""Records sent, accepted, quarantined, refused."""
QUARANTINED: Counts = (1, 0, 1, 0)
REFUSED: Counts = (1, 0, 0, 1)
ACCEPTED: Counts = (1, 1, 0, 0)


@dataclass(frozen=True)
class Broken:
    """`files`: name → bytes; one file stands alone where `alone` says so. `told`: the finding or refusal that must be told."""

    files: dict[str, bytes]
    told: str
    counts: Counts | None = QUARANTINED
    alone: bool = False
    mapping: str | None = None
    identifiers: str | None = None

    def write(self, folder: Path) -> Path:
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return folder / next(iter(self.files)) if self.alone else folder
