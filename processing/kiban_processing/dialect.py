"""方言 (dialect): the SQL that differs between engines, in one place; everything else is plain SQL. This one speaks DuckDB's.

`scale.translation` turns it into Spark's; a form that is new here needs a case in tests/scale.
"""

from __future__ import annotations

HEX_OF_SHIFT = 15  # hexadecimal digits of a keyed hash that become a number: 60 bits, positive in a 64-bit integer


def quoted(name: str) -> str:
    """An identifier as SQL text."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """A text constant."""
    return "'" + value.replace("'", "''") + "'"


def hmac(secret: str, message: str) -> str:
    """HMAC-SHA-256 in 64 hexadecimal digits of a text expression; the secret's pads are the parameters `secret`_outer and `secret`_inner.

    Source: RFC 2104. Parameters, not constants, so that no secret stands in the text of a statement.
    """
    return f"sha256(${secret}_outer::BLOB || unhex(sha256(${secret}_inner::BLOB || encode({message}))))"


def number_of(hexadecimal: str) -> str:
    """The leading 60 bits of a hexadecimal expression as a number."""
    return f"('0x' || substr({hexadecimal}, 1, {HEX_OF_SHIFT}))::BIGINT"


def plus_weeks(day: str, weeks: str) -> str:
    """A date moved by whole weeks."""
    return f"CAST({day} + CAST(7 * {weeks} AS INTEGER) AS DATE)"


def day_number(day: str) -> str:
    """Days since 1970-01-01, as a whole number."""
    return f"CAST(date_diff('day', DATE '1970-01-01', {day}) AS BIGINT)"


def year(day: str) -> str:
    return f"year({day})"


def years_completed(born: str, reference: str) -> str:
    """Completed years from one date to another, by the calendar and not by days."""
    late = f"CASE WHEN month({reference}) * 100 + day({reference}) < month({born}) * 100 + day({born}) THEN 1 ELSE 0 END"
    return f"(year({reference}) - year({born}) - {late})"


def without(text: str, removed: str, replaced: str, by: str) -> str:
    """A text with the characters of `removed` dropped and those of `replaced` exchanged for those of `by`, one for one."""
    return f"translate({text}, {literal(replaced + removed)}, {literal(by)})"


def first_present(column: str, order: str) -> str:
    """Aggregate: the first value that is there in an order."""
    return f"first({column} ORDER BY {order}) FILTER (WHERE {column} IS NOT NULL)"


def whole_quotient(dividend: str, divisor: str) -> str:
    """Division of whole numbers, towards zero."""
    return f"(({dividend}) // ({divisor}))"


def same(left: str, right: str) -> str:
    """Equality in which missing equals missing."""
    return f"{left} IS NOT DISTINCT FROM {right}"
