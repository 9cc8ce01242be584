"""特異な記述等の削除 (rarity): codes held by few persons go up their hierarchy until enough persons hold them, else away (Reg 18(iv)).

Every value of the release is then held by at least the threshold of persons of the release, counted over the label as released: rows that
were already coded wider count with those that came up. A wider label therefore means "this group, apart from its finer labels beside it".
A row whose every code is suppressed is dropped, for a missing code that only one person has would itself be peculiar; a row that had no
code keeps its place. What it does not protect: combinations of common codes, which stay as identifying as they are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

Paths = Mapping[str, tuple[str, ...]]  # code as received → its labels, narrowest first


def settle(paths: Paths, holders: Callable[[Mapping[str, Sequence[str]]], Mapping[str, int]], threshold: int) -> dict[str, str | None]:
    """For each code the label it is released under, None where suppressed; set-based form.

    `holders` answers, for labels with the codes now under them, how many distinct persons hold each; it is asked once per depth.
    """
    climbed = dict.fromkeys(paths, 0)
    for depth in range(max((len(path) for path in paths.values()), default=0), 0, -1):
        members: dict[str, list[str]] = defaultdict(list)
        for code, path in paths.items():
            if len(path) - climbed[code] == depth:
                members[path[climbed[code]]].append(code)
        persons = holders(members) if members else {}
        for label, codes in members.items():
            if persons[label] < threshold:
                for code in codes:
                    climbed[code] += 1
    return {code: path[climbed[code]] if climbed[code] < len(path) else None for code, path in paths.items()}


def settle_slowly(paths: Paths, held_by: Mapping[str, set[str]], threshold: int) -> dict[str, str | None]:
    """The meaning of `settle`: while some label has too few persons, the deepest of these goes up one step with all that is under it.

    `held_by`: code → the persons who hold it.

    >>> settle_slowly({"E119": ("E11.9", "E11"), "E110": ("E11.0", "E11")}, {"E119": {"a", "b"}, "E110": {"a", "c"}}, 3)
    {'E119': 'E11', 'E110': 'E11'}
    """
    left = {code: list(path) for code, path in paths.items()}
    while True:
        persons: dict[tuple[int, str], set[str]] = defaultdict(set)
        for code, path in left.items():
            if path:
                persons[len(path), path[0]] |= held_by[code]
        rare = [key for key, holding in persons.items() if len(holding) < threshold]
        if not rare:
            return {code: path[0] if path else None for code, path in left.items()}
        depth, label = max(rare)
        for path in left.values():
            if len(path) == depth and path[0] == label:
                del path[0]
