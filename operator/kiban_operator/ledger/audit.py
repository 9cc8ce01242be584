"""帳簿の検証 (audit): checks an exported ledger offline, from the folder alone (Act 14, Reg 12).

It opens no database and shares with the writing side only the formats. Checks V1 … V9 are those of `verdict.Check`. Malformed input
is a finding, never an error. Not checked: that everything that happened was entered, which only reconciliation with others can show.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from kiban_operator.ledger import copies, keychain, lives, merkle, notes, provisions, tiles
from kiban_operator.ledger.verdict import Check, Finding, Verdict, ordered
from kiban_processing.language import Text

UNFINISHED = Text("検査を終えられませんでした", "the check could not be finished")


def audit(folder: Path, trusted_key: str | None = None, earlier: bytes | None = None) -> Verdict:
    """Check the whole export.

    `trusted_key`: the ledger's verifier key as the auditor knows it (else the folder's own is taken, and noted). `earlier`: a signed
    checkpoint kept from before, which finds a rewriting even by who holds the ledger's key.
    """
    copy = copies.read(folder)
    found = [
        Finding(
            Check.V9,
            Text(f"{name} は帳簿の写しに属さない、又は読めません", f"{name} does not belong to a copy, or is not readable"),
            None,
            False,
        )
        for name in copy.strange
    ]
    rows, whole = copies.bodies(copy.single.get("entries.jsonl", b""))
    if "entries.jsonl" not in copy.single or not whole:
        found.append(Finding(Check.V2, Text("entries.jsonl がないか、途中で切れています", "entries.jsonl is missing or cut off")))
    table = merkle.levels([merkle.leaf_hash(row) for row in rows])
    chain, trusted = _keys(copy, rows, trusted_key, found)
    present = _opened(copy.single.get("checkpoint"), chain, "checkpoint", found)
    checkpoint = present.checkpoint if present else None

    def examine(step: Callable[[], list[Finding]], *checks: Check) -> None:
        # A check that cannot finish has failed; whatever the folder holds, the auditor gets a verdict.
        try:
            found.extend(step())
        except Exception:
            found.extend(Finding(check, UNFINISHED) for check in checks)

    examine(lambda: _root(rows, table, checkpoint), Check.V2)
    examine(lambda: _tiles(copy, rows, table, checkpoint), Check.V2)
    examine(lambda: _continuity(copy, table, chain, trusted, present, earlier), Check.V1, Check.V3)
    examine(lambda: _contents(copy, rows), Check.V4, Check.V5, Check.V6, Check.V7, Check.V8)
    origin, size, root = (checkpoint.origin, checkpoint.size, checkpoint.root) if checkpoint else (None, None, None)
    return Verdict(origin, size, root, ordered(found))


def _keys(
    copy: copies.Copy, rows: Sequence[bytes], trusted_key: str | None, found: list[Finding]
) -> tuple[keychain.Keychain | None, notes.Verifier | None]:
    """The ledger's keys one after another, and the one the auditor trusts."""
    try:
        own = notes.read_key_sheet(copy.single.get("keys.txt", b""))
    except notes.Unreadable:
        found.append(Finding(Check.V1, Text("keys.txt がないか、整っていません", "keys.txt is missing or malformed")))
        return None, None
    chain = keychain.read(rows, own)
    if isinstance(chain, Text):
        found.append(Finding(Check.V1, chain))
        chain = keychain.Keychain((own,), (-1,))
    if trusted_key is None:
        what = Text(
            f"鍵は写し自身のものです。指紋を別の手段で確かめてください: {own.fingerprint}",
            f"the key is the copy's own; compare its fingerprint by another way: {own.fingerprint}",
        )
        found.append(Finding(Check.V1, what, None, False))
        return chain, own
    try:
        return chain, notes.read_verifier(trusted_key.strip())
    except notes.Unreadable:
        found.append(Finding(Check.V1, Text("指定された公開鍵が読めません", "the given public key is not readable")))
        return chain, None


def _opened(note: bytes | None, chain: keychain.Keychain | None, name: str, found: list[Finding]) -> keychain.Signed | None:
    if note is None or chain is None:
        what = Text(f"{name} を確かめられません（検証点又は鍵がない）", f"{name} cannot be verified: it or the key is missing")
        found.append(Finding(Check.V1, what))
        return None
    try:
        return chain.opened(name, note)
    except notes.Unreadable as error:
        found.append(
            Finding(Check.V1, Text(f"{name} の署名又は形が正しくありません", f"the signature or form of {name} is wrong: {error}"))
        )
        return None


def _root(rows: Sequence[bytes], table: Sequence[Sequence[bytes]], checkpoint: notes.Checkpoint | None) -> list[Finding]:
    if checkpoint is None:
        return [Finding(Check.V2, Text("比べるべき検証点がありません", "there is no checkpoint to compare with"))]
    if len(rows) != checkpoint.size:
        what = Text(
            f"記載は {len(rows)} 件ですが、検証点は {checkpoint.size} 件です",
            f"{len(rows)} entries, but the checkpoint has {checkpoint.size}",
        )
        return [Finding(Check.V2, what)]
    if _root_of(len(rows), table) != checkpoint.root:
        return [Finding(Check.V2, Text("記載から計算した根が検証点と異なります", "the root over the entries is not the checkpoint's"))]
    return []


