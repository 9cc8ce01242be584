"""記載の種類 (kinds): the closed list of what the ledger can say, the facts each entry carries, and which of them are sealed (Act 14, Reg 12).

`book.append` takes one of these constants. An entry carries every required fact, may carry the optional ones, and no other: a fact
that is not declared here is a bug, because the ledger can never forget it. A sealed field is text that may have to be erased one day
(a recipient's name): the entry holds a salted commitment only. An entry's aggregate is `<aggregate>/<id>`, such as `release/R-0012`.

The life of a release, as the audit replays it (all under the aggregate `release/<id>`):

    application.decided (approved, conditionally-approved)   aggregate application/<id>
    contract.executed                                         aggregate contract/<id>, names the application
    release.intended → release.made → release.approved × 2 (different persons, same manifest) → release.committed → release.delivered
                                                                                                                → release.receipted

The preparer is the actor of `release.intended` and `release.made`, an approver the actor (= `by`) of `release.checked` and
`release.approved`, the delivery officer the actor of `release.delivered`: all different persons. A new `release.made` voids approvals.

The evidence document (根拠資料) whose digest stands in `release.made` is that of `kiban_processing.evidence` (EVIDENCE_FORMATS): every
verdict passed, at least one for each of EVIDENCE_STANDARDS, nobody ineligible, over the same plan and as many persons as the entry says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from kiban_operator.ledger.shapes import (
    CODE,
    COUNT,
    COUNTS,
    DATE,
    DIGEST,
    MOMENT,
    NAMES,
    PUBLIC_KEY,
    SIGNATURE,
    STATEMENT,
    TALLIES,
    TEXT,
    Shape,
    one_of,
)
from kiban_processing import statutes
from kiban_processing.language import Text
from kiban_processing.statutes import Article

EVIDENCE_FORMATS = ("kiban/evidence/v1", "kiban/evidence/v2")  # v2: risk measured, and joint classes with earlier releases judged
EVIDENCE_CHECKS = {
    "kiban/evidence/v1": (),
    "kiban/evidence/v2": ("k", "prosecutor-risk", "earlier-unrecorded"),
}  # that must be among the verdicts
EVIDENCE_STANDARDS = ("18(i)", "18(ii)", "18(iii)", "18(iv)", "18(v)", "opt-out")
APPROVING_DECISIONS = ("approved", "conditionally-approved")
RETENTION_YEARS = 3  # Reg 12(3): from the day of the entry


@dataclass(frozen=True)
class Kind:
    """One kind of entry. `sealed`: fields that must be given as sealed text; `sealed_optional`: those that may. `statutory`: an event of
    Reg 12(1), kept three years with its sealed texts. `aggregate`: first part of the aggregate's name; None: any."""

    name: str
    label: Text
    article: Article
    aggregate: str | None
    required: Mapping[str, Shape]
    optional: Mapping[str, Shape] = field(default_factory=dict)
    sealed: frozenset[str] = frozenset()
    sealed_optional: frozenset[str] = frozenset()
    statutory: bool = False

    def faults(self, aggregate: object, facts: Mapping[str, object], sealed: frozenset[str]) -> list[Text]:
        """What is wrong with an entry of this kind, by field name and never by value; empty if all is well."""
        found: list[Text] = []
        head, _, rest = aggregate.partition("/") if isinstance(aggregate, str) and CODE.fits(aggregate) else ("", "", "")
        if not (head and rest) or (self.aggregate is not None and head != self.aggregate):
            expected = self.aggregate or "…"
            found.append(Text(f"対象は {expected}/<ID> でなければなりません", f"the aggregate must be {expected}/<id>"))
        found += [Text(f"事実 {name} がありません", f"the fact {name} is missing") for name in self.required if name not in facts]
        for name, value in facts.items():
            shape = self.required.get(name) or self.optional.get(name)
            if shape is None:
                found.append(Text(f"事実 {_shown(name)} は定めがありません", f"the fact {_shown(name)} is not declared"))
            elif not shape.fits(value):
                found.append(Text(f"事実 {name} が {shape.name} の形ではありません", f"the fact {name} is not a {shape.name}"))
        found += [Text(f"封をした項目 {name} がありません", f"the sealed field {name} is missing") for name in sorted(self.sealed - sealed)]
        allowed = self.sealed | self.sealed_optional
        found += [
            Text(f"封をした項目 {_shown(name)} は定めがありません", f"the sealed field {_shown(name)} is not declared")
            for name in sorted(sealed - allowed)
        ]
        return found


