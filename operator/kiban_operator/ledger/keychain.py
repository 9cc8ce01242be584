"""帳簿の鍵の引継ぎ (keychain): which keys signed the ledger one after another, as its own entries announce them, and whether each handed over.

A new key counts from the entry that announces it. Who trusts an old key accepts the new one only through a checkpoint that both signed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson

from kiban_operator.ledger import kinds, notes
from kiban_processing.language import Text

UNREADABLE = Text("鍵の更新の記載が正しくありません", "an entry on a new key of the ledger is wrong")
NOT_OURS = Text("この鍵は帳簿の鍵ではありません", "this key is none of the ledger's")
TOO_EARLY = Text("鍵の更新の記載より前の検証点が新しい鍵で署名されています", "signed with a key that was announced only later")
RETURNED = Text("更新前の鍵が更新後に使われています", "signed with an old key after it had been replaced")
NOT_HANDED_OVER = Text(
    "信頼された鍵から今の鍵への、両方の鍵で署名した検証点がありません",
    "no checkpoint signed with both keys leads from the trusted key to the present one",
)
_MARK = f'"kind":"{kinds.LEDGER_KEY_ROTATED.name}"'.encode()


@dataclass(frozen=True)
class Signed:
    """A checkpoint whose signatures hold, and the places in the chain of the keys that made them, in order."""

    name: str
    checkpoint: notes.Checkpoint
    places: tuple[int, ...]


@dataclass(frozen=True)
class Keychain:
    """The keys in order; `announced[i]` is the entry that announced `verifiers[i]`, −1 for the first."""

    verifiers: tuple[notes.Verifier, ...]
    announced: tuple[int, ...]

    def opened(self, name: str, note: bytes) -> Signed:
        """The checkpoint in a note, by whichever of the keys. Raises notes.Unreadable."""
        checkpoint, by = notes.open_checkpoint(note, self.verifiers)
        return Signed(name, checkpoint, tuple(sorted(self.verifiers.index(verifier) for verifier in by)))

    def faults(self, trusted: notes.Verifier, present: Signed, others: Iterable[Signed]) -> list[tuple[str, Text]]:
        """What is wrong with the order of the keys: (name of the checkpoint, fault)."""
        if trusted not in self.verifiers:
            return [(present.name, NOT_OURS)]
        known = sorted([*others, present], key=lambda signed: signed.checkpoint.size)
        found: list[tuple[str, Text]] = []
        latest = 0
        for signed in known:
            if any(signed.checkpoint.size <= self.announced[place] for place in signed.places):
                found.append((signed.name, TOO_EARLY))
            if signed.places[-1] < latest:
                found.append((signed.name, RETURNED))
            latest = max(latest, signed.places[-1])
        start, end = self.verifiers.index(trusted), present.places[-1]
        both = {(left, right) for signed in known for left in signed.places for right in signed.places}
        if start > end or any((place, place + 1) not in both for place in range(start, end)):
            found.append((present.name, NOT_HANDED_OVER))
        return found


def read(rows: Sequence[bytes], own: notes.Verifier) -> Keychain | Text:
    """The chain that the entries announce; `own`, the key the copy names as the ledger's, must be in it. Else what is wrong."""
    verifiers: list[notes.Verifier] = []
    announced = [-1]
    for number, row in enumerate(rows):
        if _MARK not in row:
            continue
        try:
            entry = orjson.loads(row)
            if entry["kind"] != kinds.LEDGER_KEY_ROTATED.name:
                continue
            old, new = notes.read_verifier(entry["facts"]["old"]), notes.read_verifier(entry["facts"]["new"])
        except (orjson.JSONDecodeError, notes.Unreadable, KeyError, TypeError, AttributeError):
            return UNREADABLE
        verifiers = verifiers or [old]
        if verifiers[-2:-1] == [old]:  # the key announced before was never taken up, and is replaced
            verifiers.pop()
            announced.pop()
        if verifiers[-1] != old or new in verifiers or new.name != old.name:
            return UNREADABLE
        verifiers.append(new)
        announced.append(number)
    chain = tuple(verifiers) or (own,)
    return Keychain(chain, tuple(announced)) if own in chain else NOT_OURS
