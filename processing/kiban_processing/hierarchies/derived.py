"""導出項目の階層 (derived): numbers in bands, years, sets of codes and first codes, of what is derived from a person's events (Reg 18(v)).

Where the released rows tell the value, the hierarchy holds only what can be made true of the rows: bands for a number (rows are cut to the
lowest number of the band), codes given up from the last of the list; a year or a first code has one level.
"""

from __future__ import annotations

import hashlib
import itertools
from datetime import date

from kiban_processing.catalogue import tables
from kiban_processing.hierarchies import ages, codes, hierarchy
from kiban_processing.hierarchies.hierarchy import Hierarchy, build
from kiban_processing.planned import Derived, DerivedKind, Handling, Plan

NO_CODE = "none"  # a person who has none of the listed codes
_VERSION = "1"
_BANDS = ((0, 1, 2, 5, 10, 20, 50, 100, 200, 500), (0, 1, 5, 20, 100, 500), (0, 1))  # lowest numbers, ever wider
_FIRST = 1900


def hierarchy_of(plan: Plan, derived: Derived, reference: date) -> Hierarchy:
    """The hierarchy of a derived quasi-identifier. Refuses: hierarchy-malformed."""
    files = dict(plan.hierarchy_files)
    if derived.hierarchy is not None:
        content = files[derived.hierarchy]
        read = hierarchy.read(derived.hierarchy, hashlib.sha256(content.encode()).hexdigest()[:16], content)
        if derived.kind in (DerivedKind.COUNT, DerivedKind.SITES):
            _check_numbers(read)
        return read
    handling = plan.handling(derived)
    match derived.kind:
        case DerivedKind.COUNT | DerivedKind.SITES:
            return numbers(derived.name, derived.at_most)
        case DerivedKind.FIRST_YEAR:
            last = ages.newest_year(reference)
            return exact(derived.name, map(str, range(_FIRST, last + 1))) if handling is Handling.AS_IS else years(derived, last)
        case DerivedKind.CODE_SET:
            return ladder(derived) if handling is Handling.LIMITED else sets(derived)
        case DerivedKind.FIRST_CODE:
            return exact(derived.name, derived.codes) if handling is Handling.AS_IS else groups(derived)


def number(label: str) -> int:
    """The number that a leaf of a hierarchy of numbers stands for; the last leaf may be open (`20+`).

    >>> number("20+")
    20
    """
    return int(label.removesuffix("+"))


def numbers(name: str, at_most: int) -> Hierarchy:
    """0, 1, … `at_most`+ in bands, then `*`.

    >>> [numbers("stays", 12).label("7", level) for level in range(5)]
    ['7', '5-9', '5+', '1+', '*']
    """
    leaves = [*range(at_most), at_most]
    rows = []
    for leaf in leaves:
        own = str(leaf) if leaf < at_most else f"{leaf}+"
        rows.append((own, *(_band(leaf, lowest, at_most) for lowest in _BANDS), "*"))
    return build(name, _VERSION, rows)


def _band(leaf: int, lowest: tuple[int, ...], at_most: int) -> str:
    low = max(edge for edge in lowest if edge <= leaf)
    high = min((edge - 1 for edge in lowest if edge > leaf), default=at_most)
    return f"{low}+" if high >= at_most else str(low) if high == low else f"{low}-{high}"


def _check_numbers(read: Hierarchy) -> None:
    for row, leaf in enumerate(read.leaves):
        if leaf not in (str(row), f"{row}+" if row == read.size - 1 else str(row)):
            raise hierarchy.MALFORMED.refuse(hierarchy=read.name, row=row + 1, rule="numbers from 0 upwards, the last one may end in +")


def years(derived: Derived, last: int) -> Hierarchy:
    """`<=earliest`, then single years, 5 years, 10 years, `*`."""
    pooled = f"<={derived.earliest}"
    rows = [(pooled, pooled, pooled, "*")]
    for year in range(derived.earliest + 1, last + 1):
        five, ten = year - year % 5, year - year % 10
        rows.append((str(year), f"{max(five, derived.earliest + 1)}-{five + 4}", f"{max(ten, derived.earliest + 1)}-{ten + 9}", "*"))
    return build(derived.name, _VERSION, rows)


def label_of(codes_there: frozenset[str]) -> str:
    """How a set of codes is written.

    >>> label_of(frozenset({"I10", "E11"})), label_of(frozenset())
    ('E11+I10', 'none')
    """
    return "+".join(sorted(codes_there)) or NO_CODE


def sets(derived: Derived) -> Hierarchy:
    """The set, the number of codes, `*`."""
    return build(derived.name, _VERSION, [(label_of(one), str(len(one)), "*") for one in _subsets(derived.codes)])


def ladder(derived: Derived) -> Hierarchy:
    """At level n without the last n codes of the list; at the last level nothing is left."""
    levels = range(len(derived.codes), -1, -1)
    return build(
        derived.name, _VERSION, [[label_of(one & frozenset(derived.codes[:left])) for left in levels] for one in _subsets(derived.codes)]
    )


def groups(derived: Derived) -> Hierarchy:
    """The code, its wider groups, `*`; a system without hierarchy has only the code."""
    system = tables.named(f"{derived.table}.{derived.column}").code_system
    paths = {code: codes.path(system, code)[1:] for code in derived.codes}
    depth = max(len(path) for path in paths.values())
    # Shorter paths are drawn out at their lower end, so that the widest groups of all stand at one level.
    rows = [(code, *([code] * (depth - len(path))), *path, "*") for code, path in paths.items()]
    return build(derived.name, _VERSION, rows)


def exact(name: str, leaves: map[str] | tuple[str, ...]) -> Hierarchy:
    """One level. A leaf that nobody has keeps the missing value from being merged with an only leaf."""
    return build(name, _VERSION, [(leaf,) for leaf in (*leaves, "-")])


def _subsets(listed: tuple[str, ...]) -> list[frozenset[str]]:
    return [frozenset(one) for size in range(len(listed) + 1) for one in itertools.combinations(listed, size)]