def _shown(name: str) -> str:
    """An undeclared name as a report may show it: never one that could imitate the report."""
    return name if CODE.fits(name) and name.isprintable() else "…"


RECIPIENT = frozenset({"recipient_name", "recipient_address", "recipient_identifier"})
REGIME = one_of("A", "P")

# 医療情報取扱事業者から (from hospitals)
HOSPITAL_REGISTERED = Kind(
    "hospital.registered", Text("医療情報取扱事業者の登録", "hospital registered"), statutes.ACT_52_1, "hospital",
    {"hospital": CODE}, {"registration": DIGEST},
)  # fmt: skip
PROGRAMME_CHANGED = Kind(
    "programme.changed", Text("提供事業の状態変更", "programme changed"), statutes.ACT_52_1, "hospital",
    {"hospital": CODE, "regime": REGIME, "from": CODE, "to": CODE}, {"effective_on": DATE, "document": DIGEST, "reason": TEXT},
)  # fmt: skip
NOTICE_VERSION_FILED = Kind(
    "notice.version-filed", Text("通知の版の届出", "notice version filed"), statutes.ACT_52_1, "hospital",
    {"hospital": CODE, "regime": REGIME, "version": CODE, "filed_on": DATE},
    {"document": DIGEST, "items": NAMES, "waiting_days": COUNT, "reason": TEXT, "filing_number": CODE, "starts_on": DATE},
)  # fmt: skip
NOTICES_REGISTERED = Kind(
    "notices.registered", Text("通知の登録", "notices registered"), statutes.ACT_52_1, "hospital",
    {"hospital": CODE, "count": COUNT}, {"regime": REGIME, "version": CODE, "changed": COUNT, "repeated": COUNT},
)  # fmt: skip
STOPS_REGISTERED = Kind(
    # counts only: a digest of a short list of local IDs could be guessed
    "stops.registered", Text("提供停止の求めの登録", "requests to stop registered"), statutes.ACT_53_1, "hospital",
    {"hospital": CODE, "count": COUNT}, {"regime": REGIME, "acknowledged": COUNT, "repeated": COUNT, "withdrawn": COUNT, "voided": COUNT},
)  # fmt: skip
SUBMISSION_RECEIVED = Kind(
    "submission.received", Text("医療情報の受領", "submission received"), statutes.ACT_55_3, "submission",
    {"hospital": CODE, "regime": REGIME, "digest": DIGEST, "tables": TALLIES},
    {"period_from": DATE, "period_to": DATE, "files": COUNT, "files_quarantined": COUNT, "record": DIGEST},
)  # fmt: skip
HELD_ADMITTED = Kind(
    "held.admitted", Text("保留分の受入れ", "held rows admitted"), statutes.ACT_56_1_I, "hospital",
    {"hospital": CODE, "tables": COUNTS}, {"submission": CODE, "regime": REGIME},
)  # fmt: skip

