"""書面の交付 (stop papers): the acknowledgement of a stop request is made as PDF, delivered, and its copy kept sealed for three years (Act 53, Reg 51, 52).

The requester's name stands in the paper alone; the copy is encrypted under the master key and leaves only for whoever may take stops.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from kiban_operator import acknowledgements, hospitals, optouts, people, roles
from kiban_operator.acknowledgements import Acknowledgement
from kiban_operator.database import Base, Moment
from kiban_operator.home import Home
from kiban_operator.optouts import Form, Requester, Stop
from kiban_operator.papers import typesetting
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_53_1, REG_52

IDENTITY_UNCHECKED = Ground(
    "stop-identity-unchecked", Family.LAW, ACT_53_1,
    Text("求め「{stop}」の本人確認が記録されていません。", "It is not on record how the requester of “{stop}” was identified."),
    Text("本人確認を行い、`kiban optout identity` で記録してください。停止はすでに効力を持っています。",
         "Check the identity and record it with `kiban optout identity`; the stop is in force already."),
)  # fmt: skip
COPY_MISSING = Ground(
    "acknowledgement-copy-missing", Family.STATE, REG_52,
    Text("求め「{stop}」の書面の写しはありません。", "There is no copy of a document for “{stop}”."),
    Text("交付前か、保存期間を過ぎて消去されています。", "It was not delivered yet, or its time is over and it was erased."),
)  # fmt: skip


class StopPaper(Base):
    """書面の写し: the sealed PDF of one acknowledgement; emptied when its time is over."""

    __tablename__ = "stop_papers"
    stop: Mapped[str] = mapped_column(sa.ForeignKey("stops.id"), primary_key=True)
    delivered_on: Mapped[date]
    keep_until: Mapped[date] = mapped_column(index=True)
    sealed: Mapped[bytes | None] = mapped_column(sa.LargeBinary)
    made_at: Mapped[datetime] = mapped_column(Moment)
    made_by: Mapped[str] = mapped_column(sa.String(100))


@dataclass(frozen=True)
class Particulars:
    """Who asked, as the paper names them: name, and address or what else identifies."""

    name: str
    identifying: str


def compose(stop: Stop, hospital: hospitals.Hospital, who: Particulars, delivered_on: date) -> bytes:
    """The paper with its six items as PDF. Refuses: acknowledgement-incomplete, font-missing, glyph-missing. Source: Reg 51."""
    document = acknowledgements.build(stop, hospital, who.name, who.identifying, optouts.received_on(stop), delivered_on)
    return typesetting.compose("letter", _letter(document, stop, hospital), delivered_on)


def deliver(home: Home, stop_id: str, who: Particulars, delivered_on: date, form: Form) -> bytes:
    """Make the paper, record its delivery and keep its copy, in one transaction; returns the PDF to hand over.

    Refuses: act-not-allowed, stop-unknown, stop-identity-unchecked, acknowledgement-recorded, acknowledgement-without-consent,
    acknowledgement-incomplete, stop-date-future, font-missing, glyph-missing. Source: Act 53(1)(2)(3), Reg 51, 52.
    """
    with home.transaction() as session:
        people.require(session, home.circumstances, roles.Act.TAKE_STOP)
        stop = optouts.get(session, stop_id)
        if stop.identity_check is None:
            raise IDENTITY_UNCHECKED.refuse(stop=stop_id)
        optouts.acknowledge(session, home.circumstances, stop_id, delivered_on, form)
        made = compose(stop, hospitals.get(session, stop.hospital), who, delivered_on)
        session.add(
            StopPaper(
                stop=stop_id, delivered_on=delivered_on, keep_until=acknowledgements.keep_until(delivered_on),
                sealed=home.keyring.seal(made, f"stop-paper/{stop_id}", home.circumstances.entropy),
                made_at=home.circumstances.now(), made_by=home.circumstances.actor,
            )
        )  # fmt: skip
        return made


def copy(home: Home, stop_id: str) -> bytes:
    """The kept copy. Refuses: act-not-allowed, acknowledgement-copy-missing."""
    with home.transaction() as session:
        people.require(session, home.circumstances, roles.Act.TAKE_STOP)
        kept = session.get(StopPaper, stop_id)
        if kept is None or kept.sealed is None:
            raise COPY_MISSING.refuse(stop=stop_id)
        return home.keyring.unseal(kept.sealed, f"stop-paper/{stop_id}")


def expired(session: Session, today: date) -> list[StopPaper]:
    """Copies whose three years are over and that are still kept."""
    return list(
        session.scalars(sa.select(StopPaper).where(StopPaper.keep_until < today, StopPaper.sealed.is_not(None)).order_by(StopPaper.stop))
    )


def clear_expired(session: Session, today: date) -> int:
    """Erase copies whose time is over; the record that there was a paper stays."""
    found = expired(session, today)
    for paper in found:
        paper.sealed = None
    return len(found)


def _letter(document: Acknowledgement, stop: Stop, hospital: hospitals.Hospital) -> dict[str, object]:
    relation = f"({optouts.REQUESTER_NAMES[Requester(stop.requester)].ja})" if stop.requester else ""
    texts = [
        ("求めがあった旨", document.request),
        ("求めた方", f"{document.requester_name}{relation}　{document.requester_particulars}"),
        ("求めを受けた年月日", typesetting.day(document.received_on)),
        ("この書面について", document.statement),
        ("提供を停止する年月日", typesetting.day(document.stops_on)),
        ("書面を交付する年月日", typesetting.day(document.delivered_on)),
    ]
    return {
        "title": "医療情報の提供の停止の求めに係る書面", "dated": typesetting.day(document.delivered_on), "number": stop.id,
        "addressee": f"{document.requester_name}　様", "sender": [hospital.address, hospital.name, hospital.representative],
        "items": [{"name": name, "text": text} for name, text in texts],
        "closing": ["この書面の写しは、交付の日から三年間保存します。"],
    }  # fmt: skip
