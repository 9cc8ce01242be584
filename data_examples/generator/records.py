"""診療の記録 (records): visits, stays, diagnoses, drugs, test results, operations and checkups of one registration over the years."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from generator import dates
from generator.illnesses import DRUGS, TESTS, Illness, Test
from generator.people import Person
from generator.registrations import Registration

Value = str | float | date | None
Row = dict[str, Value]
Rows = dict[str, list[Row]]

TABLES = ("patients", "deaths", "encounters", "diagnoses", "prescriptions", "laboratory_results", "procedures", "health_checkups")
_VISITS_AT_MOST = 12
_CAUSES = ("I50.9", "C34.9", "J18.9", "I63.9", "R54", "N18.9", "C18.9")
_DATED = {
    "patients": "registered_on",
    "deaths": "death_date",
    "encounters": "started_on",
    "diagnoses": "diagnosed_on",
    "prescriptions": "prescribed_on",
    "laboratory_results": "sampled_on",
    "procedures": "performed_on",
    "health_checkups": "checked_on",
}


class History:
    """The records of one registration within a period, growing while its illnesses take their course."""

    def __init__(
        self, chance: Random, registration: Registration, physicians: dict[str, str], facility: str, first: date, last: date
    ) -> None:
        self.chance = chance
        self.registration = registration
        self.physicians = physicians
        self.facility = facility
        self.first = max(first, registration.registered_on)
        self.last = min(last, registration.person.died or last)
        self.rows: Rows = {table: [] for table in TABLES}
        self._constitution = {name: chance.gauss(0, 0.7) for name in TESTS}

    def _add(self, table: str, **values: Value) -> None:
        self.rows[table].append({"local_patient_id": self.registration.local_id, **values})

    def _encounter(self, kind: str, department: str, on: date, until: date, outcome: str | None = None) -> str:
        number = f"{self.registration.local_id}/{len(self.rows['encounters']):03d}"
        self._add(
            "encounters",
            encounter_id=number,
            encounter_class=kind,
            started_on=on,
            ended_on=until,
            department=department,
            facility_name=self.facility,
            physician_name=self.physicians.get(department),
            discharge_outcome=outcome,
        )
        return number

    def follow(self, illness: Illness) -> None:
        """One illness from its first visit on."""
        person, chance = self.registration.person, self.chance
        begins = max(self.first, _birthday(person, illness.ages[0]))
        if begins > self.last:
            return
        onset = dates.on_weekday(dates.draw(chance, begins, max(begins, begins + (self.last - begins) * 0.5)))
        days = self._visits(illness, onset)
        admitted = chance.random() < illness.admitted
        encounter = self._stay(illness, onset) if admitted else self._encounter("outpatient", illness.department, onset, onset)
        self._diagnose(illness, encounter, onset, days[-1])
        self._treat(illness, encounter, onset)
        for day in days[1:]:
            self._treat(illness, self._encounter("outpatient", illness.department, day, day), day)

    def _visits(self, illness: Illness, onset: date) -> list[date]:
        chance = self.chance
        days = [onset]
        if illness.chronic:
            interval, at_most = chance.choice((91, 126, 182, 182, 273)), chance.randint(2, _VISITS_AT_MOST)
        else:
            interval, at_most = 12, chance.randint(1, 3)
        while len(days) < at_most:
            day = dates.on_weekday(days[-1] + timedelta(days=interval + chance.randint(-interval // 8, interval // 8)))
            if day > self.last:
                break
            days.append(day)
        return days

    def _stay(self, illness: Illness, onset: date) -> str:
        nights = self.chance.randint(2, 21)
        until = min(onset + timedelta(days=nights), self.last)
        outcome = (
            "died"
            if until == self.registration.person.died
            else self.chance.choice(("improved", "improved", "cured", "unchanged", "transferred"))
        )
        encounter = self._encounter("inpatient", illness.department, onset, until, outcome)
        if illness.operation is not None:
            code, name = illness.operation
            on = min(onset + timedelta(days=self.chance.randint(0, 2)), until)
            self._add("procedures", encounter_id=encounter, k_code=code, procedure_name=name, performed_on=on, ended_on=on)
        return encounter

    def _diagnose(self, illness: Illness, encounter: str, onset: date, seen_last: date) -> None:
        self._add(
            "diagnoses",
            encounter_id=encounter,
            icd10=illness.icd10,
            disease_name=illness.name,
            diagnosed_on=onset,
            ended_on=None if illness.chronic else seen_last,
            certainty="confirmed",
            outcome="continuing" if illness.chronic else "cured",
        )
        if self.chance.random() < 0.06:  # a suspicion that the tests then removed
            self._add(
                "diagnoses",
                encounter_id=encounter,
                icd10="R73.0" if "糖尿" not in illness.name else "N18.9",
                disease_name="耐糖能異常の疑い" if "糖尿" not in illness.name else "慢性腎臓病の疑い",
                diagnosed_on=onset,
                ended_on=seen_last,
                certainty="suspected",
                outcome="stopped",
            )

    def _treat(self, illness: Illness, encounter: str, on: date) -> None:
        chance = self.chance
        days = chance.choice((28, 30, 56, 84, 90)) if illness.chronic else chance.choice((3, 5, 7))
        for name in illness.drugs:
            if chance.random() < 0.12:
                continue
            drug = DRUGS[name]
            note = ""
            if chance.random() < 0.012:
                note = f"{self.registration.person.surname.kanji}様ご家族が服薬を管理"
            self._add(
                "prescriptions",
                encounter_id=encounter,
                yj_code=drug.yj_code,
                drug_name=drug.name,
                quantity=drug.daily,
                quantity_unit=drug.unit,
                days=float(days),
                route=drug.route,
                prescribed_on=on,
                instructions=note or ("1日1回朝食後" if drug.daily == 1 else "医師の指示どおり"),
            )
        for name in illness.tests:
            if chance.random() < 0.75:
                self.result(illness, name, encounter, on)

    def result(self, illness: Illness, name: str, encounter: str, on: date) -> None:
        """One test result, shifted as the illness shifts it and steady in the same person."""
        test = TESTS[name]
        mean, spread = next(((m, s) for n, m, s in illness.shifts if n == name), (test.mean, test.spread))
        value = measured(self.chance, test, mean, spread, self._constitution[name])
        self._add(
            "laboratory_results",
            encounter_id=encounter,
            jlac10=test.jlac10,
            sampled_on=on,
            value=value,
            unit=test.unit,
            abnormal="L" if value < test.low else "H" if value > test.high else "N",
            comment="溶血(+)" if self.chance.random() < 0.01 else None,
        )

    def checkups(self, findings: bool) -> None:
        """Yearly checkups between 40 and 74, for those who go."""
        person, chance = self.registration.person, self.chance
        height = chance.gauss(169 if person.sex == "male" else 156, 6)
        weight = max(38.0, chance.gauss(23.2, 3.2) * (height / 100) ** 2)
        codes = {illness.icd10 for illness in self.registration.illnesses}
        smoking = chance.choice(("never", "never", "never", "past", "current"))
        for year in range(self.first.year, self.last.year + 1):
            on = dates.on_weekday(date(year, chance.randint(5, 11), chance.randint(1, 28)))
            if not (self.first <= on <= self.last and 40 <= dates.age(person.born, on) <= 74) or chance.random() < 0.25:
                continue
            weight += chance.gauss(0, 0.8)

            def value(name: str, shift: float = 1.0) -> float:
                test = TESTS[name]
                return measured(chance, test, test.mean * shift, test.spread, self._constitution[name])

            sugar = 1.35 if any(code.startswith("E1") for code in codes) else 1.0
            systolic = round(chance.gauss(138 if "I10" in codes else 122, 11))
            self._add(
                "health_checkups",
                checked_on=on,
                height=round(height, 1),
                weight=round(weight, 1),
                bmi=round(weight / (height / 100) ** 2, 1),
                waist=round(weight * 0.72 + 38 + chance.gauss(0, 3), 1),
                systolic=float(systolic),
                diastolic=float(round(systolic * 0.62 + chance.gauss(0, 5))),
                fasting_glucose=value("空腹時血糖", sugar),
                hba1c=value("HbA1c", sugar),
                hdl=value("HDL"),
                ldl=value("LDL", 1.25 if "E78.5" in codes or "E78.0" in codes else 1.0),
                triglycerides=value("中性脂肪"),
                ast=value("AST"),
                alt=value("ALT"),
                ggt=value("γ-GT"),
                smoking=smoking,
                findings=chance.choice(("異常を認めず", "経過観察", "要再検査", "心雑音なし、肺野清")) if findings else None,
            )

    def end(self) -> None:
        """The death, once the hospital knows of it."""
        person = self.registration.person
        if person.died is not None:
            cause = next((i.icd10 for i in self.registration.illnesses if i.icd10 in _CAUSES), None) or self.chance.choice(_CAUSES)
            self._add("deaths", death_date=person.died, cause_icd10=cause)


def measured(chance: Random, test: Test, mean: float, spread: float, constitution: float) -> float:
    """A value around the mean: two thirds of the spread belong to the person, one third to the day; never below a tenth of the mean."""
    value = mean + spread * (0.66 * constitution + 0.5 * chance.gauss(0, 1))
    return round(max(value, mean / 10), test.decimals)


def patient(registration: Registration) -> Row:
    """The row of the hospital's patient master, as it stood when it was exported."""
    person = registration.person
    return {
        "local_patient_id": registration.local_id,
        "registered_on": registration.registered_on,
        "birth_date": person.born if registration.birth_date_known else None,
        "sex": person.sex,
        "postal_code": person.home.place.postal_code,
        "phone": person.phone,
        "email": person.email,
        "death_date": person.died,
        "insurer_number": person.insurance.insurer,
        "insured_symbol": person.insurance.symbol,
        "insured_number": person.insurance.number,
        "insured_branch": person.insurance.branch,
    }


