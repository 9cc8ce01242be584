"""確かめ (facts): what a made world is like, counted on its registrations and its people, beside what linkage in Japan has to reckon with."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import other_foreigners
from other_lives import Ints, Lives
from other_years import Visits

Texts = npt.NDArray[np.object_]


def pairs_of(person: Ints) -> int:
    number = np.bincount(person).astype(np.int64)
    return int((number * (number - 1) // 2).sum())


def measured(lives: Lives, visits: Visits, cause: Texts, tags: Texts) -> list[tuple[str, str, str]]:
    """Lines of what is counted, the figure, what was asked."""
    person, site, year = (
        visits["person"],
        visits["site"],
        1970 + visits["day"].astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64),
    )
    who = np.unique(person)
    native = who[lives.foreign[who] < 0]
    full = lives.sur[native] * 100_000 + lives.given[native]
    names, carried = np.unique(_writings(lives, full), return_counts=True)
    surnames = np.sort(np.bincount(lives.surnames.plain[lives.sur[native]]))[::-1]
    all_pairs, same_site = pairs_of(person), pairs_of(np.unique(person * 1_000 + site, return_inverse=True)[1])
    order = np.lexsort((visits["day"], person))
    next_of = person[order][1:] == person[order][:-1]
    moved = (visits["addr"][order][1:] != visits["addr"][order][:-1]) & next_of
    insured = (visits["unit"][order][1:] != visits["unit"][order][:-1]) & next_of
    renamed = (visits["sur"][order][1:] != visits["sur"][order][:-1]) & next_of
    unit_person = np.unique(visits["unit"] * np.int64(10**8) + person)
    sharers = np.bincount(np.unique(unit_person // 10**8, return_inverse=True)[1])
    sharing = np.unique(unit_person[np.repeat(sharers > 1, sharers)] % 10**8)
    same = _same_city(lives, who, cause)
    of = {name: float((cause == name).mean()) for name in ("twin", "namesake", "foreign", "newborn", "family")}
    lines = [
        ("registrations", f"{len(person):,}", ""),
        ("persons", f"{len(who):,}", ""),
        ("registrations a person", f"{len(person) / len(who):.3f}", "about 2.3"),
        ("years", f"{year.min()} to {year.max()}", "1998 to 2025"),
        ("twins, of the persons", f"{of['twin']:.3%}", "1.1 %"),
        ("same name and birth date, of the persons", f"{of['namesake']:.3%}", "0.17 %"),
        ("of their pairs, in one municipality", f"{same:.0%}", "30 %"),
        ("foreign residents, of the persons", f"{float((lives.foreign[who] >= 0).mean()):.3%}", "2.5 %"),
        ("origins of foreign residents", str(len({int(n) % 7 for n in lives.foreign[who] if n >= 0})), f"{len(other_foreigners.ORIGINS)}"),
        ("registered under the mother's name, of the registrations", f"{_share(tags, 'newborn-name'):.3%}", ""),
        ("pairs of one hospital, of all true pairs", f"{same_site / max(all_pairs, 1):.3%}", "2.2 %"),
        (
            "share the full kanji name with another person",
            f"{carried[carried > 1].sum() / max(len(native), 1):.1%}",
            "33 % of 440,000 persons",
        ),
        ("ten most frequent surnames", f"{surnames[:10].sum() / max(len(native), 1):.1%}", "about 10 %"),
        ("share an insurance number with another person", f"{len(sharing) / len(who):.1%}", ""),
        ("moved from one registration to the next", f"{moved.sum() / max(next_of.sum(), 1):.1%}", ""),
        ("insured otherwise from one to the next", f"{insured.sum() / max(next_of.sum(), 1):.1%}", ""),
        ("another surname from one to the next", f"{renamed.sum() / max(next_of.sum(), 1):.1%}", ""),
        (
            "registrations since 2021 that carry a branch number, before clerks",
            f"{((visits['branch'] >= 0) & (year >= 2021)).sum() / max((year >= 2021).sum(), 1):.0%}",
            "",
        ),  # fmt: skip
    ]
    found: dict[str, int] = {}
    distinct, number = np.unique(tags.astype(str), return_counts=True)
    for text, times in zip(distinct, number, strict=True):
        for tag in filter(None, text.split(";")):
            found[tag] = found.get(tag, 0) + int(times)
    lines += [(f"  {tag}", f"{times / len(person):.2%}", "") for tag, times in sorted(found.items(), key=lambda kv: (-kv[1], kv[0]))]
    return lines


def _writings(lives: Lives, full: Ints) -> Ints:
    """Names of one writing and different readings are one kanji name: numbers of the writing."""
    _, family = np.unique(lives.surnames.writing.astype(str), return_inverse=True)
    _, given = np.unique(lives.names.writing.astype(str), return_inverse=True)
    return np.asarray(family[full // 100_000].astype(np.int64) * 100_000 + given[full % 100_000])


def _share(tags: Texts, tag: str) -> float:
    return float(np.mean([tag in text.split(";") for text in tags]))


def _same_city(lives: Lives, who: Ints, cause: Texts) -> float:
    """Of the neighbours among those of one name and birth date, the share living in one municipality at the end."""
    twice = who[cause == "namesake"]
    key = namesake_key(lives, twice)
    order = np.argsort(key, kind="stable")
    pairs = key[order][1:] == key[order][:-1]
    municipality = lives.municipality(twice[order])
    return float((municipality[1:] == municipality[:-1])[pairs].mean()) if pairs.any() else 0.0


def namesake_key(lives: Lives, who: Ints) -> Ints:
    return np.asarray(
        np.unique(np.stack([lives.sur[who], lives.given[who], lives.birth[who], lives.sex[who]]), axis=1, return_inverse=True)[1].reshape(
            -1
        )
    )
