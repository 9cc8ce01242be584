"""もう一つの世界 (other world): registrations of Japanese hospitals with truth, made independently of the world on which the linkage is tuned.

    python benchmarks/linkage/other_world.py OUT --registrations 100000 --hospitals 12 --seed 1 --noise 1 [--check]

For reporting: seeds 1 and 2 were looked at while the model was made, others were not; it shares no table, no habit and no line with the other generator. Writes `OUT/registrations.csv`
and `OUT/truth.csv` (site_id, local_patient_id, person, cause, tags). `cause` is what makes the person hard to tell from others: twin, namesake
(another person of the same name, sex and birth date), newborn (once registered under the mother's name), foreign, family (somebody of the same
sex on the same insurance number), or empty. `tags` are the errors of that registration, `;` between. `--noise` multiplies the rates of errors;
the habits of hospitals (half-width kana, dropped branch numbers, 〓) stay. `--check` also prints what the world is like. People live through
28 years (`other_years`) first; a registration is a copy of what is true at a first visit (clerks spoil it), so moves, marriages and
insurance cards differ between hospitals for the reasons they do in life. Everything follows from the arguments: same arguments, same bytes.
"""

from __future__ import annotations

import argparse
import csv
import resource
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import other_facts
import other_identity
import other_lives
import other_places
import other_whereabouts
import other_years
from other_desk import Desk
from other_lives import Ints, Lives
from other_years import Visits

Texts = npt.NDArray[np.object_]
HEADER = [
    "site_id",
    "local_patient_id",
    "op",
    "registered_on",
    "name_kanji",
    "name_kana",
    "birth_date",
    "sex",
    "postal_code",
    "address",
    "phone",
    "insurer_number",
    "insured_symbol",
    "insured_number",
    "insured_branch",
]
A_PERSON = 2.3  # registrations
BEGUN = (1.13, 1.6, 2.4)  # people the world begins with, of those wanted in the end; the next where it was too few
SAME_SITE = 0.022  # of all true pairs
NAMESAKES = 0.0017  # of the persons
SAME_CITY = 0.3  # of the pairs of namesakes


@dataclass(frozen=True)
class World:
    columns: dict[str, Any]
    person: Ints
    cause: Texts  # by registration
    tags: Texts
    facts: list[tuple[str, str, str]]


def generate(registrations: int, hospitals: int, seed: int, noise: float, check: bool = False) -> World:
    for begun in BEGUN:
        random = np.random.default_rng([seed, 7_340_033])
        lives = other_lives.founded(int(registrations / A_PERSON * begun) + 80, other_places.generate(hospitals, random), random)
        visits = _registered(other_years.lived(lives), lives, registrations, random)
        if len(visits["person"]) == registrations:
            break
    else:
        raise SystemExit(f"{hospitals} hospitals do not bring about {registrations} registrations of this kind; 3 to 60 do")
    _namesakes(lives, visits, random)
    columns, tags = _written(lives, visits, hospitals, noise, random)
    who, back = np.unique(visits["person"], return_inverse=True)
    cause = _causes(lives, visits, who, tags)
    start = random.integers(1, 400_000, hospitals)[visits["site"]]
    number = start + other_lives.rank_within(visits["site"])
    days = np.arange(int(visits["day"].min()), int(visits["day"].max()) + 1)
    text_of_day = days.astype("datetime64[D]").astype(str).astype(object)
    first = {
        "site_id": np.array([f"H{k + 1:02d}" for k in range(hospitals)], dtype=object)[visits["site"]],
        "local_patient_id": np.array(
            [f"{n:07d}" if s % 3 else str(n) for n, s in zip(number.tolist(), visits["site"].tolist(), strict=True)], dtype=object
        ),
        "op": np.full(len(number), "new", dtype=object),
        "registered_on": text_of_day[visits["day"] - days[0]],
    }
    # Persons are numbered anew in an order that tells nothing.
    label = random.permutation(len(who))[back]
    facts = other_facts.measured(lives, visits, cause, tags) if check else []
    return World({**first, **columns}, label, cause[back], tags, facts)


