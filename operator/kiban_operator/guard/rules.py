"""提供の条件 (rules): every clause of the transfer guard as one value, in the order in which they are put to a case (Act 52, 56, 57).

Each clause has its meaning in Python (`obstructs`) and the same for the engine (`sql`, over the columns that `relation` lays out). Both
answer "does this stand in the way?", and where the engine cannot tell (NULL) it does: unknown is no. Hypothesis proves them equal.
Compliance must read every change of this file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from kiban_operator.guard import coverage
from kiban_operator.guard.standing import Case, NoticeGiven, ProgrammeDates, Standing
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import (
    ACT_52_1,
    ACT_52_2,
    ACT_52_3,
    ACT_55_1,
    ACT_56_1_I,
    ACT_56_1_II,
    POLICY_NOTICE,
    REG_48_1,
    REG_48_4,
    REG_50,
    Article,
)

AGE_OF_OWN_NOTICE = 16  # Basic Policy: below it the guardian is notified too


def _law(code: str, article: Article, what: Text, remedy: Text) -> Ground:
    return Ground(code, Family.LAW, article, what, remedy)


CONTRACT_NOT_ACTIVE = _law(
    "contract-not-active",
    ACT_55_1,
    Text("医療機関との契約が有効ではありません。", "There is no contract in force with the hospital."),
    Text("契約を結び、契約日を記録してください。", "Conclude the contract and record its date."),
)
FILING_NOT_MADE = _law(
    "filing-not-made",
    ACT_52_1,
    Text("主務大臣への届出がされていません。", "The filing with the ministers has not been made."),
    Text("様式第四十三により届け出て、届出日と番号を記録してください。", "File Form 43 and record its date and number."),
)
MINISTERS_NOT_PUBLISHED = _law(
    "ministers-not-published",
    ACT_52_3,
    Text("届出が主務大臣により公表されていません。", "The ministers have not published the filing."),
    Text("公表を確かめ、公表日を記録してください。", "Wait for the publication and record its date."),
)
INSTITUTION_NOT_PUBLISHED = _law(
    "institution-not-published",
    REG_50,
    Text("医療機関による公表がされていません。", "The hospital has not made its own publication."),
    Text("医療機関に公表を求め、公表日を記録してください。", "Have the hospital publish and record the date."),
)
PROVISION_NOT_STARTED = _law(
    "provision-not-started",
    REG_48_4,
    Text("提供を開始する予定日に達していません。", "The planned start of provision has not been reached."),
    Text("開始日を待ってください。記録がなければ開始日を記録してください。", "Wait for the start, or record it if it is not recorded."),
)
PROGRAMME_ENDED = _law(
    "programme-ended",
    ACT_52_2,
    Text("医療機関による提供は終了しています。", "The hospital has ended its provision."),
    Text("受け取らず、返却してください。", "Do not receive the data; return them."),
)
STOPPED = _law(
    "stopped",
    ACT_56_1_II,
    Text("提供停止の求めがあります。", "There is a request to stop provision."),
    Text("受け取らず、用いないでください。求めは直ちに効力を生じます。", "Neither receive nor use the data; the request bites at once."),
)
NOT_REGISTERED = _law(
    "not-registered",
    ACT_56_1_I,
    Text("患者登録のない患者番号の行です。", "The row names a patient of whom no patient row is known."),
    Text("患者表を添えて送り直してください。", "Send the patient table along."),
)
NOT_NOTIFIED = _law(
    "not-notified",
    ACT_56_1_I,
    Text("届出済みの版による本人への通知が確認できません。", "No notice to the person with a filed version is on record."),
    Text("本人に通知し、通知台帳を送ってください。", "Notify the person and send the notice register."),
)
NOTICE_BEFORE_WITHDRAWAL = _law(
    "notice-before-withdrawal",
    ACT_56_1_II,
    Text("停止の求めの撤回より後の通知がありません。", "There is no notice later than the withdrawal of the stop."),
    Text(
        "撤回の後に改めて通知し、新たな期間の経過を待ってください。",
        "Notify the person anew after the withdrawal and let a new period pass.",
    ),
)
DIED_BEFORE_NOTICE = _law(
    "died-before-notice",
    ACT_52_1,
    Text("通知より前に(又は同じ日に)亡くなった方です。", "The person died before the notice, or on the same day."),
    Text("提供できません。通知できない方の情報は対象になりません。", "The data cannot be provided: the person could not be notified."),
)
GUARDIAN_NOT_NOTIFIED = _law(
    "guardian-not-notified",
    POLICY_NOTICE,
    Text(
        "通知時に16歳未満、判断能力を欠く、又は生年月日が不明で、保護者等への通知がありません。",
        "Under 16 at the notice, without capacity, or of unknown birth date, and the guardian was not notified.",
    ),
    Text("保護者等にも通知し、その日付を通知台帳に記してください。", "Notify the guardian too and enter the date in the notice register."),
)
ITEM_NOT_IN_NOTICE = _law(
    "item-not-in-notice",
    ACT_52_2,
    Text("通知の版に含まれないデータ項目があります。", "There are data items that the notice does not cover."),
    Text("項目を加えた版を届け出て、改めて通知してください。", "File a version with these items and notify the person anew."),
)
WAITING = _law(
    "waiting",
    REG_48_1,
    Text("通知で定めた期間がまだ経過していません。", "The period set by the notice has not elapsed."),
    Text("期間の経過を待ってください。行は保留され、その日に受け入れられます。", "Wait: the rows are held and admitted on the day."),
)


@dataclass(frozen=True)
class GuardRule:
    """One clause. `obstructs(case)`: it stands in the way; `sql`: the same over the columns of a case; `curable`: it may fall away;
    `on_receipt`: it bars receiving only, not the use of what was received in time."""

    ground: Ground
    article: Article
    obstructs: Callable[[Case], bool]
    sql: str
    curable: bool = True
    on_receipt: bool = False


def needs_guardian(standing: Standing, notice: NoticeGiven) -> bool:
    """Whether the guardian is to be notified too: under 16 on the day of the notice, without capacity, or of unknown birth date.

    Counted by the calendar: a person is 16 from the sixteenth birthday on (born on 29 February: from 1 March in common years).
    """
    born = standing.birth_date
    if notice.lacks_capacity or born is None:
        return True
    given = notice.given_on
    return (given.year - AGE_OF_OWN_NOTICE, given.month, given.day) < (born.year, born.month, born.day)


NEEDS_GUARDIAN_SQL = f"""(lacks_capacity OR birth_date IS NULL OR
    (year(given_on) - {AGE_OF_OWN_NOTICE}) * 10000 + month(given_on) * 100 + day(given_on)
    < year(birth_date) * 10000 + month(birth_date) * 100 + day(birth_date))"""


def complete_on(standing: Standing, notice: NoticeGiven) -> date:
    """The day on which the notice was complete: the guardian's, where it is needed and later, else the person's own."""
    if needs_guardian(standing, notice) and notice.guardian_given_on is not None:
        return max(notice.given_on, notice.guardian_given_on)
    return notice.given_on


COMPLETE_ON_SQL = "CASE WHEN needs_guardian AND guardian_given_on IS NOT NULL THEN greatest(given_on, guardian_given_on) ELSE given_on END"


def _not_reached(step: Callable[[ProgrammeDates], date | None]) -> Callable[[Case], bool]:
    def obstructs(case: Case) -> bool:
        on = step(case.standing.programme)
        return on is None or on > case.today

    return obstructs


def _reached(on: date | None, today: date) -> bool:
    return on is not None and on <= today


def _on_notice(obstructs: Callable[[Case, NoticeGiven], bool]) -> Callable[[Case], bool]:
    """A clause about the notice itself; without any notice it obstructs."""
    return lambda case: case.notice is None or obstructs(case, case.notice)


def _step(ground: Ground, column: str, step: Callable[[ProgrammeDates], date | None]) -> GuardRule:
    article = ground.article or ACT_52_1
    return GuardRule(ground, article, _not_reached(step), f"{column} IS NULL OR {column} > today")


# Whoever is furthest along this list is told the last thing that is missing, so that "waiting" means nothing but waiting.
RULES: tuple[GuardRule, ...] = (
    _step(CONTRACT_NOT_ACTIVE, "contract_on", lambda programme: programme.contract_on),
    GuardRule(
        PROGRAMME_ENDED,
        ACT_52_2,
        lambda case: _reached(case.standing.programme.ended_on, case.today),
        "ended_on IS NOT NULL AND ended_on <= today",
        curable=False,
        on_receipt=True,
    ),
    _step(FILING_NOT_MADE, "form43_filed_on", lambda programme: programme.form43_filed_on),
    _step(MINISTERS_NOT_PUBLISHED, "ministers_published_on", lambda programme: programme.ministers_published_on),
    _step(INSTITUTION_NOT_PUBLISHED, "own_published_on", lambda programme: programme.own_published_on),
    _step(PROVISION_NOT_STARTED, "starts_on", lambda programme: programme.starts_on),
    GuardRule(STOPPED, ACT_56_1_II, lambda case: case.standing.stopped, "stopped", curable=False),
    GuardRule(NOT_REGISTERED, ACT_56_1_I, lambda case: not case.standing.registered, "NOT registered"),
    GuardRule(
        NOT_NOTIFIED,
        ACT_56_1_I,
        _on_notice(lambda case, notice: not (_reached(notice.filed_on, case.today) and notice.given_on <= case.today)),
        "filed_on IS NULL OR filed_on > today OR given_on > today",
    ),
    GuardRule(
        # Days only: a notice on the very day of the withdrawal may have come before it.
        NOTICE_BEFORE_WITHDRAWAL,
        ACT_56_1_II,
        _on_notice(lambda case, notice: case.standing.withdrawn_on is not None and notice.given_on <= case.standing.withdrawn_on),
        "withdrawn_on IS NOT NULL AND given_on <= withdrawn_on",
    ),
    GuardRule(
        DIED_BEFORE_NOTICE,
        ACT_52_1,
        _on_notice(
            lambda case, notice: case.standing.death_date is not None and case.standing.death_date <= complete_on(case.standing, notice)
        ),
        "death_date IS NOT NULL AND death_date <= complete_on",
        curable=False,
    ),
    GuardRule(
        GUARDIAN_NOT_NOTIFIED,
        POLICY_NOTICE,
        _on_notice(lambda case, notice: needs_guardian(case.standing, notice) and notice.guardian_given_on is None),
        "needs_guardian AND guardian_given_on IS NULL",
    ),
    GuardRule(
        ITEM_NOT_IN_NOTICE,
        ACT_52_2,
        _on_notice(lambda case, notice: not coverage.covers(notice.covers, case.items)),
        "NOT covered",
    ),
    GuardRule(
        WAITING,
        REG_48_1,
        _on_notice(lambda case, notice: (case.today - complete_on(case.standing, notice)).days < notice.wait_days),
        "today - complete_on < wait_days",
    ),
)
