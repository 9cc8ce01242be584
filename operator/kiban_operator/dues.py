"""期限 (dues): every clock of the operator in one list: what is due when, by which article, read from live data and remembered nowhere.

One function per clock of the law; `CLOCKS` names them all. What recipients owe under contracts is theirs and is added by the applications (`oversight`).
Where the Act says "without delay" or "promptly" and no number, the days below are the operator's own limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kiban_operator import acknowledgements, notices, optouts, programmes, stop_matches, stop_papers, submissions
from kiban_operator.circumstances import JAPAN
from kiban_operator.programmes import Programme
from kiban_operator.submissions import Submission
from kiban_processing.language import Text
from kiban_processing.statutes import ACT_52_2, ACT_53_1, POLICY_NOTICE, REG_13, REG_47, REG_50, REG_52, REG_58, Article

PROMPTLY_DAYS = 7
MATCH_DAYS = 3


@dataclass(frozen=True)
class Due:
    """One thing that falls due: its clock, what it is about (a number or an ID, never a person), the last day, and what to do."""

    clock: str
    about: str
    due_on: date
    article: Article
    what: Text

    def is_overdue(self, today: date) -> bool:
        return self.due_on < today


def _documents(session: Session, _today: date) -> Iterator[Due]:
    for stop in optouts.unacknowledged(session):
        yield Due(
            "acknowledgement",
            stop.id,
            stop.acknowledge_by,
            ACT_53_1,
            Text("求めた方に書面を交付する", "deliver the document to the requester"),
        )


def _hospitals_to_tell(session: Session, _today: date) -> Iterator[Due]:
    for stop in optouts.uninformed(session):
        yield Due("inform-hospital", stop.id, stop.inform_by, REG_47, Text("求めを医療機関に知らせる", "tell the hospital of the request"))


def _matches(session: Session, _today: date) -> Iterator[Due]:
    for match in stop_matches.open_matches(session):
        taken = match.taken_at.astimezone(JAPAN).date()
        yield Due(
            "stop-match", match.id, taken + timedelta(days=MATCH_DAYS), ACT_53_1, Text("誰の求めかを決める", "decide whose the request is")
        )


def _papers(session: Session, today: date) -> Iterator[Due]:
    for paper in stop_papers.expired(session, today):
        yield Due(
            "copy-expired",
            paper.stop,
            paper.keep_until,
            REG_52,
            Text("保存期間を過ぎた写しを消去する(日次の処理が行う)", "erase the copy whose time is over (the daily clock does)"),
        )


def _own_publications(session: Session, _today: date) -> Iterator[Due]:
    for programme in programmes.list_all(session):
        if programme.ministers_published_on is not None and programme.own_published_on is None and programme.ended_on is None:
            last = programme.ministers_published_on + timedelta(days=PROMPTLY_DAYS)
            yield Due(
                "own-publication", _place(programme), last, REG_50, Text("医療機関が自ら公表する", "the hospital makes its own publication")
            )


def _ends(session: Session, today: date) -> Iterator[Due]:
    """An end of provision is notified and filed without delay after it; a programme under way to its end is told ahead."""
    for programme in programmes.list_all(session):
        if programme.ended_on is not None and programme.ended_on <= today <= programme.ended_on + timedelta(days=PROMPTLY_DAYS):
            last = programme.ended_on + timedelta(days=PROMPTLY_DAYS)
            yield Due(
                "end-of-provision",
                _place(programme),
                last,
                ACT_52_2,
                Text("終了を通知し、届け出、公表する", "notify, file and publish the end"),
            )


def _drafts(session: Session, _today: date) -> Iterator[Due]:
    """A version that was drafted and not filed: a change takes effect only after filing, notice and wait (Act 52(2))."""
    for version in session.scalars(
        sa.select(notices.NoticeVersion).where(notices.NoticeVersion.filed_on.is_(None)).order_by(notices.NoticeVersion.version)
    ):
        last = version.changed_at.astimezone(JAPAN).date() + timedelta(days=notices.WAIT_DAYS)
        about = f"{version.hospital}/{version.regime}/{version.version}"
        yield Due("notice-draft", about, last, ACT_52_2, Text("通知の版を届け出るか、取り下げる", "file the notice version or give it up"))


def _wait_reasons(session: Session, _today: date) -> Iterator[Due]:
    """A wait below the guide is reviewed once a year while the version is in force."""
    for version in session.scalars(
        sa.select(notices.NoticeVersion).where(
            notices.NoticeVersion.wait_days < notices.WAIT_DAYS, notices.NoticeVersion.filed_on.is_not(None)
        )
    ):
        if version.filed_on is not None:
            about = f"{version.hospital}/{version.regime}/{version.version}"
            yield Due(
                "short-wait",
                about,
                version.filed_on + timedelta(days=365),
                POLICY_NOTICE,
                Text("30日より短い期間の理由を見直す", "review the reason for a wait below 30 days"),
            )


def _receipts(session: Session, today: date) -> Iterator[Due]:
    """Receipt records may be erased three years after the last provision of the hospital under the regime (Reg 58, batch rule)."""
    last = session.execute(
        sa.select(Submission.hospital, Submission.regime, sa.func.max(Submission.received_at)).group_by(
            Submission.hospital, Submission.regime
        )
    ).all()
    for hospital, regime, received_at in last:
        until = acknowledgements.years_after(received_at.astimezone(JAPAN).date(), submissions.RETENTION_YEARS)
        if until < today:
            yield Due(
                "receipt-record",
                f"hospital/{hospital}/{regime}",
                until,
                REG_58,
                Text("保存期間を過ぎた受領記録を消去できる", "receipt records are past their time and may be erased"),
            )


def _fiscal_year(_session: Session, today: date) -> Iterator[Due]:
    """Plan and budget before the fiscal year begins on 1 April, report and accounts within three months of its end (Reg 13)."""
    year = today.year if today.month >= 4 else today.year - 1
    yield Due(
        "business-plan",
        f"fiscal-year/{year + 1}",
        date(year + 1, 3, 31),
        REG_13,
        Text("翌年度の事業計画と収支予算を提出し公表する", "submit and publish next year's plan and budget"),
    )
    report_of = year - 1 if today <= date(year, 6, 30) else year
    yield Due(
        "business-report",
        f"fiscal-year/{report_of}",
        date(report_of + 1, 6, 30),
        REG_13,
        Text("事業報告書と決算を提出し公表する", "submit and publish the report and accounts"),
    )


Clock = Callable[[Session, date], Iterator[Due]]
CLOCKS: tuple[Clock, ...] = (
    _documents, _hospitals_to_tell, _matches, _papers, _own_publications, _ends, _drafts, _wait_reasons, _receipts, _fiscal_year,
)  # fmt: skip


def every(session: Session, today: date, until: date | None = None) -> list[Due]:
    """All that is due, the most pressing first; `until`: no later than that day (overdue ones always)."""
    found = [due for clock in CLOCKS for due in clock(session, today) if until is None or due.due_on <= until]
    return sorted(found, key=lambda due: (due.due_on, due.clock, due.about))


def _place(programme: Programme) -> str:
    return f"hospital/{programme.hospital}/{programme.regime}"
