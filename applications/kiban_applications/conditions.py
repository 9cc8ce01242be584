"""条件 (conditions): what binds a recipient, as rows with kind, parameter, due rule, evidence and checker; texts are rendered from them.

Because contract text, reminders and ledger all read the same rows, they cannot disagree. A set of conditions is known by its digest.
Source: Reg 6(v) (use and security by contract), Act Art. 30 (no re-identification), Reg 12(1)(ii) (re-provision is reported).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from kiban_operator import cases
from kiban_operator.database import Base
from kiban_operator.roles import ROLE_NAMES, Role
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_20, ACT_30, REG_6_V, REG_12, Article

CONDITION_INVALID = Ground(
    "condition-invalid",
    Family.INPUT,
    REG_6_V,
    Text("条件「{kind}」の {field} が正しくありません。", "The condition “{kind}” has a wrong {field}."),
    Text("条件の種類ごとの定めに合わせてください。", "Follow what is declared for the kind of condition."),
)
CONDITIONS_TOO_WEAK = Ground(
    "conditions-too-weak",
    Family.LAW,
    REG_6_V,
    Text(
        "契約の条件が、必要な条件を満たしていません: {missing}",
        "The contract's conditions fall short of those required: {missing}",
    ),
    Text("委員会の条件と法定の条件をすべて含めてください。", "Include every condition of the committee and of the law."),
)


class Evidence(StrEnum):
    """証拠の種類: how fulfilment is shown."""

    NONE = "none"
    STATEMENT = "statement"
    REPORT = "report"
    CERTIFICATE = "certificate"
    INSPECTION = "inspection"


class Due(StrEnum):
    """期限の定め: when it has to be shown; the number is the condition's parameter."""

    ALWAYS = "always"  # binds throughout, nothing falls due
    EVERY_MONTHS = "every-months"  # each n months after delivery until the term ends
    DAYS_AFTER_DELIVERY = "days-after-delivery"
    DAYS_AFTER_TERM = "days-after-term"
    ON_EVENT = "on-event"  # when the event happens, within n of the unit the kind names


class Stricter(StrEnum):
    """Which parameter binds more tightly, so that a contract may go beyond the committee but never below."""

    EQUAL = "equal"
    LOWER = "lower"
    HIGHER = "higher"


@dataclass(frozen=True)
class ConditionKind:
    """条件の種類. `sentence` may use `{parameter}`; a kind without a unit takes no parameter."""

    code: str
    article: Article
    label: Text
    sentence: Text
    due: Due
    evidence: Evidence
    stricter: Stricter = Stricter.EQUAL
    unit: str | None = None


def _kind(
    code: str, article: Article, label: Text, sentence: Text, due: Due, evidence: Evidence, stricter: Stricter, unit: str | None
) -> ConditionKind:
    return ConditionKind(code, article, label, sentence, due, evidence, stricter, unit)


