"""採点 (scoring): persons found by a linkage against the truth of a test world, without any code of the linkage.

`python -m data_examples.linkage_world.scoring TRUTH PERSONS [--review REVIEW] [--json]`; all counting is set-based (DuckDB).

A *pair* is two registrations; it is true if both are of one person, and claimed if both stand in one cluster (person_id). Precision and recall
are over all true pairs after clustering, proposed by blocking or not. *over per million* counts the persons that sit in a cluster together with
somebody else, per million persons of the truth. A registration that `persons` does not name is a cluster of its own.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

CAUSES = ("twins", "newborn", "namesakes", "family", "foreign", "stranger")
BUDGETS = (10, 25, 40, 58)  # items per 1,000 persons at which the reviewed result is also told
_GIANT = 200  # clusters of more persons are counted as strangers without looking at their pairs
# What differs between two registrations of one person, besides the tags of what was written.
_DIFFERENCES = {
    "changed_surname": "a.surname <> b.surname",
    "moved": "a.dwelling <> b.dwelling",
    "new_insurer": "a.insurer <> b.insurer",
    "foreign": "a.foreigner",
}
# Each missed pair counts under the first of these that holds; a name such as `birth_` stands for all tags that begin with it.
_MISSES = {
    "newborn": ("newborn",),
    "swapped": ("swapped",),
    "alias": ("alias_",),
    "foreign": ("foreign",),
    "birth_date": ("birth_", "no_birth_date"),
    "changed_surname": ("changed_surname", "old_surname", "maiden"),
    "name": ("misread", "kanji_typo", "kana_typo", "kana_for_kanji", "glyph", "charset", "no_name_"),
    "moved_and_new_insurer": ("moved+new_insurer",),
    "moved": ("moved",),
}
MISSES = (*_MISSES, "other")


def score(truth: Path, persons: Path, review: Path | None = None) -> dict[str, Any]:
    """All figures as plain values, in the order in which they are printed.

    `truth`: truth.csv of a world. `persons`: site_id, local_patient_id, person_id. `review`: left_site_id, left_local_patient_id, right_site_id,
    right_local_patient_id, in the order in which people would take the items; or left_person_id, right_person_id, where an item names clusters.
    Not checked: that `persons` holds each registration once (one of the rows counts). Registrations that the truth does not know are only counted.
    """
    with tempfile.TemporaryDirectory() as spill, duckdb.connect() as con:
        con.execute(f"SET temp_directory = '{spill}'")
        _read(con, truth, persons)
        found: dict[str, Any] = dict(_pairs(con, "placed"))
        found["unassigned"] = _one(con, "SELECT count(*) FROM placed WHERE NOT assigned")
        found["unknown"] = _one(con, "SELECT count(*) FROM found f ANTI JOIN known k USING (site_id, local_patient_id)")
        found["over_merges_by_cause"] = _causes(con)
        found |= _misses(con)
        if review is not None:
            found["review"] = _reviewed(con, review, found["persons"])
        return found


def _one(con: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(con.execute(query).fetchall()[0][0] or 0)


def _read(con: duckdb.DuckDBPyConnection, truth: Path, persons: Path) -> None:
    for name, path in (("truth_file", truth), ("persons_file", persons)):
        con.read_csv(str(path), all_varchar=True, header=True).create_view(name)
    con.execute("""
        CREATE TABLE known AS
        SELECT site_id, local_patient_id, person, coalesce(tags, '') AS tags, family_of_birth AS born, family_of_marriage AS wed, twin, namesake,
               foreigner = '1' AS foreigner, newborn = '1' AS newborn, surname, dwelling, insurer, name, birth_date
        FROM truth_file""")
    con.execute("""
        CREATE TABLE found AS SELECT site_id, local_patient_id, any_value(person_id) AS person_id FROM persons_file GROUP BY ALL""")
    con.execute("CREATE TABLE ids AS SELECT person_id, row_number() OVER () AS cluster FROM (SELECT DISTINCT person_id FROM found)")
    con.execute("""
        CREATE TABLE placed AS
        SELECT k.*, row_number() OVER () AS number, i.cluster IS NOT NULL AS assigned, coalesce(i.cluster, -row_number() OVER ()) AS cluster
        FROM known k LEFT JOIN found f USING (site_id, local_patient_id) LEFT JOIN ids i USING (person_id)""")


def _pairs(con: duckdb.DuckDBPyConnection, table: str) -> Iterable[tuple[str, Any]]:
    """Figures of one assignment (columns person, cluster)."""

    def pairs(columns: str) -> int:
        return _one(con, f"SELECT sum(n * (n - 1) // 2) FROM (SELECT count(*) AS n FROM {table} GROUP BY {columns})")

    true, claimed, right = pairs("person"), pairs("cluster"), pairs("person, cluster")
    registrations, persons, clusters = con.execute(
        f"SELECT count(*), count(DISTINCT person), count(DISTINCT cluster) FROM {table}"
    ).fetchall()[0]
    mixed = f"SELECT cluster FROM {table} GROUP BY cluster HAVING count(DISTINCT person) > 1"
    over = _one(con, f"SELECT count(DISTINCT person) FROM {table} WHERE cluster IN ({mixed})")
    several, split = con.execute(
        f"SELECT count(*), count(*) FILTER (c > 1) FROM (SELECT count(DISTINCT cluster) AS c FROM {table} GROUP BY person HAVING count(*) > 1)"
    ).fetchall()[0]
    precision, recall = right / claimed if claimed else 1.0, right / true if true else 1.0
    yield from {
        "registrations": registrations, "persons": persons, "clusters": clusters, "true_pairs": true, "claimed_pairs": claimed, "right_pairs": right,
        "false_pairs": claimed - right, "missed_pairs": true - right, "precision": precision, "recall": recall,
        "f1": 2 * precision * recall / (precision + recall) if precision + recall else 0.0, "over_merged_clusters": _one(con, f"SELECT count(*) FROM ({mixed})"),
        "persons_over_merged": over, "over_per_million": over / persons * 1e6 if persons else 0.0, "persons_with_several": several,
        "persons_split": split, "split_share": split / several if several else 0.0,
    }.items()  # fmt: skip


def _causes(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, int]]:
    """Per cause: pairs of persons wrongly together, and clusters whose weightiest cause it is (in the order of `CAUSES`)."""
    con.execute("""
        CREATE OR REPLACE TABLE mixed AS
        SELECT cluster, person, any_value(twin) AS twin, any_value(namesake) AS namesake, any_value(born) AS born, any_value(wed) AS wed,
               bool_or(foreigner) AS foreigner, bool_or(newborn) AS newborn, list(DISTINCT name) AS names, any_value(birth_date) AS birth_date,
               count(*) OVER (PARTITION BY cluster) AS persons
        FROM placed WHERE cluster IN (SELECT cluster FROM placed GROUP BY cluster HAVING count(DISTINCT person) > 1)
        GROUP BY cluster, person""")
    con.execute(f"""
        CREATE OR REPLACE TABLE judged AS
        SELECT a.cluster, CASE
            WHEN a.twin = b.twin AND a.twin <> '-1' THEN 0
            WHEN a.newborn OR b.newborn THEN 1
            WHEN (a.namesake = b.namesake AND a.namesake <> '-1') OR (a.birth_date = b.birth_date AND list_has_any(a.names, b.names)) THEN 2
            WHEN (a.born <> '-1' AND a.born IN (b.born, b.wed)) OR (a.wed <> '-1' AND a.wed IN (b.born, b.wed)) THEN 3
            WHEN a.foreigner OR b.foreigner THEN 4 ELSE 5 END AS cause
        FROM mixed a JOIN mixed b ON a.cluster = b.cluster AND a.person < b.person AND a.persons <= {_GIANT}
        UNION ALL SELECT cluster, 5 FROM (SELECT DISTINCT cluster FROM mixed WHERE persons > {_GIANT})""")
    pairs = dict(con.execute("SELECT cause, count(*) FROM judged GROUP BY cause").fetchall())
    clusters = dict(
        con.execute("SELECT cause, count(*) FROM (SELECT min(cause) AS cause FROM judged GROUP BY cluster) GROUP BY cause").fetchall()
    )
    return {cause: {"clusters": clusters.get(place, 0), "person_pairs": pairs.get(place, 0)} for place, cause in enumerate(CAUSES)}


def _misses(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Missed pairs by cause, each under one of `MISSES`; and per tag (on either side, or a difference): true pairs, missed ones, the miss rate."""
    told = ", ".join(f"CASE WHEN {condition} THEN '{name}' END" for name, condition in _DIFFERENCES.items())
    both = "CASE WHEN a.dwelling <> b.dwelling AND a.insurer <> b.insurer THEN 'moved+new_insurer' END"
    con.execute(f"""
        CREATE OR REPLACE TABLE pairs AS
        SELECT list_distinct(list_filter(string_split(one, ';') || string_split(other, ';') || differences, lambda t: t IS NOT NULL AND t <> '')) AS tags,
               sum(n) AS n, sum(missed) AS missed
        FROM (SELECT a.tags AS one, b.tags AS other, [{told}, {both}] AS differences, count(*) AS n, count(*) FILTER (a.cluster <> b.cluster) AS missed
              FROM placed a JOIN placed b ON a.person = b.person AND a.number < b.number GROUP BY ALL)
        GROUP BY ALL""")
    tags = con.execute("""
        SELECT tag, sum(n), sum(missed) FROM (SELECT unnest(tags) AS tag, n, missed FROM pairs) GROUP BY tag ORDER BY 3 DESC, 2 DESC, 1""").fetchall()
    names = {
        cause: [tag for tag, _, _ in tags if any(tag == name or name.endswith("_") and tag.startswith(name) for name in wanted)]
        for cause, wanted in _MISSES.items()
    }
    cases = " ".join(f"WHEN list_has_any(tags, {wanted!r}) THEN '{cause}'" for cause, wanted in names.items() if wanted)
    cause = f"CASE {cases} ELSE 'other' END" if cases else "'other'"
    missed = dict(con.execute(f"SELECT {cause}, sum(missed) FROM pairs GROUP BY 1").fetchall())
    return {
        "misses_by_cause": {name: int(missed.get(name, 0)) for name in MISSES},
        "misses_by_tag": {tag: {"true": int(true), "missed": int(lost), "miss_rate": float(lost / true)} for tag, true, lost in tags},
    }


