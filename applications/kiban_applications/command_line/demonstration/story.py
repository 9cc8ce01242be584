"""物語 (story): three hospitals submit, patients are linked, an applicant applies, a dataset is made, delivered and audited; for real.

Every step calls the same code as the commands. The story has its own clock, set to the day the example data were made for, so that
waiting periods and terms come out as told.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from kiban_applications import conditions, contracts, delivery, hospital_file
from kiban_applications.command_line import applying, bookkeeping, registering, releasing
from kiban_applications.command_line.demonstration import cast
from kiban_applications.command_line.door import Door
from kiban_applications.review import committee, store
from kiban_operator import (
    approvals,
    custody,
    intake,
    notice_register,
    optouts,
    people,
    persons,
    plan_approval,
    release_state,
    vault,
    workshop,
)
from kiban_operator import (
    home as homes,
)
from kiban_operator.circumstances import JAPAN, Circumstances
from kiban_operator.home import Home
from kiban_operator.ledger import audit
from kiban_operator.persons import doubts, side_by_side
from kiban_operator.submissions import Receipt
from kiban_processing import plan as plans
from kiban_processing.language import Text
from kiban_processing.package import bag, envelope
from kiban_processing.refusals import Family, Ground, Refusal

DATA_MISSING = Ground(
    "demo-data-missing", Family.INPUT, None,
    Text("例のデータが {place} にありません。", "The example data are not at {place}."),
    Text("--data で data_examples のフォルダを指定してください。", "Name the folder data_examples with --data."),
)  # fmt: skip

DAY = datetime(2026, 11, 21, 0, 5, tzinfo=JAPAN)
HOSPITALS = ("h001", "h002", "h003")
MARK = "demo.toml"


@dataclass
class Clock:
    """The story's clock: starts on the day of the data and goes on a second whenever it is read."""

    at: datetime = DAY

    def __call__(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


@dataclass
class Story:
    """The story as far as it has been told."""

    door: Door
    data: Path
    home: Home
    seats: dict[str, str]
    told: dict[str, Any]

    def by(self, seat: str) -> Home:
        """The home with the person of a seat acting."""
        return homes.Home(self.home.path, self.home.settings, self.home.circumstances.acting(self.seats[seat]))

    def key(self, seat: str) -> bytes:
        return people.private_key(self.home.path / "keys" / "people", self.seats[seat])

    def chapter(self, number: int, ja: str, en: str) -> None:
        if not self.door.as_json:
            self.door.out.print(f"\n{number}. {self.door.say(ja, en)}", style="bold")


def tell(door: Door, data: Path | None = None) -> None:
    """The whole story into `door.home_path`; an earlier demonstration there is replaced, any other home is left alone. Refuses: home-exists."""
    place = data or _example_data()
    if not (place / "hospitals").is_dir():
        raise DATA_MISSING.refuse(place=place)
    if (door.home_path / MARK).is_file():
        shutil.rmtree(door.home_path)
    story = _found(door, place)
    receipts = _receive(story)
    _watch_and_link(story)
    contract = _agree(story)
    release_id = _make_and_deliver(story, contract)
    _audit(story)
    _close(story, receipts, contract, release_id)


def _example_data() -> Path:
    beside = Path(__file__).resolve().parents[4] / "data_examples"
    return beside if beside.is_dir() else Path("data_examples")


def _found(door: Door, data: Path) -> Story:
    clock = Clock()
    circumstances = Circumstances(clock, secrets.token_bytes, "system")
    telling = Door(door.language, door.home_path, None, door.as_json, clock=clock)
    made = registering.found_home(
        telling, cast.OPERATOR, cast.OPERATOR_ADDRESS, "1010001000000", "chihaya.example/kiban", list(cast.ADMINISTRATORS), None
    )
    (made.path / MARK).write_text(
        "# 実演の保管場所。`kiban demo` をもう一度行うと作り直されます。 A demonstration's home; remade by `kiban demo`.\n",
        encoding="utf-8",
    )
    opened = homes.Home(made.path, made.settings, circumstances)
    with opened.transaction() as session:
        operator = session.query(people.Organisation).filter_by(kind=people.OrganisationKind.OPERATOR.value).one().id
    story = Story(door, data, opened, {}, {})
    story.chapter(1, "認定事業者と担当者", "The operator and its people")
    story.seats = cast.enter(opened, operator)
    door.tell(f"{cast.OPERATOR}、担当者・委員・利用者 {len(story.seats)} 人。役割は管理者二人で付与しました。",
              f"{cast.OPERATOR}: {len(story.seats)} people; every role was proposed by one administrator and confirmed by another.")  # fmt: skip
    return story


def _receive(story: Story) -> list[Receipt]:
    story.chapter(2, "通知・停止の求め・受入れ(三医療機関)", "Notices, stop requests and receiving (three hospitals)")
    receipts = []
    for name in HOSPITALS:
        folder = story.data / "hospitals" / name
        liaison, desk_home = story.by("HL"), story.by("OD")
        with workshop.open_workshop(story.home.receive / "engine") as con, story.home.transaction() as session:
            hospital = hospital_file.register(session, liaison.circumstances, folder / "hospital.toml")
            secret = vault.patient_secret(session, story.home)
            notices = notice_register.import_register(
                session, liaison.circumstances, hospital.id, "A", folder / "notices.csv", secret, con=con
            )
            stops = optouts.import_stops(session, desk_home.circumstances, hospital.id, folder / "stops.csv", secret, con=con)
        with story.door.progress() as progress:
            receipt = intake.receive(liaison, folder / "submission", progress)
        receipts.append(receipt)
        total = receipt.totals
        story.door.tell(
            f"{hospital.id} {hospital.name}: 通知 {notices.added}、停止の求め {stops.added} / 受信 {total.sent:,} 行 = "
            f"受入れ {total.accepted:,} + 保留 {total.held:,} + 隔離 {total.quarantined:,}",
            f"{hospital.id} {hospital.name}: {notices.added} notices, {stops.added} stops / {total.sent:,} rows sent = "
            f"{total.accepted:,} accepted + {total.held:,} held + {total.quarantined:,} quarantined",
        )
    again = intake.receive(story.by("HL"), story.data / "hospitals" / HOSPITALS[0] / "submission")
    story.door.tell(
        f"同じ提供をもう一度送っても何も変わりません({again.submission})。",
        f"The same submission sent again changes nothing ({again.submission}).",
    )
    story.told["receipts"] = [each.as_json() for each in receipts]
    return receipts


def _watch_and_link(story: Story) -> None:
    story.chapter(3, "常設照会と名寄せ", "Standing query and linkage")
    report = custody.check(story.by("PR"))
    story.door.tell(
        f"保管した {report.rows:,} 行すべてに通知の証跡があります。", f"All {report.rows:,} stored rows have the evidence of their notice."
    )
    with story.door.progress() as progress:
        outcome = persons.link(story.by("PR"), progress)
    story.door.tell(
        f"患者登録 {outcome.registrations} 件 → 本人 {outcome.persons} 人(複数の医療機関に {outcome.across_hospitals} 人、要確認 {outcome.doubtful} 組)",
        f"{outcome.registrations} registrations → {outcome.persons} persons ({outcome.across_hospitals} at several hospitals, {outcome.doubtful} pairs to review)",
    )
    story.told["linkage"] = {
        "registrations": outcome.registrations,
        "persons": outcome.persons,
        "across_hospitals": outcome.across_hospitals,
        "doubtful": outcome.doubtful,
    }
    _settle(story)


def _settle(story: Story) -> None:
    """Two people look at each doubt by themselves: an equal telephone number speaks for a move, nothing equal beside the name for a namesake."""
    door = story.door
    first, second = (story.by(seat) for seat in ("PR", "PR-2"))
    with story.home.transaction() as session:
        waiting = [doubt.id for doubt in doubts.waiting(session)]
    settled: list[doubts.Answer] = []
    for doubt in waiting:
        answer = _answer({field.name: field.agreement for field in side_by_side.show(first, doubt).fields})
        side_by_side.decide(first, doubt, answer, JUDGED[answer][0])
        if not settled:
            _try_alone(story, doubt, answer)
        side_by_side.decide(second, doubt, answer, JUDGED[answer][1])
        settled.append(answer)
    again = persons.link(first)
    same, different, unknown = (settled.count(each) for each in (doubts.Answer.SAME, doubts.Answer.DIFFERENT, doubts.Answer.CANNOT_TELL))
    door.tell(
        f"二人がそれぞれ見て {len(settled)} 組を確定しました(同じ人 {same}、別人 {different}、判別できない {unknown})。もう一度名寄せすると本人 {again.persons} 人、要確認 {again.doubtful} 組。",
        f"Two people, neither seeing the other's answer, settled {len(settled)} ({same} as one person, {different} as two, {unknown} not to be told); "
        f"linked again: {again.persons} persons, {again.doubtful} pairs to review.",
    )
    story.told["settled"] = {
        "same": same,
        "different": different,
        "cannot_tell": unknown,
        "persons": again.persons,
        "doubtful": again.doubtful,
        "merged": again.merged,
    }


JUDGED = {
    doubts.Answer.CANNOT_TELL: ("確かめられる項目が足りず、どちらともいえない", "比較できない項目があり、判別できない"),
    doubts.Answer.SAME: (
        "氏名・生年月日・電話番号が一致し、転居と保険の変更とみる",
        "電話番号が同じで、住所と保険は後の登録で変わったとみる",
    ),
    doubts.Answer.DIFFERENT: (
        "氏名と生年月日のほかは、住所・電話・保険がいずれも異なる",
        "住所・電話・保険のどれも一致せず、同姓同名とみる",
    ),
}


def _answer(agreement: Mapping[str, side_by_side.Agreement]) -> doubts.Answer:
    alike = {side_by_side.Agreement.EQUAL, side_by_side.Agreement.WRITTEN_OTHERWISE}
    if alike.issuperset(agreement[name] for name in ("name_kana", "birth_date", "phone")):
        return doubts.Answer.SAME
    unlike = all(agreement[name] is side_by_side.Agreement.DIFFERENT for name in ("address", "phone", "insured_number"))
    return doubts.Answer.DIFFERENT if unlike else doubts.Answer.CANNOT_TELL


def _try_alone(story: Story, doubt: str, answer: doubts.Answer) -> None:
    try:
        side_by_side.decide(story.by("PR"), doubt, answer, JUDGED[answer][1])
    except Refusal as refusal:
        story.door.tell(
            f"一人で二度判定することは拒まれました: {refusal.code}", f"A second answer by the same person was refused: {refusal.code}"
        )


def _agree(story: Story) -> str:
    story.chapter(4, "利用申請・審査・契約", "Application, review, contract")
    folder = story.data / "application"
    with story.home.transaction() as session:
        answers = applying.read_answers(story.home, folder / "application.toml")
        case = store.create(session, story.by("AP").circumstances, answers).id
        store.submit(session, story.by("AP").circumstances, case)
        store.accept(session, story.by("SE").circumstances, case)
        members = [*(story.seats[f"CM-{number}"] for number in range(1, 5)), story.seats["CH"]]
        committee.assign(session, story.by("SE").circumstances, case, members, quorum=3)
    with story.home.transaction() as session:
        committee.declare(session, story.by("CM-4").circumstances, case, True, "申請者と共同研究をしている")
        committee.declare(session, story.by("CH").circumstances, case, False)
        for number in range(1, 4):
            acting = story.by(f"CM-{number}").circumstances
            committee.declare(session, acting, case, False)
            scores = dict.fromkeys(committee.CRITERIA, 4)
            committee.give_opinion(
                session, acting, case, "approve-with-conditions", scores, "目的は妥当であり、少数の公表を制限すれば足りる。"
            )
        committee.open_deliberation(session, story.by("SE").circumstances, case)
        committee.draft_conditions(session, story.by("CM-1").circumstances, case, applying.read_conditions(folder / "conditions.toml"))
        for number in range(1, 4):
            committee.vote(session, story.by(f"CM-{number}").circumstances, case, "approve-with-conditions")
        minutes = applying.digest_of(folder / "minutes.md")
        committee.decide(
            session, story.by("CH").circumstances, case, "approve-with-conditions", minutes, "委員三名の一致により条件付きで承認する。"
        )
    story.door.tell(f"申請 {case}: 委員五名のうち一名は利益相反を申告し、三名の独立した意見により条件付きで承認されました。",
                    f"Application {case}: one of five members declared a conflict; three independent opinions approved it with conditions.")  # fmt: skip
    with story.home.transaction() as session:
        contract = contracts.open_contract(session, story.by("CO").circumstances, case).id
        terms = contracts.standard_terms(session, case)
        contracts.propose(session, story.by("CO").circumstances, contract, terms)
        contracts.agree(session, story.by("AP").circumstances, contract, terms.digest)
        contracts.sign(session, story.by("AS").circumstances, contract, terms.digest, story.key("AS"))
        contracts.execute(session, story.by("CO-2").circumstances, contract, terms.digest, story.key("CO-2"))
        contracts.activate(session, story.by("CO").circumstances, contract)
    story.door.tell(f"契約 {contract}: 条件 {len(terms.conditions)} 件に双方が同じ要約値で合意し、発効しました。",
                    f"Contract {contract}: both sides agreed to {len(terms.conditions)} conditions by the same digest; it is in force.")  # fmt: skip
    story.told.update(application=case, contract=contract, conditions=[each.as_json() for each in terms.conditions])
    return contract


def _make_and_deliver(story: Story, contract: str) -> str:
    door = story.door
    story.chapter(5, "作成・判定・承認・提供", "Making, judging, approving, delivering")
    plan = story.data / "plans" / "diabetes-cohort.toml"
    with story.home.transaction() as session:
        order = contracts.order(session, contract, story.home.circumstances.today())
        digest = plan_approval.approve(session, story.by("CK-1").circumstances, plans.read(plan), order)
    door.tell(
        f"加工計画 {digest[:23]}… を承認者が契約に照らして承認しました。", f"A checker approved the plan {digest[:23]}… for the contract."
    )
    made = releasing.make(door, story.by("PR"), contract, plan)
    release_id, manifest = made.release.id, str(made.release.manifest_digest)
    judged = made.outcome.anonymity
    door.tell(
        f"{release_id}: {made.evidence.persons} 人、k={judged.k_reached}(求めた値 {judged.k_asked})、規則第18条の判定 {len(made.evidence.verdicts)} 件すべて適合",
        f"{release_id}: {made.evidence.persons} persons, k={judged.k_reached} ({judged.k_asked} asked), all {len(made.evidence.verdicts)} checks of Reg 18 passed",
    )
    with story.home.transaction() as session:
        approvals.approve(session, story.by("CK-1").circumstances, release_id, story.key("CK-1"), manifest)
    try:
        with story.home.transaction() as session:
            approvals.approve(session, story.by("CK-1").circumstances, release_id, story.key("CK-1"), manifest)
    except Refusal as refusal:
        door.tell(
            f"同じ人の二度目の承認は拒まれました: {refusal.code}", f"A second approval by the same person was refused: {refusal.code}"
        )
    with story.home.transaction() as session:
        approvals.approve(session, story.by("CK-2").circumstances, release_id, story.key("CK-2"), manifest)
    releasing.commit(story.by("PR"), release_id)
    package = releasing.deliver(story.by("DL"), release_id)
    door.tell(f"承認者二名が目録 {manifest[:23]}… に署名し、別の担当者が提供しました({package.stat().st_size / 1e6:.1f} MB、暗号化)。",
              f"Two approvers signed the manifest {manifest[:23]}…; a fourth person delivered it ({package.stat().st_size / 1e6:.1f} MB, encrypted).")  # fmt: skip
    identity = (story.home.path / "keys" / cast.RECIPIENT_KEY).read_text(encoding="utf-8")
    opened = envelope.unseal(package, identity, story.home.path / "recipient")
    found = bag.verify(opened)
    with story.home.transaction() as session:
        delivery.receipt(session, story.by("CU").circumstances, release_id, f"sha256:{found.digest}", story.key("CU"))
    rows = ", ".join(f"{table} {number:,}" for table, number in found.rows.items())
    door.tell(
        f"利用者は自分の鍵で開き、受領を署名で確認しました: {rows}",
        f"The recipient opened it with their own key and signed the receipt: {rows}",
    )
    story.told.update(release=release_id, manifest=manifest, persons=made.evidence.persons, k=judged.k_reached, opened=str(opened))
    return release_id


def _audit(story: Story) -> None:
    door = story.door
    story.chapter(6, "帳簿の書き出しと監査", "Exporting the ledger and auditing it")
    folder = story.home.path / "ledger-export"
    written = bookkeeping.export(story.by("AU"), folder)
    verdict = audit.audit(folder)
    door.tell(
        f"{written.size} 件の記載を {folder} に書き出し、そのフォルダだけから検証しました。",
        f"Wrote {written.size} entries to {folder} and audited them from that folder alone.",
    )
    if not door.as_json:
        door.out.print(verdict.read(door.language), end="")
    altered = story.home.path / "altered-export"
    shutil.copytree(folder, altered)
    entries = bytearray((altered / "entries.jsonl").read_bytes())
    entries[len(entries) // 2] ^= 1
    (altered / "entries.jsonl").write_bytes(bytes(entries))
    caught = not audit.audit(altered).ok
    shutil.rmtree(altered)
    door.tell(f"写しの1ビットを書き換えると、検証は{'異常を見つけました' if caught else '異常を見逃しました'}。",
              f"With one bit of a copy changed, the audit {'found it' if caught else 'MISSED it'}.")  # fmt: skip
    story.told["audit"] = {"ok": verdict.ok, "entries": written.size, "altered_copy_found": caught, "folder": str(folder)}
    if not (verdict.ok and caught):
        raise AssertionError("the demonstration's own ledger does not stand the audit")


def _close(story: Story, receipts: list[Receipt], contract: str, release_id: str) -> None:
    door, place = story.door, story.home.path
    with story.home.transaction() as session:
        state = release_state.load(session, release_id).state
    story.told.update(home=str(place), release_state=state, bound_by=len(conditions.STATUTORY))
    door.tell(
        f"\nこの保管場所でほかのコマンドも試せます:\n"
        f"  kiban --home {place} submissions show {receipts[0].submission}\n"
        f"  kiban --home {place} contract show {contract}\n"
        f"  kiban --home {place} ledger export {place}/export && kiban audit {place}/export\n"
        f"  kiban --home {place} serve      # http://127.0.0.1:8000/healthz",
        f"\nTry the other commands on this home:\n"
        f"  kiban --home {place} submissions show {receipts[0].submission}\n"
        f"  kiban --home {place} contract show {contract}\n"
        f"  kiban --home {place} ledger export {place}/export && kiban audit {place}/export\n"
        f"  kiban --home {place} serve      # http://127.0.0.1:8000/healthz",
    )
    door.give(story.told)