# 事業者の内で (within the operator)
MASTER_LOADED = Kind(
    "master.loaded", Text("コードマスターの取込み", "code master loaded"), statutes.REG_5_X, "master",
    {"version": CODE, "digest": DIGEST, "in_force": DATE, "rows": COUNT},
)  # fmt: skip
PERSONS_LINKED = Kind(
    "persons.linked", Text("名寄せ", "registrations linked to persons"), statutes.ACT_18, "linkage",
    {"registrations": COUNT, "persons": COUNT},
    {
        "review": COUNT, "vetoed": COUNT, "merged": COUNT, "split": COUNT, "joined": COUNT, "parted": COUNT, "left": COUNT, "decisions": COUNT,
        "raised": COUNT, "closed": COUNT, "settings": DIGEST, "report": DIGEST,
    },
)  # fmt: skip
_DOUBT_OUTCOME = one_of("same", "different", "cannot-tell")
DOUBT_SETTLED = Kind(
    # counts and digests: which registrations, and what each of the two or three people answered and why, stand in control data
    "doubt.settled", Text("疑わしい組の確定", "doubt settled"), statutes.ACT_18, "doubt",
    {"about": one_of("merge", "split", "sample"), "outcome": _DOUBT_OUTCOME, "answers": COUNT, "pairs": COUNT, "answers_digest": DIGEST},
)  # fmt: skip
DOUBT_REVOKED = Kind(
    "doubt.revoked", Text("疑わしい組の確定の取消し", "settlement of a doubt revoked"), statutes.ACT_18, "doubt",
    {"about": one_of("merge", "split", "sample"), "outcome": _DOUBT_OUTCOME},
)  # fmt: skip
BREACH_FOUND = Kind(
    "breach.found", Text("規律違反の発見", "breach found"), statutes.ACT_56_1_I, "breach",
    {"rule": CODE, "count": COUNT}, {"hospital": CODE, "table": CODE, "submission": CODE, "release": CODE},
)  # fmt: skip
KEY_REGISTERED = Kind(
    "key.registered", Text("承認鍵の登録", "approval key registered"), statutes.ACT_22, "person",
    {"person": CODE, "key": PUBLIC_KEY, "role": CODE},
)  # fmt: skip
KEY_REVOKED = Kind(
    "key.revoked",
    Text("承認鍵の失効", "approval key revoked"),
    statutes.ACT_22,
    "person",
    {"person": CODE, "key": PUBLIC_KEY},
    {"reason": TEXT},
)
ROLE_GRANTED = Kind(
    "role.granted", Text("役割の付与", "role granted"), statutes.ACT_22, "person",
    {"person": CODE, "role": CODE}, {"ends_on": DATE, "organisation": CODE},
)  # fmt: skip
ROLE_REVOKED = Kind(
    "role.revoked", Text("役割の取消し", "role revoked"), statutes.ACT_22, "person", {"person": CODE, "role": CODE}, {"reason": TEXT}
)

# 利用申請と契約 (application and contract)
APPLICATION_SUBMITTED = Kind(
    "application.submitted", Text("利用申請", "application submitted"), statutes.REG_5_VII, "application",
    {"document": DIGEST}, {"items": NAMES, "parent": CODE, "organisation": CODE}, sealed_optional=frozenset({"applicant_name", "applicant_address"}),
)  # fmt: skip
APPLICATION_DECIDED = Kind(
    "application.decided", Text("審査の決定", "application decided"), statutes.REG_5_VII, "application",
    {"decision": one_of(*APPROVING_DECISIONS, "rejected", "returned", "deferred")},
    {"document": DIGEST, "conditions": DIGEST, "minutes": DIGEST, "votes": COUNTS, "conflicts": COUNT, "reason": TEXT},
)  # fmt: skip
APPLICATION_WITHDRAWN = Kind(
    "application.withdrawn", Text("申請の取下げ", "application withdrawn"), statutes.REG_5_VII, "application", {}, {"reason": TEXT}
)
CONDITIONS_AGREED = Kind(
    "conditions.agreed", Text("条件の合意", "conditions agreed"), statutes.REG_6_V, "contract", {"application": CODE, "conditions": DIGEST}
)
CONTRACT_EXECUTED = Kind(
    "contract.executed", Text("利用契約の締結", "contract executed"), statutes.REG_6_V, "contract",
    {"application": CODE, "conditions": DIGEST, "ends_on": DATE}, {"starts_on": DATE, "document": DIGEST, "items": NAMES},
    sealed_optional=RECIPIENT,
)  # fmt: skip
CONTRACT_SUSPENDED = Kind(
    "contract.suspended", Text("利用契約の停止", "contract suspended"), statutes.REG_6_V, "contract", {}, {"reason": TEXT}
)
CONTRACT_RESUMED = Kind("contract.resumed", Text("利用契約の再開", "contract resumed"), statutes.REG_6_V, "contract", {}, {"reason": TEXT})
CONTRACT_ENDED = Kind(
    "contract.ended", Text("利用契約の終了", "contract ended"), statutes.REG_6_V, "contract", {}, {"reason": TEXT, "destruction": DIGEST}
)
PLAN_APPROVED = Kind(
    "plan.approved", Text("加工計画の承認", "processing plan approved"), statutes.ACT_19, "plan",
    {"plan": DIGEST}, {"application": CODE, "contract": CODE, "name": CODE},
)  # fmt: skip