def _reviewed(con: duckdb.DuckDBPyConnection, review: Path, persons: int) -> dict[str, Any]:
    """The result after a perfect reviewer has answered the items.

    Two clusters are joined if the two registrations named are of one person; where clusters are named, if most registrations of each are of the
    same person. An item within one cluster that names two persons takes the registrations of the right one's person out of the cluster. Whatever
    else is wrong in a cluster stays wrong.
    """
    con.read_csv(str(review), all_varchar=True, header=True).create_view("review_file")
    columns = {row[0] for row in con.execute("DESCRIBE review_file").fetchall()}
    if {"left_person_id", "right_person_id"} <= columns:
        con.execute("""
            CREATE OR REPLACE TABLE sides AS SELECT f.person_id AS id, p.cluster, mode(p.person) AS person
            FROM found f JOIN placed p USING (site_id, local_patient_id) GROUP BY ALL""")
        join = "LEFT JOIN sides l ON l.id = left_person_id LEFT JOIN sides r ON r.id = right_person_id"
    else:
        join = """LEFT JOIN placed l ON l.site_id = left_site_id AND l.local_patient_id = left_local_patient_id
                  LEFT JOIN placed r ON r.site_id = right_site_id AND r.local_patient_id = right_local_patient_id"""
    items = con.execute(f"""
        SELECT l.cluster, r.cluster, l.person, r.person
        FROM (SELECT *, row_number() OVER () AS place FROM review_file) {join} ORDER BY place""").fetchall()
    done = _answered(con, items, len(items))
    per_thousand = 1000 / persons if persons else 0.0
    distinct = {(min(left, right), max(left, right)) for left, right, _, _ in items if left is not None and right is not None}
    return {
        "items": len(items),
        "items_per_1000_persons": len(items) * per_thousand,
        "cluster_pairs_per_1000_persons": len(distinct) * per_thousand,
        "unknown": sum(1 for item in items if None in item),
        "confirmed": sum(1 for _, _, left, right in items if left is not None and left == right),
        **done,
        "by_budget": {
            str(budget): _answered(con, items, int(budget * persons / 1000)) for budget in BUDGETS if budget * persons / 1000 < len(items)
        },
    }


