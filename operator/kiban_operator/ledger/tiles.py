"""タイル (tiles): the ledger's tree cut into small files that any transparency-log tool reads.

A hash tile holds up to 256 hashes of one tree level (0, 8, 16, …); an entry bundle holds up to 256 entries, each after its length in
two bytes. Source: C2SP tlog-tiles; RFC 9162 section 2.1 for the tree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

HEIGHT = 8
WIDTH = 1 << HEIGHT


def number(index: int) -> str:
    """A tile's index as a path of three-digit groups, all but the last marked.

    >>> number(1234067)
    'x001/x234/067'
    """
    groups = [f"{index % 1000:03}"]
    while index >= 1000:
        index //= 1000
        groups.append(f"x{index % 1000:03}")
    return "/".join(reversed(groups))


def path(level: int | str, index: int, width: int) -> str:
    """Where a tile lies below the export; `level` is the tile's level or `entries`.

    >>> path(0, 0, 256), path("entries", 1, 7)
    ('tile/0/000', 'tile/entries/001.p/7')
    """
    partial = "" if width == WIDTH else f".p/{width}"
    return f"tile/{level}/{number(index)}{partial}"


def cut(count: int) -> Iterator[tuple[int, int, int]]:
    """The tiles over `count` things: (index, first, one past the last)."""
    for index, first in enumerate(range(0, count, WIDTH)):
        yield index, first, min(first + WIDTH, count)


def files(bodies: Sequence[bytes], table: Sequence[Sequence[bytes]]) -> Iterator[tuple[str, bytes]]:
    """All tiles of a tree in full: its entries, and its complete subtrees by level (`merkle.levels`)."""
    for index, first, end in cut(len(bodies)):
        yield path("entries", index, end - first), b"".join(len(body).to_bytes(2, "big") + body for body in bodies[first:end])
    for level in range(0, len(table), HEIGHT):
        for index, first, end in cut(len(table[level])):
            yield path(level // HEIGHT, index, end - first), b"".join(table[level][first:end])
