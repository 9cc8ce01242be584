"""提供した本人の説明 (released persons): whom a person of a release consisted of when it was made, and what has become of them since.

A released pseudonym stays explainable after later merges and splits: the release keeps its members, the register who was whom at every
run. For the auditor and the operator only; to identify a person from anonymised data is forbidden to everybody else (Act 19(2)).
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
from sqlalchemy.orm import Session

from kiban_operator import earlier_releases, people, release, release_state, roles, vault, workshop
from kiban_operator.home import Home
from kiban_operator.persons import events, history, register
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_19
from kiban_processing.transforms import keys as pseudonyms

NOT_IN_RELEASE = Ground(
    "person-not-released", Family.INPUT, ACT_19,
    Text("{person} は作成物 {release} に含まれていません。", "{person} is not in release {release}."),
    Text("作成時の本人ID又は提供した仮IDを指定してください。", "Give the person's ID at that time, or the pseudonym that was released."),
)  # fmt: skip


@dataclass(frozen=True)
class ReleasedPerson:
    """提供した本人. `released`: registrations that went in; `consisted`: all of the person's at the run; `now`: registration → person, None
    where it has left; `events`: what happened after the run to the person and to those its registrations belong to now."""

    release: str
    person: str
    run: str
    released: tuple[str, ...]
    consisted: tuple[str, ...]
    now: dict[str, str | None]
    events: tuple[events.PersonEvent, ...]


def explain(home: Home, release_id: str, person: str) -> ReleasedPerson:
    """A person of a release, by their ID at that time or by the pseudonym released. Refuses: act-not-allowed, unknown-case,
    members-missing, person-not-released."""
    with home.transaction() as session:
        people.require(session, home.circumstances, roles.Act.READ_IDENTITY)
        made = release_state.load(session, release_id)
    then, released = _members(home, release_id, person)
    with home.reading() as session:
        run = _run(session, made, then, released)
        consisted = register.as_of(session, then, run.entry)
        present = history.now(session, consisted)
        concerned = sorted({then, *(found for found in present.values() if found is not None)})
        later = {each.id for each in history.runs(session) if each.entry > run.entry}
        happened = {event.id: event for one in concerned for event in events.of_person(session, one) if event.linkage in later}
    return ReleasedPerson(
        release_id, then, run.id, tuple(released), tuple(consisted), present, tuple(happened[number] for number in sorted(happened))
    )  # fmt: skip


def _members(home: Home, release_id: str, person: str) -> tuple[str, list[str]]:
    with (
        workshop.open_workshop(home.core / "engine", home.settings.memory_limit, home.settings.threads) as con,
        home.reading() as session,
    ):
        chosen = [f for f in vault.files(session, vault.Shelf.RELEASED, table="members") if f.submission == release_id]
        if not chosen:
            raise release.MEMBERS_MISSING.refuse(release=release_id)
        con.register("members", vault.dataset(session, home, chosen, release.MEMBERS))
        secret = home.keyring.open(session, earlier_releases.secret_of(release_id, "pseudonym"))
        con.execute("CREATE OR REPLACE TEMP TABLE named AS SELECT DISTINCT person FROM members")
        con.register("asked", pa.table({"asked": [person]}))
        found = con.execute(
            f"SELECT person FROM named, asked WHERE person = asked OR {pseudonyms.pseudonym_sql('person')} = asked",
            pseudonyms.pads("pseudonym", secret),
        ).fetchall()
        if len(found) != 1:
            raise NOT_IN_RELEASE.refuse(person=person, release=release_id)
        ((then,),) = found
        keys = con.execute("SELECT patient_key FROM members WHERE person = $person ORDER BY patient_key", {"person": then}).fetchall()
    return str(then), [str(row[0]) for row in keys]


def _run(session: Session, made: release_state.Release, person: str, released: list[str]) -> register.LinkageRun:
    """The run whose register the release was made from: the newest by its judging at which the person held what was released."""
    by = made.judged_at or made.planned_at
    for run in reversed([each for each in history.runs(session) if each.at <= by]):
        if set(released) <= set(register.as_of(session, person, run.entry)):
            return run
    raise NOT_IN_RELEASE.refuse(person=person, release=made.id)
