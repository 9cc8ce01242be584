"""組版 (typesetting): a paper's template and its data become a PDF; the same data on the same day give the same bytes.

Texts of people reach the template as data, never as markup. PDF/A-2a is written: tagged, fonts embedded, fit to be kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import orjson
import typst

from kiban_operator.papers import fonts

Data = Mapping[str, Any]


def compose(template: str, data: Data, on: date) -> bytes:
    """The PDF of the template `templates/<template>.typ` with `data` (JSON), dated `on`.

    Refuses: font-missing, glyph-missing (with the place in the data, e.g. `requester_name`).
    """
    chosen = fonts.found()
    fonts.require(_texts(data), chosen)
    source = resources.files(__package__).joinpath("templates", f"{template}.typ").read_bytes()
    inputs = {"data": orjson.dumps(data, default=str).decode(), "families": orjson.dumps([font.family for font in chosen]).decode()}
    return typst.compile(
        source, format="pdf", sys_inputs=inputs, font_paths=_loaded(tuple(sorted({font.path.parent for font in chosen}))),
        pdf_standards="a-2a", timestamp=int(datetime(on.year, on.month, on.day, tzinfo=UTC).timestamp()),
    )  # fmt: skip


@cache
def _loaded(folders: tuple[Path, ...]) -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False, font_paths=list(folders))


def _texts(data: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Every text of the data with its place."""
    if isinstance(data, str):
        yield place, data
    elif isinstance(data, Mapping):
        for name, value in data.items():
            yield from _texts(value, f"{place}.{name}" if place else str(name))
    elif isinstance(data, Sequence):
        for number, value in enumerate(data, 1):
            yield from _texts(value, f"{place}[{number}]")


def day(on: date) -> str:
    """A day as a Japanese form writes it, with the era.

    >>> day(date(2026, 11, 5)), day(date(2019, 4, 30)), day(date(2019, 5, 1))
    ('令和8年11月5日', '平成31年4月30日', '令和元年5月1日')
    """
    starts = (
        (date(2019, 5, 1), "令和"),
        (date(1989, 1, 8), "平成"),
        (date(1926, 12, 25), "昭和"),
        (date(1912, 7, 30), "大正"),
        (date(1868, 1, 25), "明治"),
    )
    start, era = next(each for each in starts if on >= each[0])
    year = on.year - start.year + 1
    return f"{era}{'元' if year == 1 else year}年{on.month}月{on.day}日"