def _root_of(size: int, table: Sequence[Sequence[bytes]]) -> bytes:
    return merkle.root(size, lambda level, index: table[level][index])


def _tiles(
    copy: copies.Copy, rows: Sequence[bytes], table: Sequence[Sequence[bytes]], checkpoint: notes.Checkpoint | None
) -> list[Finding]:
    """The tiles are exactly those of the entries, and their lowest hashes alone lead to the checkpoint's root."""
    found: list[Finding] = []
    expected = dict(tiles.files(rows, table)) if all(len(row) < 1 << 16 for row in rows) else {}
    for name in sorted(expected.keys() | copy.tiles.keys()):
        if expected.get(name) != copy.tiles.get(name):
            found.append(Finding(Check.V2, Text(f"{name} が記載と一致しません", f"{name} does not match the entries")))
    if checkpoint is None:
        return found
    count = min(checkpoint.size, len(rows) + tiles.WIDTH)  # a forged size must not make us count for ever
    lowest = b"".join(copy.tiles.get(tiles.path(0, index, end - first), b"") for index, first, end in tiles.cut(count))
    leaves = [lowest[i : i + 32] for i in range(0, len(lowest), 32)]
    if len(leaves) != checkpoint.size or _root_of(len(leaves), merkle.levels(leaves)) != checkpoint.root:
        found.append(Finding(Check.V2, Text("タイルから計算した根が検証点と異なります", "the root over the tiles is not the checkpoint's")))
    elif found:
        found += [
            Finding(Check.V2, Text("この記載はタイルのハッシュと一致しません", "this entry does not match its hash in the tiles"), seq)
            for seq, (leaf, own) in enumerate(zip(leaves, table[0], strict=False))
            if leaf != own
        ]
    return found


def _continuity(
    copy: copies.Copy,
    table: Sequence[Sequence[bytes]],
    chain: keychain.Keychain | None,
    trusted: notes.Verifier | None,
    present: keychain.Signed | None,
    earlier: bytes | None,
) -> list[Finding]:
    """Every earlier checkpoint is a beginning of this tree (V3), and the keys followed one another in order (V1)."""
    found: list[Finding] = []
    kept = dict(copy.earlier) | ({"--earlier": earlier} if earlier is not None else {})
    others: list[keychain.Signed] = []
    for name, note in kept.items():
        # an earlier checkpoint that cannot be verified cannot be continued: one failure under V1, one here
        signed = _opened(note, chain, name, found)
        if signed is None:
            found.append(Finding(Check.V3, Text(f"{name} と比べられません", f"cannot be compared with {name}")))
            continue
        others.append(signed)
        checkpoint = signed.checkpoint
        if name != "--earlier" and name != f"checkpoints/{checkpoint.size:08}":
            found.append(Finding(Check.V3, Text(f"{name} の名前と件数が異なります", f"the name of {name} is not its size")))
        if checkpoint.size > len(table[0]):
            what = Text(
                f"{name} の {checkpoint.size} 件より少なくなっています", f"there are fewer entries than the {checkpoint.size} of {name}"
            )
            found.append(Finding(Check.V3, what))
        elif _root_of(checkpoint.size, table) != checkpoint.root:
            what = Text(f"{name} の後に、それ以前の記載が書き換えられています", f"entries were rewritten after {name}")
            found.append(Finding(Check.V3, what))
    if chain is not None and trusted is not None and present is not None:
        for name, fault in chain.faults(trusted, present, others):
            found.append(Finding(Check.V1, Text(f"{name}: {fault.ja}", f"{name}: {fault.en}")))
    return found


def _contents(copy: copies.Copy, rows: list[bytes]) -> list[Finding]:
    """What the entries say: V4 to V9."""
    lines, found = copies.lines(rows)
    by_number = {line.seq: line for line in lines}
    replayed = lives.replay(lines)
    found += replayed.findings_of_all()
    reveals, whole = copies.bodies(copy.single.get("reveals.jsonl", b""))
    if "reveals.jsonl" not in copy.single or not whole:
        found.append(Finding(Check.V4, Text("reveals.jsonl がないか、途中で切れています", "reveals.jsonl is missing or cut off")))
    texts, bad_reveals = provisions.open_reveals(reveals, by_number)
    by_digest, bad_documents = provisions.documents(copy.documents, lines, replayed)
    return [
        *found,
        *bad_reveals,
        *provisions.statutory_lines(lines, texts),
        *bad_documents,
        *provisions.tallies(lines),
        *provisions.evidence(replayed, by_digest),
        *provisions.freshness(replayed, by_digest),
        *provisions.missing(replayed, lines[-1] if lines else None),
    ]
