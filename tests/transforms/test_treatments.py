"""Each treatment by itself: the SQL says what the plain form says, and the plain form means what it should."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import duckdb
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from kiban_processing.hierarchies import ages as age_labels
from kiban_processing.hierarchies import codes
from kiban_processing.hierarchies.residence import residence
from kiban_processing.plan import Clip
from kiban_processing.transforms import ages, dates, keys, measurements, places, rarity

from .conftest import SECRETS

NAMES = st.text(st.characters(exclude_characters="\x00\x1f", exclude_categories=["Cs"]), min_size=1, max_size=80)
DAYS = st.dates(date(1900, 1, 1), date(2026, 12, 31))
PADS = {**keys.pads("pseudonym", SECRETS.pseudonym), **keys.pads("shift", SECRETS.shift)}


def ask(
    con: duckdb.DuckDBPyConnection, expression: str, column: str, values: list[Any], parameters: dict[str, Any] | None = None
) -> list[Any]:
    con.register("given_values", pa.table({"number": range(len(values)), column: values}))
    return [row[0] for row in con.execute(f"SELECT {expression} FROM given_values ORDER BY number", parameters or {}).fetchall()]


@given(persons=st.lists(NAMES, min_size=1, max_size=20), window=st.integers(1, 60))
def test_pseudonyms_and_shifts(con: duckdb.DuckDBPyConnection, persons: list[str], window: int) -> None:
    pseudonyms = ask(con, keys.pseudonym_sql("person"), "person", persons, keys.pads("pseudonym", SECRETS.pseudonym))
    assert pseudonyms == [keys.pseudonym(SECRETS.pseudonym, person) for person in persons]
    weeks = ask(con, dates.shift_weeks_sql("person", window), "person", persons, keys.pads("shift", SECRETS.shift))
    assert weeks == [dates.shift_weeks(SECRETS.shift, person, window) for person in persons]
    assert all(-window <= one <= window for one in weeks)


@given(values=st.lists(st.none() | NAMES, min_size=1, max_size=20))
def test_linking_codes(con: duckdb.DuckDBPyConnection, values: list[str | None]) -> None:
    sql = keys.rekeyed_sql("encounter_id", "'H1'", "'P1'", "value")
    column = pa.array(values, pa.string())
    rekeyed = ask(con, sql, "value", column, keys.pads("pseudonym", SECRETS.pseudonym))  # type: ignore[arg-type]
    assert rekeyed == [keys.rekeyed(SECRETS.pseudonym, "encounter_id", "H1", "P1", value) for value in values]


def test_a_linking_code_differs_by_hospital_person_column_and_release() -> None:
    key = (SECRETS.pseudonym, "encounter_id", "H1", "P1", "7")
    others = [
        (b"q" * 32, *key[1:]),
        (key[0], "result_id", *key[2:]),
        (*key[:2], "H2", *key[3:]),
        (*key[:3], "P2", "7"),
        (*key[:4], "8"),
    ]
    assert len({keys.rekeyed(*one) for one in [key, *others]}) == 6


def test_shifts_use_the_whole_window_zero_included() -> None:
    weeks = {dates.shift_weeks(SECRETS.shift, f"P{number}", 2) for number in range(200)}
    assert weeks == {-2, -1, 0, 1, 2}


@given(days=st.lists(DAYS, min_size=2, max_size=8), weeks=st.integers(-60, 60))
def test_a_shift_keeps_every_interval_and_weekday(con: duckdb.DuckDBPyConnection, days: list[date], weeks: int) -> None:
    moved = [dates.shifted(day, weeks) for day in days]
    assert ask(con, dates.shifted_sql("day", str(weeks)), "day", days) == moved
    assert ask(con, dates.shifted_year_sql("day", str(weeks)), "day", days) == [dates.shifted_year(day, weeks) for day in days]
    for before, after in zip(days, moved, strict=True):
        assert after is not None
        assert after - before == timedelta(weeks=weeks)
        assert after - moved[0] == before - days[0]  # type: ignore[operator]
        assert after.weekday() == before.weekday()


@given(born=st.lists(st.none() | DAYS, min_size=1, max_size=20), reference=DAYS)
def test_birth_years_and_age_bands(con: duckdb.DuckDBPyConnection, born: list[date | None], reference: date) -> None:
    column: Any = pa.array(born, pa.date32())
    years = ask(con, ages.birth_year_sql("born", reference), "born", column)
    assert years == [age_labels.birth_year_label(one, reference) for one in born]
    bands = ask(con, ages.age_band_sql("born", reference), "born", column)
    assert bands == [age_labels.age_band_label(one, reference) for one in born]
    assert set(years) <= {*age_labels.birth_year(reference).leaves, None}
    assert set(bands) <= {*age_labels.age_band().leaves, None}


@given(born=DAYS, other=DAYS, reference=DAYS)
def test_ninety_and_over_stand_together(born: date, other: date, reference: date) -> None:
    if age_labels.age(born, reference) >= 90 and age_labels.age(other, reference) >= 90:
        assert age_labels.birth_year_label(born, reference) == age_labels.birth_year_label(other, reference)
        assert age_labels.age_band_label(born, reference) == age_labels.age_band_label(other, reference) == "90+"


PREFECTURES = residence(False, 0, ())
MUNICIPALITIES = residence(True, 50_000, (("13101", 66_680), ("茨城県龍ケ崎市", 76_420), ("13362", 300)))
TEXTS = st.sampled_from(
    [
        "東京都",
        "東京都千代田区",
        "千代田区",
        "大阪府大阪市",
        "大阪市北区",
        "北区",
        "府中市",
        "茨城県龍ヶ崎市",
        "石狩郡当別町",
        "北海道当別町",
    ]
)


@given(
    addresses=st.lists(st.none() | st.builds(lambda head, tail: head + tail, TEXTS, NAMES), min_size=1, max_size=12),
    postal_code=st.sampled_from([None, "1000001", "100-0001", "3010000", "0608621", "4980000"]),
    places_named=st.sampled_from([PREFECTURES, MUNICIPALITIES]),
)
def test_places(con: duckdb.DuckDBPyConnection, addresses: list[str | None], postal_code: str | None, places_named: Any) -> None:
    for name, content in ((places.BEGINNINGS, places_named.by_beginning), (places.CODES, places_named.by_code)):
        known = "beginning" if name == places.BEGINNINGS else "code"
        con.register(name, pa.table({known: list(content), "place": list(content.values())}))
    con.register("given_addresses", pa.table({"number": range(len(addresses)), "address": pa.array(addresses, pa.string())}))
    code = "CAST(NULL AS VARCHAR)" if postal_code is None else f"'{postal_code}'"
    expression, joins = places.place_sql("g.address", code, places_named)
    found = [row[0] for row in con.execute(f"SELECT {expression} FROM given_addresses g {joins} ORDER BY number").fetchall()]
    assert found == [places.place(address, postal_code, places_named) for address in addresses]
    assert set(found) <= {*places_named.hierarchy.leaves, None}


def test_an_organisations_postal_code_places_nobody() -> None:
    assert places.place(None, "0608621", PREFECTURES) is None
    assert places.place("北海道札幌市中央区北一条西6丁目", "0608621", PREFECTURES) == "北海道"


def test_a_municipality_is_named_only_above_the_floor_and_only_where_its_population_is_known() -> None:
    assert places.place("東京都千代田区丸の内", None, MUNICIPALITIES) == "東京都千代田区"
    assert places.place("東京都利島村", None, MUNICIPALITIES) == "東京都"  # 300 inhabitants
    assert places.place("東京都八王子市", None, MUNICIPALITIES) == "東京都"  # population not given
    assert places.place("茨城県 龍ヶ崎市3710", None, MUNICIPALITIES) == "茨城県龍ケ崎市"


def test_a_ward_without_its_city_is_unknown() -> None:
    assert places.place("北区王子1-1", None, PREFECTURES) is None
    assert places.place("府中市宮西町", None, PREFECTURES) is None  # Tokyo and Hiroshima both have one


ICD10 = ["E11", "E119", "E11.9", "E1190", "E110", "E10", "E149", "C001", "C009", "C14", "Z999", "U071", "??"]


@given(
    held=st.dictionaries(st.sampled_from(ICD10), st.sets(st.integers(1, 8).map(str), min_size=1), max_size=8),
    threshold=st.integers(1, 8),
)
def test_rare_codes(held: dict[str, set[str]], threshold: int) -> None:
    paths = {code: codes.path("ICD-10", code) for code in held}

    def holders(members: Any) -> dict[str, int]:
        return {label: len(set().union(*(held[code] for code in under))) for label, under in members.items()}

    labels = rarity.settle(paths, holders, threshold)
    assert labels == rarity.settle_slowly(paths, held, threshold)
    persons: dict[str, set[str]] = defaultdict(set)
    for code, label in labels.items():
        if label is not None:
            assert label in paths[code]
            persons[label] |= held[code]
    assert all(len(holding) >= threshold for holding in persons.values())


MEASURED = st.lists(
    st.tuples(st.integers(0, 9).map(str), st.sampled_from([None, "a", "b"]), st.integers(0, 60).map(lambda tenths: tenths / 10)),
    max_size=60,
)


@given(rows=MEASURED, tail=st.integers(1, 3), low=st.sampled_from([0.0, 0.005, 0.2]), high=st.sampled_from([1.0, 0.995, 0.8]))
def test_bounds_of_measurements(
    con: duckdb.DuckDBPyConnection, rows: list[tuple[str, str | None, float]], tail: int, low: float, high: float
) -> None:
    clip, threshold = Clip(low, high, tail), 2 * tail
    groups: dict[str | None, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for person, group, value in rows:
        groups[group][person].append(value)
    expected = {group: measurements.bounds(values, clip, threshold) for group, values in groups.items()}
    columns = {"person": pa.string(), "g": pa.string(), "v": pa.float64()}
    con.register("measured", pa.table({name: pa.array([row[at] for row in rows], kind) for at, (name, kind) in enumerate(columns.items())}))
    found = con.execute(measurements.bounds_sql("measured", "v", ["g"], clip, threshold)).fetchall()
    assert {row[0]: (row[2], row[3]) for row in found} == {group: limits for group, limits in expected.items() if limits}
    for group, limits in expected.items():
        if limits:
            assert limits[0] <= limits[1]
            # At least `tail` persons share each extreme once clipped.
            for extreme, choose in ((limits[0], min), (limits[1], max)):
                released = {person: choose(measurements.clipped(v, limits) or 0.0 for v in own) for person, own in groups[group].items()}
                assert sum(value == extreme for value in released.values()) >= tail


def test_bounds_without_groups(con: duckdb.DuckDBPyConnection) -> None:
    con.register("measured", pa.table({"person": ["a", "b", "c"], "v": [1.0, 2.0, 9.0]}))
    found = con.execute(measurements.bounds_sql("measured", "v", [], Clip(0.005, 0.995, 2), 3)).fetchall()
    assert found == [(3, 2.0, 2.0)]
    con.register("measured", pa.table({"person": pa.array([], pa.string()), "v": pa.array([], pa.float64())}))
    assert con.execute(measurements.bounds_sql("measured", "v", [], Clip(0.005, 0.995, 2), 3)).fetchall() == []
