"""氏名の記載 (written names): kanji and kana of a registration as the desk wrote them, with babies and foreign residents."""

from __future__ import annotations

from functools import cache

import numpy as np
from data_examples.linkage_world import foreign, names, scripts
from data_examples.linkage_world.desk import Desk, Texts, texts
from data_examples.linkage_world.histories import LONG_AGO, Bools, Ints
from data_examples.linkage_world.hospitals import Habits
from data_examples.linkage_world.lives import World
from data_examples.linkage_world.names import FORMS, Vocabulary


def write(world: World, desk: Desk) -> tuple[Texts, Texts]:
    """name_kanji and name_kana of all rows."""
    habit, chance, person, day = desk.habit, desk.chance, desk.person, desk.day
    here = ~desk.abroad
    plain = here & ~desk.baby
    surname = world.surname.at(person, day)
    born = world.surname.at(person, np.full(len(desk), LONG_AGO))
    changed = surname // FORMS != born // FORMS
    surname_now = surname
    surname = np.where(desk.err("old_surname", changed & here), born, surname)
    surname = _other_shape(desk, surname, here)
    kanji_s, kana_s = _kanji(_surnames(), habit)[surname], _read_surname(desk, surname, here & (chance.random(len(desk)) < 0.4))
    in_surname = desk.tags["misread"]
    given = world.given[person]
    written = _alike(desk, given, plain)
    kanji_g = np.empty(len(desk), object)
    for which in (1, 2):
        rows = np.flatnonzero(desk.sex == which)
        kanji_g[rows] = _kanji(_givens(which), habit)[written[rows]]
    kana_g = _read_given(desk, written, given, here & ~in_surname)
    desk.tags["misread"] = desk.tags["misread"] | in_surname
    for row in np.flatnonzero(desk.err("kana_typo", here)):  # few rows
        kana_g[row] = _slip(kana_g[row], chance)
    desk.tags["charset"] = here & _altered(habit.charset)[surname]

    maiden = desk.err("maiden", changed & here & (surname // FORMS == surname_now // FORMS))
    rows = np.flatnonzero(maiden)
    left, right = ("(旧姓:", ")") if habit.charset == "unicode" else ("（旧姓", "）")
    kanji_shown = kanji_s.copy()
    kanji_shown[rows] = kanji_s[rows] + left + _kanji(_surnames(), habit)[born[rows]] + right
    kanji, kana = kanji_shown + habit.separator + kanji_g, kana_s + kana_separator(habit) + kana_g
    rows = np.flatnonzero(desk.err("swapped", plain & ~maiden))
    kanji[rows], kana[rows] = kanji_g[rows] + habit.separator + kanji_s[rows], kana_g[rows] + kana_separator(habit) + kana_s[rows]
    rows = np.flatnonzero(desk.err("kana_for_kanji", plain))
    kanji[rows] = kana[rows]
    _babies(world, desk, kanji, kana)
    _foreigners(world, desk, kanji, kana)
    rows = np.flatnonzero(here & (chance.random(len(desk)) < habit.title))
    kanji[rows] = kanji[rows] + ("　様" if habit.separator == "　" else "様")
    return kanji, kana


def kana_separator(habit: Habits) -> str:
    """Between surname and given name in kana: half-width where the kana is."""
    return " " if habit.separator and habit.kana == "half" else habit.separator


def _surnames() -> Vocabulary:
    return names.surnames()


def _givens(sex: int) -> Vocabulary:
    return names.given_names(sex)


@cache
def _kanji_table(which: int, charset: str) -> Texts:
    return texts([scripts.kanji_for(text, charset) for text in (_surnames() if which == 0 else _givens(which)).forms])


@cache
def _kana_table(which: int, style: str) -> Texts:
    return texts([scripts.kana_for(text, style) for text in (_surnames() if which == 0 else _givens(which)).readings])


@cache
def _altered(charset: str) -> Bools:
    """The surnames that a character set cannot hold as they are."""
    return np.asarray(_kanji_table(0, charset) != texts(_surnames().forms))


def _which(vocabulary: Vocabulary) -> int:
    return 0 if vocabulary is _surnames() else 1 if vocabulary is _givens(1) else 2


def _kanji(vocabulary: Vocabulary, habit: Habits) -> Texts:
    return _kanji_table(_which(vocabulary), habit.charset)


def _kana(vocabulary: Vocabulary, habit: Habits) -> Texts:
    return _kana_table(_which(vocabulary), habit.kana)


def _other_shape(desk: Desk, surname: Ints, here: Bools) -> Ints:
    """Another written shape of the surname than the family's own."""
    shapes = _surnames().shapes[surname // FORMS].astype(np.int64)
    hit = desk.err("glyph", here & (shapes > 1))
    other = (surname % FORMS + 1 + desk.chance.integers(0, 1 << 20, len(desk)) % np.maximum(shapes - 1, 1)) % np.maximum(shapes, 1)
    return np.where(hit, surname // FORMS * FORMS + other, surname)


def _read_surname(desk: Desk, surname: Ints, where: Bools) -> Texts:
    """Its reading, or another one that its kanji can have."""
    other = _surnames().misread[surname // FORMS]
    hit = desk.err("misread", where & (other >= 0))
    return np.asarray(_kana(_surnames(), desk.habit)[np.where(hit, other, _surnames().reading[surname // FORMS])])


def _read_given(desk: Desk, written: Ints, said: Ints, where: Bools) -> Texts:
    """The reading of the true name, or another reading of what is written."""
    found, other = np.empty(len(desk), object), np.full(len(desk), -1)
    sides = [(np.flatnonzero(desk.sex == which), _givens(which)) for which in (1, 2)]
    for rows, vocabulary in sides:
        other[rows] = vocabulary.misread[written[rows] // FORMS]
    hit = desk.err("misread", where & (other >= 0))
    for rows, vocabulary in sides:
        found[rows] = _kana(vocabulary, desk.habit)[np.where(hit[rows], other[rows], vocabulary.reading[said[rows] // FORMS])]
    return found


def _alike(desk: Desk, given: Ints, where: Bools) -> Ints:
    """Another given name that is read alike."""
    other = np.zeros(len(desk), np.int64)
    for which in (1, 2):
        rows = np.flatnonzero(desk.sex == which)
        other[rows] = _same_sound(which)[given[rows] // FORMS]
    hit = desk.err("kanji_typo", where & (other != given // FORMS))
    return np.where(hit, other * FORMS, given)


@cache
def _same_sound(sex: int) -> Ints:
    """For each given name the next one that is read alike, in a circle; itself where it is alone."""
    vocabulary = _givens(sex)
    order = np.argsort(vocabulary.reading, kind="stable")
    read = vocabulary.reading[order]
    last = np.r_[read[1:] != read[:-1], True]
    begin = np.maximum.accumulate(np.where(np.r_[True, last[:-1]], np.arange(len(order)), 0))
    following = np.where(last, order[begin], np.r_[order[1:], order[:1]])
    other = np.arange(len(order))
    other[order] = following
    return other


def _slip(text: str, chance: np.random.Generator) -> str:
    if len(text) < 2:
        return text
    place, kind = int(chance.integers(0, len(text) - 1)), chance.random()
    if kind < 0.4 and text[place] != text[place + 1]:
        return text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    return text[:place] + text[place + 1 :] if kind < 0.7 else text[: place + 1] + text[place:]


def _babies(world: World, desk: Desk, kanji: Texts, kana: Texts) -> None:
    """A child without a name stands under its mother's; twins are numbered."""
    desk.tags["newborn"] = desk.baby
    rows = np.flatnonzero(desk.baby)
    mother = world.families.mother[desk.person[rows]]
    surname, given = world.surname.at(mother, desk.day[rows]), world.given[mother]
    habit, separator = desk.habit, desk.habit.separator
    kanji_s, kana_s = _kanji(_surnames(), habit)[surname], _kana(_surnames(), habit)[_surnames().reading[surname // FORMS]]
    kanji_g, kana_g = _kanji(_givens(2), habit)[given], _kana(_givens(2), habit)[_givens(2).reading[given // FORMS]]
    word = "ベビー" if habit.kana in ("big", "long") else scripts.kana_for("ベビー", habit.kana)
    number = texts(["", "１", "２"])[np.where(world.families.twin[desk.person[rows]] >= 0, 1 + desk.person[rows] % 2, 0)]
    full = desk.chance.random(len(rows)) < 0.75  # mother's full name, else her surname
    kanji[rows] = kanji_s + separator + np.where(full, kanji_g, "") + "ベビー" + number
    kana[rows] = kana_s + kana_separator(habit) + np.where(full, kana_g, "") + word


def _foreigners(world: World, desk: Desk, kanji: Texts, kana: Texts) -> None:
    """Latin names with their sound in kana, in one order or the other; the alias in their place or in brackets behind."""
    habit, chance, who = desk.habit, desk.chance, world.foreigners
    has_alias = desk.abroad & (who.alias_since[desk.person] <= desk.day)
    only = desk.err("alias_only", has_alias)
    bracket = desk.err("alias_bracket", has_alias & ~only)
    given_first = desk.err("latin_order", desk.abroad & ~only)
    other_sound = desk.err("translit", desk.abroad & ~only)
    lower = chance.random(len(desk)) < 0.2
    odd = chance.integers(0, 2, len(desk))
    groups = foreign.groups()
    for row in np.flatnonzero(desk.abroad & ~only):  # one row in forty
        person = desk.person[row]
        tokens = foreign.tokens(groups[who.group[person]], int(who.family_token[person]), int(who.given_token[person]), int(desk.sex[row]))
        if given_first[row]:
            tokens = [*tokens[1:], tokens[0]]
        latin = " ".join(token[0] for token in tokens)
        latin = latin.title() if lower[row] else latin
        sounds = [
            token[2] if other_sound[row] and (len(tokens) == 1 or (place + odd[row]) % 2 == 0) else token[1]
            for place, token in enumerate(tokens)
        ]
        kana[row] = (" " if habit.kana == "half" else "　").join(scripts.kana_for(sound, habit.kana) for sound in sounds)
        shown = scripts.full_width(latin).replace(" ", "　") if habit.charset == "jis" else latin
        kanji[row] = f"{shown}（{kanji[row]}）" if bracket[row] else shown
