"""登録の記載 (writing): what the desk of each hospital wrote down of a person on a day, and the truth about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from data_examples.linkage_world import card_writing, home_writing, name_writing, names, scripts
from data_examples.linkage_world.desk import Desk, Texts, figures, scattered, texts
from data_examples.linkage_world.histories import Bools, Ints, year_of
from data_examples.linkage_world.hospitals import Habits, habits
from data_examples.linkage_world.lives import World
from data_examples.linkage_world.profiles import Profile
from data_examples.linkage_world.visits import Visits

COLUMNS = (
    "site_id", "local_patient_id", "op", "registered_on", "name_kanji", "name_kana", "birth_date", "sex", "postal_code", "address", "phone",
    "insurer_number", "insured_symbol", "insured_number", "insured_branch",
)  # fmt: skip
# person and what holds of it on the day of registration: couples (born to, part of), groups of twins and injected namesakes (−1: none), and numbers for
# surname, dwelling, insurance policy and full name, which tell whether two registrations differ in truth.
TRUTH = (
    "site_id", "local_patient_id", "person", "tags", "family_of_birth", "family_of_marriage", "twin", "namesake", "foreigner", "newborn",
    "surname", "dwelling", "insurer", "name", "birth_date",
)  # fmt: skip
_FILLER = -25_567  # 1900-01-01


@dataclass
class Writer:
    """Writes the registrations of a world, hospital by hospital. `noise` multiplies all rates of errors (desk.RATES)."""

    world: World
    hospitals: int
    seed: int
    noise: float
    profile: Profile

    def write(self, visits: Visits, batch: int = 0, op: str = "new", ids: Texts | None = None) -> Iterator[tuple[pa.Table, pa.Table]]:
        """Per hospital its registrations and the truth about them. Every batch errs anew; `ids`: local numbers already given."""
        for number, habit in enumerate(habits(self.hospitals)):
            if self.profile.spaced and not habit.separator:
                habit = replace(habit, separator=" ")
            at = np.flatnonzero(visits.site == number)
            if len(at):
                chance = np.random.default_rng([self.seed, 3, batch, number])
                yield self._site(visits.only(at), habit, chance, local_numbers(visits.site)[at] if ids is None else ids[at], op)

    def _site(self, visits: Visits, habit: Habits, chance: np.random.Generator, local: Texts, op: str) -> tuple[pa.Table, pa.Table]:
        world, person = self.world, visits.person
        tree, abroad = world.families, world.foreigners.group[person] >= 0
        desk = Desk(habit, chance, self.noise, person, visits.day, tree.sex[person], abroad, visits.baby)
        kanji, kana = name_writing.write(world, desk)
        birth_date = dates(_births(desk, tree.birth[person]), habit.date)
        postal, address, phone, dwelling = home_writing.write(world, desk)
        insurer, symbol, number, branch, policy = card_writing.write(world, desk)
        sex = texts(["", *habit.sex])[np.where(desk.err("sex_wrong"), 3 - desk.sex, desk.sex)]
        columns = {
            "name_kanji": kanji, "name_kana": kana, "birth_date": birth_date, "sex": sex, "postal_code": postal, "address": address, "phone": phone,
            "insurer_number": insurer, "insured_symbol": symbol, "insured_number": number, "insured_branch": branch,
        }  # fmt: skip
        only_kana = kana.copy()
        for name, share in habit.missing.items():
            rows = desk.leave_out(name, share * self.profile.missing)
            for column in [column for key, column in columns.items() if key == name or (name == "insurance" and key.startswith("insure"))]:
                column[rows] = ""
        nameless = np.flatnonzero((kanji == "") & (kana == ""))
        kana[nameless] = only_kana[nameless]
        desk.tags["no_name_kana"][nameless] = False
        desk.tags["site_duplicate"] = visits.again
        site = texts([habit.site_id])[np.zeros(len(desk), np.int64)]
        rows_of = {
            "site_id": site, "local_patient_id": local, "op": texts([op])[np.zeros(len(desk), np.int64)],
            "registered_on": dates(visits.day, habit.registered), **columns,
        }  # fmt: skip
        surname = world.surname.at(person, visits.day) // names.FORMS
        truth = {
            "site_id": site, "local_patient_id": local, "person": person, "tags": desk.told(), "family_of_birth": tree.family[person],
            "family_of_marriage": tree.marriage[person], "twin": tree.twin[person], "namesake": world.namesake[person],
            "foreigner": abroad.astype(np.int8), "newborn": visits.baby.astype(np.int8), "surname": np.where(abroad, -1, surname),
            "dwelling": dwelling, "insurer": policy, "name": self._full_names(person, surname, abroad),
            "birth_date": tree.birth[person].astype("datetime64[D]"),
        }  # fmt: skip
        return (
            pa.table({name: pa.array(rows_of[name], pa.string()) for name in COLUMNS}),
            pa.table({name: pa.array(truth[name]) for name in TRUTH}),
        )

    def _full_names(self, person: Ints, surname: Ints, abroad: Bools) -> Ints:
        who, sex = self.world.foreigners, self.world.families.sex[person]
        own = scattered(surname, self.world.given[person] // names.FORMS, sex)
        return np.where(abroad, scattered(who.group[person], who.family_token[person], who.given_token[person], sex), own) >> 20


def local_numbers(site: Ints) -> Texts:
    """Local patient numbers: rising in steps of 1 to 3 at each hospital, seven to nine digits by hospital. `site` is sorted."""
    position = np.arange(len(site)) - np.searchsorted(site, site)
    figure = figures(1000 * (site + 1) + 2 * position + scattered(position, site) % 2, 7)
    return np.asarray(texts(["", "0", "00"])[site % 3] + figure)


def _births(desk: Desk, birth: Ints) -> Ints:
    """The birth dates as written; never after the day of registration."""
    chance, size = desk.chance, len(desk)
    month = birth.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    day = birth - _first_of(month)
    kind = chance.random(size)
    by_day = np.where(kind < 0.4, chance.choice([-1, 1], size), np.where(kind < 0.6, chance.choice([-10, 10], size), 0))
    by_month = np.where(
        (kind >= 0.6) & (kind < 0.8), chance.choice([-1, 1], size), np.where(kind >= 0.8, chance.choice([-12, 12, -120, 120], size), 0)
    )
    moved_day = np.clip(day + np.where((by_day != 0) & ((day + by_day < 0) | (day + by_day > 27)), -by_day, by_day), 0, 27)
    wrong = _first_of(month + by_month) + np.where(by_day != 0, moved_day, np.minimum(day, 27))
    turned = _first_of(month - month % 12 + np.minimum(day, 11)) + month % 12
    slipped = _first_of(month + chance.choice([-12, 12], size)) + np.minimum(day, 27)
    written = np.where(desk.err("birth_digit", (wrong != birth) & (wrong <= desk.day)), wrong, birth)
    written = np.where(desk.err("birth_month_day", (day < 12) & (day != month % 12) & (turned <= desk.day)), turned, written)
    written = np.where(desk.err("birth_year", slipped <= desk.day), slipped, written)
    desk.tags["birth_default"] = chance.random(size) < desk.habit.default_date  # the day is not known: 1 January
    written = np.where(
        desk.tags["birth_default"], (year_of(birth) - 1970).astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64), written
    )
    return np.where(desk.err("birth_filler"), _FILLER, written)


def _first_of(month: Ints) -> Ints:
    return month.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def dates(days: Ints, style: str) -> Texts:
    """Days since 1970-01-01 in a hospital's way of writing."""
    distinct, inverse = np.unique(days, return_inverse=True)
    iso = np.datetime_as_string(distinct.astype("datetime64[D]"), unit="D").tolist()
    return texts([scripts.date_for(text, int(day) - _FILLER, style) for text, day in zip(iso, distinct, strict=True)])[inverse]
