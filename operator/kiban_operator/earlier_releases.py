"""過去の提供 (earlier releases): what an attacker may already hold, laid out so that a new release can be judged beside it (Reg 18(iii)(v)).

When a release is produced, the class that each person had in it is sealed in the vault beside its members: a number per registration, no
value. It is information on the method of processing (加工の方法に関する情報, Act 9(2)(iv)): a regulated secret, in no package. Registrations, not
persons, are the link over time: linkage may later merge two persons or part one, and `risk.intersection` counts both ways.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

import duckdb
import pyarrow as pa
from sqlalchemy.orm import Session

from kiban_operator import erased_files, release_state, vault
from kiban_operator.home import Home
from kiban_operator.release_state import Release
from kiban_processing.connection import Connection
from kiban_processing.language import Text
from kiban_processing.outcome import SECRET_PERSONS
from kiban_processing.plan import Intersection, Plan
from kiban_processing.refusals import Family, Ground
from kiban_processing.risk import intersection
from kiban_processing.risk.intersection import Earlier
from kiban_processing.statutes import REG_18_V
from kiban_processing.transforms import dates
from kiban_processing.transforms import keys as pseudonyms

EARLIER_CHANGED = Ground(
    "earlier-releases-changed", Family.STATE, REG_18_V,
    Text("作成中に別の作成物({releases})ができました。突合の判定がされていません。",
         "Another release ({releases}) was made meanwhile; the two have not been judged together."),
    Text("もう一度作成してください。", "Make this release again."),
)  # fmt: skip

CLASSES = pa.schema([("patient_key", pa.string()), ("person", pa.string()), ("class", pa.int64())])
_TABLE = "classes"


@dataclass(frozen=True)
class Held:
    """Earlier releases as the gate takes them. `joint`: relation of `person, joint` for the search, None where there is nothing to keep to."""

    earlier: tuple[Earlier, ...]
    unknown: tuple[str, ...]
    joint: str | None

    @property
    def relations(self) -> tuple[str, ...]:
        """The engine's relations that the search and the gate read."""
        return (*(one.relation for one in self.earlier), *([self.joint] if self.joint else []))


def secret_of(release_id: str, name: str) -> str:
    """The name under which a release's secret lies in the key store."""
    return f"release/{release_id}/{name}"


def counting(session: Session, release_id: str) -> list[Release]:
    """Releases that somebody holds or may still be given: made and not refused; a recalled one only if it was delivered before."""
    without_data = (release_state.PLANNED, release_state.REFUSED)
    return [
        release
        for release in release_state.every(session)
        if release.id != release_id
        and release.state not in without_data
        and (release.state != release_state.RECALLED or release.delivered_on is not None)
    ]


def lay_out(home: Home, con: duckdb.DuckDBPyConnection, wanted: Plan, release_id: str, recipient: str) -> Held:
    """Make one relation per earlier release, with the registrations of `members` (hospital, patient_key, person) named as persons now.

    The plan says whether only releases to the same `recipient` are judged; all are measured.
    """
    earlier, unknown = [], []
    with home.reading() as session:
        stored = {file.submission: [file] for file in vault.files(session, vault.Shelf.RELEASED, table=_TABLE)}
        for emptied in erased_files.emptied(session, vault.Shelf.RELEASED, _TABLE):
            stored.setdefault(emptied, [])  # all who were in it are erased: nobody of today was
        for number, release in enumerate(counting(session, release_id)):
            same = release.recipient_id == recipient
            judged = same or wanted.risk.intersection is Intersection.ALL
            if release.id not in stored:
                unknown += [release.id] if judged else []
                continue
            name = f"earlier_{number}"
            con.register(f"{name}_stored", vault.dataset(session, home, stored[release.id], CLASSES))
            _lay_out_one(home, con, session, release, name)
            con.unregister(f"{name}_stored")
            earlier.append(Earlier(release.id, same, judged, name))
    return Held(tuple(earlier), tuple(unknown), intersection.lay_out(con, "members", earlier))


def _lay_out_one(home: Home, con: duckdb.DuckDBPyConnection, session: Session, release: Release, name: str) -> None:
    """person, person_then, class, pseudonym_then, shift_then: the last two recomputed from the release's secrets."""
    window = int(tomllib.loads(release.plan_text)["shift"]["window_weeks"])
    parameters = {secret: home.keyring.open(session, secret_of(release.id, secret)) for secret in ("pseudonym", "shift")}
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT m.person, c.person AS person_then, c.class, "
        f"{pseudonyms.pseudonym_sql('c.person')} AS pseudonym_then, {dates.shift_weeks_sql('c.person', window)} AS shift_then "
        f"FROM {name}_stored c LEFT JOIN members m ON m.patient_key = c.patient_key",
        pseudonyms.pads("pseudonym", parameters["pseudonym"]) | pseudonyms.pads("shift", parameters["shift"]),
    )


def seal(home: Home, con: duckdb.DuckDBPyConnection, wanted: Plan, release_id: str) -> vault.Sealing:
    """Write the class of every registration released; the caller records the file in the transaction that books the release."""
    sealing = vault.seal(home, vault.Shelf.RELEASED, hospital="*", regime="A", table=_TABLE, submission=release_id, schema=CLASSES)
    name = intersection.number_classes(con, [column.released_as for column in wanted.quasi], "released_classes")
    query = f"SELECT m.patient_key, m.person, c.class FROM members m JOIN {name} c ON c.person = m.person ORDER BY ALL"
    for batch in con.execute(query).to_arrow_reader(100_000):
        sealing.write(batch)
    return sealing


def require_unchanged(session: Session, release_id: str, held: Held) -> None:
    """No release may have come into being since these were laid out: of two made at once, the later must have been judged beside the other.

    Refuses: earlier-releases-changed.
    """
    judged = {one.release for one in held.earlier} | set(held.unknown)
    new = sorted({release.id for release in counting(session, release_id)} - judged)
    if new:
        raise EARLIER_CHANGED.refuse(releases=", ".join(new))


def earlier_pseudonyms(home: Home, con: Connection, release_id: str) -> str | None:
    """What the persons of this release were called in every earlier one: no pseudonym may be used twice (law.md, requirement 19)."""
    with home.reading() as session:
        query = release_state.every(session)
        earlier = [
            home.keyring.open(session, secret_of(release.id, "pseudonym"))
            for release in query
            if release.id != release_id and release.state != release_state.REFUSED
        ]
    if not earlier:
        return None
    con.execute("CREATE OR REPLACE TEMP TABLE earlier_pseudonyms (pseudonym VARCHAR)")
    for secret in earlier:
        con.execute(
            f"INSERT INTO earlier_pseudonyms SELECT {pseudonyms.pseudonym_sql('person')} FROM {SECRET_PERSONS}",
            pseudonyms.pads("pseudonym", secret),
        )
    return "earlier_pseudonyms"
