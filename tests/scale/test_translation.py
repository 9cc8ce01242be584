"""Statements that Spark cannot read with the same meaning are refused by name, before anything runs."""

from __future__ import annotations

import pytest

pytest.importorskip("sqlglot")

from kiban_processing import dialect
from kiban_processing.scale.translation import Act, Untranslatable, translate


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("SELECT regexp_replace(a, 'b', 'c') FROM t", "regexp_replace"),
        ("SELECT max(COLUMNS(* EXCLUDE (person))) FROM t", "COLUMNS"),
        ("SELECT first(a) FROM t", "first or last"),
        ("SELECT s.* REPLACE (1 AS a) FROM t s", "REPLACE"),
        ("INSERT INTO u SELECT * FROM (SELECT s.* REPLACE (1 AS a) FROM t s)", "REPLACE"),
        ("CREATE TABLE u AS SELECT * FROM t UNION ALL SELECT s.* REPLACE (1 AS a) FROM t s", "REPLACE"),
        ("SELECT hash(a) FROM t", "hash"),
        ("SELECT date_sub('year', a, b) FROM t", "date_sub"),
        ("DELETE FROM t", "Delete"),
        ("UPDATE t SET a = NULL WHERE b = 'patient'", "UPDATE to NULL"),
        ("UPDATE t SET a = u.b FROM u WHERE u.n = t.n AND u.c = 'patient'", "Update"),
        ("SET threads = 2", "Set"),
        ("SELECT 'patient' FROM (", "NoneType"),
    ],
)
def test_refused(statement: str, named: str) -> None:
    with pytest.raises(Untranslatable, match=named) as refused:
        translate(statement)
    assert "patient" not in str(refused.value)


@pytest.mark.parametrize(
    ("statement", "act", "relation"),
    [
        ('CREATE OR REPLACE TEMP TABLE "a b" AS SELECT 1 AS n', Act.CREATE, "a b"),
        ("CREATE TABLE t (code VARCHAR)", Act.DECLARE, "t"),
        ('INSERT INTO "t" SELECT 1', Act.INSERT, "t"),
        ("DROP TABLE IF EXISTS t", Act.DROP, "t"),
        ("DELETE FROM t WHERE a IS NULL", Act.CREATE, "t"),
        ("UPDATE t SET a = b + 1 WHERE c", Act.CREATE, "t"),
        ('DESCRIBE "t"', Act.DESCRIBE, ""),
        ("SELECT 1", Act.QUERY, ""),
    ],
)
def test_acts(statement: str, act: Act, relation: str) -> None:
    assert (translate(statement).act, translate(statement).relation) == (act, relation)


def test_numbers_in_any_order_and_windows_named_elsewhere() -> None:
    query = translate("SELECT row_number() OVER () AS p, row_number() OVER w AS q FROM t WINDOW w AS (ORDER BY n)").query
    assert (
        query
        == "SELECT ROW_NUMBER() OVER (ORDER BY NULL NULLS LAST) AS p, ROW_NUMBER() OVER w AS q FROM t WINDOW w AS (ORDER BY n NULLS LAST)"
    )


def test_secrets_stay_parameters() -> None:
    query = translate(f"SELECT {dialect.hmac('shift', 'person')} FROM t").query
    assert ":shift_outer" in query and ":shift_inner" in query


def test_what_is_divided_by_a_fraction_is_divided_in_floating_point() -> None:
    """As in DuckDB; Spark would divide decimals, and cut."""
    assert translate("SELECT n / 2.3, 1.5 / n, n / 2, 2.3 * n FROM t").query == (
        "SELECT n / CAST(2.3 AS DOUBLE), CAST(1.5 AS DOUBLE) / n, n / 2, 2.3 * n FROM t"
    )
