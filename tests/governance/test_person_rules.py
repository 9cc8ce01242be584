"""Each refusal of the flows: the right step by the wrong person, too early, too late, or over other bytes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from kiban_applications import conditions, contracts, delivery
from kiban_applications.conditions import Condition
from kiban_applications.review import committee, store
from kiban_operator import approvals, grants, people, release_state
from kiban_operator.ledger import book
from kiban_operator.release_state import RELEASE
from kiban_operator.roles import Act, Role
from kiban_processing.refusals import Refusal

SCORES = dict.fromkeys(committee.CRITERIA, 3)
MINUTES = "sha256:" + "1" * 64
SYSTEM = "system"


def refused(code: str, story: Any, name: str, command: Any, /, *arguments: Any, **named: Any) -> None:
    with pytest.raises(Refusal) as caught:
        story.do(name, command, *arguments, **named)
    assert caught.value.code == code, caught.value
    assert caught.value.read("ja") and caught.value.read("en")


# --- people and roles (Reg 6(i)) ---


def test_an_administrator_grants_no_role_to_themself(story: Any) -> None:
    refused("self-grant", story, "ad1", grants.propose_role, story.ids["ad1"], Role.AU)


def test_a_role_counts_only_when_a_second_administrator_confirmed(story: Any) -> None:
    newcomer = story.do("ad1", people.register_person, story.folder / "new", name="新人", organisation_id=story.organisations["operator"])
    grant = story.do("ad1", grants.propose_role, newcomer.id, Role.CK)
    assert story.read(lambda session: people.held(session, newcomer.id)) == frozenset()
    refused("same-administrator", story, "ad1", grants.confirm_role, grant.id)
    refused("move-not-allowed", story, "se", grants.confirm_role, grant.id)
    story.do("ad2", grants.confirm_role, grant.id)
    assert story.read(lambda session: people.held(session, newcomer.id)) == {Role.CK}
    refused("move-not-allowed", story, "ad2", grants.confirm_role, grant.id)


def test_a_revoked_role_bites_at_once(story: Any) -> None:
    release = story.produced()
    held = story.read(lambda session: [row for row in session.query(people.Grant) if row.person_id == story.ids["ck"]])
    story.do("ad1", grants.revoke_role, held[0].id)
    refused("move-not-allowed", story, "ck", approvals.approve, release, story.key("ck"))


@pytest.mark.parametrize(("name", "role"), [("cu", Role.CK), ("pr", Role.AP), ("cm1", Role.SE), ("ap", Role.SYS)])
def test_a_role_of_the_other_side_is_not_granted(story: Any, name: str, role: Role) -> None:
    refused("role-unfit", story, "ad1", grants.propose_role, story.ids[name], role)


@pytest.mark.parametrize(("name", "role"), [("pr", Role.AD), ("pr", Role.AU), ("ad2", Role.PR)])
def test_administrators_and_auditors_hold_nothing_else(story: Any, name: str, role: Role) -> None:
    grant = story.do("ad1", grants.propose_role, story.ids[name], role)
    confirming = "ad1" if name == "ad2" else "ad2"
    expected = "roles-clash" if confirming == "ad2" else "same-administrator"
    refused(expected, story, confirming, grants.confirm_role, grant.id)


def test_an_operator_is_founded_once_and_with_two_administrators(empty: Any) -> None:
    given = {"name": "機構", "address": "東京都", "identifier": "1"}
    refused("two-administrators-needed", empty, SYSTEM, grants.found, empty.keys, **given, administrators=("一人",))
    empty.found()
    refused("already-founded", empty, SYSTEM, grants.found, empty.keys, **given, administrators=("甲", "乙"))


def test_strangers_and_acts_without_role_are_refused(story: Any) -> None:
    refused("unknown-person", story, "p-nobody", store.create)
    with pytest.raises(Refusal) as caught:
        story.read(lambda session: people.require(session, story.acting("ap"), Act.LINK_PERSONS))
    assert caught.value.code == "act-not-allowed"
    refused(
        "act-not-allowed", story, "se", people.register_person, story.keys, name="新人", organisation_id=story.organisations["operator"]
    )


@pytest.mark.parametrize("field", ["name", "address", "identifier"])
def test_an_organisation_without_an_item_of_the_ledger_is_not_registered(story: Any, field: str) -> None:
    given = {"name": "甲", "address": "乙", "identifier": "丙", field: " "}
    refused("organisation-incomplete", story, "ad1", people.register_organisation, kind=people.OrganisationKind.RECIPIENT, **given)


def test_a_recipient_key_that_is_none_is_refused(story: Any) -> None:
    given = {"name": "甲", "address": "乙", "identifier": "丙", "age_recipient": "age1wrong"}
    refused("recipient-key-invalid", story, "ad1", people.register_organisation, kind=people.OrganisationKind.RECIPIENT, **given)


def test_a_private_key_is_readable_by_its_owner_only(story: Any) -> None:
    path = story.keys / f"{story.ids['ck']}.key"
    assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(Refusal) as caught:
        people.private_key(Path("/nowhere"), "p-0")
    assert caught.value.code == "approval-key-missing"


# --- application and review ---


def test_nobody_applies_for_an_organisation_that_is_not_verified(story: Any) -> None:
    story.register("fresh", "新しい会社")
    story.enter("fresh", {"ap_fresh": {Role.AP}})
    refused("organisation-unverified", story, "ap_fresh", store.create)


def test_an_applicant_of_another_organisation_does_not_touch_the_case(story: Any) -> None:
    application = story.do("ap", store.create).id
    refused("own-organisation-only", story, "ap_other", store.save, application, story.answers())
    refused("own-organisation-only", story, "ap_other", store.withdraw, application)


def test_custodians_must_be_registered_there(story: Any) -> None:
    application = story.do("ap", store.create).id
    for person in (story.ids["ap_other"], story.ids["as"], "p-nobody"):
        custodians = [{"person": person, "place": "研究棟", "prefecture": "27"}]
        story.do("ap", store.save, application, story.answers(custodians=custodians))
        refused("custodian-unregistered", story, "ap", store.submit, application)


def test_a_page_that_is_out_of_date_changes_nothing(story: Any) -> None:
    application = story.do("ap", store.create)
    story.do("ap", store.save, application.id, story.answers(), version=1)
    refused("case-changed", story, "ap", store.save, application.id, {}, version=1)


def test_a_withdrawn_case_stays_on_record_and_closed(story: Any) -> None:
    application = story.under_review()
    story.do("ap", store.withdraw, application)
    assert story.read(lambda session: store.read(session, application)).state == "WITHDRAWN"
    refused("move-not-allowed", story, "chair", committee.open_deliberation, application)


def test_a_member_of_the_applicants_employer_is_in_conflict_without_declaring(story: Any) -> None:
    application = story.submitted()
    story.do("se", store.accept, application)
    three = [story.ids[name] for name in ("cm1", "cm2", "own_cm")]
    refused("quorum-unmet", story, "se", committee.assign, application, three)
    story.do("se", committee.assign, application, [*three, story.ids["cm3"]])
    dossier = story.read(lambda session: store.read(session, application))
    assert dossier.members[story.ids["own_cm"]].conflict is True
    refused("already-declared", story, "own_cm", committee.declare, application, False)
    refused("own-case", story, "own_cm", committee.give_opinion, application, "approve", SCORES, "理由")
    with pytest.raises(Refusal) as caught:
        story.read(lambda session: store.open_dossier(session, story.acting("own_cm"), application))
    assert caught.value.code == "dossier-closed"


def test_the_dossier_opens_after_the_declaration_and_only_without_conflict(story: Any) -> None:
    application = story.under_review()

    def opened(name: str) -> Any:
        return story.read(lambda session: store.open_dossier(session, story.acting(name), application))

    for name in ("cm1", "cm2"):
        with pytest.raises(Refusal):
            opened(name)
        refused("conflict-of-interest", story, name, committee.give_opinion, application, "approve", SCORES, "理由")
    story.do("cm1", committee.declare, application, False)
    story.do("cm2", committee.declare, application, True, "共同研究")
    assert opened("cm1").answers["title"]
    with pytest.raises(Refusal):
        opened("cm2")
    refused("conflict-of-interest", story, "cm2", committee.give_opinion, application, "approve", SCORES, "理由")
    refused("already-declared", story, "cm1", committee.declare, application, True)


def test_who_is_not_assigned_takes_no_part(story: Any) -> None:
    application = story.submitted()
    story.do("se", store.accept, application)
    story.do("se", committee.assign, application, [story.ids[name] for name in ("chair", "cm1", "cm2")])
    refused("not-assigned", story, "cm3", committee.declare, application, False)
    refused("not-assigned", story, "cm3", committee.give_opinion, application, "approve", SCORES, "理由")
    refused("not-a-member", story, "se", committee.assign, application, [story.ids["pr"]])
    refused("quorum-too-small", story, "se", committee.assign, application, [story.ids["cm3"]], quorum=1)


def test_opinions_are_hidden_until_the_deliberation_and_given_once(story: Any) -> None:
    application = story.under_review()
    for name in ("cm1", "cm2", "cm3"):
        story.do(name, committee.declare, application, False)
    story.do("cm1", committee.give_opinion, application, "reject", SCORES, "不足がある")
    refused("already-given", story, "cm1", committee.give_opinion, application, "approve", SCORES, "思い直した")
    story.do("cm2", committee.give_opinion, application, "approve", SCORES, "妥当")

    def seen_by(name: str) -> set[str]:
        dossier = story.read(lambda session: store.open_dossier(session, story.acting(name), application))
        return {other for other in ("cm1", "cm2", "cm3") if story.ids[other] in dossier.opinions}

    assert (seen_by("cm1"), seen_by("cm2"), seen_by("cm3"), seen_by("se")) == ({"cm1"}, {"cm2"}, set(), set())
    refused("quorum-unmet", story, "chair", committee.open_deliberation, application)
    story.do("cm3", committee.give_opinion, application, "approve", SCORES, "妥当")
    story.do("chair", committee.open_deliberation, application)
    assert seen_by("cm3") == {"cm1", "cm2", "cm3"}
    assert seen_by("ap") == set()
    assert story.read(lambda session: store.open_dossier(session, story.acting("ap"), application)).members == {}
    for stranger in ("ap_other", "pr"):
        with pytest.raises(Refusal):
            seen_by(stranger)


@pytest.mark.parametrize("scores", [{}, {**SCORES, "purpose": 0}, {**SCORES, "beauty": 3}])
def test_an_opinion_scores_every_criterion(story: Any, scores: dict[str, int]) -> None:
    application = story.under_review()
    story.do("cm1", committee.declare, application, False)
    refused("opinion-invalid", story, "cm1", committee.give_opinion, application, "approve", scores, "理由")
    refused("opinion-invalid", story, "cm1", committee.give_opinion, application, "perhaps", SCORES, "理由")
    refused("reason-missing", story, "cm1", committee.give_opinion, application, "approve", SCORES, " ")


def test_the_chair_decides_only_what_the_votes_carry(story: Any) -> None:
    application = story.in_deliberation()
    refused("quorum-unmet", story, "chair", committee.decide, application, "approve", MINUTES)
    for name, cast in (("cm1", "reject"), ("cm2", "reject"), ("cm3", "approve")):
        story.do(name, committee.vote, application, cast)
    refused("already-given", story, "cm1", committee.vote, application, "approve")
    refused("no-opinion", story, "chair", committee.vote, application, "approve")
    refused("no-majority", story, "chair", committee.decide, application, "approve", MINUTES)
    refused("minutes-missing", story, "chair", committee.decide, application, "reject", "", "不足")
    refused("reason-missing", story, "chair", committee.decide, application, "reject", MINUTES)
    refused("move-not-allowed", story, "cm1", committee.decide, application, "reject", MINUTES, "不足")
    assert story.do("chair", committee.decide, application, "reject", MINUTES, "不足").state == "REJECTED"


def test_conditions_are_drafted_by_another_person_than_who_decides(story: Any) -> None:
    application = story.in_deliberation()
    for name in ("cm1", "cm2", "cm3"):
        story.do(name, committee.vote, application, "approve")
    refused("conditions-undrafted", story, "chair", committee.decide, application, "approve-with-conditions", MINUTES)
    story.do("chair", committee.draft_conditions, application, [Condition("use-report", 3)])
    refused("drafter-decides", story, "chair", committee.decide, application, "approve-with-conditions", MINUTES)
    story.do("se", committee.draft_conditions, application, [Condition("use-report", 3)])
    refused("conditions-drafted", story, "chair", committee.decide, application, "approve", MINUTES)
    assert story.do("chair", committee.decide, application, "approve-with-conditions", MINUTES).state == "COND_APPROVED"


def test_a_returned_case_is_reviewed_from_the_start(story: Any) -> None:
    application = story.in_deliberation()
    for name in ("cm1", "cm2", "cm3"):
        story.do(name, committee.vote, application, "send-back")
    story.do("chair", committee.decide, application, "send-back", MINUTES, "対象期間を絞ること")
    story.do("ap", store.submit, application)
    refused("reason-missing", story, "se", store.send_back, application, "")
    story.do("se", store.accept, application)
    dossier = story.read(lambda session: store.read(session, application))
    assert (dossier.round, dossier.members, dossier.opinions, dossier.votes, dossier.decision) == (2, {}, {}, {}, None)


def test_a_deferred_case_resumes_with_new_votes(story: Any) -> None:
    application = story.in_deliberation()
    for name in ("cm1", "cm2", "cm3"):
        story.do(name, committee.vote, application, "approve")
    story.do("chair", committee.decide, application, "defer", MINUTES, "資料を待つ")
    story.do("chair", committee.resume, application)
    refused("quorum-unmet", story, "chair", committee.decide, application, "approve", MINUTES)


# --- contract ---


def test_terms_beyond_the_approval_are_not_even_proposed(story: Any) -> None:
    application = story.approved()
    contract = story.do("co", contracts.open_contract, application).id
    refused("contract-exists", story, "co2", contracts.open_contract, application)
    refused("nothing-proposed", story, "ap", contracts.agree, contract, "sha256:" + "0" * 64)
    terms = story.read(lambda session: contracts.standard_terms(session, application))
    weaker = tuple(each for each in terms.conditions if each.kind != "use-report")
    refused("conditions-too-weak", story, "co", contracts.propose, contract, replace(terms, conditions=weaker))
    slower = conditions.checked([*weaker, Condition("use-report", 12)])
    refused("conditions-too-weak", story, "co", contracts.propose, contract, replace(terms, conditions=slower))
    unlawful = tuple(each for each in terms.conditions if each.kind != "no-reidentification")
    refused("conditions-too-weak", story, "co", contracts.propose, contract, replace(terms, conditions=unlawful))
    longer = replace(terms, term_to=terms.term_to + timedelta(days=1))
    refused("term-beyond-approval", story, "co", contracts.propose, contract, longer)
    elsewhere = replace(terms, custodians=(replace(terms.custodians[0], place="自宅"),))
    refused("custodians-beyond-approval", story, "co", contracts.propose, contract, elsewhere)
    stricter = conditions.checked([*weaker, Condition("use-report", 3), Condition("small-cells", 10)])
    story.do("co", contracts.propose, contract, replace(terms, conditions=stricter, term_to=terms.term_to - timedelta(days=30)))


def test_both_sides_agree_on_the_same_digest_and_a_new_proposal_voids_it(story: Any) -> None:
    application = story.approved()
    contract = story.do("co", contracts.open_contract, application).id
    terms = story.read(lambda session: contracts.standard_terms(session, application))
    story.do("co", contracts.propose, contract, terms)
    refused("terms-differ", story, "ap", contracts.agree, contract, MINUTES)
    refused("move-not-allowed", story, "as", contracts.sign, contract, terms.digest, story.key("as"))
    story.do("ap", contracts.agree, contract, terms.digest)
    shorter = replace(terms, term_to=terms.term_to - timedelta(days=1))
    story.do("co", contracts.propose, contract, shorter)
    refused("move-not-allowed", story, "as", contracts.sign, contract, shorter.digest, story.key("as"))
    story.do("ap", contracts.object_to, contract, "期間を戻してほしい")


def test_the_drafter_does_not_sign_for_the_operator_nor_with_anothers_key(story: Any) -> None:
    contract = story.negotiated()
    digest = story.terms(contract).digest
    refused("drafter-signs", story, "co", contracts.execute, contract, digest, story.key("co"))
    refused("signature-invalid", story, "co2", contracts.execute, contract, digest, story.key("co"))
    refused("terms-differ", story, "co2", contracts.execute, contract, MINUTES, story.key("co2"))
    story.do("co2", contracts.execute, contract, digest, story.key("co2"))


def test_no_contract_without_approval(story: Any) -> None:
    application = story.in_deliberation()
    refused("application-not-approved", story, "co", contracts.open_contract, application)


def test_an_order_comes_only_from_a_contract_in_force(story: Any) -> None:
    contract = story.negotiated()
    with pytest.raises(Refusal) as caught:
        story.order(contract)
    assert caught.value.code == "use-contract-not-active"
    active = story.active()
    order = story.order(active)
    assert order.approved_items == {"patients.sex", "laboratory_results.value"}
    assert release_state.orders.read(order.as_json()) == order
    for day in (date(2026, 3, 31), date(2027, 4, 1)):
        with pytest.raises(Refusal) as caught:
            story.read(lambda session, day=day: contracts.order(session, active, day))
        assert caught.value.code == "outside-term"


def test_an_approval_lapses_only_when_time_has_passed_and_no_contract_exists(story: Any) -> None:
    application = story.approved()
    refused("lapse-early", story, SYSTEM, contracts.lapse, application)
    story.clock.at += timedelta(days=181)
    refused("move-not-allowed", story, "se", contracts.lapse, application)
    story.do(SYSTEM, contracts.lapse, application)
    refused("application-not-approved", story, "co", contracts.open_contract, application)


# --- release ---


def test_a_person_with_every_role_still_cannot_do_two_parts(story: Any) -> None:
    contract = story.active()
    order = story.order(contract)
    release = story.do("all", release_state.plan, order, "[plan]\n", MINUTES).id
    refused("not-preparer", story, "pr", release_state.produce, release, story.product())
    story.do("all", release_state.produce, release, story.product())
    refused("preparer-approves", story, "all", approvals.approve, release, story.key("all"))
    story.do("ck", approvals.approve, release, story.key("ck"))
    refused("same-approver", story, "ck", approvals.approve, release, story.key("ck"))
    story.do("ck2", approvals.approve, release, story.key("ck2"))
    story.do(SYSTEM, approvals.commit, release, order, late_stops=0)
    refused("preparer-approves", story, "all", delivery.deliver, release, late_stops=0)


def test_an_approver_does_not_deliver(story: Any) -> None:
    contract = story.active()
    release = story.produced(contract)
    for name in ("ck", "all"):
        story.do(name, approvals.approve, release, story.key(name))
    story.do(SYSTEM, approvals.commit, release, story.order(contract), late_stops=0)
    refused("approver-delivers", story, "all", delivery.deliver, release, late_stops=0)
    story.do("dl", delivery.deliver, release, late_stops=0)


def test_a_new_manifest_voids_both_approvals_even_if_it_is_the_old_one_again(story: Any) -> None:
    contract = story.active()
    release = story.approved_twice(contract)
    story.do("pr", release_state.produce, release, story.product("別の一式"))
    assert story.release(release).state == "PRODUCED"
    refused("move-not-allowed", story, SYSTEM, approvals.commit, release, story.order(contract), late_stops=0)
    story.do("pr", release_state.produce, release, story.product())
    story.do("ck", approvals.approve, release, story.key("ck"))
    refused("same-approver", story, "ck", approvals.approve, release, story.key("ck"))
    with story_session(story) as session:
        assert len(approvals.valid_approvals(session, release_state.load(session, release))) == 1


def test_an_approval_names_the_manifest_that_was_read(story: Any) -> None:
    release = story.produced()
    refused("manifest-changed", story, "ck", approvals.approve, release, story.key("ck"), MINUTES)
    refused("signature-invalid", story, "ck", approvals.approve, release, story.key("ck2"))


@pytest.mark.parametrize("field", ["manifest_digest", "approval"])
def test_what_is_altered_after_the_approvals_is_not_committed(story: Any, field: str) -> None:
    contract = story.active()
    release = story.approved_twice(contract)
    with story_session(story) as session:
        if field == "manifest_digest":
            release_state.load(session, release).manifest_digest = MINUTES
        else:
            approval = session.query(approvals.Approval).first()
            approval.statement = {**approval.statement, "by": story.ids["ck2"]}
        session.commit()
    refused("approvals-missing", story, SYSTEM, approvals.commit, release, story.order(contract), late_stops=0)


def test_a_commit_looks_at_the_contract_the_stops_and_the_clock_again(story: Any) -> None:
    contract = story.active()
    release = story.approved_twice(contract)
    order = story.order(contract)
    refused("late-stop", story, SYSTEM, approvals.commit, release, order, late_stops=1)
    refused("order-changed", story, SYSTEM, approvals.commit, release, replace(order, conditions=MINUTES), late_stops=0)
    refused("move-not-allowed", story, "ck", approvals.commit, release, order, late_stops=0)
    story.clock.at += timedelta(hours=25)
    refused("gate-stale", story, SYSTEM, approvals.commit, release, order, late_stops=0)


def test_a_delivery_needs_the_contract_in_force_at_that_moment(story: Any) -> None:
    release = story.committed()
    contract = story.release(release).contract_id
    story.do("so", contracts.suspend, contract, "事故の調査")
    refused("use-contract-not-active", story, "dl", delivery.deliver, release, late_stops=0)
    story.do("so", contracts.resume, contract)
    refused("late-stop", story, "dl", delivery.deliver, release, late_stops=2)
    story.do("dl", delivery.deliver, release, late_stops=0)
    refused("move-not-allowed", story, "dl", delivery.deliver, release, late_stops=0)


def test_nothing_is_delivered_after_the_term(story: Any) -> None:
    release = story.committed()
    story.clock.at += timedelta(days=400)
    refused("outside-term", story, "dl", delivery.deliver, release, late_stops=0)


@pytest.mark.parametrize("what", ["changed", "gone"])
def test_a_package_that_is_not_the_approved_one_stays(story: Any, what: str) -> None:
    release = story.committed()
    package = Path(story.release(release).package_path)
    package.unlink() if what == "gone" else package.write_bytes(b"\x00")
    refused("package-not-as-approved", story, "dl", delivery.deliver, release, late_stops=0)


def test_only_a_named_custodian_confirms_the_receipt_of_these_bytes(story: Any) -> None:
    release = story.delivered()
    manifest = story.release(release).manifest_digest
    refused("own-organisation-only", story, "ap_other", delivery.receipt, release, manifest, story.key("ap_other"))
    refused("manifest-not-received", story, "cu", delivery.receipt, release, MINUTES, story.key("cu"))
    refused("signature-invalid", story, "cu", delivery.receipt, release, manifest, story.key("ap"))
    story.enter("recipient", {"cu_later": {Role.CU}})
    refused("not-custodian", story, "cu_later", delivery.receipt, release, manifest, story.key("cu_later"))


def test_a_refused_release_goes_nowhere(story: Any) -> None:
    release = story.produced()
    refused("reason-missing", story, "ck", release_state.refuse, release, " ")
    story.do("ck", release_state.refuse, release, "少数の区分が残っている")
    for name, command in (("pr", release_state.produce), ("ck", approvals.approve)):
        refused("move-not-allowed", story, name, command, release, story.product() if name == "pr" else story.key("ck"))


def test_the_gate_s_refusal_is_booked_with_its_code_and_article(story: Any) -> None:
    order = story.order(story.active())
    release = story.do("pr", release_state.plan, order, "[plan]\n", MINUTES).id
    story.do("pr", release_state.refuse, release, "gate", approvals.LATE_STOP.refuse(aggregate=RELEASE.name, count=1))
    (entry,) = story.read(lambda session: book.entries(session, kind="release.refused"))
    assert (entry.facts["code"], entry.facts["article"], entry.facts["stage"]) == ("late-stop", "Act 56(1)(ii)", "PLANNED")


def test_a_recalled_release_is_final_and_stays_in_the_register(story: Any) -> None:
    release = story.receipted()
    refused("move-not-allowed", story, "dl", release_state.recall, release, "事故")
    story.do("so", release_state.recall, release, "事故")
    (line,) = story.read(delivery.register)
    assert line.state == "RECALLED"


def story_session(story: Any) -> Any:
    return Session(story.engine)