# 作成と提供 (making and provision)
RELEASE_INTENDED = Kind(
    "release.intended", Text("作成の着手", "release intended"), statutes.ACT_19, "release",
    {"contract": CODE, "application": CODE, "plan": DIGEST}, {"order": DIGEST, "items": NAMES},
)  # fmt: skip
RELEASE_MADE = Kind(
    "release.made", Text("作成の完了", "release made"), statutes.REG_18, "release",
    {"contract": CODE, "application": CODE, "plan": DIGEST, "manifest": DIGEST, "evidence": DIGEST, "persons": COUNT},
    {"tables": COUNTS, "stopped": COUNT, "k": COUNT, "version": CODE},
)  # fmt: skip
RELEASE_REFUSED = Kind(
    "release.refused", Text("作成の拒否", "release refused"), statutes.REG_18, "release",
    {"code": CODE}, {"contract": CODE, "application": CODE, "plan": DIGEST, "article": TEXT, "evidence": DIGEST, "stage": CODE, "reason": TEXT},
)  # fmt: skip
_OPINION: Mapping[str, Shape] = {"manifest": DIGEST, "by": CODE, "statement": STATEMENT, "signature": SIGNATURE}
RELEASE_CHECKED = Kind(
    "release.checked",
    Text("提供前の点検", "release checked"),
    statutes.REG_5_VII,
    "release",
    _OPINION,
    {"checklist": DIGEST, "reason": TEXT},
)
RELEASE_APPROVED = Kind(
    "release.approved", Text("提供の承認", "release approved"), statutes.REG_5_VII, "release", _OPINION, {"reason": TEXT}
)
RELEASE_COMMITTED = Kind(
    "release.committed",
    Text("提供の確定", "release committed"),
    statutes.ACT_14,
    "release",
    {"contract": CODE, "manifest": DIGEST},
    {"order": DIGEST},
)
RELEASE_DELIVERED = Kind(
    # Reg 12: the user's name, address and identifier (sealed), the date, the items
    "release.delivered", Text("利用者への提供", "provided to a user"), statutes.REG_12, "release",
    {"contract": CODE, "manifest": DIGEST, "package": DIGEST, "provided_on": DATE, "items": NAMES},
    {"application": CODE, "means": CODE, "files": COUNT, "bytes": COUNT, "regime": REGIME}, sealed=RECIPIENT, statutory=True,
)  # fmt: skip
RELEASE_RECEIPTED = Kind(
    "release.receipted", Text("受領の確認", "receipt confirmed"), statutes.REG_12, "release",
    {"manifest": DIGEST, "received_on": DATE}, {"package": DIGEST, "receipt": DIGEST, "signature": SIGNATURE, "key": PUBLIC_KEY},
)  # fmt: skip
PROVISION_USER_TO_USER = Kind(
    "provision.user-to-user", Text("利用者から他の利用者への提供", "provided from user to user"), statutes.REG_12, "release",
    {"contract": CODE, "provided_on": DATE, "items": NAMES}, {"manifest": DIGEST, "to_contract": CODE, "permission": DIGEST},
    sealed=frozenset({f"{side}_{item}" for side in ("from", "to") for item in ("name", "address", "identifier")}), statutory=True,
)  # fmt: skip
_ERASED: Mapping[str, Shape] = {
    "scope": one_of("person", "registration", "submission", "hospital", "everything"),
    "ground": one_of("stop", "hospital-request", "received-unlawfully", "unneeded", "programme-ended", "certification-ended"),
}
ERASURE_BEGUN = Kind(
    # who is erased is a salted commitment to the keyed names of the registrations
    "erasure.begun", Text("消去の着手", "erasure begun"), statutes.ACT_20, "erasure",
    _ERASED, {"hospital": CODE, "submission": CODE, "registrations": COUNT, "document": DIGEST}, sealed_optional=frozenset({"subject"}),
)  # fmt: skip
ERASURE_STEPPED = Kind(
    "erasure.stepped", Text("消去の経過", "step of an erasure"), statutes.ACT_20, "erasure",
    {"what": one_of("vault", "held", "quarantine", "released", "linkage", "release", "traces")},
    {"files": COUNT, "rows": COUNT, "keys": COUNT, "release": CODE},
)  # fmt: skip
DELETION_DONE = Kind(
    "deletion.done", Text("消去", "deletion done"), statutes.REG_12, "deletion",
    {"deleted_on": DATE, "items": NAMES},
    {
        "hospital": CODE, "reason": TEXT, "persons": COUNT, "rows": COUNT, "files": COUNT, "keys": COUNT, **_ERASED, "submission": CODE,
        "registrations": COUNT, "order": CODE, "files_by_shelf": COUNTS, "rows_by_shelf": COUNTS, "files_scanned": COUNT, "rows_scanned": COUNT,
        "releases_ended": COUNT, "releases_delivered": COUNT,
    },
    sealed_optional=frozenset({"subject"}), statutory=True,
)  # fmt: skip
OPERATOR_EXCHANGE = Kind(
    "operator.exchange", Text("他の認定事業者との授受", "exchange with another operator"), statutes.REG_12, "exchange",
    {"direction": one_of("to", "from"), "exchanged_on": DATE, "items": NAMES}, {"manifest": DIGEST, "digest": DIGEST, "persons": COUNT},
    sealed=frozenset({"counterpart_name", "counterpart_address", "counterpart_identifier"}), statutory=True,
)  # fmt: skip