def in_order(rows: Rows, first_numbers: dict[str, int]) -> Rows:
    """All rows by date, numbered as a hospital's system numbers them; `first_numbers` is advanced for the next delivery."""
    keys = {
        "encounters": ("encounter_id", "E"),
        "diagnoses": ("diagnosis_id", "D"),
        "prescriptions": ("prescription_id", "R"),
        "laboratory_results": ("result_id", "L"),
        "procedures": ("procedure_id", "S"),
        "health_checkups": ("checkup_id", "C"),
    }
    encounters: dict[Value, str] = {}
    done: Rows = {}
    for table in TABLES:
        done[table] = []
        for row in sorted(rows[table], key=lambda row: (str(row[_DATED[table]]), str(row["local_patient_id"]))):
            row = dict(row)
            if table in keys:
                column, letter = keys[table]
                first_numbers[table] = first_numbers.get(table, 0) + 1
                number = f"{letter}{first_numbers[table]:07d}"
                if table == "encounters":
                    encounters[row["encounter_id"]] = number
                row[column] = number
            if table != "encounters" and "encounter_id" in row:
                row["encounter_id"] = encounters[row["encounter_id"]]
            done[table].append(row)
    return done


def _birthday(person: Person, years: int) -> date:
    return person.born + timedelta(days=round(years * 365.25))