def _written(lives: Lives, visits: Visits, hospitals: int, noise: float, random: np.random.Generator) -> tuple[dict[str, Any], Texts]:
    """What the clerks make of the visits: columns and tags."""
    desk = Desk(lives, visits, hospitals, noise, random)
    columns: dict[str, Any] = {}
    columns["name_kanji"], columns["name_kana"] = other_identity.names(desk)
    columns["birth_date"], columns["sex"] = other_identity.birth(desk), other_identity.sexes(desk)
    columns["postal_code"], columns["address"] = other_whereabouts.address(desk)
    columns["phone"] = other_whereabouts.phone(desk)
    columns |= zip(HEADER[-4:], other_whereabouts.insurance(desk), strict=True)
    return columns, desk.errors.tags()


def _registered(visits: Visits, lives: Lives, registrations: int, random: np.random.Generator) -> Visits:
    """Thins the visits to 2.3 registrations a person, leaves the first at each hospital and some second cards, and cuts to the number asked."""
    pair, back = np.unique(visits["person"] * 1_000 + visits["site"], return_inverse=True)
    least = np.full(len(pair), 2**41)
    np.minimum.at(least, back, visits["chance"])
    by_person = np.full(lives.people, 2**41)
    np.minimum.at(by_person, pair // 1_000, least)
    low, high = 0, 2**40
    for _ in range(40):
        middle = (low + high) // 2
        enough = (least < middle).sum() >= A_PERSON / (1 + SAME_SITE * 0.85) * (by_person < middle).sum()
        low, high = (low, middle) if enough else (middle, high)
    kept = {name: column[visits["chance"] < high] for name, column in visits.items()}
    order = np.lexsort((kept["day"], kept["site"], kept["person"]))
    kept = {name: column[order] for name, column in kept.items()}
    same = kept["person"] * 1_000 + kept["site"]
    first = np.r_[True, same[1:] != same[:-1]]
    late = np.r_[False, kept["day"][1:] - kept["day"][:-1] > 150]
    again = random.permutation(np.flatnonzero(~first & late))
    person, site = kept["person"], np.unique(same, return_inverse=True)[1]
    few, many = 0, len(again)
    while few < many:  # as many second cards as make the share of pairs asked for
        middle = (few + many) // 2
        at = np.r_[np.flatnonzero(first), again[:middle]]
        enough = other_facts.pairs_of(site[at]) >= SAME_SITE * other_facts.pairs_of(person[at])
        few, many = (few, middle) if enough else (middle + 1, many)
    at = np.r_[np.flatnonzero(first), again[:few]]
    kept = {name: column[at] for name, column in kept.items()}
    kept["second"] = np.r_[np.zeros(int(first.sum()), np.int64), np.ones(few, np.int64)]
    # Whole households leave until the number fits; the last person keeps what is left of the number.
    turn = random.permutation(lives.houses)[lives.house[kept["person"]]]
    order = np.lexsort((kept["second"], kept["person"], turn))[:registrations]
    kept = {name: column[order] for name, column in kept.items()}
    order = np.lexsort((kept["person"], kept["day"], kept["site"]))
    return {name: column[order] for name, column in kept.items()}


def _namesakes(lives: Lives, visits: Visits, random: np.random.Generator) -> None:
    """Gives some people the name and birth date of a stranger of their surname and sex, the more frequent the name, the more often."""
    who = np.unique(visits["person"])
    newborn = np.zeros(lives.people, dtype=bool)
    newborn[visits["person"][visits["newborn"] == 1]] = True
    who = who[(lives.foreign[who] < 0) & (lives.twin[who] < 0) & ~newborn[who]]
    first_day = np.full(lives.people, 10**6)
    np.minimum.at(first_day, visits["person"], visits["day"])
    order = np.lexsort((lives.birth[who], lives.sex[who], lives.sur[who]))
    who = who[order]
    group = lives.sur[who] * 2 + lives.sex[who]
    low, high = np.searchsorted(group, group, "left"), np.searchsorted(group, group, "right")
    frequent = (high - low) * np.bincount(lives.given[who], minlength=len(lives.names.weight))[lives.given[who]].astype(np.float64)
    municipality = lives.municipality(who)
    wanted = int(round(len(np.unique(visits["person"])) * NAMESAKES / 2))
    near = int(round(wanted * SAME_CITY))
    taken: set[int] = set()
    made = 0
    for a in random.choice(len(who), min(len(who), 60 * wanted + 50), p=frequent / frequent.sum()):
        if made == wanted:
            break
        span = np.arange(low[a], high[a])
        p = who[a]
        fits = (np.abs(lives.birth[who[span]] - lives.birth[p]) < 900) & (first_day[who[span]] > lives.birth[p] + 10) & (span != a)
        fits &= lives.house[who[span]] != lives.house[p]
        fits &= (municipality[span] == municipality[a]) == (made < near)
        fits &= (lives.mother[who[span]] != lives.mother[p]) | (lives.mother[p] < 0)
        span = span[fits]
        if not len(span) or int(p) in taken:
            continue
        q = who[span[int(random.integers(len(span)))]]
        if int(q) in taken:
            continue
        taken |= {int(p), int(q)}
        lives.given[q], lives.birth[q] = lives.given[p], lives.birth[p]
        made += 1
    visits["age"] = (visits["day"] - lives.birth[visits["person"]]) // 365


def _causes(lives: Lives, visits: Visits, who: Ints, tags: Texts) -> Texts:
    """By person; where several hold, the one that is harder on the linkage."""
    cause: Texts = np.full(len(who), "", dtype=object)
    place = np.full(lives.people, -1)
    place[who] = np.arange(len(who))
    sex = lives.sex[visits["person"]]
    shared = np.unique((visits["unit"] * 3 + sex) * np.int64(10**8) + visits["person"])
    sharers = np.unique(shared // 10**8, return_inverse=True)[1]
    cause[place[shared[np.bincount(sharers)[sharers] > 1] % 10**8]] = "family"
    cause[lives.foreign[who] >= 0] = "foreign"
    marked = np.array(["newborn-name" in text for text in tags], dtype=bool)
    cause[place[visits["person"][marked]]] = "newborn"
    native = lives.foreign[who] < 0
    key = other_facts.namesake_key(lives, who)
    cause[(np.bincount(key)[key] > 1) & native] = "namesake"
    twin = lives.twin[who]
    cause[(twin >= 0) & (place[np.maximum(twin, 0)] >= 0)] = "twin"
    return cause


def write(world: World, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with (out / "registrations.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(zip(*(world.columns[name] for name in HEADER), strict=True))
    with (out / "truth.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["site_id", "local_patient_id", "person", "cause", "tags"])
        persons = [f"P{n:07d}" for n in world.person.tolist()]
        writer.writerows(zip(world.columns["site_id"], world.columns["local_patient_id"], persons, world.cause, world.tags, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--registrations", type=int, default=100_000)
    parser.add_argument("--hospitals", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--noise", type=float, default=1.0)
    parser.add_argument("--check", action="store_true", help="print what the world is like")
    asked = parser.parse_args()
    start = time.perf_counter()
    world = generate(asked.registrations, asked.hospitals, asked.seed, asked.noise, asked.check)
    write(world, asked.out)
    for what, figure, wanted in world.facts:
        print(f"{what:<70} {figure:>16}   {wanted}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"{asked.registrations:,} registrations in {time.perf_counter() - start:.0f} s, at most {peak:.1f} GiB")


if __name__ == "__main__":
    main()
