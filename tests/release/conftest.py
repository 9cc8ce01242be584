"""What the release tests stand on: a cohort of 400 invented persons, carried out by the real engine under the example plan."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from kiban_processing import engine, gate, package, plan, utility
from kiban_processing.evidence import Eligibility, Evidence
from kiban_processing.language import Text
from kiban_processing.outcome import Outcome, ReleaseSecrets
from kiban_processing.package import contents, manifest, statement

PLAN = Path(__file__).parents[2] / "data_examples" / "plans" / "diabetes-cohort.toml"
COHORT = """
CREATE TABLE people AS SELECT i::INTEGER AS i, 'N' || printf('%06d', (i * 7919) % 1000003) AS person FROM range(400) r(i);
CREATE TABLE patients AS SELECT person, 'H001' AS hospital, 'L' || printf('%05d', i + 31000) AS local_patient_id,
  DATE '2015-04-01' + i AS registered_on, '佐藤' || chr(20000 + i) AS name_kanji, 'サトウ' || chr(12450 + i % 80) || i AS name_kana,
  CASE WHEN i = 7 THEN DATE '1921-05-01' ELSE DATE '1940-01-01' + (i * 71) END AS birth_date,
  CASE WHEN i % 2 = 0 THEN 'male' ELSE 'female' END AS sex, CASE WHEN i % 3 = 0 THEN '1000001' ELSE '5300001' END AS postal_code,
  CASE WHEN i % 3 = 0 THEN '東京都千代田区千代田' ELSE '大阪府大阪市北区梅田' END || i || '番' AS address,
  '03-1234-' || printf('%04d', i) AS phone, printf('%08d', 6130000 + i) AS insured_number, '01' AS insured_branch,
  CASE WHEN i % 50 = 3 THEN DATE '2024-01-01' + i END AS death_date FROM people;
CREATE TABLE encounters AS SELECT person, 'H001' AS hospital, 'L' || printf('%05d', i + 31000) AS local_patient_id, 'E' || (i * 3 + n) AS encounter_id,
  CASE WHEN n = 0 THEN 'inpatient' ELSE 'outpatient' END AS encounter_class, DATE '2019-01-07' + (i * 3 + n * 90)::INTEGER AS started_on,
  DATE '2019-01-09' + (i * 3 + n * 90)::INTEGER AS ended_on, printf('%02d', 1 + n) AS department, '基盤第一病院' AS facility_name,
  CASE WHEN n = 0 THEN 'improved' END AS discharge_outcome FROM people, range(3) t(n);
CREATE TABLE diagnoses AS SELECT person, 'H001' AS hospital, 'E' || (i * 3 + n) AS encounter_id,
  CASE WHEN i = 11 AND n = 2 THEN 'E752' WHEN n = 0 THEN 'E119' WHEN i % 2 = 0 THEN 'I10' ELSE 'J459' END AS icd10,
  '糖尿病' AS disease_name, DATE '2019-01-07' + (i * 3 + n * 90)::INTEGER AS diagnosed_on, NULL::DATE AS ended_on,
  CASE WHEN n = 1 THEN 'suspected' ELSE 'confirmed' END AS certainty FROM people, range(3) t(n);
CREATE TABLE prescriptions AS SELECT person, 'H001' AS hospital, 'E' || (i * 3) AS encounter_id, '3969007F1024' AS yj_code, (i % 9 + 1)::DOUBLE AS quantity,
  '錠' AS quantity_unit, (28 + i % 3)::DOUBLE AS days, DATE '2019-01-07' + (i * 3)::INTEGER AS prescribed_on FROM people;
CREATE TABLE laboratory_results AS SELECT person, 'H001' AS hospital, 'E' || (i * 3) AS encounter_id, '3D046000001920402' AS jlac10,
  (4.5 + i / 100)::DOUBLE AS value, '%' AS unit, CASE WHEN i > 200 THEN 'H' ELSE 'N' END AS abnormal, DATE '2019-01-07' + (i * 3)::INTEGER AS sampled_on FROM people;
"""
SECRETS = ReleaseSecrets(b"p" * 32, b"s" * 32)
PARTICULARS = statement.Particulars(
    release="R-2026-0001",
    contract="K-2026-0001",
    operator="一般財団法人 基盤",
    recipient="架空大学 医学部",
    made_on=date(2026, 11, 21),
    purpose=Text("糖尿病の治療と合併症の研究", "Study of the treatment and complications of diabetes"),
    conditions=(
        Text("登録した三名だけが使う。", "Only the three registered persons use it."),
        Text("一年後に消去する。", "Erased after one year."),
    ),
)


def sign(note: bytes) -> bytes:
    """Stands for the operator's signer: a note with one signature line."""
    return note + "\n— kiban.example AAAA\n".encode()


@dataclass(frozen=True)
class Release:
    con: duckdb.DuckDBPyConnection
    plan: plan.Plan
    outcome: Outcome
    sources: dict[str, str]

    def judge(self) -> Evidence:
        return gate.judge(
            self.con, self.plan, self.outcome, self.sources, Eligibility(datetime(2026, 11, 21, tzinfo=UTC), 400, 0, "0" * 64)
        )

    def utility(self) -> dict[str, object]:
        return utility.measure(self.con, self.outcome, self.sources).as_json()

    def build(self, folder: Path) -> manifest.Manifest:
        return package.build(folder, self.con, contents.describe(self.con, self.outcome), PARTICULARS, self.utility(), sign)


def carry_out(threads: int = 2, order: str = "ASC") -> Release:
    """The cohort made and processed; `order` decides in which order the rows came in."""
    con = duckdb.connect(config={"threads": threads})
    con.execute(COHORT)
    read = plan.read(PLAN)
    sources = {}
    for table in read.tables:
        con.execute(f"CREATE TABLE source_{table.name} AS SELECT * FROM {table.name} ORDER BY person {order}")
        sources[table.name] = f"source_{table.name}"
    con.execute("SET preserve_insertion_order=false; SET enable_external_access=false")
    return Release(con, read, engine.carry_out(con, read, sources, SECRETS, date(2025, 3, 31)), sources)


@pytest.fixture(scope="session")
def release() -> Iterator[Release]:
    """Made once; tests read it and change nothing."""
    made = carry_out()
    yield made
    made.con.close()


@pytest.fixture
def again() -> Callable[..., Release]:
    """Carries the same out anew, under other circumstances."""
    return carry_out


@pytest.fixture
def bag(release: Release, tmp_path: Path) -> Path:
    """A built bag of its own for the test to spoil."""
    release.build(tmp_path / "R-2026-0001")
    return tmp_path / "R-2026-0001"
