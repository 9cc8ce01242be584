"""名寄せの試験世界の検査: the same bytes for the same arguments, a complete truth, every kind of noise at its documented rate, honest tags."""

from __future__ import annotations

import csv
import hashlib
import importlib
import json
import sys
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kiban_processing.formats.dates import parse_date
from kiban_processing.linkage import keys, registrations

ROOT = Path(__file__).resolve().parents[2]
Row = dict[str, str]


@pytest.fixture(scope="module")
def package() -> Iterator[Any]:
    """The package's modules; the project's folder is on the path only while these tests run."""
    sys.path.insert(0, str(ROOT))
    names = ("files", "desk", "names", "hospitals", "places", "visits", "scripts", "insurance", "profiles")
    yield SimpleNamespace(**{name: importlib.import_module(f"data_examples.linkage_world.{name}") for name in names})
    sys.path.remove(str(ROOT))


@pytest.fixture(scope="module")
def world(package: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("world")
    package.files.write(out, package.files.Settings(registrations=12_000, hospitals=12, seed=5, noise=2.0))
    return out


def rows_of(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def pairs(world: Path) -> list[tuple[Row, Row]]:
    """Each registration with its truth; `tags` of the truth as they stand in the file."""
    return list(zip(rows_of(world / "registrations.csv"), rows_of(world / "truth.csv"), strict=True))


def tags_of(truth: Row) -> set[str]:
    return set(filter(None, truth["tags"].split(";")))


def digest(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_same_arguments_give_the_same_bytes_and_another_seed_others(package: Any, tmp_path: Path) -> None:
    for name, seed in (("one", 3), ("two", 3), ("three", 4)):
        package.files.write(tmp_path / name, package.files.Settings(registrations=1_500, hospitals=7, seed=seed, delta=0.1))
    assert digest(tmp_path / "one") == digest(tmp_path / "two")
    assert not set(digest(tmp_path / "one").values()) & set(digest(tmp_path / "three").values())


def test_truth_has_every_registration_once(world: Path, pairs: list[tuple[Row, Row]]) -> None:
    assert len(pairs) == 12_000
    assert tuple(pairs[0][0]) == registrations.COLUMNS
    assert all((row["site_id"], row["local_patient_id"]) == (truth["site_id"], truth["local_patient_id"]) for row, truth in pairs)
    assert len({(row["site_id"], row["local_patient_id"]) for row, _ in pairs}) == len(pairs)
    counts = json.loads((world / "world.json").read_text(encoding="utf-8"))["counts"]
    times = Counter(truth["person"] for _, truth in pairs)
    assert counts["persons"] == len(times)
    assert counts["true_pairs"] == sum(n * (n - 1) // 2 for n in times.values())
    assert counts["registrations"] == len(pairs)


def test_the_product_reads_the_file(world: Path) -> None:
    received = registrations.read([world / "registrations.csv"])
    assert received.rows.num_rows == 12_000
    assert set(keys.COLUMNS) <= {*received.rows.column_names}


def test_birth_dates_are_true_where_no_tag_says_otherwise(pairs: list[tuple[Row, Row]]) -> None:
    wrong = Counter()
    for row, truth in pairs:
        tags = {tag for tag in tags_of(truth) if tag.startswith("birth_") or tag == "no_birth_date"}
        written = parse_date(row["birth_date"]) if row["birth_date"] else None
        same = written is not None and written.isoformat() == truth["birth_date"]
        if not tags:
            assert same, "an untagged birth date differs from the truth"
        elif tags != {"birth_default"}:  # somebody may be born on 1 January
            assert not same, "a tagged birth date is the true one"
        wrong.update(tags)
    assert {"birth_digit", "birth_month_day", "birth_year", "birth_filler", "birth_default", "no_birth_date"} <= set(wrong)
    for row, truth in pairs:
        registered, born = parse_date(row["registered_on"]), parse_date(truth["birth_date"])
        assert registered is not None and born is not None and registered >= born


def test_errors_come_at_their_documented_rates(package: Any, pairs: list[tuple[Row, Row]]) -> None:
    """Counted over all hospitals, at noise 2; within four standard errors and a tenth for the care of the hospitals that have most rows."""
    foreigners = {truth["person"] for _, truth in pairs if truth["foreigner"] == "1"}
    everybody = [truth for _, truth in pairs]
    japanese = [truth for truth in everybody if truth["person"] not in foreigners]
    named = [truth for truth in japanese if truth["newborn"] == "0"]
    for name, able in {
        "swapped": named, "kana_typo": japanese, "kana_for_kanji": named, "sex_wrong": everybody, "house_typo": everybody, "address_cut": everybody,
        "insurance_typo": everybody, "phone_filler": everybody, "birth_filler": everybody, "birth_year": everybody,
    }.items():  # fmt: skip
        expected = 2 * package.desk.RATES[name] * len(able)
        found = sum(name in tags_of(truth) for truth in able)
        assert abs(found - expected) < 4 * expected**0.5 + 0.1 * expected, name


def test_fields_are_left_out_as_documented(package: Any, pairs: list[tuple[Row, Row]]) -> None:
    columns = {"insurance": "insurer_number"}
    for name, share in package.hospitals.MISSING.items():
        tagged = [row for row, truth in pairs if f"no_{name}" in tags_of(truth)]
        assert tagged and not any(row[columns.get(name, name)] for row in tagged), name
        if name != "name_kana":  # one hospital keeps no readings
            assert 0.4 * share < len(tagged) / len(pairs) / 1.5 < 2.5 * share, name


def test_every_kind_of_noise_occurs(package: Any, pairs: list[tuple[Row, Row]]) -> None:
    seen = {tag for _, truth in pairs for tag in tags_of(truth)}
    assert set(package.desk.RATES) <= seen
    assert {"newborn", "site_duplicate", "charset", "before_merger"} <= seen
    written = "".join(row["name_kanji"] + row["name_kana"] + row["address"] for row, _ in pairs)
    for sign in ("髙", "﨑", "〓", "様", "ベビー", "旧姓", "ﾞ", "大字", "丁目", "号室", "ー"):
        assert sign in written
    assert any(unicodedata.name(c, "").startswith("VARIATION SELECTOR") for c in set(written))
    styles = {row["birth_date"][:1] for row, _ in pairs}
    assert {"S", "昭", "平", "1", "3"} <= styles


def test_no_error_rate_without_noise(package: Any, tmp_path: Path) -> None:
    package.files.write(tmp_path, package.files.Settings(registrations=1_000, hospitals=6, seed=2, noise=0.0))
    seen = {tag for truth in rows_of(tmp_path / "truth.csv") for tag in tags_of(truth)}
    assert not seen & set(package.desk.RATES)


def test_swapped_names_really_are(package: Any, pairs: list[tuple[Row, Row]]) -> None:
    """Against another registration of the same person under the same surname, where both are spaced and not otherwise noisy."""
    name_tags = {"misread", "glyph", "kanji_typo", "kana_for_kanji", "old_surname", "maiden", "charset", "no_name_kanji", "newborn"}
    by_person: dict[tuple[str, str], list[tuple[list[str], set[str]]]] = defaultdict(list)
    for row, truth in pairs:
        parts = row["name_kanji"].removesuffix("様").split()
        if truth["foreigner"] == "0" and len(parts) == 2 and not tags_of(truth) & name_tags:
            by_person[(truth["person"], truth["surname"])].append((parts, tags_of(truth)))
    compared = 0
    for found in by_person.values():
        plain = {tuple(parts) for parts, tags in found if "swapped" not in tags}
        for parts, tags in found:
            if "swapped" in tags and plain:
                compared += 1
                assert tuple(reversed(parts)) in {tuple(map(_common, one)) for one in plain} | plain
    assert compared > 2


def _common(text: str) -> str:
    return "".join(c for c in text if not "\U000e0100" <= c <= "\U000e01ef")


def test_twins_are_born_together_and_named_apart(pairs: list[tuple[Row, Row]]) -> None:
    groups: dict[str, dict[str, Row]] = defaultdict(dict)
    for _, truth in pairs:
        if truth["twin"] != "-1":
            groups[truth["twin"]][truth["person"]] = truth
    couples = [list(group.values()) for group in groups.values() if len(group) > 1]
    assert len(couples) > 20
    for one, other in couples:
        assert (one["birth_date"], one["family_of_birth"]) == (other["birth_date"], other["family_of_birth"])
        assert one["name"] != other["name"]
    persons = {truth["person"]: truth["twin"] != "-1" for _, truth in pairs}
    assert 0.007 < sum(persons.values()) / len(persons) < 0.017


def test_namesakes_share_name_and_birth_date_and_no_family(pairs: list[tuple[Row, Row]]) -> None:
    groups: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for _, truth in pairs:
        if truth["namesake"] != "-1":
            groups[truth["namesake"]][truth["person"]].append(truth)
    persons = len({truth["person"] for _, truth in pairs})
    assert 0.0012 < len(groups) / persons < 0.0022
    for group in groups.values():
        one, other = group.values()
        assert {row["birth_date"] for row in one} == {row["birth_date"] for row in other}
        assert {row["name"] for row in one} & {row["name"] for row in other}
        families = [{row[0][key] for key in ("family_of_birth", "family_of_marriage")} - {"-1"} for row in (one, other)]
        assert not families[0] & families[1]


def test_a_family_stands_on_one_insurance_number_with_different_branches(pairs: list[tuple[Row, Row]]) -> None:
    held: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row, truth in pairs:
        if row["insured_branch"] and not tags_of(truth) & {"insurance_old", "insurance_typo"}:
            held[(truth["family_of_birth"], truth["insurer"])][truth["person"]].add(row["insured_branch"].lstrip("0"))
    shared = [list(members.values()) for (family, _), members in held.items() if family != "-1" and len(members) > 1]
    assert len(shared) > 20
    for members in shared:
        assert not set.intersection(*members[:2])
    assert all(not row["insured_branch"] for row, _ in pairs if (parse_date(row["registered_on"]) or pytest.fail("date")).year < 2021)


def test_insurer_numbers_carry_their_check_digit(package: Any, pairs: list[tuple[Row, Row]]) -> None:
    for row, _ in pairs:
        if number := row["insurer_number"]:
            products = [int(c) * (2 if place % 2 == 0 else 1) for place, c in enumerate(reversed(number[:-1]))]
            assert (10 - sum(p // 10 + p % 10 for p in products) % 10) % 10 == int(number[-1])


def test_postal_codes_exist_with_their_town(package: Any, pairs: list[tuple[Row, Row]]) -> None:
    atlas = package.places.atlas(package.visits.regions_of(12))
    known = dict(zip(atlas.postal, atlas.town, strict=True))
    towns = defaultdict(set)
    for code, town in zip(atlas.postal, atlas.town, strict=True):
        towns[code].add(town)
    checked = 0
    for row, _ in pairs[::7]:
        if (code := row["postal_code"].replace("-", "")) and row["address"]:
            assert code in known and any(town in row["address"] for town in towns[code])
            checked += 1
    assert checked > 1_000


def test_a_later_batch_leads_from_the_truth_before_to_the_truth_after(package: Any, tmp_path: Path) -> None:
    package.files.write(tmp_path, package.files.Settings(registrations=3_000, hospitals=6, seed=1, delta=0.1))
    key = lambda row: (row["site_id"], row["local_patient_id"])  # noqa: E731
    before = {key(row): row["person"] for row in rows_of(tmp_path / "truth.csv")}
    after = {key(row): row["person"] for row in rows_of(tmp_path / "truth_after.csv")}
    batch = rows_of(tmp_path / "registrations_delta.csv")
    by_op: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for row in batch:
        by_op[row["op"]].add(key(row))
    assert {op: len(found) for op, found in by_op.items()} == {"new": 300, "update": 30, "delete": 6}
    assert set(before) == {key(row) for row in rows_of(tmp_path / "registrations.csv")}
    assert by_op["update"] | by_op["delete"] <= set(before) and not by_op["new"] & set(before)
    assert set(after) == (set(before) - by_op["delete"]) | by_op["new"]
    assert all(after[one] == before[one] for one in set(before) & set(after))


def test_names_are_many_and_common_ones_common(package: Any) -> None:
    surnames = package.names.surnames()
    assert len(surnames) > 10_000 and 0.08 < float(surnames.weights[:10].sum()) < 0.12
    for sex in (1, 2):
        assert len(package.names.given_names(sex)) > 3_000


def test_profiles_change_what_they_name(package: Any, tmp_path: Path) -> None:
    counts = {
        name: package.files.write(tmp_path / name, package.files.Settings(registrations=4_000, hospitals=6, seed=1, profile=name))
        for name in package.profiles.PROFILES
    }
    assert counts["families"]["persons_twins"] > 1.8 * counts["default"]["persons_twins"]
    assert counts["abroad"]["persons_foreign"] > 2 * counts["default"]["persons_foreign"]
    assert counts["namesakes"]["persons_namesakes"] > 2.5 * counts["default"]["persons_namesakes"]
