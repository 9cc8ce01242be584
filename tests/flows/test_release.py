"""Making a release: the second gate on fresh registers, what is booked when it refuses, and the same bytes from the same inputs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from kiban_applications import contracts, delivery
from kiban_applications.command_line import releasing
from kiban_applications.command_line.door import Door
from kiban_operator import approvals, eligibility, orders, persons, programmes, release, release_state, vault, workshop
from kiban_operator.notices import NoticeVersion
from kiban_processing import plan as plans
from kiban_processing.language import Text
from kiban_processing.refusals import Refusal

DATA = Path(__file__).resolve().parents[2] / "data_examples"
PLAN = DATA / "plans" / "diabetes-cohort.toml"


def make(place: Any) -> release.Made:
    return releasing.make(Door("en", place.path, None, True, clock=place.clock), place.by("PR"), place.told["contract"], PLAN)


def order_of(place: Any) -> orders.Order:
    with place.home.transaction() as session:
        return contracts.order(session, place.told["contract"], place.home.circumstances.today())


def make_for(place: Any, order: orders.Order, plan: Path = PLAN) -> release.Made:
    return release.make(place.by("PR"), order, plan, Text("目的", "purpose"), [], place.archive())


def refused(place: Any, *arguments: Any) -> str:
    with pytest.raises(Refusal) as caught:
        make_for(place, *arguments) if arguments else make(place)
    return caught.value.code


def states(place: Any) -> list[str]:
    with place.home.transaction() as session:
        return [made.state for made in release_state.every(session)]


def members(place: Any) -> set[str]:
    return {row["patient_key"] for row in place.rows("released", "members")}


def approve(place: Any, release_id: str) -> None:
    for seat in ("CK-1", "CK-2"):
        with place.home.transaction() as session:
            approvals.approve(session, place.by(seat).circumstances, release_id, place.private_key(seat))


@pytest.fixture(scope="module")
def made_once(agreed: Any, tools: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The example home with one release made. Not to be changed: `made` is a copy."""
    place = tools.duplicate(agreed, tmp_path_factory.mktemp("made") / "home")
    place.told["made"] = make(place)
    yield place
    place.close()


@pytest.fixture
def made(made_once: Any, tools: Any, tmp_path: Path) -> Iterator[Any]:
    place = tools.duplicate(made_once, tmp_path / "home")
    yield place
    place.close()


# the second gate


def test_stop_between_intake_and_release(copied: Any) -> None:
    local_id, key = copied.somebody()
    copied.stop(local_id, hospital="H001")
    done = make(copied)
    assert done.evidence.persons > 0
    assert key not in members(copied)
    assert len(members(copied)) == len(copied.persons()) - 1


def test_everybody_else_goes_in(made: Any) -> None:
    assert members(made) == set(made.persons())
    assert len({row["person"] for row in made.rows("released", "members")}) >= made.told["made"].evidence.persons