KINDS: dict[str, ConditionKind] = {
    kind.code: kind
    for kind in (
        _kind(
            "no-reidentification", ACT_30, Text("識別行為の禁止", "no re-identification"),
            Text("本人を識別する目的で、提供を受けた情報を他の情報と照合し、又は加工の方法に関する情報を取得してはならない。",
                 "Do not collate the data with other information to identify a person, nor obtain the method of processing."),
            Due.ALWAYS, Evidence.STATEMENT, Stricter.EQUAL, None,
        ),
        _kind(
            "purpose-limit", REG_6_V, Text("目的の限定", "limit of purpose"),
            Text("承認された目的の範囲を超えて利用してはならない。", "Use the data only within the approved purpose."),
            Due.ALWAYS, Evidence.STATEMENT, Stricter.EQUAL, None,
        ),
        _kind(
            "no-onward-sharing", REG_12, Text("再提供の制限", "no onward sharing"),
            Text("事業者の許可なく第三者に提供してはならない。", "Do not pass the data on without the operator's permission."),
            Due.ALWAYS, Evidence.STATEMENT, Stricter.EQUAL, None,
        ),
        _kind(
            "named-custodians", REG_6_V, Text("取扱者・利用場所の限定", "named custodians and places"),
            Text("承認された取扱者だけが、承認された国内の場所で取り扱う。", "Only the approved custodians handle the data, at the approved places in Japan."),
            Due.ALWAYS, Evidence.INSPECTION, Stricter.EQUAL, None,
        ),
        _kind(
            "incident-report", REG_6_V, Text("事故の報告", "incident report"),
            Text("漏えい等又はそのおそれを知ったときは {parameter} 時間以内に事業者へ報告する。",
                 "Report a leak, loss or damage, or a suspected one, to the operator within {parameter} hours."),
            Due.ON_EVENT, Evidence.REPORT, Stricter.LOWER, "hours",
        ),
        _kind(
            "use-report", REG_6_V, Text("利用状況の報告", "report of use"),
            Text("提供の日から {parameter} か月ごとに利用状況を報告する。", "Report on the use every {parameter} months from delivery."),
            Due.EVERY_MONTHS, Evidence.REPORT, Stricter.LOWER, "months",
        ),
        _kind(
            "security-check", REG_6_V, Text("安全管理の自己点検", "security self-check"),
            Text("提供の日から {parameter} か月ごとに安全管理の自己点検の結果を提出する。",
                 "Submit the result of a security self-check every {parameter} months from delivery."),
            Due.EVERY_MONTHS, Evidence.STATEMENT, Stricter.LOWER, "months",
        ),
        _kind(
            "publication-precheck", REG_6_V, Text("公表前の確認", "check before publication"),
            Text("成果を公表するときは {parameter} 日前までに事業者の確認を受ける。",
                 "Have results checked by the operator at least {parameter} days before publishing."),
            Due.ON_EVENT, Evidence.REPORT, Stricter.HIGHER, "days",
        ),
        _kind(
            "small-cells", REG_6_V, Text("少数の非公表", "no small counts"),
            Text("{parameter} 人未満の集計値を公表してはならない。", "Do not publish counts of fewer than {parameter} persons."),
            Due.ALWAYS, Evidence.STATEMENT, Stricter.HIGHER, "persons",
        ),
        _kind(
            "on-site-audit", REG_6_V, Text("実地の確認", "on-site audit"),
            Text("提供の日から {parameter} 日以内に、事業者による実地の確認を受ける。", "Undergo the operator's on-site audit within {parameter} days of delivery."),
            Due.DAYS_AFTER_DELIVERY, Evidence.INSPECTION, Stricter.LOWER, "days",
        ),
        _kind(
            "destruction", ACT_20, Text("消去", "destruction"),
            Text("利用期間の終了から {parameter} 日以内に全ての写しを消去し、消去証明書を提出する。",
                 "Destroy every copy within {parameter} days after the term ends and submit the certificate."),
            Due.DAYS_AFTER_TERM, Evidence.CERTIFICATE, Stricter.LOWER, "days",
        ),
    )
}  # fmt: skip


@dataclass(frozen=True, order=True)
class Condition:
    """条件の一行. `parameter` is in the kind's unit, 0 where the kind has none; `checker` is the role that judges the evidence."""

    kind: str
    parameter: int = 0
    checker: Role = Role.SE

    @property
    def declared(self) -> ConditionKind:
        return KINDS[self.kind]

    @property
    def text(self) -> Text:
        """The sentence of the contract.

        >>> Condition("use-report", 6).text.en
        'Report on the use every 6 months from delivery.'
        """
        return self.declared.sentence.filled({"parameter": self.parameter})

    def as_json(self) -> dict[str, object]:
        return {
            "kind": self.kind,
            "parameter": self.parameter,
            "due": self.declared.due.value,
            "evidence": self.declared.evidence.value,
            "checker": self.checker.value,
        }


STATUTORY = (
    Condition("no-reidentification"),
    Condition("purpose-limit"),
    Condition("no-onward-sharing"),
    Condition("named-custodians"),
    Condition("incident-report", 24, Role.SO),
    Condition("destruction", 30, Role.SO),
)
"""In every contract, whatever the committee says: law.md's contract terms under Reg 6(v) and Act 20, 30. The numbers are policy and the laxest allowed."""

CHECKERS = frozenset({Role.SE, Role.SO, Role.CO})


