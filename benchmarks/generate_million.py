"""大規模な合成データ (the million): submission folders for any number of patients and events, drawn set-based and the same for the same seed.

    python benchmarks/generate_million.py --patients 1000000 --events-per-patient 30 --hospitals 3 --seed 1 --out /somewhere

Every value is a function of (row, purpose, seed) through the engine's hash: no order, thread or earlier draw changes it. The folders have
the form of `data_examples/hospitals`; `truth.csv` says which person each registration is.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import duckdb
import million_tables
import tomli_w

PERIOD_FROM, PERIOD_TO = date(2015, 4, 1), date(2025, 3, 31)
VERSION = "2026-1"
SHARED = 0.10
EVENTS_PER_VISIT = 1 + 0.6 + 1.5 + 1.917  # the visit, its diagnoses, prescriptions and laboratory results

TABLES: dict[str, str] = {
    "patients": """
        SELECT local_id AS local_patient_id, registered_on, s.kanji || '　' || g.kanji AS name_kanji, s.kana || ' ' || g.kana AS name_kana,
               born AS birth_date, registrations.sex, a.postal_code,
               a.area || (1 + pick(home_key, 'block', 6)) || '-' || (1 + pick(home_key, 'lot', 30)) || '-' || (1 + pick(home_key, 'house', 20)) AS address,
               (['090', '080', '070'])[1 + pick(phone_key, 'network', 3)] || '-0' || lpad(pick(phone_key, 'middle', 1000)::VARCHAR, 3, '0')
                   || '-' || lpad(pick(phone_key, 'end', 10000)::VARCHAR, 4, '0') AS phone,
               died AS death_date, i.insurer_number, (101 + pick(insurance_key, 'symbol', 8900))::VARCHAR AS insured_symbol,
               (1 + pick(insurance_key, 'number', 9999999))::VARCHAR AS insured_number, lpad((person % 2)::VARCHAR, 2, '0') AS insured_branch
        FROM registrations
        JOIN surnames AS s ON s.slot = surname_slot
        JOIN given_names AS g ON g.sex = registrations.sex AND g.slot = pick(person, 'given', 65536)
        JOIN areas AS a ON a.slot = pick(home_key, 'area', 65536)
        JOIN insurers AS i ON i.slot = skewed(insurance_key, 'insurer', $insurers)
        ORDER BY n""",
    "encounters": """
        SELECT local_id AS local_patient_id, 'E' || e AS encounter_id, CASE WHEN stay > 0 THEN 'inpatient' ELSE 'outpatient' END AS encounter_class,
               day AS started_on, least(day + stay, until) AS ended_on, (['内科', '外科', '整形外科', '循環器内科', '小児科', '眼科'])[1 + pick(e, 'department', 6)] AS department
        FROM visits""",
    "diagnoses": """
        SELECT local_id AS local_patient_id, 'D' || e AS diagnosis_id, 'E' || e AS encounter_id, c.icd10, day AS diagnosed_on,
               CASE WHEN chance(e, 'certain') < 0.95 THEN 'confirmed' ELSE 'suspected' END AS certainty
        FROM (SELECT *, skewed(n * 8 + pick(e, 'which illness', 3), 'illness', $diagnoses) AS code FROM visits WHERE chance(e, 'diagnosis') < 0.6)
        JOIN diagnosis_codes AS c ON c.slot = code ORDER BY e""",
    "prescriptions": """
        SELECT local_id AS local_patient_id, 'R' || r AS prescription_id, 'E' || e AS encounter_id, c.yj_code, 1 + pick(r, 'quantity', 3) AS quantity,
               '錠' AS quantity_unit, ([7, 14, 28, 56, 84])[1 + pick(r, 'days', 5)] AS days, day AS prescribed_on
        FROM (SELECT local_id, e, day, r, skewed(n * 8 + pick(r, 'which drug', 4), 'drug', $drugs) AS code
              FROM (SELECT *, e * 4 + unnest(range(pick(e, 'prescriptions', 4))) AS r FROM visits))
        JOIN drug_codes AS c ON c.slot = code ORDER BY r""",
    "laboratory_results": """
        SELECT local_id AS local_patient_id, 'L' || r AS result_id, 'E' || e AS encounter_id, jlac10, day AS sampled_on, value, unit,
               CASE WHEN value < low THEN 'L' WHEN value > high THEN 'H' ELSE 'N' END AS abnormal
        FROM (SELECT local_id, e, r, day, t.*,
                     round(greatest(mean + spread * (0.7 * normal(n * 64 + test, 'constitution') + 0.6 * normal(r, 'day')), mean / 10), decimals) AS value
              FROM (SELECT *, pick(r, 'test', $tests) AS test
                    FROM (SELECT *, e * 8 + unnest(range(floor(chance(e, 'results') * 4.8)::BIGINT)) AS r FROM visits))
              JOIN laboratory_tests AS t ON t.slot = test)
        ORDER BY r""",
}
EVENT_TABLES = tuple(name for name in TABLES if name != "patients")

_PEOPLE = """
    CREATE OR REPLACE TABLE people AS
    SELECT *, CASE WHEN chance(person, 'dies') < CASE WHEN age >= 72 THEN 0.12 WHEN age > 12 THEN 0.006 ELSE 0 END
              THEN DATE '2018-01-01' + pick(person, 'death', 3225)::INTEGER END AS died
    FROM (SELECT *, DATE '2026-11-01' - (age * 365.2425 + chance(person, 'birthday') * 365)::INTEGER AS born
          FROM (SELECT person, person // 2 AS household, pick(person, 'home', $hospitals) AS home,
                       CASE WHEN $hospitals > 1 AND chance(person, 'shared') < $shared
                            THEN (pick(person, 'home', $hospitals) + 1 + pick(person, 'second', $hospitals - 1)) % $hospitals END AS second,
                       CASE WHEN chance(person, 'sex') < 0.47 THEN 'male' ELSE 'female' END AS sex,
                       CASE WHEN chance(person, 'very old') < 0.0006 THEN 99 + pick(person, 'how old', 7)
                            ELSE 2 + floor(96 * pow(chance(person, 'age'), 0.62))::BIGINT END AS age
                FROM range($patients) AS t(person)))
    ORDER BY person"""

# What a second hospital knows differs from the first: keys of its own for those who moved, changed telephone, insurer or surname.
_REGISTRATIONS = """
    CREATE OR REPLACE TABLE registrations AS
    SELECT *, local_day(n, registered_from, least(DATE '2024-12-31', died)) AS registered_on,
           greatest(least(1 + floor(-ln(1 - chance(n, 'visits')) * $visits)::BIGINT, 150), 1) AS number_of_visits
    FROM (SELECT *, lpad((n % 100000000 * 3 + 1)::VARCHAR, 8, '0') AS local_id, greatest(born, DATE '2015-04-01') AS registered_from,
                 CASE WHEN again AND chance(person, 'moved') < 0.20 THEN -person - 1 ELSE household END AS home_key,
                 CASE WHEN again AND chance(person, 'new phone') < 0.12 THEN -person - 1
                      WHEN chance(person, 'house phone') < 0.3 THEN household ELSE person + 1000000000 END AS phone_key,
                 CASE WHEN again AND chance(person, 'new insurer') < 0.15 THEN -person - 1 ELSE household END AS insurance_key,
                 CASE WHEN again AND sex = 'female' AND chance(person, 'married') < 0.04 THEN pick(-person - 1, 'surname', 65536)
                      WHEN chance(person, 'own surname') < 0.1 THEN pick(person + 1000000000, 'surname', 65536)
                      ELSE pick(household, 'surname', 65536) END AS surname_slot
          FROM (SELECT *, $hospital::BIGINT * 100000000 + row_number() OVER (ORDER BY person) AS n
                FROM (SELECT *, home <> $hospital AS again FROM people WHERE home = $hospital OR second = $hospital)))
    ORDER BY n"""

_VISITS = """
    CREATE OR REPLACE TABLE visits AS
    SELECT n, local_id, e, until, registered_on + floor((k + chance(e, 'day')) / number_of_visits * greatest(until - registered_on, 0))::INTEGER AS day,
           CASE WHEN chance(e, 'stay') < 0.04 THEN 1 + pick(e, 'nights', 21)::INTEGER ELSE 0 END AS stay
    FROM (SELECT n, local_id, registered_on, number_of_visits, greatest(registered_on, least(DATE '2025-03-31', died)) AS until,
                 unnest(range(number_of_visits)) AS k, before + k AS e
          FROM (SELECT *, sum(number_of_visits) OVER (ORDER BY n)::BIGINT - number_of_visits AS before FROM registrations
                WHERE died IS NULL OR died > registered_on))
    ORDER BY e"""

_NOTICES = f"""
    SELECT local_id AS local_patient_id, '{VERSION}' AS notice_version, given_on, CASE WHEN chance(n, 'means') < 0.8 THEN 'paper' ELSE 'post' END AS means,
           CASE WHEN date_diff('day', born, given_on) < 16 * 365.25 + 1 THEN given_on END AS guardian_given_on, NULL AS lacks_capacity
    FROM (SELECT *, DATE '2026-04-01' + pick(n, 'notice', 180)::INTEGER AS given_on FROM registrations)
    WHERE chance(n, 'notified') < 0.97 AND (died IS NULL OR died > given_on)
    ORDER BY n"""

_STOPS = """
    SELECT local_id AS local_patient_id, DATE '2026-10-01' + pick(n, 'stop', 40)::INTEGER AS requested_on, 'telephone' AS channel, 'person' AS requester
    FROM registrations WHERE chance(n, 'stops') < 0.003 AND died IS NULL ORDER BY n"""


def connect(seed: int, memory: str, folder: Path) -> duckdb.DuckDBPyConnection:
    """An engine that keeps the order of rows, with the drawing functions and the tables drawn from."""
    con = duckdb.connect(config={"memory_limit": memory, "temp_directory": str(folder / ".swap"), "preserve_insertion_order": True})
    con.execute(f"CREATE MACRO chance(id, what) AS (hash(id::BIGINT, what, {seed}) >> 11) * 1.1102230246251565e-16")
    con.execute("CREATE MACRO pick(id, what, many) AS floor(chance(id, what) * many)::BIGINT")
    # log-uniform ranks: the r-th code is about r times rarer than the first
    con.execute("CREATE MACRO skewed(id, what, many) AS least(floor(pow(many + 1, chance(id, what)))::BIGINT, many) - 1")
    con.execute("CREATE MACRO normal(id, what) AS sqrt(-2 * ln(1 - chance(id, what || 1))) * cos(2 * pi() * chance(id, what || 2))")
    con.execute(
        "CREATE MACRO local_day(id, earliest, latest) AS earliest + floor(pow(chance(id, 'since'), 1.6) * (latest - earliest))::INTEGER"
    )
    for name, drawn in (
        ("surnames", million_tables.surnames()),
        ("male_names", million_tables.given_names("male")),
        ("female_names", million_tables.given_names("female")),
        ("areas", million_tables.areas()),
        ("insurers", million_tables.insurers()),
        ("diagnosis_codes", million_tables.diagnoses()),
        ("drug_codes", million_tables.drugs()),
        ("laboratory_tests", million_tables.tests()),
    ):
        con.register("drawn", drawn)
        con.execute(f"CREATE TABLE {name} AS SELECT * FROM drawn")
        con.unregister("drawn")
    con.execute("CREATE TABLE given_names AS SELECT 'male' AS sex, * FROM male_names UNION ALL SELECT 'female', * FROM female_names")
    return con


def generate(patients: int, events_per_patient: float, hospitals: int, seed: int, out: Path, memory: str = "4GB") -> dict[str, int]:
    """Write everything below `out`; returns how many rows each table has over all hospitals."""
    out.mkdir(parents=True, exist_ok=True)
    counts = dict.fromkeys(TABLES, 0)
    with connect(seed, memory, out) as con:
        given = {"patients": patients, "hospitals": hospitals, "shared": SHARED}
        con.execute(_PEOPLE, given)
        lengths = {
            "insurers": _length(con, "insurers"),
            "diagnoses": _length(con, "diagnosis_codes"),
            "drugs": _length(con, "drug_codes"),
            "tests": _length(con, "laboratory_tests"),
        }
        (registrations,) = con.execute("SELECT count(*) + count(second) FROM people").fetchall()[0]
        visits = events_per_patient * patients / registrations / EVENTS_PER_VISIT
        (out / "truth.csv").write_text("hospital,local_patient_id,true_person\n", "utf-8")
        for hospital in range(hospitals):
            name = f"H{hospital + 1:03d}"
            folder = out / "hospitals" / name.lower()
            (folder / "submission").mkdir(parents=True, exist_ok=True)
            with timed(f"{name} visits"):
                con.execute(_REGISTRATIONS, {"hospital": hospital, "visits": _scale(visits)})
                con.execute(_VISITS)
            for table, query in TABLES.items():
                with timed(f"{name} {table}"):
                    used = {key: value for key, value in lengths.items() if f"${key}" in query}
                    counts[table] += _copy(con, query, used, folder / "submission" / f"{table}.csv")
            _copy(con, _NOTICES, {}, folder / "notices.csv")
            _copy(con, _STOPS, {}, folder / "stops.csv")
            _describe(con, name, folder)
            truth = out / "truth.part"
            _copy(con, f"SELECT '{name}', local_id, person FROM registrations ORDER BY n", {}, truth, header=False)
            with (out / "truth.csv").open("ab") as whole:
                whole.write(truth.read_bytes())
            truth.unlink()
    return counts


def _scale(mean: float) -> float:
    """The scale of the exponential whose whole part, plus one, has this mean."""
    return 1 / math.log(mean / (mean - 1)) if mean > 1.05 else 0.3


def _length(con: duckdb.DuckDBPyConnection, table: str) -> int:
    (length,) = con.execute(f"SELECT count(*) FROM {table}").fetchall()[0]
    return int(length)


def _copy(con: duckdb.DuckDBPyConnection, query: str, given: dict[str, int], path: Path, header: bool = True) -> int:
    """Write the rows of a query as CSV; how many."""
    for name, value in given.items():
        query = query.replace(f"${name}", str(value))
    (rows,) = con.execute(f"COPY ({query}) TO '{path}' (FORMAT csv, HEADER {header})").fetchall()[0]
    return int(rows)


def _describe(con: duckdb.DuckDBPyConnection, hospital: str, folder: Path) -> None:
    """Manifest, mapping and particulars; the columns already have the catalogue's names."""
    manifest = {
        "hospital": hospital,
        "regime": "A",
        "period_from": PERIOD_FROM,
        "period_to": PERIOD_TO,
        "encoding": "utf-8",
        "sent_by": "医療情報部",
    }
    (folder / "submission" / "manifest.toml").write_text(tomli_w.dumps({"submission": manifest}), "utf-8")
    files = []
    for table in TABLES:
        with (folder / "submission" / f"{table}.csv").open(encoding="utf-8") as written:
            header = written.readline().strip().split(",")
        files.append({"file": f"{table}.csv", "table": table, "columns": {column: column for column in header}})
    (folder / "submission" / "mapping.toml").write_text(tomli_w.dumps({"files": files}), "utf-8")
    particulars = {
        "hospital": {
            "id": hospital,
            "name": f"架空第{int(hospital[1:])}病院",
            "address": f"千葉県船橋市古作町99{hospital[1:]}番地",
            "representative": "病院長　架空　太郎",
        },
        "programme": {
            "regime": "A",
            "contract_on": date(2026, 1, 15),
            "form43_filed_on": date(2026, 2, 2),
            "filing_number": f"架第26-9{hospital[1:]}号",
            "ministers_published_on": date(2026, 2, 27),
            "own_published_on": date(2026, 3, 6),
            "starts_on": date(2026, 5, 7),
        },
        "notice": {
            "version": VERSION,
            "regime": "A",
            "wait_days": 30,
            "filed_on": date(2026, 2, 2),
            "covers": [f"{table}.*" for table in TABLES],
            "entries": {
                "institution": f"架空第{int(hospital[1:])}病院、千葉県船橋市古作町99{hospital[1:]}番地、病院長　架空　太郎",
                "purpose": "医療分野の研究開発のための匿名加工医療情報を作成する認定作成事業者に、医療情報を提供します。",
                "items": "患者基本情報、受診、傷病名、処方、検体検査結果",
                "acquisition": "診療の記録として取得",
                "provision": "暗号化したファイルを専用線により提供",
                "stopping": "本人又は遺族の求めに応じて提供を停止します。",
                "receiving": "患者支援センターで、書面、口頭、電話により受け付けます。",
                "updating": "診療のつど更新し、次回の提供に含めます。",
                "starting": "2026年5月7日",
            },
        },
    }
    (folder / "hospital.toml").write_text(tomli_w.dumps(particulars), "utf-8")


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Say how long a step took."""
    began = time.monotonic()
    yield
    print(f"{what:32s} {time.monotonic() - began:7.1f} s", flush=True)


def main() -> None:
    """Read the arguments, generate, and say what there is."""
    parser = argparse.ArgumentParser(description="Generate submission folders of any size.")
    parser.add_argument("--patients", type=int, default=1_000_000, help="distinct persons; about a tenth are known to two hospitals")
    parser.add_argument("--events-per-patient", type=float, default=30, help="encounters, diagnoses, prescriptions and results together")
    parser.add_argument("--hospitals", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--memory", default="4GB", help="memory limit of the engine")
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    with timed("all"):
        counts = generate(chosen.patients, chosen.events_per_patient, chosen.hospitals, chosen.seed, chosen.out, chosen.memory)
    print(", ".join(f"{table} {count:,}" for table, count in counts.items()))
    print(f"events {sum(counts[table] for table in EVENT_TABLES):,}")


if __name__ == "__main__":
    main()
