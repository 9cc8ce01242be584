"""申請書 (form): the declared questions of an application, and what a complete one says (Act Art. 18, Reg 5(vii)).

A draft may be incomplete but never holds an unknown question; `complete` names the first missing or wrong field.
Source: the statutory NDB list as template (law: applicant, handlers, period, items, place of use in Japan, necessity, publication, safety).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any

from kiban_processing.catalogue import tables
from kiban_processing.language import Text
from kiban_processing.permitted import BY_KIND, DeliveryForm, RecipientClass, Treatment
from kiban_processing.refusals import Family, Ground, Refusal
from kiban_processing.statutes import ACT_18, REG_5_VII, REG_6_V, REG_18

FORM_INCOMPLETE = Ground(
    "form-incomplete",
    Family.INPUT,
    REG_5_VII,
    Text("申請書の「{label}」（{field}）が未記入か、正しくありません。", "The application's “{label}” ({field}) is missing or wrong."),
    Text("記入欄の説明に従ってください。", "Follow the field's instructions."),
)
UNKNOWN_QUESTION = Ground(
    "unknown-question",
    Family.INPUT,
    REG_5_VII,
    Text("申請書に「{field}」という項目はありません。", "The application has no field “{field}”."),
    Text("項目名を確かめてください。", "Check the field's name."),
)
PURPOSE_REFUSED = Ground(
    "purpose-not-research",
    Family.LAW,
    ACT_18,
    Text("利用目的「{purpose}」は医療分野の研究開発に当たりません。", "The purpose “{purpose}” is not medical research and development."),
    Text("医療分野の研究開発を目的とする申請だけを受け付けます。", "Only applications for medical research and development are taken."),
)
ITEM_NEVER_PROVIDED = Ground(
    "item-never-provided",
    Family.LAW,
    REG_18,
    Text("「{item}」は必ず削除される項目であり、申請できません。", "“{item}” is always removed and cannot be applied for."),
    Text("希望するデータ項目から除いてください。", "Take it off the list of items."),
)
PLACE_OUTSIDE_JAPAN = Ground(
    "place-outside-japan",
    Family.LAW,
    REG_6_V,
    Text("利用場所の都道府県コード「{prefecture}」がありません。", "There is no prefecture with the code {prefecture}."),
    Text("利用場所は国内に限ります。01〜47で指定してください。", "Places of use are in Japan only: give 01 to 47."),
)


class Purpose(StrEnum):
    """利用目的の符号. What is not medical research is named too, so that it is refused by rule and not by reading."""

    DRUG_DEVELOPMENT = "drug-development"
    DEVICE_DEVELOPMENT = "device-development"
    CLINICAL_RESEARCH = "clinical-research"
    EPIDEMIOLOGY = "epidemiology"
    DRUG_SAFETY = "drug-safety"
    HEALTH_POLICY = "health-policy"
    METHODS = "methods"
    ADVERTISING = "advertising"
    INSURANCE_PRICING = "insurance-pricing"


PURPOSE_NAMES: dict[Purpose, Text] = {
    Purpose.DRUG_DEVELOPMENT: Text("医薬品の開発", "drug development"),
    Purpose.DEVICE_DEVELOPMENT: Text("医療機器の開発", "device development"),
    Purpose.CLINICAL_RESEARCH: Text("臨床研究", "clinical research"),
    Purpose.EPIDEMIOLOGY: Text("疫学研究", "epidemiology"),
    Purpose.DRUG_SAFETY: Text("安全性の監視", "drug safety"),
    Purpose.HEALTH_POLICY: Text("医療政策の研究", "health policy research"),
    Purpose.METHODS: Text("方法論の研究", "research on methods"),
    Purpose.ADVERTISING: Text("特定の商品の広告", "advertising of particular goods"),
    Purpose.INSURANCE_PRICING: Text("保険の引受け・料率", "insurance underwriting"),
}
NOT_RESEARCH = frozenset({Purpose.ADVERTISING, Purpose.INSURANCE_PRICING})

PREFECTURES = frozenset(f"{number:02d}" for number in range(1, 48))

SECURITY = ("controlled-area", "encrypted-storage", "access-log", "named-accounts", "no-open-network", "trained-custodians")
"""安全管理の宣言: each must be declared (Reg 6(v))."""


class Answer(StrEnum):
    """The form of an answer."""

    TEXT = "text"
    CHOICE = "choice"
    DATE = "date"
    ITEMS = "items"
    CUSTODIANS = "custodians"
    DECLARATIONS = "declarations"
    CONFIRMATION = "confirmation"


@dataclass(frozen=True)
class Question:
    """設問. `choices` closes a choice or a list of declarations."""

    name: str
    label: Text
    help: Text
    answer: Answer
    choices: tuple[str, ...] = ()


def _text(name: str, ja: str, en: str, help_ja: str, help_en: str) -> Question:
    return Question(name, Text(ja, en), Text(help_ja, help_en), Answer.TEXT)


_DAY = Text("YYYY-MM-DD の形で記入してください。", "Write it as YYYY-MM-DD.")

QUESTIONS: dict[str, Question] = {
    question.name: question
    for question in (
        _text("title", "研究の名称", "title", "公表できる名称を記入してください。", "Give a name that may be published."),
        _text("purpose", "利用目的", "purpose", "何を明らかにし、誰の役に立つかを記入してください。", "Say what is to be found out and whom it serves."),
        Question(
            "purpose_code", Text("目的の区分", "kind of purpose"),
            Text("次から選んでください: " + ", ".join(Purpose), "Choose one of: " + ", ".join(Purpose)), Answer.CHOICE, tuple(Purpose),
        ),
        _text("methods", "研究の方法と成果物", "methods and products", "解析の方法と成果物を記入してください。", "Describe the analysis and its products."),
        _text("minimality", "必要最小限である理由", "why no less would do", "件数・項目・期間が最小限である理由を記入してください。",
              "Say why number, items and period are the least needed."),
        _text("no_harm", "害のおそれがないこと", "absence of harm", "個人や集団に害を及ぼさない理由を記入してください。",
              "Say why no person or group is harmed."),
        Question("items", Text("希望するデータ項目", "items wished"),
                 Text("目録の項目名（表.列）と、それぞれの必要な理由を記入してください。", "List catalogue items (table.column), each with the reason it is needed."),
                 Answer.ITEMS),
        Question("period_from", Text("対象期間の始め", "records from"), _DAY, Answer.DATE),
        Question("period_to", Text("対象期間の終わり", "records to"), _DAY, Answer.DATE),
        Question("recipient_class", Text("利用者の区分", "recipient class"),
                 Text("次から選んでください: " + ", ".join(RecipientClass), "Choose one of: " + ", ".join(RecipientClass)),
                 Answer.CHOICE, tuple(RecipientClass)),
        Question("delivery_form", Text("提供の形態", "delivery form"),
                 Text("次から選んでください: " + ", ".join(DeliveryForm), "Choose one of: " + ", ".join(DeliveryForm)),
                 Answer.CHOICE, tuple(DeliveryForm)),
        Question("custodians", Text("取扱者と利用場所", "custodians and places of use"),
                 Text("取扱者ごとに person（人の番号）、place（場所）、prefecture（都道府県コード）を記入してください。",
                      "For each give person (ID), place and prefecture (code 01 to 47)."), Answer.CUSTODIANS),
        Question("term_from", Text("利用期間の始め", "term from"), _DAY, Answer.DATE),
        Question("term_to", Text("利用期間の終わり", "term to"), _DAY, Answer.DATE),
        _text("publication", "成果の公表方法", "publication plan", "公表の方法と時期を記入してください。", "Say how and when results are published."),
        Question("security", Text("安全管理の宣言", "security declaration"),
                 Text("次のすべてを宣言してください: " + ", ".join(SECURITY), "Declare all of: " + ", ".join(SECURITY)), Answer.DECLARATIONS, SECURITY),
        Question("not_disqualified", Text("欠格事由に該当しない宣言", "no ground of disqualification"),
                 Text("true と記入してください。該当する場合は申請できません。", "Write true; who is disqualified cannot apply."), Answer.CONFIRMATION),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Wish:
    """希望する項目: catalogue name and why it is needed (data minimisation)."""

    item: str
    reason: str


@dataclass(frozen=True)
class Custodian:
    """取扱者: the person (ID) who handles the data, and where in Japan (`prefecture`: JIS code 01 to 47)."""

    person: str
    place: str
    prefecture: str


@dataclass(frozen=True)
class Form:
    """記入済みの申請書: every question answered and checked."""

    title: str
    purpose: str
    purpose_code: Purpose
    methods: str
    minimality: str
    no_harm: str
    items: tuple[Wish, ...]
    period_from: date
    period_to: date
    recipient_class: RecipientClass
    delivery_form: DeliveryForm
    custodians: tuple[Custodian, ...]
    term_from: date
    term_to: date
    publication: str
    security: tuple[str, ...]
    not_disqualified: bool

    @property
    def approved_items(self) -> frozenset[str]:
        return frozenset(wish.item for wish in self.items)


def draft(answers: Mapping[str, Any]) -> dict[str, Any]:
    """The answers as they are kept in a draft: known questions only, dates as ISO text. Refuses: unknown-question."""
    for name in answers:
        if name not in QUESTIONS:
            raise UNKNOWN_QUESTION.refuse(field=name)
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in answers.items()}


def complete(answers: Mapping[str, Any]) -> Form:
    """The form, if nothing is missing. Not checked here: that custodians are registered persons.

    Refuses: unknown-question, form-incomplete, purpose-not-research, undeclared-item, item-never-provided, place-outside-japan.
    """
    kept = draft(answers)
    values = {name: _read(question, kept.get(name)) for name, question in QUESTIONS.items()}
    form = Form(**values)
    if form.purpose_code in NOT_RESEARCH:
        raise PURPOSE_REFUSED.refuse(purpose=form.purpose_code.value)
    for later, earlier in (("period_to", form.period_from), ("term_to", form.term_from)):
        if values[later] < earlier:
            raise _incomplete(QUESTIONS[later])
    return form


def _incomplete(question: Question, detail: str = "") -> Refusal:
    """The refusal that names one question; label and help are put in per language, since particulars have only one."""
    what = FORM_INCOMPLETE.what
    ground = replace(
        FORM_INCOMPLETE,
        what=Text(what.ja.replace("{label}", question.label.ja), what.en.replace("{label}", question.label.en)),
        remedy=question.help,
    )
    return ground.refuse(field=question.name + detail)


def _read(question: Question, value: Any) -> Any:
    """One answer, typed; whatever does not fit is refused by the question's name."""
    if question.answer is Answer.TEXT and isinstance(value, str) and value.strip():
        return value.strip()
    if question.answer is Answer.CHOICE and isinstance(value, str) and value in question.choices:
        return type(question.choices[0])(value)
    if question.answer is Answer.CONFIRMATION and value is True:
        return True
    if question.answer is Answer.DATE and isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError as error:
            raise _incomplete(question) from error
    if question.answer is Answer.DECLARATIONS and isinstance(value, list) and set(map(str, value)) == set(question.choices):
        return tuple(question.choices)
    if question.answer is Answer.ITEMS and isinstance(value, list) and value:
        return tuple(_wish(question, place, row) for place, row in enumerate(value, 1))
    if question.answer is Answer.CUSTODIANS and isinstance(value, list) and value:
        return tuple(_custodian(question, place, row) for place, row in enumerate(value, 1))
    raise _incomplete(question)


def _wish(question: Question, place: int, row: Any) -> Wish:
    name, reason = _cells(question, place, row, ("item", "reason"))
    item = tables.named(name)
    if BY_KIND[item.kind] <= {Treatment.REMOVE}:
        raise ITEM_NEVER_PROVIDED.refuse(item=name)
    return Wish(name, reason)


def _custodian(question: Question, place: int, row: Any) -> Custodian:
    person, where, prefecture = _cells(question, place, row, ("person", "place", "prefecture"))
    if prefecture not in PREFECTURES:
        raise PLACE_OUTSIDE_JAPAN.refuse(prefecture=prefecture)
    return Custodian(person, where, prefecture)


def _cells(question: Question, place: int, row: Any, names: tuple[str, ...]) -> tuple[str, ...]:
    """The named texts of one row of a list, none missing and none besides."""
    if not isinstance(row, dict) or set(row) != set(names):
        raise _incomplete(question, f"[{place}]")
    cells = tuple(row[name] for name in names)
    for name, cell in zip(names, cells, strict=True):
        if not isinstance(cell, str) or not cell.strip():
            raise _incomplete(question, f"[{place}].{name}")
    return tuple(cell.strip() for cell in cells)
