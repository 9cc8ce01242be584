"""特徴量 (features): of every candidate pair more than the model weighs, for a judge that learns with the truth at hand.

Three groups: `model` (levels and weights of our comparisons), `pair` (what else two registrations tell: single fields, days, names by
year of birth, hospitals), `group` (what the clusters of both tell: days that overlap, hospitals in common, other members of the household).
Measures what is not used; nothing of it is part of the linkage.
"""

from __future__ import annotations

import duckdb

# Columns of the table that `lay` makes, by group.
MODEL = (
    "name", "birth_date", "sex", "household", "contact", "hospital", "w_rarity", "w_household_alternative", "w_namesakes", "w_support",
    "weight", "certain", "vetoed", "linkable", "facts",
)  # fmt: skip
_FIELDS = ("insurer", "insurance", "phone", "address", "postal", "town", "municipality", "prefecture", "room", "branch", "surname_kanji")
PAIR = (
    *(f"same_{field}" for field in _FIELDS), "mobiles", "elders", "gap", "first_day", "born", "age_first", "age_last", "male", "kanji_held",
    "kana_held", "given_held", "least_given_held", "surname_held", "least_surname_held", "expected", "expected_of_age", "near_kana",
    "affinity", "alike", "alike_sides",
)  # fmt: skip
GROUP = (
    "size", "least_size", "between_pairs", "best_between", "mean_between", "overlap", "nested", "shared_sites", "apart_days", "members", "least_members",
    "common_members", "best_other_left", "best_other_right",
)  # fmt: skip


def lay(con: duckdb.DuckDBPyConnection, name: str = "pair_features") -> str:
    """Makes the table `name`, one row per judged pair (columns left, right, same, then all of the above), and returns that name.

    Asks for the tables keys, judged (as `support.strengthen` leaves them), labels (node, label) and truth (node, person).
    """
    _hospitals(con)
    _cohorts(con)
    _clusters(con)
    same = ", ".join(f"CAST(l.{field} = r.{field} AS TINYINT) AS same_{field}" for field in _FIELDS)
    held = ", ".join(
        f"greatest(coalesce(l.{each}_held, 0), coalesce(r.{each}_held, 0)) AS {each}_held" for each in ("kanji", "kana", "given", "surname")
    )
    con.execute(f"""
        CREATE OR REPLACE TABLE {name} AS
        SELECT j."left", j."right", t.person = u.person AS same, j.* EXCLUDE ("left", "right"), {same},
               l.mobile::TINYINT + r.mobile::TINYINT AS mobiles, l.elderly::TINYINT + r.elderly::TINYINT AS elders,
               abs(l.day - r.day) AS gap, least(l.day, r.day) AS first_day, l.dob_year AS born, (least(l.day, r.day) - l.dob) / 365.25 AS age_first,
               (greatest(l.day, r.day) - l.dob) / 365.25 AS age_last, l.sex = 1 AS male, {held},
               least(l.given_held, r.given_held) AS least_given_held, least(l.surname_held, r.surname_held) AS least_surname_held,
               l.surname_held * 1.0 * l.given_held AS expected, l.surname_held * c.share AS expected_of_age,
               2.0 * bit_count(l.kana_bits & r.kana_bits) / (bit_count(l.kana_bits) + bit_count(r.kana_bits)) AS near_kana,
               h.affinity, g.held AS alike, coalesce(f.held, 0) AS alike_sides,
               greatest(a.held, b.held) AS size, least(a.held, b.held) AS least_size, coalesce(x.pairs, 0) AS between_pairs, x.best AS best_between, x.mean AS mean_between,
               (least(a.last, b.last) - greatest(a.first, b.first)) AS overlap,
               (a.first >= b.first AND a.last <= b.last) OR (b.first >= a.first AND b.last <= a.last) AS nested,
               len(list_intersect(a.sites, b.sites)) AS shared_sites, greatest(a.last, b.last) - least(a.first, b.first) AS apart_days,
               greatest(coalesce(m.held, 0), coalesce(n.held, 0)) AS members, least(coalesce(m.held, 0), coalesce(n.held, 0)) AS least_members,
               len(list_intersect(coalesce(m.members, []), coalesce(n.members, []))) AS common_members, o.best AS best_other_left, q.best AS best_other_right
        FROM judged j JOIN keys l ON l.node = j."left" JOIN keys r ON r.node = j."right" JOIN truth t ON t.node = j."left" JOIN truth u ON u.node = j."right"
        JOIN labels y ON y.node = j."left" JOIN labels z ON z.node = j."right"
        LEFT JOIN f_hospitals h ON h.one = least(l.site, r.site) AND h.other = greatest(l.site, r.site)
        LEFT JOIN f_cohorts c ON c.given = l.given_kanji AND c.decade = l.dob_year // 10
        LEFT JOIN (SELECT kana_wide, dob, count(*) AS held FROM keys GROUP BY ALL) g ON g.kana_wide = l.kana_wide AND g.dob = l.dob
        LEFT JOIN (SELECT kana_wide, dob, count(*) AS held FROM keys GROUP BY ALL) f ON f.kana_wide = r.kana_wide AND f.dob = r.dob
        JOIN f_clusters a ON a.label = y.label JOIN f_clusters b ON b.label = z.label
        LEFT JOIN f_between x ON x.one = least(y.label, z.label) AND x.other = greatest(y.label, z.label)
        LEFT JOIN f_members m ON m.label = y.label LEFT JOIN f_members n ON n.label = z.label
        LEFT JOIN f_rivals o ON o.label = y.label AND o.other = z.label LEFT JOIN f_rivals q ON q.label = z.label AND q.other = y.label
        ORDER BY j."left", j."right" """)
    return name


