"""停止の求めに係る書面 (acknowledgement): the document that is delivered without delay, with its six items (Act 53(1), Reg 51).

The requester's name comes from the caller and goes into the document alone; nothing of it is stored here.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date

from kiban_operator import optouts
from kiban_operator.hospitals import Hospital
from kiban_operator.optouts import Requester, Scope, Stop
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import REG_51

KEPT_YEARS = 3  # Reg 52: the copy, from the day of delivery

ITEM_MISSING = Ground(
    "acknowledgement-incomplete",
    Family.LAW,
    REG_51,
    Text("書面の記載事項が欠けています: {missing}。", "The document lacks: {missing}."),
    Text("求めた者の氏名と特定するに足りる事項を記入してください。", "Fill in the requester's name and identifying particulars."),
)


@dataclass(frozen=True)
class Acknowledgement:
    """The six items of Reg 51 in their order, and from whom the document comes."""

    hospital: str
    request: str  # 一 停止の求めがあった旨
    requester_name: str  # 二 求めた者の氏名その他の特定するに足りる事項
    requester_particulars: str
    received_on: date  # 三 求めを受けた年月日
    statement: str  # 四 法第五十三条第一項の書面である旨
    stops_on: date  # 五 提供を停止する年月日
    delivered_on: date  # 六 書面を交付する年月日


_SCOPES = {
    Scope.BOTH: "匿名加工医療情報及び仮名加工医療情報の作成のための医療情報の提供",
    Scope.ANONYMISED: "匿名加工医療情報の作成のための医療情報の提供",
    Scope.PSEUDONYMISED: "仮名加工医療情報の作成のための医療情報の提供",
}


def build(
    stop: Stop, hospital: Hospital, requester_name: str, requester_particulars: str, stops_on: date, delivered_on: date
) -> Acknowledgement:
    """The document for one request. `requester_particulars`: address, relation or what else identifies the requester.

    Refuses: acknowledgement-incomplete. Source: Act 53(1), Reg 51.
    """
    document = Acknowledgement(
        hospital=hospital.name,
        request=f"{_SCOPES[Scope(stop.regimes)]}を停止するよう求めがありました。",
        requester_name=requester_name.strip(),
        requester_particulars=requester_particulars.strip(),
        received_on=optouts.received_on(stop),
        statement="この書面は、医療分野の研究開発に資するための匿名加工医療情報及び仮名加工医療情報に関する法律第53条第1項の書面です。",
        stops_on=stops_on,
        delivered_on=delivered_on,
    )
    empty = [field.name for field in fields(document) if not getattr(document, field.name)]
    if empty:
        raise ITEM_MISSING.refuse(missing=", ".join(empty))
    return document


def render(document: Acknowledgement, requester: Requester | None = None) -> str:
    """The document as plain Japanese text, one item per line."""
    relation = f"({optouts.REQUESTER_NAMES[requester].ja})" if requester else ""
    return "\n".join(
        (
            "医療情報の提供の停止の求めに係る書面",
            "",
            f"1 求めの内容 {document.request}",
            f"2 求めた方 {document.requester_name}{relation} {document.requester_particulars}",
            f"3 求めを受けた日 {_day(document.received_on)}",
            f"4 この書面について {document.statement}",
            f"5 提供を停止する日 {_day(document.stops_on)}",
            f"6 書面を交付する日 {_day(document.delivered_on)}",
            "",
            document.hospital,
            "",
        )
    )


def keep_until(delivered_on: date) -> date:
    """The last day on which the copy must be there: three years from delivery (Reg 52).

    >>> keep_until(date(2024, 2, 29))
    datetime.date(2027, 3, 1)
    """
    return years_after(delivered_on, KEPT_YEARS)


def years_after(day: date, years: int) -> date:
    """The same day so many years later; for 29 February, 1 March where there is none."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


def _day(on: date) -> str:
    return f"{on.year}年{on.month}月{on.day}日"
