"""仕込んだ事例 (planted cases): persons and rows made on purpose, each with the outcome that must be seen, written to `cases.toml`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from random import Random

from faker import Faker

from generator import illnesses, names, people, places
from generator.illnesses import Illness
from generator.people import Insurance, Person
from generator.places import Home
from generator.registrations import Notice, Registration, Stop, version_of


@dataclass(frozen=True)
class Expectation:
    """What must become of a case: at the gate (`expected`: accepted, held or quarantined; `rule`: the code of what stands in the way;
    `table`: where it is this table alone), in linkage and in a release; and why."""

    expected: str
    why: str
    linkage: str = ""
    at_release: str = ""
    rule: str = ""
    table: str = ""
    other_expected: str = ""


EXPECTATIONS: dict[str, Expectation] = {
    "rare-disease": Expectation(
        "accepted",
        "Nobody else has this disease; the gate lets it in.",
        at_release="generalised up the hierarchy or suppressed: one person has the code",
    ),
    "age-103": Expectation("accepted", "Born in 大正12年, 103 years old.", at_release="together with all of 90 and over"),
    "twins": Expectation("accepted", "Same surname, birth date, sex, address and insurance; other given name and branch.", "two persons"),
    "name-change": Expectation(
        "accepted", "Married between the two registrations: other surname and home, same telephone and insurance.", "one person"
    ),
    "takahashi-variant": Expectation("accepted", "髙橋 at one hospital, 高橋 at the other; all else is equal.", "one person"),
    "stopped-at-one-hospital": Expectation(
        "quarantined",
        "Asked the first hospital to stop and not the second; nothing of the first may come in, neither alone nor through linkage.",
        "not linked",
        rule="stopped",
        other_expected="accepted",
    ),
    "stopped-by-family": Expectation(
        "quarantined", "Died after the notice; a child asked to stop as bereaved family (Order 11).", rule="stopped"
    ),
    "under-16-without-guardian": Expectation(
        "held", "Under 16 on the day of the notice, and the guardian was not notified.", rule="guardian-not-notified"
    ),
    "under-16-with-guardian": Expectation("accepted", "Under 16; person and guardian were both notified and the wait has passed."),
    "lacks-capacity-without-guardian": Expectation(
        "held", "Recorded as lacking capacity, and the guardian was not notified.", rule="guardian-not-notified"
    ),
    "died-before-notice": Expectation(
        "quarantined", "The notice is dated after the death: nobody can be notified any more (Act 52(1)).", rule="died-before-notice"
    ),
    "died-after-notice": Expectation("accepted", "Died after the notice and the wait; the family did not ask to stop."),
    "notice-10-days-old": Expectation(
        "held", "Notified on 2026-11-11: the wait of 30 days has not passed on 2026-11-21, and it has on 2026-12-12.", rule="waiting"
    ),
    "not-notified": Expectation("held", "Stands in the files and not in the notice register.", rule="not-notified"),
    "unknown-birth-date": Expectation(
        "held",
        "No birth date, no guardian's notice: whether the person was under 16 is unknown, and unknown is no.",
        rule="guardian-not-notified",
    ),
    "item-not-in-notice": Expectation(
        "held",
        "The notice of this hospital does not name the physician's findings, which its checkups bring: the checkups wait for a new notice, all else comes in.",
        rule="item-not-in-notice",
        table="health_checkups",
    ),
    "one-organisation-postal-code": Expectation(
        "accepted",
        "The postal code belongs to one organisation (大口事業所個別番号).",
        at_release="the code never leaves; the place is cut to the level of the plan",
    ),
    "namesake": Expectation(
        "accepted", "Same name and birth date at two hospitals, other insurance, address and telephone: two persons.", "two persons"
    ),
    "moved": Expectation(
        "accepted", "Same name, birth date and telephone at two hospitals, other address and insurer: one person who moved.", "one person"
    ),
    "undecodable-row": Expectation("quarantined", "One line holds bytes that CP932 does not have.", rule="undecodable"),
    "wrong-column-count": Expectation("quarantined", "One line lacks its last field.", rule="column-count"),
    "impossible-date": Expectation("quarantined", "One line says 30 February.", rule="not-a-date"),
}
ROW_CASES = ("undecodable-row", "wrong-column-count", "impossible-date")


def plant(chance: Random, fake: Faker) -> list[Registration]:
    """The registrations of all planted persons; `case` is the name of the case, with /1 and /2 where it takes two."""
    table = {illness.icd10: illness for illness in illnesses.ILLNESSES}
    planted: list[Registration] = []
    count = 0

    def person(sex: str, surname: str, given: str, born: date, insurance: Insurance | None = None) -> Person:
        nonlocal count
        count += 1
        return Person(
            f"K{count:02d}",
            names.surname(surname),
            names.given(sex, given),
            sex,
            born,
            places.draw_home(chance, far=0.0),
            people.draw_phone(chance),
            str(fake.ascii_safe_email()),
            insurance or people.draw_insurance(chance, born),
        )

    def add(
        case: str, hospital: str, who: Person, registered_on: date, codes: str, given_on: date | None = date(2026, 5, 20), **more: object
    ) -> None:
        notice = Notice(version_of(hospital), given_on) if given_on else None
        ill: tuple[Illness, ...] = tuple(illnesses.RARE if code == illnesses.RARE.icd10 else table[code] for code in codes.split())
        made = Registration(hospital, who, registered_on, ill, notice, case=case)
        planted.append(replace(made, **more))  # type: ignore[arg-type]

    add("rare-disease", "H001", person("female", "辻", "香織", date(1988, 2, 11)), date(2017, 6, 5), "E83.0")
    add("age-103", "H003", person("female", "東海林", "千代", date(1923, 5, 17)), date(2016, 4, 11), "I10 M81.9")

    first = person("male", "小川", "翔太", date(2001, 7, 7), Insurance(people.insurer_number("0612926"), "4410", "30215", "02"))
    second = replace(
        first, key="K00", given=names.given("male", "拓也"), insurance=replace(first.insurance, branch="03"), email="", phone=first.phone
    )
    add("twins/1", "H002", first, date(2018, 5, 14), "J30.1 J10.1")
    add("twins/2", "H002", second, date(2018, 5, 14), "J45.9 J10.1")

    before = person("female", "原田", "千尋", date(1991, 9, 3), Insurance(people.insurer_number("0612903"), "2205", "7713", "00"))
    after = replace(before, surname=names.surname("竹内"), home=places.draw_home(chance, far=0.0))
    add("name-change/1", "H001", before, date(2016, 10, 3), "F32.9")
    add("name-change/2", "H002", after, date(2021, 6, 21), "E03.9")

    takahashi = person("male", "髙橋", "純一", date(1963, 12, 8))
    add("takahashi-variant/1", "H001", takahashi, date(2015, 9, 7), "I10 I20.9")
    add("takahashi-variant/2", "H003", replace(takahashi, surname=names.surname("高橋")), date(2017, 2, 6), "I10 E78.5")

    stopped = person("female", "鶴岡", "由美子", date(1958, 3, 30))
    add("stopped-at-one-hospital/1", "H002", stopped, date(2016, 1, 18), "E11.9 K21.0", stop=Stop(date(2026, 6, 15), "telephone"))
    add("stopped-at-one-hospital/2", "H001", stopped, date(2018, 11, 5), "E11.2")

    gone = replace(person("male", "鵜澤", "茂", date(1939, 8, 21)), died=date(2026, 7, 9))
    add("stopped-by-family", "H001", gone, date(2015, 5, 25), "I50.9 I48.9", stop=Stop(date(2026, 8, 3), "post", "child"))

    child = person("male", "藤原", "陸", date(2014, 6, 12))
    add("under-16-without-guardian", "H002", child, date(2019, 3, 4), "J45.9 J06.9", given_on=date(2026, 5, 18))
    guarded = Notice(version_of("H003"), date(2026, 5, 18), "paper", date(2026, 5, 18))
    add(
        "under-16-with-guardian",
        "H003",
        person("female", "三浦", "葵", date(2015, 1, 28)),
        date(2018, 9, 10),
        "L20.9 J06.9",
        notice=guarded,
    )

    unable = Notice(version_of("H002"), date(2026, 5, 25), "paper", None, True)
    add(
        "lacks-capacity-without-guardian",
        "H002",
        person("female", "中野", "節子", date(1941, 10, 2)),
        date(2017, 7, 3),
        "G30.9 I10",
        notice=unable,
    )

    dead = replace(person("male", "村上", "進", date(1944, 4, 16)), died=date(2024, 6, 18))
    add("died-before-notice", "H001", dead, date(2015, 11, 2), "C34.9", notice=Notice(version_of("H001"), date(2026, 5, 12), "post"))
    late = replace(person("female", "西村", "京子", date(1947, 11, 23)), died=date(2026, 9, 30))
    add("died-after-notice", "H002", late, date(2015, 8, 31), "I50.9 E11.9")

    add(
        "notice-10-days-old",
        "H003",
        person("male", "坂本", "直樹", date(1979, 1, 19)),
        date(2019, 7, 8),
        "I10 E79.0",
        given_on=date(2026, 11, 11),
    )
    add("not-notified", "H001", person("female", "青木", "彩", date(1990, 6, 6)), date(2020, 2, 17), "D50.9", given_on=None)
    add("unknown-birth-date", "H003", person("male", "中川", "誠", date(1970, 5, 5)), date(2021, 4, 5), "M54.5", birth_date_known=False)
    add("item-not-in-notice", "H003", person("female", "松田", "恵子", date(1961, 2, 14)), date(2015, 6, 1), "E78.5 I10")

    lodger = replace(person("male", "岡本", "亮", date(1985, 8, 8)), home=Home(places.ONE_ORGANISATION, (2, 1, 4)))
    add("one-organisation-postal-code", "H002", lodger, date(2018, 4, 9), "K21.0 M54.5")

    one = person("female", "佐藤", "裕子", date(1968, 4, 12), Insurance(people.insurer_number("0612951"), "801", "4402", "00"))
    other = person("female", "佐藤", "裕子", date(1968, 4, 12), Insurance(people.insurer_number("12913"), "八27", "0031882", "01"))
    add("namesake/1", "H001", one, date(2016, 3, 14), "M06.9")
    add("namesake/2", "H002", other, date(2017, 9, 4), "E78.5")

    stayed = person("male", "遠藤", "哲也", date(1974, 10, 30), Insurance(people.insurer_number("0612967"), "5120", "20117", "00"))
    moved = replace(
        stayed, home=places.draw_home(chance, far=0.0), insurance=Insurance(people.insurer_number("12931"), "市08", "1190342", "01")
    )
    add("moved/1", "H002", stayed, date(2016, 5, 16), "I10 E11.9")
    add("moved/2", "H003", moved, date(2022, 8, 22), "I10 E11.9")
    return planted


def entries(found: list[Registration], rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """What `cases.toml` says: one entry per case, with the local patient ID, and the second one where the case takes two.

    `rows`: the damaged lines, each with case, hospital, file, source_row and local_patient_id.
    """
    by_case = {registration.case: registration for registration in found if registration.case}
    done: list[dict[str, object]] = []
    for name, expectation in EXPECTATIONS.items():
        entry: dict[str, object] = {"name": name}
        if name in ROW_CASES:
            entry |= {key: value for key, value in next(row for row in rows if row["case"] == name).items() if key != "case"}
        else:
            first = by_case.get(name) or by_case[f"{name}/1"]
            entry |= {"hospital": first.hospital, "local_patient_id": first.local_id}
            second = by_case.get(f"{name}/2")
            if second is not None:
                entry |= {"other_hospital": second.hospital, "other_local_patient_id": second.local_id}
        for key in ("expected", "other_expected", "table", "rule", "linkage", "at_release", "why"):
            if getattr(expectation, key):
                entry[key] = getattr(expectation, key)
        done.append(entry)
    return done
