"""Reg 18, the five standards of anonymous processing, in our words: (i) delete what identifies a person, or replace it for good; (ii) delete
every individual identification code; (iii) delete the codes that link the result to the source; (iv) delete peculiar descriptions; (v) do
whatever else the nature of the data calls for. The gate judges each on the finished data, after the second opt-out check.

The release here is made by hand and clean; every test plants one violation in the finished tables and finds it named.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from kiban_processing import gate, plan
from kiban_processing.evidence import Eligibility, Evidence, Standard
from kiban_processing.outcome import AnonymityOutcome, MeasurementOutcome, Outcome, ReleasedColumn, TableOutcome
from kiban_processing.permitted import Treatment
from kiban_processing.planned import Closeness, Diversity, Likeness
from kiban_processing.refusals import Refusal

ICD10 = "diagnoses.icd10"
PLAN = """
[plan]
name = "by hand"
version = 1
recipient_class = "academia"
delivery_form = "visiting"
reference_date = 2025-03-31
[anonymity]
k = 5
suppression_limit = 0.05
l = [{ column = "diagnoses.icd10", kind = "distinct", value = 2 }]
t = [{ column = "diagnoses.icd10", value = 0.9 }]
[rare]
persons = 5
[shift]
window_weeks = 26
[clip]
low = 0.01
high = 0.99
tail_persons = 3
[tables.patients.columns]
sex = { treatment = "keep", quasi = true }
birth_date = { treatment = "age_band", quasi = true }
address = { treatment = "place", quasi = true }
registered_on = { treatment = "shift_year" }
[tables.encounters.columns]
encounter_id = { treatment = "rekey" }
department = { treatment = "generalise_rare" }
discharge_outcome = { treatment = "keep" }
started_on = { treatment = "shift" }
[tables.diagnoses.columns]
encounter_id = { treatment = "rekey" }
icd10 = { treatment = "generalise_rare" }
disease_code = { treatment = "generalise_rare" }
diagnosed_on = { treatment = "shift" }
[tables.laboratory_results.columns]
jlac10 = { treatment = "generalise_rare" }
value = { treatment = "clip", by = ["jlac10"] }
"""

# 60 persons: odd and even numbers differ in sex, i % 4 in age, every tenth is 90 or over; the last two are suppressed.
SOURCES = """
CREATE TABLE people AS SELECT i::INTEGER AS i, 'N' || printf('%06d', i * 7919) AS person FROM range(60) r(i);
CREATE TABLE source_patients AS SELECT person, 'L' || printf('%05d', i + 31000) AS local_patient_id,
  '山田' || chr(20000 + i) || '郎' AS name_kanji, 'ヤマダ' || chr(12450 + i) AS name_kana,
  CASE WHEN i % 10 = 9 THEN DATE '1930-01-01' + i::INTEGER WHEN i % 4 < 2 THEN DATE '1980-06-01' + i::INTEGER
       ELSE DATE '1951-06-01' + i::INTEGER END AS birth_date,
  CASE WHEN i % 2 = 0 THEN 'male' ELSE 'female' END AS sex, '1000001' AS postal_code,
  '東京都千代田区千代田' || i || '番' AS address, '03-1234-' || printf('%04d', i) AS phone,
  printf('%08d', 6130000 + i) AS insured_number, '01' AS insured_branch,
  DATE '2015-04-01' + i * 30 AS registered_on FROM people;
CREATE TABLE source_encounters AS SELECT person, 'L' || printf('%05d', i + 31000) AS local_patient_id,
  'E' || printf('%023d', i * 3 + n) AS encounter_id, '01' AS department, '基盤第一病院' AS facility_name,
  CASE WHEN n = 0 THEN 'cured' ELSE 'improved' END AS discharge_outcome,
  DATE '2020-01-06' + (i * 11 + n * 97)::INTEGER AS started_on FROM people, range(2) t(n);
