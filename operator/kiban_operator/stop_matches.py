"""求めの突合 (stop matches): whose a request is that names a person and no patient ID; people decide, and while it is doubtful every candidate is stopped.

The engine proposes registrations that agree with what the requester said, by the linkage's own comparable values, and all that the linkage holds to be of the same person.
What was said is sealed and erased when the match is settled.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

import duckdb
import orjson
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from kiban_operator import optouts, people, persons, roles, vault, workshop
from kiban_operator.database import Base, Moment
from kiban_operator.home import Home
from kiban_operator.optouts import Channel, Requester, Scope
from kiban_processing.catalogue.tables import TABLES
from kiban_processing.formats import dates
from kiban_processing.language import Text
from kiban_processing.linkage import keys
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_53_1, REG_47

NOT_ENOUGH_SAID = Ground(
    "stop-match-too-little", Family.INPUT, REG_47,
    Text("本人を探すには、氏名(漢字又はカナ)と、生年月日又は電話番号が要ります。", "To find the person, a name (kanji or kana) and a birth date or telephone are needed."),
    Text("聞き取って補ってください。", "Ask for it."),
)  # fmt: skip
BIRTH_UNREADABLE = Ground(
    "stop-match-birth-unreadable", Family.INPUT, REG_47,
    Text("生年月日を読めません。", "The birth date cannot be read."),
    Text("1948-04-05 又は S23.4.5 の形で入力してください。", "Give it like 1948-04-05 or S23.4.5."),
)  # fmt: skip
MATCH_UNKNOWN = Ground(
    "stop-match-unknown", Family.INPUT, ACT_53_1,
    Text("突合「{match}」はありません。", "There is no match “{match}”."),
    Text("`kiban optout matches` で確かめてください。", "See `kiban optout matches`."),
)  # fmt: skip
MATCH_SETTLED = Ground(
    "stop-match-settled", Family.STATE, ACT_53_1,
    Text("突合「{match}」はすでに決まっています。", "The match “{match}” is settled already."),
    Text("記録を確かめてください。", "See the record."),
)  # fmt: skip
SECOND_PERSON = Ground(
    "stop-match-second-person", Family.PERMISSION, ACT_53_1,
    Text("受け付けた人は、誰の求めかを決めることができません。", "Whoever took the request does not decide whose it is."),
    Text("別の担当者が決めてください。", "Another person of the desk has to decide."),
)  # fmt: skip
STOP_NOT_OF_MATCH = Ground(
    "stop-not-of-match", Family.INPUT, ACT_53_1,
    Text("指定された求めの中に、この突合のものでないものがあります。", "One of the requests named is not of this match."),
    Text("`kiban optout matches` に示される番号を指定してください。", "Name the numbers that `kiban optout matches` shows."),
)  # fmt: skip
REASON_NEEDED = Ground(
    "stop-match-reason-missing", Family.INPUT, ACT_53_1,
    Text("決めた理由がありません。", "There is no reason for the decision."),
    Text("理由を書いてください(個人の情報は書かないでください)。", "Write it, without particulars of anybody."),
)  # fmt: skip


@dataclass(frozen=True)
class Said:
    """What the requester said of the person: any of it may be empty, but see `stop-match-too-little`."""

    name_kanji: str = ""
    name_kana: str = ""
    birth_date: str = ""
    phone: str = ""
    postal_code: str = ""
    address: str = ""


class StopMatch(Base):
    """One request whose registration is sought. `candidates`: hospital, patient key, stop, and what agreed; no value of anybody."""

    __tablename__ = "stop_matches"
    id: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    said: Mapped[bytes | None] = mapped_column(sa.LargeBinary)
    candidates: Mapped[list[dict[str, Any]]] = mapped_column(sa.JSON)
    requested_on: Mapped[date]
    taken_at: Mapped[datetime] = mapped_column(Moment)
    taken_by: Mapped[str] = mapped_column(sa.String(100))
    settled_at: Mapped[datetime | None] = mapped_column(Moment, index=True)
    settled_by: Mapped[str | None] = mapped_column(sa.String(100))
    reason: Mapped[str | None] = mapped_column(sa.Text)


def take(home: Home, said: Said, requested_on: date, channel: Channel, requester: Requester, regimes: Scope = Scope.BOTH) -> StopMatch:
    """Take a request of somebody who knows no patient ID: every candidate is stopped from this moment until people have decided.

    Without any candidate the match is kept open: rows of the person may arrive later, so it is asked again by `seek_again`.
    Refuses: act-not-allowed, stop-match-too-little, stop-match-birth-unreadable, stop-date-future. Source: Act 53(1), 56(1)(ii).
    """
    _require_enough(said)
    with home.transaction() as session:
        people.require(session, home.circumstances, roles.Act.TAKE_STOP)
    found = _candidates(home, said)
    with home.transaction() as session:
        match = StopMatch(
            id=home.circumstances.token("m"), requested_on=requested_on, candidates=[],
            taken_at=home.circumstances.now(), taken_by=home.circumstances.actor,
        )  # fmt: skip
        asked = {**asdict(said), "channel": channel.value, "requester": requester.value, "regimes": regimes.value}
        match.said = home.keyring.seal(orjson.dumps(asked), f"stop-match/{match.id}", home.circumstances.entropy)
        session.add(match)
        _stop(session, home, match, found, channel, requester, regimes)
        return match


def seek_again(home: Home) -> int:
    """Look for candidates of every open match among what has arrived since; returns how many registrations were stopped anew. For the daily clock."""
    with home.reading() as session:
        waiting = [match.id for match in open_matches(session)]
    fresh = 0
    for match_id in waiting:
        with home.reading() as session:
            said, channel, requester, regimes = _asked(home, get(session, match_id))
        found = _candidates(home, said)
        with home.transaction() as session:
            match = get(session, match_id)
            if match.settled_at is None:
                fresh += _stop(session, home, match, found, channel, requester, regimes)
    return fresh


def settle(home: Home, match_id: str, right: Collection[str], reason: str) -> StopMatch:
    """Decide whose the request is: `right` names the stops that stand, all others of the match are voided; what was said is erased.

    Refuses: act-not-allowed, stop-match-unknown, stop-match-settled, stop-match-second-person, stop-not-of-match, stop-match-reason-missing.
    """
    with home.transaction() as session:
        people.require(session, home.circumstances, roles.Act.TAKE_STOP)
        match = get(session, match_id)
        if match.settled_at is not None:
            raise MATCH_SETTLED.refuse(match=match_id)
        if match.taken_by == home.circumstances.actor:
            raise SECOND_PERSON.refuse()
        if not reason.strip():
            raise REASON_NEEDED.refuse()
        stops = {candidate["stop"] for candidate in match.candidates}
        if not set(right) <= stops:
            raise STOP_NOT_OF_MATCH.refuse()
        for stop in sorted(stops - set(right)):
            optouts.void(session, home.circumstances, stop, f"{match_id}: {reason.strip()}")
        match.settled_at, match.settled_by, match.reason, match.said = (
            home.circumstances.now(),
            home.circumstances.actor,
            reason.strip(),
            None,
        )
        return match


def get(session: Session, match_id: str) -> StopMatch:
    """Refuses: stop-match-unknown."""
    match = session.get(StopMatch, match_id)
    if match is None:
        raise MATCH_UNKNOWN.refuse(match=match_id)
    return match


def open_matches(session: Session) -> list[StopMatch]:
    """Matches that wait for a decision or a candidate, oldest first."""
    return list(session.scalars(sa.select(StopMatch).where(StopMatch.settled_at.is_(None)).order_by(StopMatch.taken_at, StopMatch.id)))


def _require_enough(said: Said) -> None:
    if not (said.name_kanji.strip() or said.name_kana.strip()) or not (said.birth_date.strip() or said.phone.strip()):
        raise NOT_ENOUGH_SAID.refuse()
    if said.birth_date.strip() and dates.parse_date(said.birth_date.strip()) is None:
        raise BIRTH_UNREADABLE.refuse()


def _asked(home: Home, match: StopMatch) -> tuple[Said, Channel, Requester, Scope]:
    kept = orjson.loads(home.keyring.unseal(match.said or b"", f"stop-match/{match.id}"))
    said = Said(**{name: kept[name] for name in Said.__dataclass_fields__})
    return said, Channel(kept["channel"]), Requester(kept["requester"]), Scope(kept["regimes"])


def _stop(
    session: Session, home: Home, match: StopMatch, found: list[dict[str, Any]], channel: Channel, requester: Requester, regimes: Scope
) -> int:
    """Stop candidates that are not stopped by this match yet; returns their number. A voided stop of an earlier match is not revived: the ID tells them apart."""
    known = {(one["hospital"], one["patient_key"]) for one in match.candidates}
    fresh = [one for one in found if (one["hospital"], one["patient_key"]) not in known]
    for one in fresh:
        stop = optouts.register(
            session,
            home.circumstances,
            one["hospital"],
            one["patient_key"],
            match.requested_on,
            channel,
            requester,
            regimes,
            match=match.id,
        )
        one["stop"] = stop.id
    match.candidates = [*match.candidates, *fresh]
    return len(fresh)


_ASKED = "asked"


def _candidates(home: Home, said: Said) -> list[dict[str, Any]]:
    """Registrations that agree with what was said in name and birth date, name and telephone, or birth date and telephone; and those linked to them.

    Rows that share nothing readable with the request are left out before anything is normalised, so the cost is a scan of the patient tables.
    """
    born = dates.parse_date(said.birth_date.strip()) if said.birth_date.strip() else None
    with workshop.open_workshop(home.core / "engine", home.settings.memory_limit, home.settings.threads) as con:
        with home.reading() as session:
            for shelf in (vault.Shelf.VAULT, vault.Shelf.HELD):
                vault.register(con, session, home, TABLES["patients"], f"{shelf.value}_patients", shelf=shelf)
            persons.lay_out(con, session, "linked")
        _lay_out(con, said, born)
        keys.normalise_and_count(con, "asked_registrations", "asked_keys")
        rows = con.execute(f"""
            WITH agreeing AS (
                SELECT k.site_id AS hospital, k.registration AS patient_key,
                    coalesce(k.kanji_wide = a.kanji_wide, false) OR coalesce(k.kana_wide = a.kana_wide, false)
                        OR coalesce(k.given_kana = a.given_kana AND k.surname_kana = a.surname_kana, false) AS name,
                    coalesce(k.given_kanji = a.given_kanji, false) OR coalesce(k.given_kana = a.given_kana, false) AS given_name,
                    coalesce(k.dob = a.dob, false) AS birth, coalesce(k.phone = a.phone, false) AS telephone,
                    coalesce(k.postal = a.postal, false) OR coalesce(k.town = a.town, false) AS place
                FROM asked_keys k, (FROM asked_keys WHERE registration = '{_ASKED}') a WHERE k.registration <> '{_ASKED}'),
            direct AS (
                SELECT * FROM agreeing WHERE (name AND (birth OR telephone)) OR (birth AND telephone) OR (given_name AND birth AND place)),
            related AS (
                SELECT l.hospital, l.patient_key FROM linked l
                WHERE l.person IN (SELECT m.person FROM linked m SEMI JOIN direct d ON d.hospital = m.hospital AND d.patient_key = m.patient_key))
            SELECT hospital, patient_key, name, birth, telephone, place, false AS linked FROM direct
            UNION ALL SELECT hospital, patient_key, false, false, false, false, true FROM related r
                ANTI JOIN direct d USING (hospital, patient_key)
            ORDER BY hospital, patient_key""").fetchall()
    names = ("name", "birth_date", "phone", "place", "linked")
    return [
        {"hospital": hospital, "patient_key": key, "agrees": [name for name, agrees in zip(names, flags, strict=True) if agrees]}
        for hospital, key, *flags in rows
    ]


def _lay_out(con: duckdb.DuckDBPyConnection, said: Said, born: date | None) -> None:
    """`asked_registrations`: the request as a registration of its own, and every stored one that shares a birth date, a telephone or a name with it."""
    con.execute("CREATE OR REPLACE TEMP VIEW all_patients AS SELECT * FROM vault_patients UNION ALL BY NAME SELECT * FROM held_patients")
    shape = {name: "DATE" if name in ("registered_on", "birth_date") else "VARCHAR" for name in keys.COLUMNS}
    request = {**asdict(said), "birth_date": born, "registration": _ASKED, "site_id": ""}
    con.register(
        "asked_row",
        pa.table({name: pa.array([request.get(name)], pa.date32() if kind == "DATE" else pa.string()) for name, kind in shape.items()}),
    )
    plain = "regexp_replace({column}, '[\\s\\x{{3000}}]', '', 'g')"
    same_name = " OR ".join(
        f"{plain.format(column=f'p.{column}')} = {plain.format(column=f'a.{column}')}" for column in ("name_kanji", "name_kana")
    )
    digits = "regexp_replace({column}, '[^0-9]', '', 'g')"
    same_phone = f"{digits.format(column='p.phone')} = nullif({digits.format(column='a.phone')}, '')"
    columns = ", ".join(f"p.{name}" for name in keys.COLUMNS if name not in ("registration", "site_id"))
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE asked_registrations AS
        SELECT {", ".join(keys.COLUMNS)} FROM asked_row
        UNION ALL BY NAME
        SELECT DISTINCT ON (p.patient_key) p.patient_key AS registration, p.hospital AS site_id, {columns} FROM all_patients p, asked_row a
        WHERE p.birth_date = a.birth_date OR {same_phone} OR {same_name}""")
