"""登録の記載 (writing): what the desk of each hospital wrote down of a person on a day, with its habits and its errors, and a tag for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from data_examples.linkage_world import foreign, names, places, scripts
from data_examples.linkage_world.hospitals import Habits, habits
from data_examples.linkage_world.lives import BEGIN, YEAR, Bools, Ints, World, year_of
from data_examples.linkage_world.visits import Visits, per_region

COLUMNS = (
    "site_id", "local_patient_id", "op", "registered_on", "name_kanji", "name_kana", "birth_date", "sex", "postal_code", "address", "phone",
    "insurer_number", "insured_symbol", "insured_number", "insured_branch",
)  # fmt: skip
TRUTH = (
    "site_id", "local_patient_id", "person", "tags", "family_of_birth", "family_of_marriage", "twin", "namesake", "foreigner", "newborn",
    "surname", "dwelling", "insurer", "name", "birth_date",
)  # fmt: skip
# error: share of rows at noise 1 and care 1. Habits (charset, date style, fields left out) are not errors.
RATES = {
    "birth_digit": 0.0040, "birth_month_day": 0.0010, "birth_year": 0.0012, "birth_filler": 0.0006, "swapped": 0.0020, "misread": 0.012,
    "glyph": 0.015, "kanji_typo": 0.004, "kana_typo": 0.005, "old_surname": 0.010, "maiden": 0.06, "old_address": 0.03, "address_cut": 0.03,
    "house_typo": 0.007, "phone_typo": 0.006, "phone_filler": 0.004, "phone_other": 0.05, "insurance_typo": 0.005, "insurance_old": 0.02,
    "sex_wrong": 0.0012, "alias_only": 0.25, "alias_bracket": 0.25, "latin_order": 0.25, "translit": 0.20, "kana_for_kanji": 0.002, "one_field": 0.002,
}  # fmt: skip
Texts = np.ndarray[Any, np.dtype[np.object_]]


def _texts(values: list[str]) -> Texts:
    found = np.empty(len(values), object)
    found[:] = values
    return found


def _hash(*parts: Ints | int) -> Ints:
    """A fixed number for a combination of numbers, the same in every run."""
    value = np.uint64(0x9E3779B97F4A7C15)
    with np.errstate(over="ignore"):
        mixed = np.asarray(value)
        for part in parts:
            mixed = (mixed ^ np.asarray(part).astype(np.uint64)) * np.uint64(0xBF58476D1CE4E5B9)
            mixed = mixed ^ (mixed >> np.uint64(29))
    return (mixed >> np.uint64(2)).astype(np.int64)


class Writer:
    """Writes the registrations of a world, hospital by hospital. `noise` multiplies all `RATES`."""

    def __init__(self, world: World, seed: int, noise: float) -> None:
        self.world, self.seed, self.noise = world, seed, noise
        self.atlas = places.atlas(per_region(world.hospitals))
        self.habits = habits(world.hospitals)
        self.surnames = names.surnames()
        self.givens = {1: names.given_names(1), 2: names.given_names(2)}
        self.groups = foreign.groups()
        self.postal, self.prefecture, self.city, self.town = (
            _texts(column) for column in (self.atlas.postal, self.atlas.prefecture, self.atlas.city_name, self.atlas.town)
        )
        self.former = _texts(self.atlas.former_name)
        self.same_sound = {sex: _same_sound(vocabulary) for sex, vocabulary in self.givens.items()}

    def write(self, visits: Visits, salt: int = 0, op: str = "new", ids: Texts | None = None) -> Iterator[tuple[pa.Table, pa.Table]]:
        """Per hospital its registrations and the truth about them. `salt` varies the errors; `ids`: local numbers already given."""
        for number, habit in enumerate(self.habits):
            at = np.flatnonzero(visits.site == number)
            if len(at):
                chance = np.random.default_rng([self.seed, 7, number, salt])
                local = ids[at] if ids is not None else _numbers(len(at), number, chance)
                yield self._site(visits, at, habit, chance, local, op)

    def _site(self, visits: Visits, at: Ints, habit: Habits, chance: np.random.Generator, local: Texts, op: str) -> tuple[pa.Table, pa.Table]:
        world = self.world
        person, day, baby = visits.person[at], visits.day[at], visits.baby[at]
        size = len(at)
        tags: dict[str, Bools] = {}

        def err(name: str, where: Bools | bool = True, rate: float | None = None) -> Bools:
            share = RATES[name] * self.noise * habit.care if rate is None else rate
            hit = (chance.random(size) < share) & where
            tags[name] = hit
            return hit

        abroad = world.foreign[person] >= 0
        sex = world.sex[person]
        # ---- names
        surname = world.surname.at(person, day)
        born_surname = world.surname.at(person, np.full(size, -40_000))
        changed = (surname // names.FORMS) != (born_surname // names.FORMS)
        written_surname = np.where(err("old_surname", changed & ~abroad), born_surname, surname)
        given = world.given[person]
        typo = err("kanji_typo", ~abroad & ~baby)
        given_written = given.copy()
        for which in (1, 2):
            rows = np.flatnonzero(typo & (sex == which))
            given_written[rows] = self.same_sound[which][given[rows] // names.FORMS] * names.FORMS
        tags["kanji_typo"] = given_written != given
        glyph = err("glyph", ~abroad)
        other = chance.integers(0, names.FORMS, size)
        written_surname = np.where(glyph & (self.surnames.shapes[written_surname // names.FORMS] > 1), (written_surname // names.FORMS) * names.FORMS + other, written_surname)
        kanji_s = self._kanji(self.surnames, habit)[written_surname]
        kana_s, misread_s = self._kana(self.surnames, habit), self.surnames.misread
        misread = err("misread", ~abroad)
        misread_in_surname = misread & (chance.random(size) < 0.4)
        reading = self.surnames.reading[written_surname // names.FORMS]
        alternative = misread_s[written_surname // names.FORMS]
        use = misread_in_surname & (alternative >= 0)
        read_s = kana_s[np.where(use, alternative, reading)]
        kanji_g, read_g, used = np.empty(size, object), np.empty(size, object), use.copy()
        plain_form = written_surname % names.FORMS
        tags["glyph"] = (plain_form != surname % names.FORMS) & ~tags["old_surname"] & ~abroad
        for which, vocabulary in self.givens.items():
            rows = np.flatnonzero(sex == which)
            name = given_written[rows]
            kanji_g[rows] = self._kanji(vocabulary, habit)[name]
            alternative = vocabulary.misread[name // names.FORMS]
            use = misread[rows] & ~misread_in_surname[rows] & (alternative >= 0)
            used[rows] |= use
            # who misspells the kanji keeps the reading
            reading = vocabulary.reading[given[rows] // names.FORMS]
            read_g[rows] = self._kana(vocabulary, habit)[np.where(use, alternative, reading)]
        tags["misread"] = used
        slip = np.flatnonzero(err("kana_typo", ~abroad))
        for row in slip:  # few rows
            read_g[row] = _slip(read_g[row], chance)
        tags["charset"] = self._changed(self.surnames, habit)[written_surname] & ~abroad
        maiden = err("maiden", changed & ~abroad & ~tags["old_surname"])
        bracket = np.flatnonzero(maiden)
        left, right = ("（旧姓", "）") if habit.charset != "unicode" else ("(旧姓:", ")")
        marked = kanji_s.copy()
        marked[bracket] = kanji_s[bracket] + left + self._kanji(self.surnames, habit)[born_surname[bracket]] + right
        sep = habit.separator
        kana_sep = "" if sep == "" else (" " if habit.kana == "half" else sep)
        kanji = marked + sep + kanji_g
        kana = read_s + kana_sep + read_g
        swap = np.flatnonzero(err("swapped", ~abroad & ~baby & ~maiden))
        kanji[swap] = kanji_g[swap] + sep + kanji_s[swap]
        kana[swap] = read_g[swap] + kana_sep + read_s[swap]
        in_kana = np.flatnonzero(err("kana_for_kanji", ~abroad & ~baby))
        kanji[in_kana] = kana[in_kana]
        if baby.any():
            self._babies(person, day, baby, kanji, kana, habit, chance)
        tags["newborn"] = baby
        if abroad.any():
            self._foreigners(person, day, abroad, sex, kanji, kana, habit, chance, tags, err)
        titled = np.flatnonzero((chance.random(size) < habit.title) & ~abroad)
        kanji[titled] = kanji[titled] + ("　様" if sep == "　" else "様")

        # ---- birth date
        birth = world.birth[person].copy()
        birth = self._wrong_days(birth, day, err, chance)
        unknown = err("birth_default", rate=habit.default_date)
        birth = np.where(unknown, _new_year(birth), birth)
        filler = err("birth_filler")
        birth = np.where(filler, -25567, birth)
        birth_text = _dates(birth, habit.date)
        registered = _dates(day, habit.registered)

        # ---- home
        unit = world.unit.at(person, day)
        dwelling = world.home.at(unit, day)
        stale = err("old_address")
        earlier = day - (chance.exponential(3, size) * YEAR).astype(np.int64)
        written_dwelling = np.where(stale, world.home.at(world.unit.at(person, earlier), earlier), dwelling)
        tags["old_address"] = written_dwelling != dwelling
        town = world.town[written_dwelling]
        address = self._addresses(written_dwelling, town, day, habit, chance, err, tags)
        postal = self.postal[town].copy()
        if habit.phone != "plain":
            postal = _hyphenate(postal)

        # ---- telephone
        phone = self._phones(person, day, dwelling, habit, chance, err)

        # ---- insurance
        insurer, symbol, insured, branch, insurer_code = self._insurance(person, day, dwelling, habit, chance, err)

        # ---- what is left out
        sex_code = np.where(err("sex_wrong"), 3 - sex, sex)
        sex_text = _texts(["", *habit.sex])[sex_code]
        columns: dict[str, Texts] = {
            "name_kanji": kanji, "name_kana": kana, "birth_date": birth_text, "sex": sex_text, "postal_code": postal, "address": address, "phone": phone,
        }  # fmt: skip
        for field, column in columns.items():
            gone = np.flatnonzero(err(f"no_{field}", rate=min(0.6, habit.missing[field] * (0.5 + 0.5 * self.noise))))
            column[gone] = ""
        gone = np.flatnonzero(err("no_insurance", rate=min(0.6, habit.missing["insurance"] * (0.5 + 0.5 * self.noise))))
        for column in (insurer, symbol, insured, branch):
            column[gone] = ""
        empty = np.flatnonzero((kanji == "") & (kana == ""))
        kana[empty] = read_s[empty]

        site = _texts([habit.site_id])[np.zeros(size, np.int64)]
        rows = {
            "site_id": site, "local_patient_id": local, "op": _texts([op])[np.zeros(size, np.int64)], "registered_on": registered, **columns,
            "insurer_number": insurer, "insured_symbol": symbol, "insured_number": insured, "insured_branch": branch,
        }  # fmt: skip
        duplicate = visits.duplicate[at]
        tags["site_duplicate"] = duplicate
        names_list = list(tags)
        mask = np.zeros(size, np.int64)
        for bit, name in enumerate(names_list):
            mask |= tags[name].astype(np.int64) << bit
        masks, inverse = np.unique(mask, return_inverse=True)
        tag_text = _texts([";".join(name for bit, name in enumerate(names_list) if value >> bit & 1) for value in masks.tolist()])[inverse]
        truth = {
            "site_id": site, "local_patient_id": local, "person": person, "tags": tag_text, "family_of_birth": world.family[person],
            "family_of_marriage": world.marriage[person], "twin": world.twin[person], "namesake": world.namesake[person],
            "foreigner": abroad.astype(np.int8), "newborn": baby.astype(np.int8), "surname": np.where(abroad, -1, surname // names.FORMS), "dwelling": dwelling,
            "insurer": insurer_code, "name": _hash(surname // names.FORMS, given // names.FORMS, sex) >> 20,
            "birth_date": world.birth[person].astype("datetime64[D]"),
        }  # fmt: skip
        return (
            pa.table({name: pa.array(rows[name], pa.string()) for name in COLUMNS}),
            pa.table({name: pa.array(truth[name]) for name in TRUTH}),
        )

    def _kanji(self, vocabulary: names.Vocabulary, habit: Habits) -> Texts:
        cache: dict[tuple[int, str], Texts] = self.__dict__.setdefault("_kanji_cache", {})
        key = (id(vocabulary), habit.charset)
        if key not in cache:
            cache[key] = _texts([scripts.kanji_for(text, habit.charset) for text in vocabulary.forms])
        return cache[key]

    def _changed(self, vocabulary: names.Vocabulary, habit: Habits) -> Bools:
        return np.asarray(self._kanji(vocabulary, habit) != _texts(vocabulary.forms))

    def _kana(self, vocabulary: names.Vocabulary, habit: Habits) -> Texts:
        cache: dict[tuple[int, str], Texts] = self.__dict__.setdefault("_kana_cache", {})
        key = (id(vocabulary), habit.kana)
        if key not in cache:
            cache[key] = _texts([scripts.kana_for(text, habit.kana) for text in vocabulary.readings])
        return cache[key]

    def _babies(self, person: Ints, day: Ints, baby: Bools, kanji: Texts, kana: Texts, habit: Habits, chance: np.random.Generator) -> None:
        """A child without a name stands under its mother's; twins are numbered where the hospital does so."""
        rows = np.flatnonzero(baby)
        mother = self.world.mother[person[rows]]
        surname = self.world.surname.at(mother, day[rows])
        given = self.world.given[mother]
        ks, kg = self._kanji(self.surnames, habit)[surname], self._kanji(self.givens[2], habit)[given]
        rs = self._kana(self.surnames, habit)[self.surnames.reading[surname // names.FORMS]]
        rg = self._kana(self.givens[2], habit)[self.givens[2].reading[given // names.FORMS]]
        word = scripts.kana_for("ベビー", habit.kana if habit.kana in ("half", "hira") else "full")
        which = np.where(self.world.twin[person[rows]] >= 0, 1 + person[rows] % 2, 0)
        number = _texts(["", "１", "２"])[which]
        style = chance.random(len(rows))
        sep = habit.separator
        full = ks + sep + kg + ("ベビー" if habit.charset != "cp932" else "ベビー") + number
        short = ks + sep + "ベビー" + number
        kanji[rows] = np.where(style < 0.75, full, short)
        kana[rows] = np.where(style < 0.75, rs + sep + rg + word, rs + sep + word)

    def _foreigners(
        self, person: Ints, day: Ints, abroad: Bools, sex: Ints, kanji: Texts, kana: Texts, habit: Habits, chance: np.random.Generator,
        tags: dict[str, Bools], err: Callable[..., Bools],
    ) -> None:  # fmt: skip
        """Latin names with their sound in kana, in one order or the other; the alias in their place or in brackets."""
        world = self.world
        has_alias = abroad & (world.alias_since[person] <= day)
        only = err("alias_only", has_alias, 0.25)
        bracket = err("alias_bracket", has_alias & ~only, 0.33)
        order = err("latin_order", abroad & ~only, 0.25)
        translit = err("translit", abroad & ~only, min(0.9, 0.2 * self.noise))
        variant = chance.integers(0, 4, len(person))
        loud = chance.random(len(person)) < 0.8
        surname_kanji, surname_kana = self._kanji(self.surnames, habit), self._kana(self.surnames, habit)
        for row in np.flatnonzero(abroad):  # one row in forty
            who = person[row]
            _, families, men, women = self.groups[world.foreign[who]]
            givens = men if sex[row] == 1 else women
            family = families[world.latin_family[who] % len(families)]
            first = givens[world.latin_given[who] % len(givens)]
            tokens = [family, first]
            if world.latin_given[who] // 64 % 3 == 0:
                tokens.append(givens[(world.latin_given[who] // 256) % len(givens)])
            if order[row]:
                tokens = [*tokens[1:], tokens[0]]
            latin = " ".join(token[0] for token in tokens)
            if not loud[row]:
                latin = latin.title()
            sounds = [token[2] if translit[row] and (variant[row] + place) % 2 == 0 else token[1] for place, token in enumerate(tokens)]
            sound = (" " if habit.kana == "half" else "　").join(scripts.kana_for(text, habit.kana) for text in sounds)
            if has_alias[row] and (only[row] or bracket[row]):
                alias = world.surname.at(np.array([who]), np.array([-40_000]))[0]
                given = world.given[who]
                vocabulary = self.givens[int(sex[row])]
                alias_kanji = surname_kanji[alias] + habit.separator + self._kanji(vocabulary, habit)[given]
                alias_kana = surname_kana[self.surnames.reading[alias // names.FORMS]] + habit.separator + self._kana(vocabulary, habit)[vocabulary.reading[given // names.FORMS]]
                if only[row]:
                    kanji[row], kana[row] = alias_kanji, alias_kana
                    continue
                kanji[row], kana[row] = f"{latin}（{alias_kanji}）", sound
                continue
            kanji[row], kana[row] = (scripts.full_width(latin).replace(" ", "　") if habit.charset == "jis" else latin), sound

    def _wrong_days(self, birth: Ints, day: Ints, err: Callable[..., Bools], chance: np.random.Generator) -> Ints:
        digit, turned, year = err("birth_digit"), err("birth_month_day"), err("birth_year")
        size = len(birth)
        months = birth.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        in_month = birth - months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
        unit = chance.random(size)
        step = np.where(unit < 0.4, chance.choice([-1, 1], size), np.where(unit < 0.6, chance.choice([-10, 10], size), 0))
        moved = np.where(step != 0, np.clip(in_month + step, 0, 27), in_month)
        month_step = np.where((unit >= 0.6) & (unit < 0.8), chance.choice([-1, 1], size), np.where(unit >= 0.8, chance.choice([-12, 12, -120, 120], size), 0))
        wrong = (months + month_step).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + np.minimum(moved, 27)
        month = months % 12
        can_turn = turned & (in_month < 12) & (in_month != month)
        turned_day = (months - month + in_month).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + month
        slipped = (months + chance.choice([-12, 12], size)).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + np.minimum(in_month, 27)
        done = np.where(digit, wrong, np.where(can_turn, turned_day, np.where(year, slipped, birth)))
        turned &= can_turn
        past = done > day  # nobody is registered before being born
        return np.where(past, birth, done)

    def _addresses(
        self, dwelling: Ints, town: Ints, day: Ints, habit: Habits, chance: np.random.Generator, err: Callable[..., Bools], tags: dict[str, Bools]
    ) -> Texts:
        size = len(dwelling)
        chome = self.atlas.chome[town]
        fixed = _hash(dwelling, 11)
        first, second, third = 1 + fixed % 6, 1 + fixed // 8 % 45, 1 + fixed // 512 % 30
        plot, sub = 1 + fixed // 32 % 2900, fixed // 131_072 % 12
        slip = err("house_typo")
        third, plot = np.where(slip, 1 + (third + 9) % 30, third), np.where(slip, plot + 10, plot)
        digits = _texts([str(n) for n in range(3000)])
        if habit.address in ("kanji", "chome"):
            big = _texts(["", *(scripts.kanji_number(n) for n in range(1, 100))]) if habit.address == "kanji" else digits
            mark = _texts(["", "丁目"])[chome.astype(np.int64)]
            one = np.where(chome, big[np.minimum(first, 99)], digits[plot]) + mark
            two = np.where(chome, digits[second] + "番" + digits[third] + "号", np.where(sub > 0, "番地" + digits[sub], "番地"))
            numbers = one + two
        else:
            numbers = np.where(
                chome, digits[first] + "-" + digits[second] + "-" + digits[third], np.where(sub > 0, digits[plot] + "-" + digits[sub], digits[plot])
            )
            if habit.address == "full":
                distinct, inverse = np.unique(numbers.astype(str), return_inverse=True)
                numbers = _texts([scripts.full_width(text) for text in distinct.tolist()])[inverse]
        block = (_hash(dwelling, 13) % 100 < 45) & (chance.random(size) < habit.building)
        stems = _texts(["コーポ", "メゾン", "ハイツ", "グリーンハイム", "サンライズ", "パークサイド", "第二", "レジデンス"])
        tails = _texts(["桜", "若葉", "みどり", "本町", "山田", "さくら", "Ａ", "中央"])
        code = _hash(dwelling, 17)
        rooms = digits[100 * (1 + code // 64 % 9) + 1 + code // 1024 % 8]
        building = stems[code % 8] + tails[code // 8 % 8] + rooms + ("" if habit.address == "hyphen" else "号室" if habit.address == "kanji" else "")
        numbers = numbers + np.where(block, (" " if habit.address == "hyphen" else "　") + building, "")
        cut = err("address_cut")
        numbers = np.where(cut, "", numbers)
        old = (self.former[town] != "") & ((day < self.atlas.former_until[town]) | (chance.random(size) < 0.01 * self.noise))
        tags["former_city"] = old
        city = np.where(old, self.former[town], self.city[town])
        prefecture = np.where(chance.random(size) < (0.97 if habit.prefecture else 0.03), self.prefecture[town], "")
        oaza = np.where(~chome & habit.oaza, "大字", "")
        return np.asarray(prefecture + city + oaza + self.town[town] + numbers, object)

    def _phones(self, person: Ints, day: Ints, dwelling: Ints, habit: Habits, chance: np.random.Generator, err: Callable[..., Bools]) -> Texts:
        world, size = self.world, len(person)
        age = (day - world.birth[person]) / YEAR
        own = world.mobile.at(person, day)
        mother = world.mother[person]
        parents = np.where(mother >= 0, world.mobile.at(np.maximum(mother, 0), day), -1)
        mobile = np.where((age < 17) | (err("phone_other") & (parents >= 0)), parents, own)
        mobile = np.where(day < BEGIN + 500, -1, mobile)
        line = world.landline[dwelling]
        wish = chance.random(size) < (0.75 if habit.mobile_first else 0.4)
        use_mobile = (mobile >= 0) & (wish | (line < 0)) & ~world.institution[dwelling]
        typo = err("phone_typo")
        mobile = np.where(typo, mobile + 10 ** chance.integers(0, 7, size), mobile) % 300_000_000
        region = np.where(line >= 0, line // 10_000_000, 0)
        rest = np.where(typo, line + 10 ** chance.integers(0, 6, size), line) % 10_000_000
        codes = _texts([*(code for _, code, _ in places.REGIONS), "026"])
        text = np.char.zfill(rest.astype(str), 7)
        mobiles = np.char.zfill((mobile % 100_000_000).astype(str), 8)
        head = _texts(["090", "080", "070"])[mobile // 100_000_000]
        pieces = {"hyphen": ("", "-", "-"), "plain": ("", "", ""), "bracket": ("", "(", ")"), "full": ("", "－", "－")}[habit.phone]
        mob = head + pieces[1] + _cut(mobiles, 0, 4) + pieces[2] + _cut(mobiles, 4, 8)
        fixed = codes[np.clip(region, -1, len(places.REGIONS))] + pieces[1] + _cut(text, 0, 3) + pieces[2] + _cut(text, 3, 7)
        phone = np.where(use_mobile, mob, np.where(line >= 0, fixed, ""))
        if habit.phone == "full":
            phone = _mapped(phone, scripts.full_width)
        filler = np.flatnonzero(err("phone_filler"))
        phone[filler] = ("000-0000-0000", "0000000000", "999-9999-9999")[person[0] % 3]
        return np.asarray(phone, object)

    def _insurance(
        self, person: Ints, day: Ints, dwelling: Ints, habit: Habits, chance: np.random.Generator, err: Callable[..., Bools]
    ) -> tuple[Texts, Texts, Texts, Texts, Ints]:
        world, size = self.world, len(person)
        old = err("insurance_old")
        then = np.where(old, day - (chance.exponential(3, size) * YEAR).astype(np.int64), day)
        held = world.holder.at(person, then)
        holder, rank = held // 128, held % 128
        policy = world.policy.at(holder, then)
        kind = policy % 4
        region = self.atlas.region[world.town[dwelling]].astype(np.int64)
        city = self.atlas.city[world.town[world.home.at(world.unit.at(holder, then), then)]].astype(np.int64)
        kind = np.where((kind == 2) & (holder != person), 1, kind)
        code = _hash(policy, 23)
        employer = (code % 1_000 / 1_000.0) ** 2.2 * 240
        fund = employer.astype(np.int64) + np.maximum(region, 0) * 1_000
        prefecture_code = 10 + np.maximum(region, 0)
        law = np.where(fund % 10 < 4, 1, np.where(fund % 10 < 8, 6, 31 + fund % 4))
        fund_number = np.where(law == 1, 1, 10 + fund % 900)
        body = np.where(kind == 0, law * 100_000 + prefecture_code * 1_000 + fund_number, 0)
        body = np.where(kind == 1, prefecture_code * 1_000 + city % 900, body)
        body = np.where(kind == 2, 39 * 100_000 + prefecture_code * 1_000 + city % 900, body)
        full = body * 10 + (body * 7 + 3) % 10
        number = 1 + code // 1_024 % 89_999 + np.where(kind == 1, _hash(policy, city) % 900 * 90_000, 0)
        symbol = np.where(kind == 0, 100 + (fund * 37 + code // 131_072 % 40) % 9_800, 1 + city % 60)
        personal = 10_000_000 + _hash(holder, 29) % 89_999_999
        number = np.where(kind == 2, personal, number)
        typo = err("insurance_typo")
        number = np.where(typo, number + 10 ** chance.integers(0, 4, size), number)
        width = np.where(kind == 1, 6, 8)
        plain = full.astype(str)
        insurer = plain if habit.zero_dropped else np.where(width == 6, np.char.zfill(plain, 6), np.char.zfill(plain, 8))
        insurer = insurer.astype(object)
        numbers = number.astype(str)
        padded = numbers if habit.zero_dropped else np.where(kind == 1, np.char.zfill(numbers, 7), numbers)
        symbols = np.where(kind == 2, "", symbol.astype(str)).astype(object)
        insured = padded.astype(object)
        if habit.joined:
            joined = np.flatnonzero(kind != 2)
            insured[joined] = symbols[joined] + ("-" if habit.phone == "hyphen" else "・") + insured[joined]
            symbols[:] = ""
        figure = np.where(kind == 1, rank + 1, rank)
        shown = habit.branch & (day >= 18_700) & (kind != 2) & (chance.random(size) < 0.93)
        branch = np.where(shown, np.char.zfill(figure.astype(str), 1 if habit.zero_dropped else 2), "").astype(object)
        return insurer, symbols, insured, branch, full


def _same_sound(vocabulary: names.Vocabulary) -> Ints:
    """For each name another that is read alike (裕子 for 祐子), or itself."""
    order = np.argsort(vocabulary.reading, kind="stable")
    read = vocabulary.reading[order]
    following = np.r_[order[1:], order[:1]]
    other = np.arange(len(order))
    same = np.r_[read[1:] == read[:-1], False]
    other[order[same]] = following[same]
    back = np.flatnonzero(~same & np.r_[False, read[1:] == read[:-1]])
    other[order[back]] = order[back - 1]
    return other


def _slip(text: str, chance: np.random.Generator) -> str:
    if len(text) < 2:
        return text
    place = int(chance.integers(0, len(text) - 1))
    if chance.random() < 0.4:
        return text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    return text[:place] + text[place + 1 :] if chance.random() < 0.5 else text[: place + 1] + text[place:]


def _numbers(size: int, site: int, chance: np.random.Generator) -> Texts:
    """Local patient numbers: rising with gaps, six to eight digits by hospital."""
    steps = chance.integers(1, 4, size).cumsum() + 1000 * (site + 1)
    return np.asarray(np.char.zfill(steps.astype(str), 7 + site % 3).astype(object))


def _mapped(column: Texts, change: Callable[[str], str]) -> Texts:
    distinct, inverse = np.unique(np.asarray(column).astype(str), return_inverse=True)
    return _texts([change(text) for text in distinct.tolist()])[inverse]


def _hyphenate(postal: Texts) -> Texts:
    return _mapped(postal, lambda code: f"{code[:3]}-{code[3:]}")


def _cut(text: Any, first: int, last: int) -> Texts:
    width = text.dtype.itemsize // 4
    letters = np.ascontiguousarray(text).view("U1").reshape(len(text), width)[:, first:last]
    return np.asarray(np.ascontiguousarray(letters).view(f"U{last - first}").reshape(len(text)).astype(object))


def _dates(days: Ints, style: str) -> Texts:
    distinct, inverse = np.unique(days, return_inverse=True)
    iso = np.datetime_as_string(distinct.astype("datetime64[D]"), unit="D").tolist()
    return _texts([scripts.date_for(text, int(day) + 25_567, style) for text, day in zip(iso, distinct, strict=True)])[inverse]


def _new_year(days: Ints) -> Ints:
    return (year_of(days) - 1970).astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