def test_stop_while_the_engine_works(copied: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request comes after the rows were chosen: the last look of the gate refuses, and the refusal is booked with its ground."""
    local_id, _ = copied.somebody()
    carry_out = release.engine.carry_out

    def slow(*arguments: Any, **named: Any) -> Any:
        outcome = carry_out(*arguments, **named)
        copied.stop(local_id, hospital="H001")
        return outcome

    monkeypatch.setattr(release.engine, "carry_out", slow)
    code = refused(copied)
    assert states(copied) == [release_state.REFUSED]
    (entry,) = copied.booked("release.refused")
    assert entry["code"] == code
    assert not members(copied)
    assert not list((copied.path / "deliver").rglob("package.tar.age")) and not list((copied.path / "deliver").rglob("bag"))
    evidence = json.loads(next((copied.path / "deliver").rglob("evidence.json")).read_text("utf-8"))
    assert evidence["passed"] is False and evidence["eligibility"]["ineligible"] == 1


def test_stop_between_making_and_commit(made: Any) -> None:
    release_id = made.told["made"].release.id
    approve(made, release_id)
    assert release.late_stops(made.home, release_id) == 0
    made.stop(made.somebody()[0], hospital="H001")
    assert release.late_stops(made.home, release_id) == 1
    with pytest.raises(Refusal) as late:
        releasing.commit(made.by("PR"), release_id)
    assert late.value.code == "late-stop"
    assert not made.booked("release.committed")


def test_stop_between_commit_and_delivery(made: Any) -> None:
    release_id = made.told["made"].release.id
    approve(made, release_id)
    releasing.commit(made.by("PR"), release_id)
    made.stop(made.somebody()[0], hospital="H001")
    with pytest.raises(Refusal) as late:
        releasing.deliver(made.by("DL"), release_id)
    assert late.value.code == "late-stop"
    assert not made.booked("release.delivered")


def test_stop_of_somebody_else_does_not_hinder(made: Any) -> None:
    release_id = made.told["made"].release.id
    approve(made, release_id)
    made.stop("99999999", hospital="H001")
    releasing.commit(made.by("PR"), release_id)
    assert releasing.deliver(made.by("DL"), release_id).is_file()


def test_altered_package_is_not_delivered(made: Any) -> None:
    release_id = made.told["made"].release.id
    approve(made, release_id)
    releasing.commit(made.by("PR"), release_id)
    package = release.folder_of(made.home, release_id) / release.PACKAGE
    package.write_bytes(package.read_bytes()[:-1] + b"\x00")
    with pytest.raises(Refusal) as altered:
        releasing.deliver(made.by("DL"), release_id)
    assert altered.value.code == delivery.PACKAGE_ALTERED.code


def sources(place: Any, order: orders.Order) -> dict[str, list[dict[str, Any]]]:
    """What the second gate lays out for the engine."""
    with workshop.open_workshop(place.path / "core" / "engine") as con:
        names = eligibility.lay_out_eligible(place.home, con, plans.read(PLAN), order)
        laid = {table: con.execute(f"SELECT * FROM {name}").to_arrow_table().to_pylist() for table, name in names.items()}
        laid["members"] = con.execute("SELECT * FROM members").to_arrow_table().to_pylist()
        return laid


def test_item_taken_out_of_the_notice(copied: Any) -> None:
    """A notice that does not name the code of the illness: that hospital's diagnoses stay out, its other tables do not."""
    with copied.home.transaction() as session:
        for version in session.scalars(sa.select(NoticeVersion).where(NoticeVersion.hospital == "H001")):
            version.covers = [item for item in version.covers if item != "diagnoses.icd10"]
    laid = sources(copied, order_of(copied))
    assert {row["hospital"] for row in laid["diagnoses"]} == {"H002", "H003"}
    assert {row["hospital"] for row in laid["encounters"]} == {"H001", "H002", "H003"}
    assert refused(copied) == "custody-breach"


def test_programme_that_has_ended_may_still_be_used(copied: Any) -> None:
    """The end of a programme ends receiving; what was rightly received is still there to be used."""
    with copied.home.transaction() as session:
        programmes.record(session, copied.by("HL").circumstances, "H003", "A", "ended", copied.home.circumstances.today())
    assert {row["hospital"] for row in sources(copied, order_of(copied))["patients"]} == {"H001", "H002", "H003"}


def test_period_of_the_order(copied: Any) -> None:
    order = order_of(copied)
    narrow = replace(order, period_from=date(2019, 4, 1), period_to=date(2020, 3, 31))
    dates = {"encounters": "started_on", "diagnoses": "diagnosed_on", "prescriptions": "prescribed_on", "laboratory_results": "sampled_on"}
    wide, laid = sources(copied, order), sources(copied, narrow)
    for table, column in dates.items():
        assert laid[table] and all(narrow.period_from <= row[column] <= narrow.period_to for row in laid[table])
        within = [row for row in wide[table] if narrow.period_from <= row[column] <= narrow.period_to]
        assert len(within) == len(laid[table]) < len(wide[table])
    assert len(laid["patients"]) == len(wide["patients"])


def test_unlinked_registration_stays_out(copied: Any) -> None:
    _, key = copied.somebody()
    with copied.home.transaction() as session:
        session.execute(sa.delete(persons.Registration).where(persons.Registration.patient_key == key))
    laid = sources(copied, order_of(copied))
    assert key not in {row["patient_key"] for row in laid["members"]}


def test_nothing_of_regime_p(place: Any, tools: Any, agreed: Any, tmp_path: Path) -> None:
    """Whoever was notified only of pseudonymised use is linked, and is in no release of anonymised information."""
    tools.register_hospital(
        place, programme={"regime": "P", "filing_number": "架第26-0901号"}, notice={"regime": "P", "version": "H900-P-1"}
    )
    people = [tools.small(number) for number in range(4)]
    ids = [row["local_patient_id"] for row in people]
    place.notify([{"local_patient_id": each, "given_on": "2026-06-01"} for each in ids[:3]])
    place.notify([{"local_patient_id": each, "given_on": "2026-06-01"} for each in ids[2:]], regime="P", version="H900-P-1")
    diagnoses = [tools.diagnosis(number, each) for number, each in enumerate(ids)]
    place.receive(tools.write_submission(tmp_path / "a", {"patients": people[:3], "diagnoses": diagnoses[:3]}))
    place.receive(tools.write_submission(tmp_path / "p", {"patients": people[2:], "diagnoses": diagnoses[2:]}, regime="P"))
    place.link()
    laid = sources(place, order_of(agreed))
    assert {row["patient_key"] for row in laid["members"]} == {place.key("H900", each) for each in ids[:3]}
    assert len(laid["diagnoses"]) == len(laid["patients"]) == 3


# the order


def test_plan_beyond_the_approval(copied: Any) -> None:
    order = order_of(copied)
    before = copied.state()
    assert refused(copied, replace(order, approved_items=order.approved_items - {"diagnoses.icd10"})) == plans.EXCEEDS_APPROVAL.code
    assert states(copied) == [] and copied.state() == before


def test_plan_for_another_recipient(copied: Any, tmp_path: Path) -> None:
    other = tmp_path / "plan.toml"
    other.write_text(PLAN.read_text("utf-8").replace('"academia"', '"industry"'), "utf-8")
    with pytest.raises(Refusal):
        make_for(copied, order_of(copied), other)
    assert states(copied) == []


def test_order_past_its_term(copied: Any) -> None:
    order = order_of(copied)
    copied.day(order.term_to + timedelta(days=1))
    assert refused(copied, order) == "order-expired"


def test_nobody_linked(copied: Any) -> None:
    with copied.home.transaction() as session:
        session.execute(sa.delete(persons.Registration))
    assert refused(copied) == "nobody-eligible"
    assert states(copied) == [release_state.REFUSED]
    (entry,) = copied.booked("release.refused")
    assert (entry["code"], entry["contract"]) == ("nobody-eligible", copied.told["contract"])


def test_gate_that_says_no(copied: Any, tmp_path: Path) -> None:
    """A k that these data cannot reach: refused with evidence, booked, and nothing to deliver."""
    strict = tmp_path / "plan.toml"
    text = PLAN.read_text("utf-8").replace("k = 10 ", "k = 900 ").replace("suppression_limit = 0.05", "suppression_limit = 0.0")
    strict.write_text(text, "utf-8")
    code = refused(copied, order_of(copied), strict)
    (entry,) = copied.booked("release.refused")
    assert entry["code"] == code and states(copied) == [release_state.REFUSED]
    assert not list((copied.path / "deliver").rglob("package.tar.age"))
    assert not copied.rows("released", "members")


@pytest.mark.parametrize("seat", ["AP", "CK-1", "HL", "AD-1", "system"])
def test_only_the_data_officer_makes(copied: Any, seat: str) -> None:
    with pytest.raises(Refusal) as caught:
        release.make(copied.by(seat), order_of(copied), PLAN, Text("目的", "purpose"), [], copied.archive())
    assert caught.value.code == "move-not-allowed"
    assert states(copied) == []


# what is made


def test_members_file(made: Any) -> None:
    rows = made.rows("released", "members")
    keys = Counter(row["patient_key"] for row in rows)
    assert max(keys.values()) == 1
    assert {row["patient_key"]: row["person"] for row in rows} == made.persons()
    with made.home.transaction() as session:
        (file,) = vault.files(session, vault.Shelf.RELEASED, table="members")
        assert file.submission == made.told["made"].release.id
    assert made.files_recorded() <= made.files_on_disk()


def test_person_at_two_hospitals_appears_once(told: Any) -> None:
    per_person = Counter(row["person"] for row in told.rows("released", "members"))
    assert max(per_person.values()) > 1
    shown = Counter(pq.read_table(Path(told.told["opened"]) / "data" / "parquet" / "patients.parquet").column("person").to_pylist())
    assert max(shown.values()) == 1
    assert len(shown) <= len(per_person)


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_same_inputs_same_bytes(agreed: Any, tools: Any, tmp_path: Path) -> None:
    """Home, plan, order, clock and entropy alike: the opened bag is the same, byte for byte; the envelope around it never is."""
    opened, sealed = [], []
    for name in ("one", "other"):
        place = tools.duplicate(agreed, tmp_path / name)
        place.entropy = tools.seeded(7)
        done = make(place)
        opened.append(contents(place.open_package(done.release.id, tmp_path / f"opened-{name}")))
        sealed.append(sha256((place.path / str(done.release.package_path)).read_bytes()).hexdigest())
        place.close()
    assert len(opened[0]) > 15 and opened[0] == opened[1]
    assert sealed[0] != sealed[1]


def test_two_releases_share_no_pseudonym(made: Any, tmp_path: Path) -> None:
    again = make(made)
    names = []
    for release_id in (made.told["made"].release.id, again.release.id):
        folder = made.open_package(release_id, tmp_path / release_id)
        names.append(set(pq.read_table(folder / "data" / "parquet" / "patients.parquet").column("person").to_pylist()))
    assert len(names[0]) > 600 and not names[0] & names[1]


# the second release on the same persons


def evidence_of(place: Any, release_id: str) -> dict[str, Any]:
    path = release.folder_of(place.home, release_id) / release.EVIDENCE
    return json.loads(path.read_text("utf-8"))  # type: ignore[no-any-return]


def checks(evidence: dict[str, Any], code: str) -> list[dict[str, Any]]:
    return [one for one in evidence["verdicts"] if one["check"] == code]


def test_the_first_release_stands_alone(made: Any) -> None:
    evidence = evidence_of(made, made.told["made"].release.id)
    assert evidence["format"] == "kiban/evidence/v2"
    assert evidence["risk"]["intersection"]["releases"] == [] and checks(evidence, "joint-class") == []
    (unrecorded,) = checks(evidence, "earlier-unrecorded")
    assert unrecorded["found"] == 0


def test_the_search_keeps_the_joint_classes_of_a_second_release(made: Any) -> None:
    first, second = made.told["made"], make(made)
    evidence = evidence_of(made, second.release.id)
    (joint,) = evidence["risk"]["intersection"]["releases"]
    assert (joint["release"], joint["recipient"], joint["judged"]) == (first.release.id, "same", True)
    assert joint["persons_in_both"] + joint["persons_only_here"] == second.evidence.persons
    assert joint["smallest_joint_class"] >= 10 and joint["persons_below_k"] == 0
    for code in ("joint-class", "shift-linked", "order-linked"):
        (verdict,) = checks(evidence, code)
        assert verdict["subject"] == first.release.id and verdict["passed"]


def test_a_second_release_whose_classes_cross_is_refused(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each release keeps k by itself. The engine is kept from looking at the first one, so that only the gate stands in the way."""
    carry_out = release.engine.carry_out

    def blind(*arguments: Any, earlier: Any = None) -> Any:
        assert earlier == "earlier_joint"
        return carry_out(*arguments)

    monkeypatch.setattr(release.engine, "carry_out", blind)
    assert refused(made) == "release-refused"
    entry = made.booked("release.refused")[-1]
    assert "joint-class" in entry["reason"]
    last = states(made)
    assert last.count(release_state.REFUSED) == 1
    with made.home.transaction() as session:
        refused_id = next(each.id for each in release_state.every(session) if each.state == release_state.REFUSED)
    evidence = evidence_of(made, refused_id)
    assert [one["passed"] for one in checks(evidence, "k")] == [True, True]
    (joint,) = checks(evidence, "joint-class")
    assert joint["found"] > 0 and not joint["passed"]
    assert (release.folder_of(made.home, refused_id) / "report.ja.html").is_file()


def test_only_the_recipients_own_releases_where_the_plan_says_so(made: Any, tmp_path: Path) -> None:
    """Somebody else holds the first release: it is measured, and the search need not keep to it."""
    alone = tmp_path / "plan.toml"
    text = '[risk]\nintersection = "recipient"\n'
    alone.write_text(PLAN.read_text("utf-8").replace("[risk]\n", text, 1), "utf-8")
    order = order_of(made)
    second = make_for(made, replace(order, recipient="o-0000000000000000"), alone)
    evidence = evidence_of(made, second.release.id)
    (joint,) = evidence["risk"]["intersection"]["releases"]
    assert (joint["recipient"], joint["judged"]) == ("other", False) and joint["persons_below_k"] > 0
    assert checks(evidence, "joint-class") == []
    assert second.outcome.anonymity.loss_geometric < 0.15


def test_an_earlier_release_without_record_of_its_classes(made: Any) -> None:
    with made.home.transaction() as session:
        (file,) = vault.files(session, vault.Shelf.RELEASED, table="classes")
        vault.destroy(session, made.home, file)
    assert refused(made) == "release-refused"
    assert "earlier-unrecorded" in made.booked("release.refused")[-1]["reason"]


def test_a_refused_release_is_in_nobodys_hands(made: Any) -> None:
    with made.home.transaction() as session:
        release_state.refuse(session, made.by("PR").circumstances, made.told["made"].release.id, "差し替え")
    evidence = evidence_of(made, make(made).release.id)
    assert evidence["risk"]["intersection"]["releases"] == []


def test_a_release_made_meanwhile_has_not_been_judged(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out = release.earlier_releases.lay_out

    def before_the_other(*arguments: Any) -> Any:
        held = lay_out(*arguments)
        return replace(held, earlier=(), joint=None)

    monkeypatch.setattr(release.earlier_releases, "lay_out", before_the_other)
    assert refused(made) == "earlier-releases-changed"


def test_what_is_kept_of_a_release_are_numbers(made: Any) -> None:
    """One class per registration released, as many persons in each as the evidence says; nobody who was left out."""
    rows = made.rows("released", "classes")
    done = made.told["made"]
    assert len({row["person"] for row in rows}) == done.evidence.persons
    persons = Counter(number for _, number in {(row["person"], row["class"]) for row in rows})
    assert Counter(persons.values()) == Counter(done.outcome.anonymity.class_sizes)
    assert {row["patient_key"] for row in rows} < members(made)


# the reports


def test_the_reports_are_those_the_evidence_names(made: Any, tmp_path: Path) -> None:
    release_id = made.told["made"].release.id
    written = release.reports(made.home, release_id)
    assert set(written) == {"evidence.json", "report.json", "report.ja.html", "report.en.html"}
    evidence = json.loads(written["evidence.json"])
    assert sha256(written["evidence.json"]).hexdigest() == made.told["made"].evidence.digest
    for name, digest in evidence["reports"].items():
        assert sha256(written[name]).hexdigest() == digest
    page = release.folder_of(made.home, release_id) / "report.en.html"
    page.write_bytes(page.read_bytes().replace(b"0.0", b"0.1", 1) + b" ")
    with pytest.raises(Refusal) as altered:
        release.reports(made.home, release_id)
    assert altered.value.code == "report-altered"
    page.unlink()
    with pytest.raises(Refusal):
        release.reports(made.home, release_id)


def test_nothing_in_clear_is_left_where_it_was_made(made: Any) -> None:
    """The bag itself was sealed and removed; only the sealed package and the two documents remain."""
    names = {path.name for path in (made.path / "deliver").rglob("*") if path.is_file()}
    assert names == {release.PACKAGE, release.MANIFEST, release.EVIDENCE, "report.json", "report.ja.html", "report.en.html"}
    assert not list((made.path / "core" / "engine").iterdir())


def test_intention_is_booked_before_the_act(copied: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect in the middle leaves the intention in the book and no product."""

    def broken(*_arguments: Any, **_named: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(release.engine, "carry_out", broken)
    with pytest.raises(ZeroDivisionError):
        make(copied)
    assert len(copied.booked("release.intended")) == 1 and not copied.booked("release.made")
    assert copied.files_on_disk() == copied.files_recorded()


def test_failure_at_the_very_end_leaves_no_package(copied: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: Any, **_named: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(release.release_state, "produce", broken)
    with pytest.raises(ZeroDivisionError):
        make(copied)
    left = copied.files_on_disk() - copied.files_recorded()
    assert {Path(name).name for name in left} == {release.MANIFEST, release.EVIDENCE, "report.json", "report.ja.html", "report.en.html"}
    assert not members(copied)


def test_unknown_members_are_not_taken_for_nobody(made: Any) -> None:
    """Without the record of who is in a release, nobody can say that none of them asked to stop."""
    release_id = made.told["made"].release.id
    approve(made, release_id)
    with made.home.transaction() as session:
        (file,) = vault.files(session, vault.Shelf.RELEASED, table="members")
        vault.destroy(session, made.home, file)
    with pytest.raises(Refusal) as missing:
        releasing.commit(made.by("PR"), release_id)
    assert missing.value.code == "members-missing"
    assert not made.booked("release.committed")


def test_a_defect_ends_the_release_without_quoting_data(copied: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: Any, **_named: Any) -> None:
        raise ValueError("架空 太郎")

    monkeypatch.setattr(release.engine, "carry_out", fail)
    before = len(states(copied))
    with pytest.raises(ValueError, match="架空"):
        make(copied)
    assert states(copied)[before:] == [release_state.REFUSED]
    entry = copied.booked("release.refused")[-1]
    assert "ValueError" in entry["reason"] and "架空" not in entry["reason"]
