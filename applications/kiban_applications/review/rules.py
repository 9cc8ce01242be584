"""申請の状態遷移 (rules): the state table of an application, and the rule by which votes pass; pure (Reg 5(vii), 5(xi)).

Whoever acts for a recipient acts on their own organisation's cases only; everybody else never does (P1). Compliance must read every change.
"""

from __future__ import annotations

from collections.abc import Mapping

from kiban_operator import machine
from kiban_operator.machine import NEW, rows
from kiban_operator.roles import Role
from kiban_processing.language import Text

DRAFT, SUBMITTED, RETURNED, UNDER_REVIEW, DELIBERATION = "DRAFT", "SUBMITTED", "RETURNED", "UNDER_REVIEW", "DELIBERATION"
APPROVED, COND_APPROVED, REJECTED, DEFERRED = "APPROVED", "COND_APPROVED", "REJECTED", "DEFERRED"
WITHDRAWN, LAPSED = "WITHDRAWN", "LAPSED"

OPEN = (DRAFT, SUBMITTED, RETURNED, UNDER_REVIEW, DELIBERATION, DEFERRED)
PASSED = (APPROVED, COND_APPROVED)

_MEMBER = ("outside-organisation", "assigned")
_CHAIR = ("outside-organisation", "chair-unconflicted", "minutes-given", "votes-at-quorum")

APPLICATION = machine.Table(
    "application",
    Text("利用申請", "application"),
    {
        DRAFT: Text("下書き", "draft"),
        SUBMITTED: Text("申請済み", "submitted"),
        RETURNED: Text("差戻し", "returned"),
        UNDER_REVIEW: Text("審査中", "under review"),
        DELIBERATION: Text("合議中", "in deliberation"),
        APPROVED: Text("承認", "approved"),
        COND_APPROVED: Text("条件付き承認", "approved with conditions"),
        REJECTED: Text("不承認", "rejected"),
        DEFERRED: Text("保留", "deferred"),
        WITHDRAWN: Text("取下げ", "withdrawn"),
        LAPSED: Text("失効", "lapsed"),
    },
    {
        "create": Text("作成", "create"),
        "save": Text("保存", "save"),
        "submit": Text("申請", "submit"),
        "accept": Text("受付", "accept"),
        "return": Text("差戻し", "return"),
        "assign": Text("委員の割当て", "assign members"),
        "declare": Text("利益相反の申告", "declare conflict or none"),
        "opinion": Text("意見の提出", "give opinion"),
        "deliberate": Text("合議の開始", "open deliberation"),
        "draft-conditions": Text("条件案の作成", "draft conditions"),
        "vote": Text("投票", "vote"),
        "approve": Text("承認", "approve"),
        "approve-with-conditions": Text("条件付き承認", "approve with conditions"),
        "reject": Text("不承認", "reject"),
        "send-back": Text("差戻しの決定", "decide to return"),
        "defer": Text("保留", "defer"),
        "resume": Text("審議の再開", "resume"),
        "withdraw": Text("取下げ", "withdraw"),
        "lapse": Text("失効", "lapse"),
    },
    (
        *rows(NEW, "create", Role.AP, DRAFT, "organisation-verified"),
        *rows((DRAFT, RETURNED), "save", Role.AP, None, "own-organisation"),
        *rows(
            (DRAFT, RETURNED),
            "submit",
            Role.AP,
            SUBMITTED,
            "own-organisation",
            "form-complete",
            "custodians-registered",
            entry="application.submitted",
        ),
        *rows(SUBMITTED, "accept", Role.SE, UNDER_REVIEW, "outside-organisation", entry="case.moved"),
        *rows(SUBMITTED, "return", Role.SE, RETURNED, "outside-organisation", "reason-given", entry="case.moved"),
        *rows(UNDER_REVIEW, "assign", Role.SE, None, "outside-organisation", "members-fit", "quorum-assigned", entry="case.moved"),
        *rows(UNDER_REVIEW, "declare", Role.CM, None, "assigned", "undeclared", entry="case.moved"),
        *rows(
            UNDER_REVIEW, "opinion", Role.CM, None, *_MEMBER, "declared-unconflicted", "first-opinion", "reason-given", entry="case.moved"
        ),
        *rows(
            UNDER_REVIEW,
            "deliberate",
            (Role.CH, Role.SE),
            DELIBERATION,
            "outside-organisation",
            "opinions-at-quorum",
            entry="case.moved",
        ),
        *rows(DELIBERATION, "draft-conditions", Role.SE, None, "outside-organisation", entry="case.moved"),
        *rows(DELIBERATION, "draft-conditions", Role.CM, None, *_MEMBER, "declared-unconflicted", entry="case.moved"),
        *rows(DELIBERATION, "vote", Role.CM, None, *_MEMBER, "declared-unconflicted", "gave-opinion", "first-vote", entry="case.moved"),
        *rows(DELIBERATION, "approve", Role.CH, APPROVED, *_CHAIR, "majority", "no-conditions-drafted", entry="application.decided"),
        *rows(
            DELIBERATION,
            "approve-with-conditions",
            Role.CH,
            COND_APPROVED,
            *_CHAIR,
            "majority",
            "conditions-drafted",
            "drafter-is-not-chair",
            entry="application.decided",
        ),
        *rows(DELIBERATION, "reject", Role.CH, REJECTED, *_CHAIR, "majority", "reason-given", entry="application.decided"),
        *rows(DELIBERATION, "send-back", Role.CH, RETURNED, *_CHAIR, "reason-given", entry="application.decided"),
        *rows(DELIBERATION, "defer", Role.CH, DEFERRED, *_CHAIR, "reason-given", entry="application.decided"),
        *rows(DEFERRED, "resume", Role.CH, DELIBERATION, "outside-organisation", "chair-unconflicted", entry="case.moved"),
        *rows(OPEN, "withdraw", Role.AP, WITHDRAWN, "own-organisation", entry="application.withdrawn"),
        *rows(PASSED, "lapse", Role.SYS, LAPSED, "lapse-due", "no-contract", entry="case.moved"),
    ),
    frozenset({REJECTED, WITHDRAWN, LAPSED}),
)

VOTES = ("approve", "approve-with-conditions", "reject", "send-back", "defer")

DECISIONS = {
    "approve": "approved",
    "approve-with-conditions": "conditionally-approved",
    "reject": "rejected",
    "send-back": "returned",
    "defer": "deferred",
}
"""Command of the chair → the word of the ledger."""


def passes(votes: Mapping[str, int], command: str) -> bool:
    """Whether more than half of the votes cast carry the decision; who approves outright also carries an approval with conditions.

    `votes`: vote → count of persons. A tie carries nothing.

    >>> passes({"approve": 1, "approve-with-conditions": 1, "reject": 1}, "approve-with-conditions")
    True
    >>> passes({"approve": 1, "approve-with-conditions": 1, "reject": 1}, "approve")
    False
    """
    carrying = {"approve-with-conditions": ("approve", "approve-with-conditions")}.get(command, (command,))
    return 2 * sum(votes.get(vote, 0) for vote in carrying) > sum(votes.values())
