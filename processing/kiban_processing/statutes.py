"""条文 (statutes): each article the software carries out, with its citation and the date it is in force from.

Source: 医療分野の研究開発に資するための匿名加工医療情報及び仮名加工医療情報に関する法律 (Act 28 of 2017, as amended by Act 35 of 2023,
in force 2024-04-01, which renumbered most provisions), its Cabinet Order (163 of 2018) and its joint ministerial order (1 of 2018).
Compliance must read every change of this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from kiban_processing.language import Text


class Law(StrEnum):
    """法令 (source of law), by the short name used in citations."""

    ACT = "Act"
    ORDER = "Order"
    REGULATION = "Reg"
    APPI_ORDER = "APPI Order"
    POLICY = "Basic Policy"


LAW_NAMES: dict[Law, Text] = {
    Law.ACT: Text("法", "Act"),
    Law.ORDER: Text("施行令", "Cabinet Order"),
    Law.REGULATION: Text("施行規則", "Ministerial Order"),
    Law.APPI_ORDER: Text("個人情報保護法施行令", "Cabinet Order of the Act on the Protection of Personal Information"),
    Law.POLICY: Text("基本方針", "Basic Policy"),
}

AMENDED = date(2024, 4, 1)
ENACTED = date(2018, 5, 11)


@dataclass(frozen=True)
class Article:
    """One provision: where it stands, since when it binds in this numbering, and its gist in our words."""

    law: Law
    number: str
    in_force: date
    gist: Text

    @property
    def citation(self) -> str:
        return f"{self.law} {self.number}" if self.law is not Law.POLICY else f"{self.law} ({self.number})"

    @property
    def citation_ja(self) -> str:
        return f"{LAW_NAMES[self.law].ja}{self.number}"


def _act(number: str, ja: str, en: str, law: Law = Law.ACT, in_force: date = AMENDED) -> Article:
    return Article(law, number, in_force, Text(ja, en))


def _reg(number: str, ja: str, en: str) -> Article:
    return _act(number, ja, en, Law.REGULATION)


ACT_14 = _act("14", "帳簿を備え、提供等の事項を記載し保存する。", "Keep books that record each provision, and preserve them.")
ACT_18 = _act(
    "18", "医療情報は医療分野の研究開発の目的の範囲内で取り扱う。", "Handle medical information only for medical research and development."
)
ACT_19 = _act(
    "19",
    "主務省令の基準に従い匿名加工医療情報を作成し、識別のための照合をしない。",
    "Process to the standards of the ministerial order; never collate to identify.",
)
ACT_20 = _act("20", "不要となった医療情報等を遅滞なく消去する。", "Delete without delay what is no longer needed.")
ACT_21 = _act("21", "医療情報等の安全管理のための措置を講ずる。", "Take the measures needed to keep the information safe.")
ACT_22 = _act("22", "従業者を監督する。", "Supervise those who handle the information.")
ACT_30 = _act(
    "30", "匿名加工医療情報の取扱者は識別のための照合等をしない。", "Users must not re-identify nor obtain the method of processing."
)
ACT_52_1 = _act(
    "52(1)",
    "あらかじめ本人に通知し主務大臣に届け出た場合に限り提供できる。",
    "Provision only after notifying the person and filing with the ministers.",
)
ACT_52_2 = _act("52(2)", "項目等の変更はあらかじめ通知し届け出る。", "Changes of items are notified and filed beforehand.")
ACT_52_3 = _act("52(3)", "主務大臣は届出を公表する。", "The ministers publish the filing.")
ACT_53_1 = _act(
    "53(1)",
    "提供停止の求めを受けたときは遅滞なく書面を交付する。",
    "On a request to stop, deliver the acknowledgement document without delay.",
)
ACT_53_2 = _act(
    "53(2)",
    "あらかじめ求めた者の承諾を得たときは書面に代えて電磁的記録を提供できる。",
    "An electromagnetic record may replace the document if the requester agreed beforehand.",
)
ACT_55_1 = _act(
    "55(1)", "提供を受けるに際し取得の経緯等を確認する。", "Confirm the provider and how the data were acquired when receiving."
)
ACT_55_3 = _act("55(3)", "提供を受けた記録を作成し保存する。", "Make and keep a record of each receipt.")
ACT_56_1_I = _act(
    "56(1)(i)", "通知又は届出のない医療情報の提供を受けてはならない。", "Do not receive data that were not notified or filed."
)
ACT_56_1_II = _act(
    "56(1)(ii)", "停止の求めがあった医療情報の提供を受けてはならない。", "Do not receive data for which a stop was requested."
)
ACT_57_1 = _act(
    "57(1)", "仮名加工医療情報のための提供は別に通知し届け出る。", "Provision for pseudonymised use needs its own notice and filing."
)
REG_5_VII = _reg(
    "5(vii)", "提供の是非を適切に判断する審査体制を置く。", "Have a review system that judges whether each provision is suitable."
)
REG_5_X = _reg("5(x)", "標準的な形式の医療情報を円滑に取り扱う。", "Handle standard formats smoothly.")
REG_5_XI = _reg("5(xi)", "特定の利用者に対し不当な差別的取扱いをしない。", "No unfair discrimination between users.")
REG_6_I = _reg("6(i)", "取扱者の権限と責務を明確にする。", "The authority and duties of each handler are fixed.")
REG_6_IV = _reg(
    "6(iv)", "受信・基幹・送信の各系を分離し、操作を記録する。", "Keep receive, core and deliver systems apart; record operations."
)
REG_6_V = _reg(
    "6(v)",
    "加工の程度に応じた利用形態と安全管理を契約で確保する。",
    "Ensure by contract that use and security suit the degree of processing.",
)
REG_12 = _reg("12", "帳簿の記載事項・記載時期・三年間の保存。", "Items of the books, entry without delay, three years' retention.")
REG_13 = _reg(
    "13", "事業計画・収支予算と事業報告・決算を提出し公表する。", "Plan and budget, report and accounts are submitted and published."
)
REG_18 = _reg("18", "匿名加工の五つの基準。", "The five standards of anonymisation.")
REG_18_I = _reg("18(i)", "特定の個人を識別できる記述等の全部又は一部を削除する。", "Delete descriptions that identify a person.")
REG_18_II = _reg("18(ii)", "個人識別符号の全部を削除する。", "Delete all individual identification codes.")
REG_18_III = _reg(
    "18(iii)", "医療情報と加工後の情報とを連結する符号を削除する。", "Delete codes that link source and processed information."
)
REG_18_IV = _reg("18(iv)", "特異な記述等を削除する。", "Delete peculiar descriptions.")
REG_18_V = _reg(
    "18(v)", "データベース等の性質を勘案した適切な措置を講ずる。", "Take other measures that the nature of the database calls for."
)
REG_33 = _reg("33", "仮名加工の三つの基準。", "The three standards of pseudonymisation.")
REG_47 = _reg("47", "停止の求めは書面、口頭その他の方法による。", "A request to stop may be made in writing, orally or otherwise.")
REG_48_1 = _reg(
    "48(1)", "停止の求めに必要な期間を定めて適切かつ合理的な方法で通知する。", "The notice sets the period needed to request a stop."
)
REG_48_2 = _reg("48(2)", "届出は様式第四十三により行う。", "The filing is made on Form 43.")
REG_48_4 = _reg("48(4)", "更新の方法と提供開始予定日も通知事項とする。", "How data are updated and the planned start are notified too.")
REG_49 = _reg("49", "主務大臣による公表は遅滞なくインターネットにより行う。", "The ministers publish without delay on the internet.")
REG_50 = _reg("50", "医療情報取扱事業者による公表。", "The institution publishes after the ministers.")
REG_51 = _reg("51", "停止の求めに係る書面の記載事項。", "Items of the acknowledgement document.")
REG_52 = _reg("52", "書面の写し等を三年間保存する。", "Keep the copy for three years.")
REG_56 = _reg("56", "受領時の確認の方法。", "How the confirmation on receipt is made.")
REG_57 = _reg("57", "受領記録の記載事項。", "Items of the receipt record.")
REG_58 = _reg("58", "受領記録の保存期間。", "How long receipt records are kept.")
ORDER_11 = _act("11", "遺族の範囲。", "Who the bereaved family are.", Law.ORDER)
APPI_ORDER_1 = _act("1", "個人識別符号の範囲。", "What the individual identification codes are.", Law.APPI_ORDER, date(2022, 4, 1))
POLICY_NOTICE = _act(
    "通知",
    "通知から提供まで三十日間を目安とし、十六歳未満等は保護者等にも通知する。",
    "Thirty days from notice as a guide; under 16 or without capacity, the guardian is notified too.",
    Law.POLICY,
    ENACTED,
)
POLICY_DELETION = _act(
    "削除",
    "提供停止の求めのあった本人の情報は可能な限り削除する。",
    "Information that identifies a person who asked is deleted as far as possible.",
    Law.POLICY,
    ENACTED,
)
POLICY_SHIFT = _act(
    "日付", "日付を一律にずらし事象の前後関係を保つ。", "Dates may be shifted uniformly so that intervals survive.", Law.POLICY, ENACTED
)

ARTICLES: dict[str, Article] = {name: value for name, value in list(globals().items()) if isinstance(value, Article)}