def _answered(con: duckdb.DuckDBPyConnection, items: list[tuple[Any, ...]], first: int) -> dict[str, Any]:
    above: dict[int, int] = {}

    def top(cluster: int) -> int:
        while (higher := above.get(cluster, cluster)) != cluster:
            above[cluster] = above.get(higher, higher)
            cluster = higher
        return cluster

    taken: set[tuple[int, str]] = set()
    for left, right, left_person, right_person in items[:first]:
        if None in (left, right, left_person, right_person):
            continue
        if left != right and left_person == right_person:
            one, other = sorted((top(left), top(right)))
            above[other] = one
        elif left == right and left_person != right_person:
            taken.add((left, right_person))
    moved = pa.table({"cluster": pa.array(list(above), pa.int64()), "target": pa.array([top(cluster) for cluster in above], pa.int64())})
    out = pa.table({"cluster": pa.array([c for c, _ in taken], pa.int64()), "person": pa.array([p for _, p in taken], pa.string())})
    con.register("review_moved", moved)
    con.register("review_out", out)
    con.execute("""
        CREATE OR REPLACE TABLE reviewed AS
        SELECT p.person, CASE WHEN o.person IS NOT NULL THEN 'out ' || p.cluster || ' ' || p.person ELSE coalesce(m.target, p.cluster)::VARCHAR END AS cluster
        FROM placed p LEFT JOIN review_moved m ON m.cluster = p.cluster LEFT JOIN review_out o ON o.cluster = p.cluster AND o.person = p.person""")
    figures = dict(_pairs(con, "reviewed"))
    return {name: figures[name] for name in ("precision", "recall", "f1", "over_per_million")}


def _told(found: dict[str, Any], indent: str = "") -> Iterable[str]:
    for name, value in found.items():
        if isinstance(value, dict) and value and all(not isinstance(part, dict) for part in value.values()):
            yield f"{indent}{name}: " + ", ".join(
                f"{key} {part:,.5g}" if isinstance(part, float) else f"{key} {part:,}" for key, part in value.items()
            )
        elif isinstance(value, dict):
            yield f"{indent}{name}:"
            yield from _told(value, indent + "  ")
        else:
            yield f"{indent}{name}: {value:,.6f}" if isinstance(value, float) else f"{indent}{name}: {value:,}"


def main() -> None:
    """Print the figures, as text or as JSON."""
    parser = argparse.ArgumentParser(
        prog="python -m data_examples.linkage_world.scoring", description="Scores persons.csv against truth.csv."
    )
    parser.add_argument("truth", type=Path)
    parser.add_argument("persons", type=Path)
    parser.add_argument("--review", type=Path, help="the items for people; a perfect reviewer is simulated")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    found = score(chosen.truth, chosen.persons, chosen.review)
    print(json.dumps(found, ensure_ascii=False, indent=1) if chosen.json else "\n".join(_told(found)))


if __name__ == "__main__":
    main()
