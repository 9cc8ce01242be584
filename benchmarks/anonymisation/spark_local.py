"""The whole plan on Spark (local mode) beside DuckDB: the same released rows, seconds of CPU by stage, rows per second and core.

    python benchmarks/anonymisation/spark_local.py --persons 1000000 --events 10 --cores 2 --folder /somewhere/with/space --out spark.json

Three sizes are run: a hundredth, which warms the JVM and is not counted, a tenth and the whole, so that what Spark spends on planning,
whatever the size, is told from what each row costs. CPU is that of the process and, for Spark, of its JVM (read from /proc: Linux only).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb

from kiban_processing import engine, gate, measures, plan
from kiban_processing.evidence import Eligibility
from kiban_processing.outcome import JUDGED_PERSONS, ReleaseSecrets, released
from kiban_processing.scale import session
from kiban_processing.scale.spark import SparkConnection

PLAN = Path(__file__).parents[2] / "data_examples" / "plans" / "diabetes-cohort.toml"
SECRETS = ReleaseSecrets(b"p" * 32, b"s" * 32)
REFERENCE = date(2025, 3, 31)
CHECKED = datetime(2026, 11, 21, tzinfo=UTC)

# Every value is a function of the row's number, so that a size means the same rows on any machine.
TABLES = {
    "patients": """
        SELECT 'N' || lpad(i::VARCHAR, 9, '0') AS person, 'H' || (1 + i % 3) AS hospital, DATE '2015-04-01' + (i % 3000)::INTEGER AS registered_on,
               DATE '1930-01-01' + (hash(i) % 33000)::INTEGER AS birth_date, CASE WHEN hash(i, 1) % 2 = 0 THEN 'male' ELSE 'female' END AS sex,
               ['1000001', '5300001', '0608611', '9800801'][1 + (hash(i, 2) % 4)::INTEGER] AS postal_code,
               ['東京都千代田区千代田', '大阪府大阪市北区梅田', '北海道札幌市中央区', '宮城県仙台市青葉区'][1 + (hash(i, 2) % 4)::INTEGER] || i AS address,
               CASE WHEN hash(i, 3) % 40 = 0 THEN DATE '2020-01-01' + (hash(i, 4) % 1800)::INTEGER END AS death_date
        FROM range($persons) t(i)""",
    "encounters": """
        SELECT 'N' || lpad((hash(e, 5) % $persons)::VARCHAR, 9, '0') AS person, 'H1' AS hospital, 'E' || e AS encounter_id,
               CASE WHEN e % 20 = 0 THEN 'inpatient' ELSE 'outpatient' END AS encounter_class, day AS started_on,
               day + (e % 20 = 0)::INTEGER * 5 AS ended_on, lpad((hash(e, 6) % 30)::VARCHAR, 2, '0') AS department,
               CASE WHEN e % 20 = 0 THEN 'improved' END AS discharge_outcome
        FROM (SELECT e, DATE '2015-04-01' + (hash(e, 7) % 3600)::INTEGER AS day FROM range($share) t(e))""",
    "diagnoses": """
        SELECT 'N' || lpad((hash(e, 8) % $persons)::VARCHAR, 9, '0') AS person, 'H1' AS hospital, 'E' || e AS encounter_id,
               chr((65 + rank % 20)::INTEGER) || lpad((rank // 20 % 100)::VARCHAR, 2, '0') || (hash(e, 9) % 10) AS icd10,
               DATE '2015-04-01' + (hash(e, 10) % 3600)::INTEGER AS diagnosed_on, NULL::DATE AS ended_on,
               CASE WHEN e % 20 = 0 THEN 'suspected' ELSE 'confirmed' END AS certainty
        FROM (SELECT e, floor(pow(2001, (hash(e, 11) % 1000000) / 1e6))::BIGINT AS rank FROM range($share) t(e))""",
    "prescriptions": """
        SELECT 'N' || lpad((hash(e, 12) % $persons)::VARCHAR, 9, '0') AS person, 'H1' AS hospital, 'E' || e AS encounter_id,
               lpad((1000000 + floor(pow(1500, (hash(e, 13) % 1000000) / 1e6)))::BIGINT::VARCHAR, 7, '0') || 'F1024' AS yj_code,
               (1 + hash(e, 14) % 9)::DOUBLE AS quantity, '錠' AS quantity_unit, (7 * (1 + hash(e, 15) % 12))::DOUBLE AS days,
               DATE '2015-04-01' + (hash(e, 16) % 3600)::INTEGER AS prescribed_on
        FROM range($share) t(e)""",
    "laboratory_results": """
        SELECT 'N' || lpad((hash(e, 17) % $persons)::VARCHAR, 9, '0') AS person, 'H1' AS hospital, 'E' || e AS encounter_id,
               '3D0460000019' || lpad((hash(e, 18) % 60)::VARCHAR, 5, '0') AS jlac10, (hash(e, 19) % 10000) / 100.0::DOUBLE AS value, '%' AS unit,
               CASE WHEN hash(e, 19) % 10 = 0 THEN 'H' ELSE 'N' END AS abnormal, DATE '2015-04-01' + (hash(e, 20) % 3600)::INTEGER AS sampled_on
        FROM range($share) t(e)""",
}


def generate(persons: int, events: int, folder: Path) -> dict[str, Path]:
    """The tables as Parquet in clear: invented rows."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    con = duckdb.connect()
    made = {}
    for name, query in TABLES.items():
        made[name] = folder / f"{name}.parquet"
        filled = query.replace("$persons", str(persons)).replace("$share", str(persons * events // (len(TABLES) - 1)))
        con.execute(f"COPY ({filled}) TO '{made[name]}' (FORMAT parquet, ROW_GROUP_SIZE 250000)")
    con.close()
    return made


def measured(con: Any, sources: dict[str, str], cpu: Callable[[], float], judged: bool) -> dict[str, Any]:
    """Carry the plan out, verify k on the result and, where asked, judge it whole; seconds of CPU by stage, wall-clock seconds of all."""
    the_plan = plan.read(PLAN)
    marks: list[tuple[str, float]] = []

    def tell(stage: str, share: float) -> None:
        if not marks or marks[-1][0] != stage:
            marks.append((stage, cpu()))

    began = time.perf_counter()
    made = engine.carry_out(con, the_plan, sources, SECRETS, REFERENCE, tell)
    marks.append(("verify", cpu()))
    quasi = list(dict.fromkeys(column.released_as for column in the_plan.quasi))
    figures = measures.measure(con, JUDGED_PERSONS, quasi)
    if judged:
        marks.append(("judge", cpu()))
        gate.judge(con, the_plan, made, sources, Eligibility(CHECKED, figures.persons, 0, "0" * 64))
    ends = [moment for _, moment in marks[1:]] + [cpu()]
    stages = {name: round(end - start, 2) for (name, start), end in zip(marks, ends, strict=True) if name != "done"}
    assert figures.k == made.anonymity.k_reached
    return {
        "wall": round(time.perf_counter() - began, 1),
        "cpu": round(sum(stages.values()), 1),
        "stages": stages,
        "rows": {name: table.rows_before for name, table in made.tables.items()},
        "k": figures.k,
        "node": made.anonymity.node,
        "digest": {name: digest(con, name, table.columns) for name, table in made.tables.items()},
    }


def digest(con: Any, table: str, columns: Any) -> int:
    """A sum over all rows, whatever their order, that both engines can compute: the two releases are the same rows."""
    joined = " || '|' || ".join(["person", *(f"coalesce(CAST(\"{one.name}\" AS VARCHAR), '')" for one in columns if one.type != "DOUBLE")])
    ((found,),) = con.execute(f"SELECT sum(('0x' || substr(sha256(encode({joined})), 1, 8))::BIGINT) FROM {released(table)}").fetchall()
    return int(found)


def jvm_seconds(spark: Any) -> float:
    fields = Path(f"/proc/{spark.sparkContext._gateway.proc.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") + time.process_time()


def run(persons: int, events: int, cores: int, memory: str, folder: Path, judged: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"persons": persons, "events": persons * events, "cores": cores, "sizes": {}}
    with session.open_session(f"local[{cores}]", folder / "spark", memory, 3 * cores) as spark:
        for size in (persons // 100, persons // 10, persons):
            files = generate(size, events, folder / "tables")
            duck = duckdb.connect(config={"threads": cores, "temp_directory": str(folder / "swap"), "preserve_insertion_order": False})
            for name, path in files.items():
                duck.execute(f"CREATE VIEW source_{name} AS SELECT * FROM read_parquet('{path}')")
            sources = {name: f"source_{name}" for name in files}
            beside = measured(duck, sources, time.process_time, judged)
            duck.close()
            con = SparkConnection(spark.newSession())
            for name, path in files.items():
                con.open_parquet(sources[name], str(path))
            on_spark = measured(con, sources, lambda: jvm_seconds(spark), judged)
            on_spark["fetched"] = {"statements": len(con.fetched), "most_rows": max(one.rows for one in con.fetched)}
            con.close()
            if (beside["digest"], beside["node"], beside["k"]) != (on_spark["digest"], on_spark["node"], on_spark["k"]):
                raise SystemExit("the two engines released different rows")
            found["sizes"][size] = {"duckdb": beside, "spark": on_spark}
    found["warming"] = found["sizes"].pop(persons // 100)
    found["per_row"] = per_row(*found["sizes"].values())
    found["peak_memory_python_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return found


def per_row(small: dict[str, Any], large: dict[str, Any]) -> dict[str, Any]:
    """Microseconds of CPU for one more row, by engine and table, and what Spark spends before the first row."""
    answer: dict[str, Any] = {}
    for name in ("duckdb", "spark"):
        rows = {table: large[name]["rows"][table] - small[name]["rows"][table] for table in large[name]["rows"]}
        more = {stage: large[name]["stages"][stage] - small[name]["stages"].get(stage, 0) for stage in large[name]["stages"]}
        people = sum(more[stage] for stage in ("registrations", "anonymity", "verify") if stage in more)
        answer[name] = {"patients": round(1e6 * people / rows["patients"], 1)}
        answer[name] |= {table: round(1e6 * more[table] / rows[table], 1) for table in rows if table in more}
        every = sum(rows.values())
        if "judge" in more:
            answer[name]["judge"] = round(1e6 * more["judge"] / every, 1)
        answer[name]["every"] = round(1e6 * sum(value for stage, value in more.items() if stage != "judge") / every, 1)
        spent = large[name]["cpu"] - large[name]["stages"].get("judge", 0)
        answer[name]["fixed_seconds"] = round(spent - answer[name]["every"] * sum(large[name]["rows"].values()) / 1e6, 1)
    return answer


def shown(found: dict[str, Any]) -> None:
    for size, engines in found["sizes"].items():
        print(f"{int(size):,} persons, {sum(engines['spark']['rows'].values()):,} rows: {engines['spark']['fetched']}")
        print(f"  {'CPU seconds':<22}{'duckdb':>10}{'spark':>10}{'ratio':>8}")
        for stage in (*engines["spark"]["stages"], "cpu", "wall"):
            ours, theirs = (engines[name].get(stage, engines[name]["stages"].get(stage)) for name in ("duckdb", "spark"))
            print(f"  {stage:<22}{ours:>10.2f}{theirs:>10.2f}{theirs / ours if ours else 0:>8.1f}")
    print("microseconds of CPU for one more row:", json.dumps(found["per_row"], indent=2))


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--persons", type=int, default=1_000_000)
    asked.add_argument("--events", type=int, default=10, help="events of one person, all tables together")
    asked.add_argument("--cores", type=int, default=2)
    asked.add_argument("--memory", default="3g")
    asked.add_argument("--judge", action="store_true", help="the whole gate too")
    asked.add_argument("--folder", type=Path, required=True)
    asked.add_argument("--out", type=Path)
    given = asked.parse_args()
    results = run(given.persons, given.events, given.cores, given.memory, given.folder, given.judge)
    shown(results)
    if given.out:
        given.out.write_text(json.dumps(results, indent=2, ensure_ascii=False), "utf-8")
