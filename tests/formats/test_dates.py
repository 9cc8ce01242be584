"""日付の読取り: every form of the table reads as its day; nothing is guessed."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiban_processing.formats import dates

APRIL = date(2024, 4, 1)


@pytest.mark.parametrize(
    "text",
    [
        "2024-04-01",
        "2024-4-1",
        "2024/4/1",
        "2024/04/01",
        "2024.4.1",
        "20240401",
        "2024年4月1日",
        "2024年04月01日",
        "2024 年 4 月 1 日",
        "R6.4.1",
        "r6.4.1",
        "R06.04.01",
        "R6/4/1",
        "R6-4-1",
        "R060401",
        "R 6. 4. 1",
        "令和6年4月1日",
        "令和06年04月01日",
        "令和6.4.1",
        "令6.4.1",
        "㋿6年4月1日",
        "5060401",
        "２０２４／４／１",
        "２０２４０４０１",
        "Ｒ６．４．１",
        "令和６年４月１日",
        "  2024-04-01\u3000",
        '="20240401"',
        '="2024/4/1"',
        "2024-04-01 00:00:00",
        "2024-04-01T23:59:59",
        "2024-04-01T23:59:59.123456",
        "2024-04-01T00:00:00Z",
        "2024-04-01T00:00:00+09:00",
        "2024/4/1 0:00",
        "2024/4/1 9:05",
    ],
)
def test_each_form_names_the_same_day(text: str) -> None:
    assert dates.parse_date(text) == APRIL


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("M6.1.1", date(1873, 1, 1)),
        ("1450730", date(1912, 7, 30)),
        ("T1.7.30", date(1912, 7, 30)),
        ("大正15年12月25日", date(1926, 12, 25)),
        ("S1.12.25", date(1926, 12, 25)),
        ("S23.04.05", date(1948, 4, 5)),
        ("3230405", date(1948, 4, 5)),
        ("S64.1.7", date(1989, 1, 7)),
        ("H1.1.8", date(1989, 1, 8)),
        ("平成元年1月8日", date(1989, 1, 8)),
        ("平元.1.8", date(1989, 1, 8)),
        ("H31/4/30", date(2019, 4, 30)),
        ("令和元年5月1日", date(2019, 5, 1)),
        ("R1.5.1", date(2019, 5, 1)),
        ("S55.2.29", date(1980, 2, 29)),
    ],
)
def test_the_first_and_last_days_of_eras_are_read(text: str, day: date) -> None:
    assert dates.parse_date(text) == day


@pytest.mark.parametrize(
    "text",
    [
        "M5.12.2",  # lunisolar
        "M45.7.31",
        "T1.7.29",
        "T15.12.26",
        "S1.12.24",
        "S64.1.8",
        "H1.1.7",
        "H31.5.1",
        "R1.4.30",
        "5010430",
        "R0.5.1",
        "5000401",
        "6060401",
        "0060401",
    ],
)
def test_a_day_outside_its_era_is_none(text: str) -> None:
    assert dates.parse_date(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "2023-02-29",
        "2024-13-01",
        "2024-00-01",
        "2024-04-31",
        "20240431",
        "00000000",
        "0000-00-00",
        "24.4.1",
        "24/4/1",
        "240401",
        "45383",
        "2024-4",
        "2024年4月",
        "令和元年",
        "2024-4/1",
        "4/1/2024",
        "2024-04-01 24:00:00",
        "2024-04-01 12:60",
        "R6.4.1x",
        "x2024-04-01",
        "2024-04-01 2024-04-02",
        "٢٠٢٤-٠٤-٠١",
        "不明",
        '="2024-04-01',
        "Q6.4.1",
        "西暦2024年4月1日",
    ],
)
def test_nothing_is_guessed(text: str) -> None:
    assert dates.parse_date(text) is None


WESTERN = st.dates(date(1000, 1, 1))
FULL_WIDTH = str.maketrans("0123456789/.-", "０１２３４５６７８９／．－")


@given(
    WESTERN,
    st.sampled_from(["{0:04d}-{1:02d}-{2:02d}", "{0}/{1}/{2}", "{0}.{1}.{2}", "{0:04d}{1:02d}{2:02d}", "{0}年{1}月{2}日"]),
    st.booleans(),
)
def test_western_forms_round_trip(day: date, form: str, wide: bool) -> None:
    text = form.format(day.year, day.month, day.day)
    assert dates.parse_date(text.translate(FULL_WIDTH) if wide else text) == day


@st.composite
def days_in_eras(draw: st.DrawFn) -> tuple[str, date]:
    era = draw(st.sampled_from(sorted(dates.ERAS)))
    first, last = dates.ERAS[era]
    return era, draw(st.dates(first, min(last, date(2117, 12, 31))))


@given(
    days_in_eras(),
    st.sampled_from(["{e}{0}.{1}.{2}", "{e}{0:02d}{1:02d}{2:02d}", "{k}{0}年{1}月{2}日", "{d}{0:02d}{1:02d}{2:02d}"]),
    st.booleans(),
)
def test_era_forms_round_trip(drawn: tuple[str, date], form: str, wide: bool) -> None:
    era, day = drawn
    kanji = dict(zip("MTSHR", ("明治", "大正", "昭和", "平成", "令和"), strict=True))[era]
    text = form.format(day.year - dates.FIRST_YEARS[era] + 1, day.month, day.day, e=era, k=kanji, d="MTSHR".index(era) + 1)
    assert dates.parse_date(text.translate(FULL_WIDTH) if wide else text) == day


@given(st.integers(0, 200 * 366))
def test_every_day_has_exactly_one_or_two_era_names(offset: int) -> None:
    day = date(1873, 1, 1) + timedelta(days=offset)
    names = [era for era in dates.ERAS if dates.parse_date(f"{era}{day.year - dates.FIRST_YEARS[era] + 1}.{day.month}.{day.day}") == day]
    shared = day in (date(1912, 7, 30), date(1926, 12, 25))
    if day.year < 2117:
        assert len(names) == (2 if shared else 1)


@given(st.text(max_size=30))
def test_any_text_is_a_day_or_none(text: str) -> None:
    found = dates.parse_date(text)
    assert found is None or isinstance(found, date)
