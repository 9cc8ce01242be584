"""ハッシュ木 (hash tree): the pure arithmetic of the append-only ledger: roots, proofs and their checking (Act 14).

The tree is defined over n leaves; a *subtree* (level, index) is the complete one over the leaves index·2^level … (index+1)·2^level − 1.
Everything is computed from the hashes of complete subtrees, handed in as a function, so that a root or a proof reads O(log n) of them.

Source: RFC 6962 section 2.1; RFC 9162 sections 2.1.3.2 and 2.1.4.2 for the checking.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256

Read = Callable[[int, int], bytes]
"""Hash of the complete subtree (level, index)."""

EMPTY = sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """Hash of one entry as a leaf; the prefix keeps a leaf from being passed off as an inner node."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def grow(size: int, leaf: bytes, read: Read) -> list[tuple[int, int, bytes]]:
    """The subtrees that become complete when a leaf is added to a tree of `size` leaves: (level, index, hash), the leaf itself first."""
    level, index, current = 0, size, leaf
    grown = [(level, index, current)]
    while index % 2 == 1:
        current = node_hash(read(level, index - 1), current)
        level, index = level + 1, index // 2
        grown.append((level, index, current))
    return grown


def levels(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """All complete subtrees over the leaves in memory: `levels(leaves)[level][index]`."""
    table = [list(leaves)]
    while len(table[-1]) > 1:
        below = table[-1]
        table.append([node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)])
    return table


def _split(width: int) -> int:
    """The largest power of two smaller than `width` (at least 2)."""
    return 1 << ((width - 1).bit_length() - 1)


def _hash_of(low: int, high: int, read: Read) -> bytes:
    """Hash over the leaves low … high − 1, where `low` is a multiple of the smallest power of two that is not below the width."""
    width = high - low
    if width & (width - 1) == 0:
        level = width.bit_length() - 1
        return read(level, low >> level)
    middle = low + _split(width)
    return node_hash(_hash_of(low, middle, read), _hash_of(middle, high, read))


def root(size: int, read: Read) -> bytes:
    """The root over the first `size` leaves."""
    return EMPTY if size == 0 else _hash_of(0, size, read)


def inclusion_proof(index: int, size: int, read: Read) -> list[bytes]:
    """The sibling hashes from leaf `index` up to the root over `size` leaves (0 ≤ index < size, else a bug: ValueError)."""
    if not 0 <= index < size:
        raise ValueError("no such leaf in this tree")
    proof: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            proof.append(_hash_of(middle, high, read))
            high = middle
        else:
            proof.append(_hash_of(low, middle, read))
            low = middle
    return proof[::-1]


def consistency_proof(first: int, second: int, read: Read) -> list[bytes]:
    """Hashes that show the tree of `first` leaves to be the beginning of that of `second` (0 < first ≤ second, else a bug: ValueError)."""
    if not 0 < first <= second:
        raise ValueError("a tree can only be consistent with a later one")
    proof: list[bytes] = []
    low, high, known = 0, second, True  # known: the old root itself is the hash over low … first − 1
    while first != high:
        middle = low + _split(high - low)
        if first <= middle:
            proof.append(_hash_of(middle, high, read))
            high = middle
        else:
            proof.append(_hash_of(low, middle, read))
            low, known = middle, False
    if not known:
        proof.append(_hash_of(low, high, read))
    return proof[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected: bytes) -> bool:
    """Whether the proof shows that the leaf stands at `index` in the tree of `size` leaves with the root `expected`."""
    if not 0 <= index < size:
        return False
    position, last, current = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if position % 2 == 1 or position == last:
            current = node_hash(sibling, current)
            while position % 2 == 0 and position != 0:
                position, last = position >> 1, last >> 1
        else:
            current = node_hash(current, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and current == expected


def verify_consistency(first: int, second: int, proof: Sequence[bytes], old: bytes, new: bytes) -> bool:
    """Whether the proof shows that the tree (first, old) is the beginning of the tree (second, new). The empty tree begins every tree."""
    if first == 0:
        return second >= 0 and not proof and old == EMPTY
    if not 0 < first <= second:
        return False
    if first == second:
        return not proof and old == new
    path = list(proof)
    if first & (first - 1) == 0:
        path.insert(0, old)
    if not path:
        return False
    position, last = first - 1, second - 1
    while position % 2 == 1:
        position, last = position >> 1, last >> 1
    before = after = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if position % 2 == 1 or position == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while position % 2 == 0 and position != 0:
                position, last = position >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and before == old and after == new
