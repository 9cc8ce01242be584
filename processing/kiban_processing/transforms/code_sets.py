"""符号の組の保護 (code sets): any one or two codes somebody may know of a person are shared by k persons or by none: k^m-anonymity (Reg 18(v)).

A code is known as an item: its released label or, where the plan says so, its group near the top of the hierarchy. Pairs of wider groups
need no look: whoever has both groups has a pair of items under them, which k persons share. Generalise, then suppress, in rounds:

1. labels that fewer persons hold than the plan's threshold of rare values go up (as in `rarity`), for all persons alike;
2. of each pair of items that some, but fewer than k persons hold, the rarer item loses (a tie: the later in order), and so does an item
   that fewer than k hold by itself;
3. a loser that has a wider group goes up to it, for all persons, if fewer than k hold it or if more than the plan's share of its holders
   would lose it, the deepest ones first; only where no loser goes up, losers are suppressed: the cells of the persons who hold both items,
   or all cells of an item that fewer than k hold. Then again from 1, until nothing is infrequent.

What it does not protect: three codes known together, codes known more finely than the items, dates and numbers beside a code.
Source: Terrovitis, Mamoulis, Kalnis 2008, 3-5 (k^m-anonymity, global generalisation); Mohammed et al. 2009 (LKC-privacy: the same with L
for m and a bound C on confidence, which l and t of the classes take the place of here).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from kiban_processing.plan import CodeSets
from kiban_processing.transforms import rarity

Code = tuple[str, str]  # qualified column, code as received
Item = tuple[str, str]  # qualified column, label
Paths = Mapping[Code, tuple[str, ...]]
Pair = tuple[Item, Item]


class Incidence(Protocol):
    """Which person holds which codes; forgets cells as they are suppressed."""

    def holders(self, groups: Mapping[Item, Sequence[Code]]) -> dict[Item, int]:
        """Distinct persons who hold any code of each group."""

    def infrequent(self, groups: Mapping[Item, Sequence[Code]], k: int) -> list[tuple[Item, Item, int]]:
        """Pairs of groups that some, but fewer than k persons hold, each pair once, with their number."""

    def losing(self, groups: Mapping[Item, Sequence[Code]], pairs: Sequence[Pair]) -> dict[Item, int]:
        """Distinct persons who hold the first and the second of any of the pairs, by the first."""

    def forget(self, groups: Mapping[Item, Sequence[Code]], pairs: Sequence[Pair]) -> None:
        """Suppress the codes of the first for whoever holds the first and the second of a pair, all pairs at once."""

    def drop(self, codes: Sequence[Code]) -> None:
        """Suppress some codes for everybody."""


@dataclass
class Holdings:
    """The plain form: code → the persons who hold it. Not changed itself; `left` is what remains.

    >>> held = Holdings({("d", "E11"): {"a", "b", "c"}, ("d", "I10"): {"a", "b"}})
    >>> held.infrequent({("d", "E11"): [("d", "E11")], ("d", "I10"): [("d", "I10")]}, 3)
    [(('d', 'E11'), ('d', 'I10'), 2)]
    """

    held_by: Mapping[Code, set[str]]

    def __post_init__(self) -> None:
        self.left = {code: set(persons) for code, persons in self.held_by.items()}

    def _of(self, codes: Sequence[Code]) -> set[str]:
        return set().union(*(self.left[code] for code in codes))

    def holders(self, groups: Mapping[Item, Sequence[Code]]) -> dict[Item, int]:
        return {item: len(self._of(codes)) for item, codes in groups.items()}

    def infrequent(self, groups: Mapping[Item, Sequence[Code]], k: int) -> list[tuple[Item, Item, int]]:
        items = sorted(groups)
        found = [(a, b, len(self._of(groups[a]) & self._of(groups[b]))) for n, a in enumerate(items) for b in items[n + 1 :]]
        return [(a, b, number) for a, b, number in found if 0 < number < k]

    def _both(self, groups: Mapping[Item, Sequence[Code]], pairs: Sequence[Pair]) -> dict[Item, set[str]]:
        found: dict[Item, set[str]] = defaultdict(set)
        for first, second in pairs:
            found[first] |= self._of(groups[first]) & self._of(groups[second])
        return found

    def losing(self, groups: Mapping[Item, Sequence[Code]], pairs: Sequence[Pair]) -> dict[Item, int]:
        return {item: len(persons) for item, persons in self._both(groups, pairs).items()}

    def forget(self, groups: Mapping[Item, Sequence[Code]], pairs: Sequence[Pair]) -> None:
        for item, persons in self._both(groups, pairs).items():
            for code in groups[item]:
                self.left[code] -= persons

    def drop(self, codes: Sequence[Code]) -> None:
        for code in codes:
            self.left[code] = set()


def item_of(path: Sequence[str], top: int) -> str:
    """What a code of these labels (narrowest first) is known as: the label itself, or its group near the top.

    >>> item_of(("E11.9", "E11", "E10-E14", "IV"), 2), item_of(("E11.9", "E11", "E10-E14", "IV"), 0), item_of(("IV",), 2)
    ('E10-E14', 'E11.9', 'IV')
    """
    return path[max(len(path) - top, 0)] if top else path[0]


def settle(paths: Paths, incidence: Incidence, asked: CodeSets, rare: int) -> dict[Code, str | None]:
    """For each code the label it is released under, None where suppressed for all; `incidence` is left without the suppressed cells.

    `rare`: persons who must hold every label.
    """
    left = {code: list(path) for code, path in paths.items()}
    taken = True
    while True:
        if taken:  # a label that only went up has as many holders as before, at least
            _go_up(left, incidence, rare)
        groups: dict[Item, list[Code]] = defaultdict(list)
        for code, path in left.items():
            if path:
                groups[code[0], item_of(path, asked.top)].append(code)
        persons = incidence.holders(groups)
        few = {item for item in groups if 0 < persons[item] < asked.k}
        pairs = [
            (a, b) if (persons[a], b) < (persons[b], a) else (b, a)
            for a, b, _ in (incidence.infrequent(groups, asked.k) if asked.m > 1 else ())
        ]
        if not few and not pairs:
            return {code: path[0] if path else None for code, path in left.items()}
        losing = incidence.losing(groups, pairs)
        rising = [
            item
            for item in sorted({*few, *losing})
            if _depth(left, groups[item], item) > 1 and (item in few or losing[item] > asked.share * persons[item])
        ]
        # The deepest first, so that siblings that rise meet before their group is judged.
        deepest = max((_depth(left, groups[item], item) for item in rising), default=0)
        for item in rising:
            if _depth(left, groups[item], item) == deepest:
                for code in groups[item]:
                    del left[code][: left[code].index(item[1]) + 1]
        taken = not rising
        if taken:
            lost = [code for item in sorted(few) for code in groups[item]]
            incidence.drop(lost)
            for code in lost:
                left[code].clear()
            incidence.forget(groups, [pair for pair in pairs if pair[0] not in few])


def _depth(left: Mapping[Code, list[str]], codes: Sequence[Code], item: Item) -> int:
    """Steps from nothing down to an item; labels of one system name one group each, so that all codes under it agree."""
    path = left[codes[0]]
    return len(path) - path.index(item[1])


def _go_up(left: dict[Code, list[str]], incidence: Incidence, rare: int) -> None:
    """Labels that too few persons hold go up, column by column; a code that is rare to the top is suppressed."""
    for column in sorted({code[0] for code in left}):
        own = {code: tuple(path) for code, path in left.items() if code[0] == column and path}

        def holders(members: Mapping[str, Sequence[str]], column: str = column) -> dict[str, int]:
            groups = {(column, label): [(column, code) for code in codes] for label, codes in members.items()}
            return {label: number for (_, label), number in incidence.holders(groups).items()}

        settled = rarity.settle({code: path for (_, code), path in own.items()}, holders, rare)
        gone = []
        for code, path in own.items():
            label = settled[code[1]]
            if label is None:
                gone.append(code)
                left[code].clear()
            else:
                del left[code][: path.index(label)]
        incidence.drop(gone)
