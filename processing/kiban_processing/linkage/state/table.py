"""頁表 (page table): where each sealed page of each array lies, and the key that opens it; itself sealed under the state's key.

A page that no table names any more cannot be opened by anyone who has not kept an old table.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kiban_processing.linkage.state.sealing import KEY_BYTES, NONCE_BYTES, STATE_DAMAGED, STATE_VERSION, StateKey, seal, unseal

Values = npt.NDArray[Any]

TABLE_FILE, ABOUT_FILE = "table.bin", "state.json"
VERSION = 3
TAG_BYTES = 16
ONCE = bytes(NONCE_BYTES)  # every page has a key of its own, so that one nonce serves all
# `first` is the first item of a page where the array is sorted, so that a search opens the right page only.
ENTRY = np.dtype([("file", "<u4"), ("length", "<u4"), ("at", "<u8"), ("first", "<u8"), ("key", "u1", (KEY_BYTES,))])


@dataclass
class Listed:
    """One array in the page table; all pages but the last hold `per_page` items."""

    dtype: np.dtype[Any]
    per_page: int
    length: int
    entries: npt.NDArray[np.void]


def key_name(folder: Path) -> str | None:
    """The name of the key that opens the state in `folder`, None where there is no state.

    Refuses: linkage-state-damaged, linkage-state-version.
    """
    try:
        about = json.loads((folder / ABOUT_FILE).read_bytes())
        version, name = about["version"], str(about["key"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise STATE_DAMAGED.refuse(part=ABOUT_FILE) from error
    if version != VERSION:
        raise STATE_VERSION.refuse(found=version, known=VERSION)
    return name


def file_name(number: int) -> str:
    return f"pages-{number}.bin"


def whole(values: Values) -> Values:
    """The same records without their columns: NumPy copies a record with columns one by one."""
    return values.view(f"V{values.dtype.itemsize}") if values.dtype.names else values


def unused(folder: Path, arrays: Mapping[str, Listed]) -> float:
    """Bytes in the files of `folder` that no page needs, for each byte that one does."""
    used = sum(int(each.entries["length"].astype(np.int64).sum()) for each in arrays.values())
    return sum((folder / file_name(number)).stat().st_size for number in files(arrays)) / max(used, 1) - 1.0


def files(arrays: Mapping[str, Listed]) -> list[int]:
    """The numbers of the files that the pages lie in."""
    found: set[int] = set()
    for each in arrays.values():
        numbers = each.entries["file"]
        if len(numbers):
            found.update(np.flatnonzero(np.bincount(numbers)).tolist())
    return sorted(found)


def read(folder: Path, key: StateKey) -> tuple[dict[str, Any], dict[str, Listed]]:
    """The notes and the arrays of a state. Refuses: linkage-state-damaged, linkage-state-version."""
    try:
        sealed = (folder / TABLE_FILE).read_bytes()
    except OSError as error:
        raise STATE_DAMAGED.refuse(part=TABLE_FILE) from error
    content = unseal(key.derive("table"), sealed, TABLE_FILE)
    if (version := int.from_bytes(content[:4], "little")) != VERSION:
        raise STATE_VERSION.refuse(found=version, known=VERSION)
    size = int.from_bytes(content[4:12], "little")
    head = json.loads(content[12 : 12 + size])
    at = 12 + size
    arrays = {}
    for name, described, per_page, length, pages in head["arrays"]:
        dtype = np.dtype([tuple(column) for column in described] if isinstance(described, list) else described)
        arrays[name] = Listed(dtype, per_page, length, np.frombuffer(content, ENTRY, pages, at))
        at += pages * ENTRY.itemsize
    return head["notes"], arrays


def write(folder: Path, key: StateKey, nonce: bytes, notes: Mapping[str, Any], arrays: Mapping[str, Listed]) -> None:
    """`notes`: any JSON, sealed with the table."""
    head = {
        "notes": notes,
        "arrays": [[name, _described(each.dtype), each.per_page, each.length, len(each.entries)] for name, each in arrays.items()],
    }
    text = json.dumps(head, ensure_ascii=False).encode()
    parts = [VERSION.to_bytes(4, "little"), len(text).to_bytes(8, "little"), text, *(each.entries.tobytes() for each in arrays.values())]
    (folder / ABOUT_FILE).write_text(json.dumps({"version": VERSION, "key": key.name}) + "\n")
    (folder / TABLE_FILE).write_bytes(seal(key.derive("table"), nonce, b"".join(parts)))


def _described(dtype: np.dtype[Any]) -> Any:
    return dtype.descr if dtype.names else dtype.str