class ConditionRow(Base):
    """One row of a condition set; a set is never changed, a changed one has another digest."""

    __tablename__ = "condition_rows"
    digest: Mapped[str] = mapped_column(sa.String(71), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(sa.String(40))
    parameter: Mapped[int]
    due: Mapped[str] = mapped_column(sa.String(24))
    evidence: Mapped[str] = mapped_column(sa.String(24))
    checker: Mapped[str] = mapped_column(sa.String(4))


def read(declared: Iterable[Mapping[str, object]]) -> tuple[Condition, ...]:
    """Conditions from a file's tables (`kind`, `parameter`, `checker`), checked and put in order. Refuses: condition-invalid."""
    found = []
    for row in declared:
        kind, parameter, checker = row.get("kind"), row.get("parameter", 0), row.get("checker", "SE")
        unknown = sorted(set(row) - {"kind", "parameter", "checker"})
        if unknown:
            raise CONDITION_INVALID.refuse(kind=kind, field=unknown[0])
        if not isinstance(kind, str) or kind not in KINDS:
            raise CONDITION_INVALID.refuse(kind=kind, field="kind")
        if checker not in CHECKERS:
            raise CONDITION_INVALID.refuse(kind=kind, field="checker")
        if not isinstance(parameter, int) or isinstance(parameter, bool):
            raise CONDITION_INVALID.refuse(kind=kind, field="parameter")
        found.append(Condition(kind, parameter, Role(str(checker))))
    return checked(found)


def checked(conditions: Iterable[Condition]) -> tuple[Condition, ...]:
    """The set in its one order, each kind once, each parameter where the kind takes one. Refuses: condition-invalid."""
    rows = tuple(sorted(conditions, key=lambda each: each.kind))
    seen: set[str] = set()
    for each in rows:
        if each.kind not in KINDS or each.kind in seen:
            raise CONDITION_INVALID.refuse(kind=each.kind, field="kind")
        seen.add(each.kind)
        if (each.declared.unit is None) != (each.parameter == 0) or not 0 <= each.parameter <= 3650:
            raise CONDITION_INVALID.refuse(kind=each.kind, field="parameter")
        if each.checker not in CHECKERS:
            raise CONDITION_INVALID.refuse(kind=each.kind, field="checker")
    return rows


def digest(conditions: Iterable[Condition]) -> str:
    """What both sides agree on: the digest of the rows and of both languages' text."""
    rows = [{**each.as_json(), "ja": each.text.ja, "en": each.text.en} for each in checked(conditions)]
    return cases.digest(rows)


def keep(session: Session, conditions: Iterable[Condition]) -> str:
    """Store the set under its digest, once. Refuses: condition-invalid."""
    rows = checked(conditions)
    name = digest(rows)
    if session.get(ConditionRow, (name, 0)) is None:
        for position, each in enumerate(rows):
            values = each.as_json()
            session.add(ConditionRow(digest=name, position=position, **values))
        session.flush()
    return name


def kept(session: Session, name: str) -> tuple[Condition, ...]:
    """The set stored under that digest, in order; empty if there is none."""
    rows = session.scalars(sa.select(ConditionRow).where(ConditionRow.digest == name).order_by(ConditionRow.position))
    return tuple(Condition(row.kind, row.parameter, Role(row.checker)) for row in rows)


def joined(*sets: Iterable[Condition]) -> tuple[Condition, ...]:
    """All conditions of all sets; of two of the same kind the stricter one."""
    by_kind: dict[str, Condition] = {}
    for each in (row for rows in sets for row in rows):
        present = by_kind.get(each.kind)
        if present is None or (satisfies(each, present) and each != present):
            by_kind[each.kind] = each
    return checked(by_kind.values())


def satisfies(given: Condition, required: Condition) -> bool:
    """Whether `given` binds at least as tightly as `required`.

    >>> satisfies(Condition("use-report", 3), Condition("use-report", 6))
    True
    """
    if given.kind != required.kind:
        return False
    rule = required.declared.stricter
    if rule is Stricter.LOWER:
        return given.parameter <= required.parameter
    if rule is Stricter.HIGHER:
        return given.parameter >= required.parameter
    return given.parameter == required.parameter


def shortfall(given: Iterable[Condition], required: Iterable[Condition]) -> tuple[str, ...]:
    """The required kinds that nothing in `given` satisfies; empty means `given ⊇ required`."""
    rows = tuple(given)
    return tuple(each.kind for each in required if not any(satisfies(row, each) for row in rows))


def render(conditions: Iterable[Condition]) -> Text:
    """The numbered clauses in both languages, one per line, with who checks."""
    rows = checked(conditions)
    ja = [f"{n}. {row.text.ja}（確認: {ROLE_NAMES[row.checker].ja}）" for n, row in enumerate(rows, 1)]
    en = [f"{n}. {row.text.en} (checked by the {ROLE_NAMES[row.checker].en})" for n, row in enumerate(rows, 1)]
    return Text("\n".join(ja), "\n".join(en))
