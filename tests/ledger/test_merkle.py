"""The hash tree against the recursive definitions of RFC 6962 section 2.1, written out again here."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiban_operator.ledger import merkle

# The eight leaves with which implementations of the RFC are commonly compared, and the roots of their first n.
LEAVES = [
    bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


def split(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def mth(entries: list[bytes]) -> bytes:
    if not entries:
        return sha256().digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    k = split(len(entries))
    return sha256(b"\x01" + mth(entries[:k]) + mth(entries[k:])).digest()


def path(m: int, entries: list[bytes]) -> list[bytes]:
    if len(entries) == 1:
        return []
    k = split(len(entries))
    if m < k:
        return [*path(m, entries[:k]), mth(entries[k:])]
    return [*path(m - k, entries[k:]), mth(entries[:k])]


def subproof(m: int, entries: list[bytes], known: bool) -> list[bytes]:
    if m == len(entries):
        return [] if known else [mth(entries)]
    k = split(len(entries))
    if m <= k:
        return [*subproof(m, entries[:k], known), mth(entries[k:])]
    return [*subproof(m - k, entries[k:], False), mth(entries[:k])]


def entries_of(n: int) -> list[bytes]:
    return [b"entry %d" % i for i in range(n)]


def reader_of(entries: list[bytes]) -> merkle.Read:
    """Stored subtrees as appending one by one leaves them."""
    stored: dict[tuple[int, int], bytes] = {}
    for size, entry in enumerate(entries):
        for level, index, hash_ in merkle.grow(size, merkle.leaf_hash(entry), lambda level, index: stored[level, index]):
            assert (level, index) not in stored
            stored[level, index] = hash_
    return lambda level, index: stored[level, index]


@pytest.mark.parametrize("n", ROOTS)
def test_known_roots(n: int) -> None:
    assert merkle.root(n, reader_of(LEAVES)).hex() == ROOTS[n]
    assert mth(LEAVES[:n]).hex() == ROOTS[n]


def test_every_proof_of_every_small_tree_is_the_definitions() -> None:
    entries = entries_of(70)
    read = reader_of(entries)
    for n in range(1, 71):
        assert merkle.root(n, read) == mth(entries[:n])
        for m in range(n):
            proof = merkle.inclusion_proof(m, n, read)
            assert proof == path(m, entries[:n])
            assert merkle.verify_inclusion(merkle.leaf_hash(entries[m]), m, n, proof, mth(entries[:n]))
            proof = merkle.consistency_proof(m + 1, n, read)
            assert proof == subproof(m + 1, entries[:n], True)
            assert merkle.verify_consistency(m + 1, n, proof, mth(entries[: m + 1]), mth(entries[:n]))


def test_levels_hold_what_growing_stores() -> None:
    for n in (0, 1, 2, 5, 16, 33):
        entries = entries_of(n)
        read, table = reader_of(entries), merkle.levels([merkle.leaf_hash(entry) for entry in entries])
        assert all(table[level][index] == read(level, index) for level in range(len(table)) for index in range(len(table[level])))
        assert merkle.root(n, lambda level, index, t=table: t[level][index]) == mth(entries)  # type: ignore[misc]


def test_root_and_append_read_few_hashes() -> None:
    entries = entries_of(1000)
    read, count = reader_of(entries), 0

    def counted(level: int, index: int) -> bytes:
        nonlocal count
        count += 1
        return read(level, index)

    merkle.root(999, counted)
    merkle.grow(999, merkle.leaf_hash(b""), counted)
    assert count <= 20


SIZES = st.integers(1, 200)


@given(SIZES, st.data())
def test_changed_inclusion_proof_is_refused(n: int, data: st.DataObject) -> None:
    entries = entries_of(n)
    read, index = reader_of(entries), data.draw(st.integers(0, n - 1))
    proof, root, leaf = merkle.inclusion_proof(index, n, read), mth(entries), merkle.leaf_hash(entries[index])
    assert merkle.verify_inclusion(leaf, index, n, proof, root)
    assert not merkle.verify_inclusion(merkle.leaf_hash(b"other"), index, n, proof, root)
    assert not merkle.verify_inclusion(leaf, index, n, [*proof, bytes(32)], root)
    assert not merkle.verify_inclusion(leaf, index, n, proof, bytes(32))
    assert not merkle.verify_inclusion(leaf, -1, n, proof, root)
    assert not merkle.verify_inclusion(leaf, n, n, proof, root)
    other = data.draw(st.integers(0, n - 1))
    assert merkle.verify_inclusion(leaf, other, n, proof, root) == (other == index)
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        assert not merkle.verify_inclusion(leaf, index, n, proof[:-1], root)
        assert not merkle.verify_inclusion(leaf, index, n, [*proof[:at], bytes(32), *proof[at + 1 :]], root)


@given(SIZES, st.data())
def test_changed_consistency_proof_is_refused(n: int, data: st.DataObject) -> None:
    entries = entries_of(n)
    read, m = reader_of(entries), data.draw(st.integers(1, n))
    proof, old, new = merkle.consistency_proof(m, n, read), mth(entries[:m]), mth(entries)
    assert merkle.verify_consistency(m, n, proof, old, new)
    assert not merkle.verify_consistency(m, n, [*proof, bytes(32)], old, new)
    assert not merkle.verify_consistency(m, n, proof, bytes(32), new)
    assert not merkle.verify_consistency(m, n, proof, old, bytes(32))
    assert not merkle.verify_consistency(n + 1, n, proof, old, new)
    forked = mth([*entries[: m - 1], b"other", *entries[m:]])
    assert not merkle.verify_consistency(m, n, proof, old, forked)
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        assert not merkle.verify_consistency(m, n, proof[:-1], old, new)
        assert not merkle.verify_consistency(m, n, [*proof[:at], bytes(32), *proof[at + 1 :]], old, new)


def test_empty_tree_begins_every_tree() -> None:
    assert merkle.verify_consistency(0, 5, [], merkle.EMPTY, bytes(32))
    assert not merkle.verify_consistency(0, 5, [], bytes(32), bytes(32))
    assert not merkle.verify_consistency(0, 5, [bytes(32)], merkle.EMPTY, bytes(32))


@pytest.mark.parametrize(("first", "second"), [(0, 1), (3, 2), (-1, 2)])
def test_proof_of_nonsense_is_a_bug(first: int, second: int) -> None:
    with pytest.raises(ValueError, match="consistent"):
        merkle.consistency_proof(first, second, reader_of(entries_of(4)))
    with pytest.raises(ValueError, match="leaf"):
        merkle.inclusion_proof(4, 4, reader_of(entries_of(4)))
