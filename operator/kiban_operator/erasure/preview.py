"""試算 (preview): what an order would rewrite, destroy and end, in numbers only; nobody is named and nothing is changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kiban_operator import vault
from kiban_operator.erasure import files, orders, pending, quarantine, reach
from kiban_operator.erasure.reach import is_of
from kiban_operator.home import Home
from kiban_operator.vault import Shelf


@dataclass
class Preview:
    """試算の結果. `places`: (shelf, table) → files, rows that go, bytes to be rewritten or destroyed; `vault_bytes`: of all living files."""

    order: str
    places: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    ending: list[str] = field(default_factory=list)
    delivered: list[str] = field(default_factory=list)
    vault_bytes: int = 0

    def add(self, shelf: str, table: str, rows: int, size: int) -> None:
        place = self.places.setdefault((shelf, table), [0, 0, 0])
        place[0], place[1], place[2] = place[0] + 1, place[1] + rows, place[2] + size

    def as_json(self) -> dict[str, Any]:
        places = [
            {"shelf": shelf, "table": table, "files": counts[0], "rows": counts[1], "bytes": counts[2]}
            for (shelf, table), counts in sorted(self.places.items())
        ]
        return {
            "order": self.order, "places": places, "files": sum(place["files"] for place in places), "rows": sum(place["rows"] for place in places),
            "bytes": sum(place["bytes"] for place in places), "vault_bytes": self.vault_bytes, "releases_ending": self.ending,
            "releases_delivered": self.delivered,
        }  # fmt: skip


def preview(home: Home, order_id: str) -> Preview:
    """Look for what goes, by reading one column of the files that may hold it. Refuses: unknown-case, key-missing (the order was rejected)."""
    with home.reading() as session:
        order = orders.load(session, order_id)
        reached = reach.of(session, home, order)
        living = [file for shelf in Shelf for file in vault.files(session, shelf)]
        chosen = [] if reached.keys is None else [file for shelf in (Shelf.VAULT, Shelf.HELD, Shelf.RELEASED) for file in reach.files(session, home, shelf, reached.keys)]  # fmt: skip
        whole = [] if reached.keys is not None else [f for shelf in (Shelf.VAULT, Shelf.HELD, Shelf.QUARANTINE) for f in reach.whole_files(session, reached, shelf)]  # fmt: skip
    told = Preview(order_id)
    size = {file.id: _size(home, file) for file in living}
    told.vault_bytes = sum(size.values())
    for file in whole:
        told.add(file.shelf, file.table_name, file.rows, size[file.id])
    for file in chosen:
        if held := files.holding(home, file, is_of(reached.keys or ())):
            told.add(file.shelf, file.table_name, held.rows, size[file.id])
    if reached.keys is not None:
        rows, damaged = quarantine.naming(home, reached.local_ids)
        for held in rows:
            told.add(held.shelf, held.file.table_name, held.rows, size[held.file.id])
        for file in damaged:
            told.add(file.shelf, file.table_name, file.rows, size[file.id])
    told.ending, told.delivered = pending.concerned(home, reached)
    return told


def _size(home: Home, file: vault.VaultFile) -> int:
    path = home.path / file.path
    return path.stat().st_size if path.exists() else 0
