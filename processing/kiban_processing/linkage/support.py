"""世帯の裏付け (support): households move together, so a doubtful pair gains weight when another member made the same move.

A registration of a common name before a move and one after it share nothing but name and birth date. When a second person of the first
household and of the second household agrees in the same way, both are one person each, or two pairs of namesakes live together twice.
Source: collective entity resolution, Bhattacharya & Getoor, ACM TKDD 2007, 1(1):5.
"""

from __future__ import annotations

import duckdb

from kiban_processing.linkage import evidence
from kiban_processing.linkage.comparisons import BIRTH_DATE, NAME
from kiban_processing.linkage.parameters import Model

# Log2 odds that one other member's like move adds; further members add less, they are not independent of the first.
WEIGHT_OF_FIRST, WEIGHT_OF_SECOND = 11.0, 3.0
_GAIN = (
    f"(CASE WHEN s.supporters IS NULL THEN 0.0e0"
    f" ELSE {evidence.double(WEIGHT_OF_FIRST)} + {evidence.double(WEIGHT_OF_SECOND)} * least(s.supporters - 1, 2) END)"
)
# What members of a household share, as columns of the keys.
HOUSEHOLD = ("insurance", "phone", "address", "postal_address")
_SAME_NAME = ("equal", "kanji-equal", "kana-equal")


def strengthen(con: duckdb.DuckDBPyConnection, keys: str, judged: str, model: Model, name: str = "linkage_supported") -> str:
    """Makes the temporary table `name`: the rows of `judged` (see `evidence.judge`) with w_support and settled (null) added, decided
    again; returns that name.

    A supporter of the doubtful pair (a, b) is a pair (c, d), linked or of equal name and birth date, with c sharing address, telephone or
    insurance with a and d sharing one with b, and another birth date than a and b. Depends on nothing but such pairs, so an increment
    can tell which pairs it touches.
    """
    same = f"{evidence.level_in(NAME, *_SAME_NAME)} AND {evidence.level_in(BIRTH_DATE, 'equal')}"
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE linkage_doubtful AS
        SELECT "left", "right" FROM {judged} WHERE decision = 'review' AND linkable AND {same}""")
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE linkage_household_keys AS
        SELECT node, dob, unnest([{", ".join(HOUSEHOLD)}]) AS household FROM {keys} WHERE dob IS NOT NULL""")
    con.execute("DELETE FROM linkage_household_keys WHERE household IS NULL")
    moves = """
        SELECT p."left", p."right", l.dob, least(l.household, r.household) AS one, greatest(l.household, r.household) AS other
        FROM {pairs} p JOIN linkage_household_keys l ON l.node = p."left" JOIN linkage_household_keys r ON r.node = p."right"
        WHERE l.household <> r.household"""
    con.execute(f"CREATE OR REPLACE TEMP TABLE linkage_moves AS {moves.format(pairs='linkage_doubtful')}")
    con.execute("""
        CREATE OR REPLACE TEMP TABLE linkage_movers AS
        SELECT DISTINCT k.node FROM linkage_household_keys k SEMI JOIN (SELECT one AS household FROM linkage_moves UNION SELECT other FROM linkage_moves) m USING (household)""")
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE linkage_evidence AS
        SELECT "left", "right" FROM {judged} j
        WHERE decision = 'link' AND {evidence.level_in(BIRTH_DATE, "equal")}
          AND "left" IN (SELECT node FROM linkage_movers) AND "right" IN (SELECT node FROM linkage_movers)
        UNION ALL SELECT "left", "right" FROM linkage_doubtful""")
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE linkage_supporters AS
        SELECT m."left", m."right", count(DISTINCT e.dob) AS supporters
        FROM linkage_moves m JOIN ({moves.format(pairs="linkage_evidence")}) e ON e.one = m.one AND e.other = m.other AND e.dob <> m.dob
        GROUP BY m."left", m."right" """)
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE {name} AS
        SELECT * REPLACE ({evidence.decision(model, "decision")} AS decision)
        FROM (SELECT j.* REPLACE (weight + {_GAIN} AS weight),
                     {_GAIN} AS w_support, CAST(NULL AS BOOLEAN) AS settled
              FROM {judged} j LEFT JOIN linkage_supporters s ON s."left" = j."left" AND s."right" = j."right")
        ORDER BY "left", "right" """)
    for table in ("doubtful", "household_keys", "moves", "movers", "evidence", "supporters"):
        con.execute(f"DROP TABLE linkage_{table}")
    return name


def unsupported(con: duckdb.DuckDBPyConnection, judged: str, name: str = "linkage_unsupported") -> str:
    """Makes the temporary table `name`: the rows of `judged` in the shape of `strengthen`, without looking for support; returns that name."""
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE {name} AS SELECT *, 0.0e0 AS w_support, CAST(NULL AS BOOLEAN) AS settled FROM {judged}""")
    return name
