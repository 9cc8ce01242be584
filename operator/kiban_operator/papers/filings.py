"""届出書 (filings): the filing with the ministers before provision, its changes and its end (様式第四十三; by an agent 様式第四十四), as PDF.

The entries are those of the programme and the notice version; the layout is the system's own and follows the items of Act 52(1) and Reg 48.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from kiban_operator import hospitals, notice_changes, notices, programmes
from kiban_operator.papers import typesetting
from kiban_operator.programmes import Regime
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_52_1, REG_48_2

MINISTERS = "内閣総理大臣　文部科学大臣　厚生労働大臣　経済産業大臣　殿"


class Occasion(StrEnum):
    """届出の事由: the first filing, a change, or the end of provision."""

    FIRST = "first"
    CHANGE = "change"
    END = "end"


VERSION_INCOMPLETE = Ground(
    "filing-incomplete", Family.LAW, ACT_52_1,
    Text("通知の版「{version}」に欠けている事項があり、届出書を作れません: {missing}。", "The filing cannot be made: the notice version “{version}” lacks {missing}."),
    Text("九つの事項をすべて記入してから作ってください。", "Fill in all nine entries first."),
)  # fmt: skip
OLDER_MISSING = Ground(
    "filing-older-missing", Family.INPUT, REG_48_2,
    Text("変更の届出には、変更前の版の指定が要ります。", "A filing of a change needs the version that it changes."),
    Text("--older で変更前の版を指定してください。", "Name it with --older."),
)  # fmt: skip


@dataclass(frozen=True)
class Agent:
    """代理人: who files in the hospital's stead (Reg 48(3), 様式第四十四)."""

    name: str
    address: str


_REGIMES = {
    Regime.ANONYMISED: ("第52条第1項", "匿名加工医療情報"),
    Regime.PSEUDONYMISED: ("第57条第1項", "仮名加工医療情報"),
}
_TITLES = {
    Occasion.FIRST: "医療情報の提供に関する届出書",
    Occasion.CHANGE: "医療情報の提供に関する変更の届出書",
    Occasion.END: "医療情報の提供の終了に関する届出書",
}


def gather(
    session: Session, hospital: str, regime: Regime | str, version: str, on: date, occasion: Occasion = Occasion.FIRST,
    older: str | None = None, agent: Agent | None = None,
) -> dict[str, Any]:  # fmt: skip
    """What the form says, as the template takes it.

    Refuses: hospital-unknown, regime-unknown, programme-unknown, notice-version-unknown, filing-incomplete, filing-older-missing.
    """
    regime = programmes.regime_named(regime)
    who = hospitals.get(session, hospital)
    programme = programmes.get(session, hospital, regime)
    notice = notices.get(session, hospital, regime, version)
    absent = notices.missing(notice)
    if absent:
        raise VERSION_INCOMPLETE.refuse(version=version, missing=", ".join(f"{notice_changes.NAMES[name].ja}" for name in absent))
    article, product = _REGIMES[regime]
    entries = [{"name": f"{number}　{name}", "text": notice.entries[entry]} for number, (entry, name) in enumerate(_entries(), 1)]
    entries.append({"name": "停止の求めに必要な期間", "text": f"通知の日から{notice.wait_days}日"})
    notes = [f"通知の版: {version}"]
    if occasion is Occasion.CHANGE:
        if older is None:
            raise OLDER_MISSING.refuse()
        changes = notice_changes.compare(session, hospital, regime, older, version)
        changed = "、".join(notice_changes.NAMES[change.entry].ja for change in changes.changes) or "なし"
        entries.insert(0, {"name": "変更する事項", "text": changed})
        notes.append(f"変更前の版: {older}")
    if occasion is Occasion.END and programme.ended_on is not None:
        entries.insert(0, {"name": "提供を終了する日", "text": typesetting.day(programme.ended_on)})
    if programme.filing_number and occasion is not Occasion.FIRST:
        notes.append(f"先の届出: {programme.filing_number}")
    sender = [f"住所　{who.address}", f"名称　{who.name}", f"代表者　{who.representative}"]
    if agent is not None:
        sender += [f"代理人住所　{agent.address}", f"代理人氏名　{agent.name}"]
    return {
        "form": "様式第四十四(第四十八条関係)" if agent else "様式第四十三(第四十八条関係)",
        "title": _TITLES[occasion], "dated": typesetting.day(on), "addressee": MINISTERS, "sender": sender,
        "opening": f"医療分野の研究開発に資するための匿名加工医療情報及び仮名加工医療情報に関する法律{article}の規定により、"
                   f"{product}の作成のための医療情報の提供について、次のとおり届け出ます。",
        "entries": entries, "notes": notes,
    }  # fmt: skip


def compose(
    session: Session, hospital: str, regime: Regime | str, version: str, on: date, occasion: Occasion = Occasion.FIRST,
    older: str | None = None, agent: Agent | None = None,
) -> bytes:  # fmt: skip
    """The form as PDF. Refuses: what `gather` refuses, font-missing, glyph-missing."""
    return typesetting.compose("form", gather(session, hospital, regime, version, on, occasion, older, agent), on)


def _entries() -> list[tuple[str, str]]:
    """The nine entries in the order of the law."""
    return [(entry, name.ja) for entry, name in notices.ENTRY_NAMES.items()]