CREATE TABLE source_diagnoses AS SELECT person, 'E' || printf('%023d', i * 3) AS encounter_id,
  CASE WHEN n = 2 THEN 'E119' WHEN (i // 4) % 2 = 0 THEN 'I10' ELSE 'J459' END AS icd10, '8830052' AS disease_code,
  '糖尿病' AS disease_name, DATE '2020-01-06' + (i * 11 + n)::INTEGER AS diagnosed_on FROM people, range(3) t(n);
CREATE TABLE source_laboratory_results AS SELECT person, 'R' || i AS result_id, '3D0400000019620' || '04' AS jlac10,
  5.0 + i / 10 AS value FROM people;
"""
RELEASED = """
CREATE TABLE released_patients AS SELECT pseudonym AS person, sex,
  CASE WHEN birth_date < DATE '1935-03-31' THEN '90+' WHEN birth_date < DATE '1960-01-01' THEN '70-79' ELSE '40-49' END AS age_band,
  '東京都' AS residence, year(registered_on + 7 * shift_weeks)::INTEGER AS registered_on FROM source_patients JOIN secret_persons USING (person) WHERE NOT suppressed;
CREATE TABLE released_encounters AS SELECT pseudonym AS person, key AS encounter_id, department, discharge_outcome,
  started_on + 7 * shift_weeks AS started_on
  FROM source_encounters JOIN secret_persons USING (person) JOIN keys ON keys.code = encounter_id WHERE NOT suppressed;
CREATE TABLE released_diagnoses AS SELECT pseudonym AS person, key AS encounter_id, left(icd10, 3) AS icd10, disease_code,
  diagnosed_on + 7 * shift_weeks AS diagnosed_on
  FROM source_diagnoses JOIN secret_persons USING (person) JOIN keys ON keys.code = encounter_id WHERE NOT suppressed;
CREATE TABLE released_laboratory_results AS SELECT pseudonym AS person, jlac10, least(greatest(value, 5.4), 10.2)::DOUBLE AS value
  FROM source_laboratory_results JOIN secret_persons USING (person) WHERE NOT suppressed;
"""
CHECKED = Eligibility(datetime(2026, 11, 21, 1, 0, tzinfo=UTC), 60, 0, "f" * 64)


@dataclass(frozen=True)
class Made:
    con: duckdb.DuckDBPyConnection
    plan: plan.Plan
    outcome: Outcome

    def judge(self, eligibility: Eligibility = CHECKED, earlier: str | None = None) -> Evidence:
        sources = {name: f"source_{name}" for name in self.outcome.tables}
        return gate.judge(self.con, self.plan, self.outcome, sources, eligibility, earlier)


def keyed(text: str) -> str:
    return hashlib.sha256(b"release" + text.encode()).hexdigest()[:24]


def by_hand(folder: Path) -> Made:
    con = duckdb.connect()
    con.execute(SOURCES)
    people = [(row[0], index) for index, row in enumerate(con.execute("SELECT person FROM people ORDER BY i").fetchall())]
    con.execute("CREATE TABLE secret_persons (person VARCHAR, pseudonym VARCHAR, shift_weeks INTEGER, suppressed BOOLEAN)")
    secrets = [(person, keyed(person), int(keyed("w" + person), 16) % 53 - 26, index >= 58) for person, index in people]
    con.executemany("INSERT INTO secret_persons VALUES (?, ?, ?, ?)", secrets)
    con.execute("CREATE TABLE keys (code VARCHAR, key VARCHAR)")
    codes = con.execute("SELECT DISTINCT encounter_id FROM source_encounters").fetchall()
    con.executemany("INSERT INTO keys VALUES (?, ?)", [(code, keyed(code)) for (code,) in codes])
    con.execute(RELEASED)
    path = folder / "plan.toml"
    path.write_text(PLAN, encoding="utf-8")
    read = plan.read(path)
    quasi = {column.released_as for column in read.quasi}
    tables = {}
    for table in read.tables:
        types = {row[0]: row[1] for row in con.execute(f"DESCRIBE released_{table.name}").fetchall()}
        columns = tuple(
            ReleasedColumn(one.released_as, types[one.released_as], (one.qualified,), one.treatment, one.released_as in quasi)
            for one in table.released
        )
        tables[table.name] = TableOutcome(table.name, columns, 0, 0, 0, 0, 0, 0)
    anonymity = AnonymityOutcome("global", 5, 5, 0.05, (), (), 0.0, 0.0, 5, {})
    measured = (MeasurementOutcome("laboratory_results", "value", ("jlac10",), 5, 1, 0, 58, 8, 0),)
    return Made(con, read, Outcome("by hand", 1, read.digest, date(2025, 3, 31), tables, 60, 2, anonymity, (), measured, 26))


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    release = by_hand(tmp_path)
    yield release
    release.con.close()


def found(evidence: Evidence, standard: Standard, code: str) -> bool:
    """Whether this check failed, and whether the release is refused for its standard."""
    with pytest.raises(Refusal) as refused:
        evidence.require()
    assert refused.value.code == "release-refused"
    assert standard.value in str(refused.value)
    return any(verdict.code == code for verdict in evidence.failures if verdict.standard is standard)


class TestAll:
    def test_a_clean_release_passes_every_standard(self, made: Made) -> None:
        evidence = made.judge()
        assert [verdict.read("en") for verdict in evidence.failures] == []
        evidence.require()
        assert {verdict.standard for verdict in evidence.verdicts} == set(Standard)
        assert evidence.persons == 58

    def test_judging_changes_nothing(self, made: Made) -> None:
        before = made.con.execute("SELECT * FROM released_diagnoses ORDER BY ALL").fetchall()
        assert made.judge().as_document() == made.judge().as_document()
        assert made.con.execute("SELECT * FROM released_diagnoses ORDER BY ALL").fetchall() == before

    def test_the_evidence_holds_no_value_of_a_patient(self, made: Made) -> None:
        made.con.execute("UPDATE released_diagnoses SET icd10 = '山田' || chr(20000) || '郎' WHERE rowid = 0")
        text = made.judge().as_document().decode()
        values: set[str] = set()
        for table in (
            "source_patients",
            "source_encounters",
            "source_diagnoses",
            "released_patients",
            "released_diagnoses",
            "secret_persons",
        ):
            rows = made.con.execute(
                f"SELECT COLUMNS(c -> c NOT IN ('sex', 'insured_branch', 'shift_weeks', 'suppressed'))::VARCHAR FROM {table}"
            )
            values |= {value for row in rows.fetchall() for value in row if value and len(value) > 2}
        assert [value for value in values if value in text] == []

    def test_a_standard_that_was_not_judged_refuses(self, made: Made) -> None:
        evidence = made.judge()
        silent = replace(evidence, verdicts=tuple(v for v in evidence.verdicts if v.standard is not Standard.PECULIARITIES))
        assert not silent.passed
        with pytest.raises(Refusal, match="18\\(iv\\)"):
            silent.require()


class TestFirstIdentifiers:
    """(i) Descriptions that identify a person are deleted."""

    @pytest.mark.parametrize(
        "written",
        [
            "name_kanji",
            "name_kana",
            "'山田　' || substr(name_kanji, 3)",  # with an ideographic space
            "translate(name_kana, 'ヤマダ', 'やまだ')",  # in hiragana
            "replace(name_kana, 'ヤマダ', 'ﾔﾏﾀﾞ')",  # in half-width katakana
            "address",
            "phone",
            "translate(phone, '0123456789-', '０１２３４５６７８９－')",  # full-width
        ],
        ids=["kanji", "kana", "spaced", "hiragana", "half-width", "address", "phone", "full-width"],
    )
    def test_an_identifier_among_the_codes_is_found(self, made: Made, written: str) -> None:
        made.con.execute(f"UPDATE released_diagnoses SET icd10 = (SELECT {written} FROM source_patients LIMIT 1) WHERE rowid = 0")
        assert found(made.judge(), Standard.IDENTIFIERS, "identifier-value")

    def test_the_hospitals_name_on_every_row_is_found(self, made: Made) -> None:
        """Many hold it, but each time it is the person's own hospital; and it is no choice of the catalogue."""
        made.con.execute("UPDATE released_encounters SET discharge_outcome = '基盤第一病院'")
        assert found(made.judge(), Standard.IDENTIFIERS, "identifier-value")

    def test_a_column_of_names_is_found_by_its_kind(self, made: Made) -> None:
        made.con.execute("ALTER TABLE released_encounters ADD COLUMN physician_name VARCHAR")
        assert found(made.judge(), Standard.IDENTIFIERS, "identifier-column")

    def test_a_place_below_the_level_is_found(self, made: Made) -> None:
        made.con.execute("UPDATE released_patients SET residence = '東京都千代田区'")
        assert found(made.judge(), Standard.IDENTIFIERS, "place-level")


class TestSecondIdentificationCodes:
    """(ii) All individual identification codes are deleted."""

    def test_an_insured_number_among_the_codes_is_found(self, made: Made) -> None:
        made.con.execute("UPDATE released_diagnoses SET disease_code = '06130007' WHERE rowid = 3")
        assert found(made.judge(), Standard.IDENTIFICATION_CODES, "identification-code-value")

    def test_insured_numbers_in_place_of_common_codes_are_found(self, made: Made) -> None:
        """A number of the right form that many hold is still found: it meets its own holders far more often than chance."""
        made.con.execute("UPDATE source_patients SET insured_number = CASE WHEN sex = 'male' THEN '06139999' ELSE '06130000' END")
        own = "SELECT insured_number FROM source_patients s JOIN secret_persons p USING (person) WHERE p.pseudonym = released_diagnoses.person"
        made.con.execute(f"UPDATE released_diagnoses SET disease_code = ({own})")
        assert found(made.judge(), Standard.IDENTIFICATION_CODES, "identification-code-value")

    def test_a_common_code_that_is_also_somebodys_number_passes(self, made: Made) -> None:
        """Among many numbers some are also disease codes: this tells nothing of the person whose number it is."""
        made.con.execute("UPDATE source_patients SET insured_number = '8830052' WHERE name_kanji = '山田' || chr(20000) || '郎'")
        made.judge().require()

    def test_a_choice_of_the_catalogue_that_is_also_somebodys_number_passes(self, made: Made) -> None:
        made.con.execute("UPDATE released_encounters SET discharge_outcome = 'died' WHERE rowid = 0")
        made.con.execute("UPDATE source_patients SET insured_number = 'DIED' WHERE name_kanji = '山田' || chr(20001) || '郎'")
        made.judge().require()

    def test_a_column_of_numbers_is_found_by_its_kind(self, made: Made) -> None:
        made.con.execute("ALTER TABLE released_patients ADD COLUMN my_number VARCHAR")
        assert found(made.judge(), Standard.IDENTIFICATION_CODES, "identification-code-column")


class TestThirdLinkingCodes:
    """(iii) Codes that link the result to the source are deleted."""

    def test_an_unchanged_local_number_is_found(self, made: Made) -> None:
        made.con.execute("UPDATE released_diagnoses SET disease_code = 'L31005' WHERE rowid = 3")
        assert found(made.judge(), Standard.LINKING_CODES, "linking-code-value")

    def test_an_unchanged_encounter_number_is_found(self, made: Made) -> None:
        made.con.execute(
            "UPDATE released_encounters SET encounter_id = (SELECT encounter_id FROM source_encounters LIMIT 1) WHERE rowid = 0"
        )
        assert found(made.judge(), Standard.LINKING_CODES, "released-key")

    def test_the_operators_own_number_as_pseudonym_is_found(self, made: Made) -> None:
        old = made.con.execute("SELECT person FROM released_patients LIMIT 1").fetchall()[0][0]
        for table in made.outcome.tables:
            made.con.execute(f"UPDATE released_{table} SET person = 'N000000' WHERE person = ?", [old])
        assert found(made.judge(), Standard.LINKING_CODES, "released-key")

    def test_a_pseudonym_of_an_earlier_release_is_found(self, made: Made) -> None:
        made.con.execute("CREATE TABLE earlier AS SELECT person AS pseudonym FROM released_patients LIMIT 1")
        assert found(made.judge(earlier="earlier"), Standard.LINKING_CODES, "pseudonym-reused")

    def test_other_pseudonyms_of_earlier_releases_pass(self, made: Made) -> None:
        made.con.execute("CREATE TABLE earlier AS SELECT md5(i::VARCHAR)[:24] AS pseudonym FROM range(100) r(i)")
        made.judge(earlier="earlier").require()

    def test_pseudonyms_in_the_order_of_the_source_are_found(self, made: Made) -> None:
        made.con.execute(
            "CREATE TABLE serial AS SELECT pseudonym, printf('%024d', row_number() OVER (ORDER BY person)) AS number FROM secret_persons"
        )
        for table, column in (*((f"released_{name}", "person") for name in made.outcome.tables), ("secret_persons", "pseudonym")):
            made.con.execute(f"UPDATE {table} SET {column} = serial.number FROM serial WHERE serial.pseudonym = {table}.{column}")
        assert found(made.judge(), Standard.LINKING_CODES, "row-order")

    def test_a_column_of_linking_codes_is_found_by_its_kind(self, made: Made) -> None:
        made.con.execute("ALTER TABLE released_diagnoses ADD COLUMN diagnosis_id VARCHAR")
        assert found(made.judge(), Standard.LINKING_CODES, "linking-code-column")


class TestFourthPeculiarities:
    """(iv) Peculiar descriptions are deleted."""

    def test_a_rare_code_is_found(self, made: Made) -> None:
        made.con.execute("UPDATE released_diagnoses SET icd10 = 'E75' WHERE rowid = 0")
        assert found(made.judge(), Standard.PECULIARITIES, "rare-code")

    def test_many_rows_of_one_person_do_not_make_a_code_common(self, made: Made) -> None:
        made.con.execute(
            "INSERT INTO released_diagnoses SELECT person, encounter_id, 'E75', disease_code, diagnosed_on FROM released_diagnoses, range(9) WHERE person = (SELECT min(person) FROM released_patients)"
        )
        assert found(made.judge(), Standard.PECULIARITIES, "rare-code")

    @pytest.mark.parametrize("told", ["95-99", "90-94", "95", "103", "95+"])
    def test_an_age_of_ninety_or_more_told_apart_is_found(self, made: Made, told: str) -> None:
        made.con.execute("UPDATE released_patients SET age_band = ? WHERE age_band = '90+'", [told])
        assert found(made.judge(), Standard.PECULIARITIES, "age-told-apart")

    @pytest.mark.parametrize(
        ("year", "apart"), [("1922", True), ("1930-1934", True), ("<=1935", False), ("1936", False), ("1935-1939", False)]
    )
    def test_a_birth_year_of_ninety_or_more_told_apart_is_found(self, made: Made, year: str, apart: bool) -> None:
        table = made.outcome.tables["patients"]
        columns = tuple(
            replace(column, name="birth_year", treatment=Treatment.BIRTH_YEAR) if column.name == "age_band" else column
            for column in table.columns
        )
        made.con.execute("ALTER TABLE released_patients RENAME COLUMN age_band TO birth_year")
        made.con.execute("UPDATE released_patients SET birth_year = CASE WHEN birth_year = '90+' THEN ? ELSE '1980' END", [year])
        born = replace(made.outcome, tables={**made.outcome.tables, "patients": replace(table, columns=columns)})
        planned = tuple(
            replace(one, columns=tuple(replace(c, treatment=Treatment.BIRTH_YEAR) if c.name == "birth_date" else c for c in one.columns))
            for one in made.plan.tables
        )
        evidence = replace(made, outcome=born, plan=replace(made.plan, tables=planned)).judge()
        assert [verdict.passed for verdict in evidence.verdicts if verdict.code == "age-told-apart"] == [not apart]

    def test_a_value_outside_a_closed_list_is_found(self, made: Made) -> None:
        made.con.execute("UPDATE released_encounters SET discharge_outcome = 'conjoined twin'")
        assert found(made.judge(), Standard.PECULIARITIES, "open-value")


class TestFifthOtherMeasures:
    """(v) Whatever else the nature of the data calls for."""

    def test_a_class_of_too_few_persons_is_found_twice(self, made: Made) -> None:
        made.con.execute("UPDATE released_patients SET sex = 'unknown' WHERE rowid < 4")
        evidence = made.judge()
        assert found(evidence, Standard.OTHER_MEASURES, "k")
        assert len([verdict for verdict in evidence.failures if verdict.code == "k"]) == 2

    def test_a_class_of_many_rows_but_one_person_is_found(self, made: Made) -> None:
        """Rows pass (five of them), persons do not (one)."""
        made.con.execute("UPDATE released_patients SET sex = 'unknown' WHERE rowid = 0")
        made.con.execute("INSERT INTO released_patients SELECT p.* FROM released_patients p, range(4) WHERE sex = 'unknown'")
        rows = made.con.execute(
            "SELECT min(n) FROM (SELECT count(*) AS n FROM released_patients GROUP BY sex, age_band, residence)"
        ).fetchall()
        assert rows[0][0] >= made.plan.anonymity.k
        evidence = made.judge()
        assert found(evidence, Standard.OTHER_MEASURES, "k")
        assert found(evidence, Standard.OTHER_MEASURES, "person-twice")

    def test_a_missing_value_is_a_class_of_its_own(self, made: Made) -> None:
        made.con.execute("UPDATE released_patients SET residence = NULL WHERE rowid = 0")
        assert found(made.judge(), Standard.OTHER_MEASURES, "k")

    def test_a_class_with_one_disease_only_is_found(self, made: Made) -> None:
        one = "SELECT person FROM released_patients WHERE age_band = '90+'"
        made.con.execute(f"UPDATE released_diagnoses SET icd10 = 'I10' WHERE person IN ({one})")
        evidence = made.judge()
        assert found(evidence, Standard.OTHER_MEASURES, "l")
        assert not found(evidence, Standard.OTHER_MEASURES, "k")

    def test_a_distribution_too_far_from_the_whole_is_found(self, made: Made) -> None:
        closeness = tuple(replace(one, value=0.01) for one in made.plan.anonymity.t)
        strict = replace(made, plan=replace(made.plan, anonymity=replace(made.plan.anonymity, t=closeness)))
        assert found(strict.judge(), Standard.OTHER_MEASURES, "t")

    @pytest.mark.parametrize(
        ("code", "loose", "strict"),
        [
            ("l-entropy", {"l": (Diversity(ICD10, "entropy", 1.0),)}, {"l": (Diversity(ICD10, "entropy", 2.9),)}),
            ("l-recursive", {"l": (Diversity(ICD10, "recursive", 2, 50.0),)}, {"l": (Diversity(ICD10, "recursive", 2, 1.0),)}),
            ("t-ordered", {"t": (Closeness(ICD10, 0.9, "ordered"),)}, {"t": (Closeness(ICD10, 0.01, "ordered"),)}),
            (
                "t-hierarchical",
                {"t": (Closeness(ICD10, 0.9, "hierarchical", "codes.csv"),)},
                {"t": (Closeness(ICD10, 0.01, "hierarchical", "codes.csv"),)},
            ),
            ("beta-basic", {"beta": (Likeness(ICD10, 50.0),)}, {"beta": (Likeness(ICD10, 0.01),)}),
            ("beta-enhanced", {"beta": (Likeness(ICD10, 50.0, True),)}, {"beta": (Likeness(ICD10, 0.01, True),)}),
        ],
    )
    def test_a_class_that_breaks_any_other_model_is_found(
        self, code: str, loose: dict[str, object], strict: dict[str, object], made: Made
    ) -> None:
        files = (("codes.csv", "E11;diabetes;*\nI10;circulation;*\nJ45;respiration;*\n"),)
        for asked, wanted in ((loose, False), (strict, True)):
            anonymity = replace(made.plan.anonymity, **{"l": (), "t": (), **asked})
            evidence = replace(made, plan=replace(made.plan, anonymity=anonymity, hierarchy_files=files)).judge()
            assert evidence.passed is not wanted
            assert not wanted or found(evidence, Standard.OTHER_MEASURES, code)
            assert [one.subject for one in evidence.verdicts if one.code == code] == [ICD10]
            assert evidence.as_document()

    def test_too_many_left_out_is_found(self, made: Made) -> None:
        for table in made.outcome.tables:
            made.con.execute(f"DELETE FROM released_{table} WHERE person IN (SELECT pseudonym FROM secret_persons ORDER BY person LIMIT 2)")
        assert found(made.judge(), Standard.OTHER_MEASURES, "suppression")

    def test_an_extreme_value_of_few_persons_is_found(self, made: Made) -> None:
        made.con.execute("UPDATE released_laboratory_results SET value = 48.0 WHERE rowid = 0")
        assert found(made.judge(), Standard.OTHER_MEASURES, "outlier")

    def test_dates_left_as_they_were_are_found(self, made: Made) -> None:
        made.con.execute(
            "UPDATE released_diagnoses SET diagnosed_on = diagnosed_on - 7 * p.shift_weeks FROM secret_persons p WHERE p.pseudonym = released_diagnoses.person"
        )
        assert found(made.judge(), Standard.OTHER_MEASURES, "date-astray")

    def test_one_date_moved_apart_from_the_others_is_found(self, made: Made) -> None:
        made.con.execute("UPDATE released_encounters SET started_on = started_on + 28 WHERE rowid = 0")
        assert found(made.judge(), Standard.OTHER_MEASURES, "date-astray")

    def test_a_year_that_is_not_the_persons_is_found(self, made: Made) -> None:
        made.con.execute("UPDATE released_patients SET registered_on = registered_on + 2 WHERE rowid = 0")
        assert found(made.judge(), Standard.OTHER_MEASURES, "date-astray")

    def test_nobody_moved_at_all_is_found(self, made: Made) -> None:
        for table, day in (("encounters", "started_on"), ("diagnoses", "diagnosed_on")):
            made.con.execute(
                f"UPDATE released_{table} SET {day} = {day} - 7 * p.shift_weeks FROM secret_persons p WHERE p.pseudonym = released_{table}.person"
            )
        made.con.execute(
            "UPDATE released_patients SET registered_on = year(s.registered_on) FROM source_patients s JOIN secret_persons p USING (person) WHERE p.pseudonym = released_patients.person"
        )
        made.con.execute("UPDATE secret_persons SET shift_weeks = 0")
        evidence = made.judge()
        assert found(evidence, Standard.OTHER_MEASURES, "date-unmoved")
        assert not found(evidence, Standard.OTHER_MEASURES, "date-astray")

    def test_a_shift_beyond_the_window_is_found(self, made: Made) -> None:
        assert found(replace(made, plan=replace(made.plan, shift_window_weeks=3)).judge(), Standard.OTHER_MEASURES, "shift-window")

    def test_a_column_that_the_plan_does_not_name_is_found(self, made: Made) -> None:
        made.con.execute("ALTER TABLE released_laboratory_results ADD COLUMN unit VARCHAR")
        assert found(made.judge(), Standard.OTHER_MEASURES, "unplanned-column")

    def test_a_row_of_nobody_is_found(self, made: Made) -> None:
        made.con.execute("UPDATE released_diagnoses SET person = 'ffffffffffffffffffffffff' WHERE rowid = 0")
        assert found(made.judge(), Standard.OTHER_MEASURES, "row-without-person")


class TestSecondOptOutCheck:
    """Act 56(1): judged again, on fresh registers, just before."""

    def test_an_ineligible_registration_is_found(self, made: Made) -> None:
        assert found(made.judge(replace(CHECKED, ineligible=1)), Standard.ELIGIBILITY, "ineligible")

    def test_a_check_that_did_not_cover_everybody_is_found(self, made: Made) -> None:
        assert found(made.judge(replace(CHECKED, registrations=59)), Standard.ELIGIBILITY, "check-complete")

    def test_the_evidence_says_when_and_on_which_registers(self, made: Made) -> None:
        later = replace(CHECKED, checked_at=CHECKED.checked_at + timedelta(hours=1))
        assert made.judge().digest != made.judge(later).digest
        assert CHECKED.register_digest in made.judge().as_document().decode()
