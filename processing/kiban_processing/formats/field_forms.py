"""欄の書式 (field forms): how a column writes what a table schema says of it — signs for "nothing", dates of one form, numbers of a country."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa

JAPAN = timezone(timedelta(hours=9))
ISO_DAY = "%Y-%m-%d"
ISO_INSTANT = "T"
"""The form of a `datetime` without a pattern: ISO 8601; of an instant in UTC, Japan's day."""
NOT_SO = "?"
"""Before a text that is not of the declared form, so that no other reading of it can make a value of it."""
_ISO = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True)
class Form:
    """`missing`: texts that mean nothing was sent. `date_form`: a strptime pattern, `ISO_INSTANT`, or None (any form the house reads)."""

    missing: frozenset[str] = frozenset()
    date_form: str | None = None
    decimal_sign: str = "."
    group_sign: str = ""

    @property
    def is_plain(self) -> bool:
        return not (self.missing - {""}) and self.date_form is None and self.decimal_sign == "." and not self.group_sign

    def read(self, text: str) -> str:
        """The text in the house's own form.

        >>> Form(frozenset({"-99"}), "%d/%m/%Y").read("02/03/2024"), Form(date_form="%d/%m/%Y").read("2024/3/2")
        ('2024-03-02', '?2024/3/2')
        >>> Form(decimal_sign=",", group_sign=".").read("1.234,5")
        '1234.5'
        """
        if text in self.missing or not text:
            return ""
        if self.date_form is not None:
            return self._day(text)
        if self.group_sign:
            text = text.replace(self.group_sign, "")
        if self.decimal_sign != ".":
            return NOT_SO + text if "." in text else text.replace(self.decimal_sign, ".")
        return text

    def _day(self, text: str) -> str:
        try:
            if self.date_form == ISO_INSTANT:
                instant = datetime.fromisoformat(text)
                is_utc = instant.tzinfo is not None and instant.utcoffset() == timedelta(0)
                return (instant.replace(tzinfo=UTC).astimezone(JAPAN) if is_utc else instant).date().isoformat()
            if self.date_form == ISO_DAY and _ISO.fullmatch(text) is None:
                return NOT_SO + text
            return datetime.strptime(text, self.date_form or ISO_DAY).date().isoformat()  # noqa: DTZ007
        except (ValueError, OverflowError):
            return NOT_SO + text

    def applied(self, texts: pa.Array) -> pa.Array:
        """A column in the house's own form, by distinct texts."""
        encoded = texts.dictionary_encode()
        return pa.array([self.read(text) for text in encoded.dictionary.to_pylist()], pa.string()).take(encoded.indices)