def _hospitals(con: duckdb.DuckDBPyConnection) -> None:
    """How much oftener than by chance two hospitals have a patient in common, by the links that need no weight."""
    con.execute("""
        CREATE OR REPLACE TEMP TABLE f_hospitals AS
        WITH found AS (SELECT least(l.site, r.site) AS one, greatest(l.site, r.site) AS other, count(*) AS pairs
                       FROM judged j JOIN keys l ON l.node = j."left" JOIN keys r ON r.node = j."right" WHERE certain GROUP BY ALL),
             sizes AS (SELECT site, count(*) * 1.0 / (SELECT count(*) FROM keys) AS share FROM keys GROUP BY site)
        SELECT one, other, log2(pairs / (SELECT sum(pairs) FROM found) / (a.share * b.share * if(one = other, 1, 2))) AS affinity
        FROM found JOIN sizes a ON a.site = one JOIN sizes b ON b.site = other""")


def _cohorts(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("""
        CREATE OR REPLACE TEMP TABLE f_cohorts AS
        SELECT given, decade, held * 1.0 / sum(held) OVER (PARTITION BY decade) AS share
        FROM (SELECT given_kanji AS given, dob_year // 10 AS decade, count(*) AS held FROM keys WHERE given_kanji IS NOT NULL AND dob IS NOT NULL GROUP BY ALL)""")


def _clusters(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("""
        CREATE OR REPLACE TEMP TABLE f_clusters AS
        SELECT label, count(*) AS held, min(day) AS first, max(day) AS last, list(DISTINCT site) AS sites FROM keys JOIN labels USING (node) GROUP BY label""")
    con.execute("""
        CREATE OR REPLACE TEMP TABLE f_between AS
        SELECT least(y.label, z.label) AS one, greatest(y.label, z.label) AS other, count(*) AS pairs, max(weight) AS best, avg(weight) AS mean
        FROM judged j JOIN labels y ON y.node = j."left" JOIN labels z ON z.node = j."right" WHERE y.label <> z.label GROUP BY ALL""")
    con.execute("""
        CREATE OR REPLACE TEMP TABLE f_rivals AS
        WITH sides AS (SELECT one AS label, other, best FROM f_between UNION ALL SELECT other, one, best FROM f_between)
        SELECT a.label, a.other, max(b.best) AS best FROM sides a JOIN sides b ON a.label = b.label AND a.other <> b.other GROUP BY ALL""")
    con.execute("""
        CREATE OR REPLACE TEMP TABLE f_values AS
        SELECT DISTINCT label, value FROM (SELECT node, unnest([insurance, phone, address, postal_address]) AS value FROM keys) JOIN labels USING (node)
        WHERE value IS NOT NULL""")
    con.execute("""
        CREATE OR REPLACE TEMP TABLE f_members AS
        WITH few AS (SELECT * FROM f_values SEMI JOIN (SELECT value FROM f_values GROUP BY value HAVING count(*) BETWEEN 2 AND 12) USING (value))
        SELECT a.label, list(DISTINCT b.label) AS members, count(DISTINCT b.label) AS held
        FROM few a JOIN few b ON a.value = b.value AND a.label <> b.label GROUP BY a.label""")