# 帳簿そのもの (the book itself)
COMMAND_REFUSED = Kind(
    "command.refused", Text("操作の拒否", "command refused"), statutes.ACT_21, None,
    {"command": CODE, "code": CODE}, {"article": TEXT, "hospital": CODE},
)  # fmt: skip
CASE_MOVED = Kind(
    # every step of a case without a kind of its own (a conflict declared, an opinion, a recall): what moved and the event's digest
    "case.moved", Text("案件の経過", "case moved on"), statutes.REG_5_VII, None,
    {"command": CODE, "from": CODE, "to": CODE, "event": DIGEST},
)  # fmt: skip
CORRECTION = Kind(
    "correction", Text("訂正", "correction"), statutes.REG_12, None, {"corrects": COUNT, "reason": TEXT}, {"document": DIGEST}
)
LEDGER_KEY_ROTATED = Kind(
    "ledger.key-rotated",
    Text("帳簿の鍵の更新", "ledger key rotated"),
    statutes.ACT_14,
    "ledger",
    {"old": CODE, "new": CODE},
    {"since": MOMENT},
)

KINDS: dict[str, Kind] = {value.name: value for value in list(globals().values()) if isinstance(value, Kind)}


def retained_until(entered: date) -> date:
    """The last day of the statutory preservation of an entry made on that day (Reg 12(3))."""
    try:
        return entered.replace(year=entered.year + RETENTION_YEARS)
    except ValueError:  # 29 February
        return date(entered.year + RETENTION_YEARS, 3, 1)


class Undeclared(Exception):
    """A bug: an entry of an unknown kind, or one whose facts do not fit its kind."""


def named(name: str) -> Kind:
    """The kind called `name`; raises Undeclared, a bug, if there is none."""
    if name not in KINDS:
        raise Undeclared(f"no kind of entry is called {name!r}")
    return KINDS[name]
