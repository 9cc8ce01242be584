"""名寄せの実行 (linking): the conductor of a run: what may be used today becomes persons; what people settled wins; doubts wait for people.

Only rows of the vault are linked, and only while the standing query finds no stored row without notice evidence: the 2022 incident was
un-notified people's data linked onto others. Whoever may no longer be used leaves; their cluster is judged anew without them.

A run judges what changed since the one before it: registrations that came, are otherwise, or may no longer be used, and decisions of
people that act now or no longer do. The guard is asked about every registration each time.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

import duckdb
import pyarrow as pa
from sqlalchemy.orm import Session

from kiban_operator import custody, erased_files, people, roles, vault, workshop
from kiban_operator.home import Home
from kiban_operator.ledger import book, kinds
from kiban_operator.persons import decisions, events, forgetting, generations, judging, links, queue, register, usable
from kiban_processing.language import Text
from kiban_processing.linkage.state.kept import Kept
from kiban_processing.linkage.state.sealing import STATE_DAMAGED
from kiban_processing.refusals import Family, Ground, Refusal
from kiban_processing.statutes import ACT_18

NOTHING_TO_LINK = Ground(
    "nothing-to-link", Family.STATE, ACT_18,
    Text("保管庫に患者登録がありません。", "The vault holds no registration."),
    Text("先に `kiban submit` で医療情報を受け入れてください。", "Receive a submission first with `kiban submit`."),
)  # fmt: skip
OVERTAKEN = Ground(
    "linkage-overtaken", Family.STATE, ACT_18,
    Text("この実行の間に、別の名寄せが終わりました。", "Another linkage ended while this one was at work."),
    Text("この実行では何も変えていません。もう一度 `kiban link` を実行してください。", "This run changed nothing. Run `kiban link` again."),
)  # fmt: skip


@dataclass(frozen=True)
class LinkageOutcome:
    """名寄せの結果: counts of one run. `left`: registrations that may no longer be used; `decided`: pairs that people's decisions fixed.

    `joined`, `parted`: pairs of registrations known before that were two persons and are one, or the other way round. `whole`: whether
    everything was linked again.
    """

    linkage: str
    registrations: int
    persons: int
    across_hospitals: int
    doubtful: int
    vetoed: int
    merged: int
    split: int
    left: int
    decided: int
    joined: int
    parted: int
    whole: bool
    report: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def link(home: Home, progress: vault.Progress = vault.silent, anew: bool = False) -> LinkageOutcome:
    """Link the registrations in the vault, keep person IDs stable, bring the queue of doubts in step, book the counts.

    `anew`: link all of them under a newly learnt model, instead of what changed under the model in force. So it is done as well where no
    state is in force, where this version compares otherwise than the one that left it, and where more than `judging.ANEW_FROM` changed.
    Decisions that people settle while a run is at work act from the next run on.
    Refuses: act-not-allowed, custody-breach (the standing query found something), nothing-to-link, linkage-decisions-contradict,
    linkage-overtaken, erased-meanwhile.
    """
    with home.transaction() as session:
        people.require(session, home.circumstances, roles.Act.LINK_PERSONS)
    return renew(home, progress, anew)


def renew(home: Home, progress: vault.Progress = vault.silent, anew: bool = False) -> LinkageOutcome:
    """`link` without asking who does it. Refuses: as `link`, but for act-not-allowed."""
    custody.require_clean(home, progress)
    linkage = home.circumstances.token("n")
    with workshop.open_workshop(home.core / "engine", home.settings.memory_limit, home.settings.threads) as con:
        with home.reading() as session:
            erased = erased_files.count(session)
        usable.lay_out(home, con)
        present = frozenset(con.execute("SELECT registration FROM registrations").to_arrow_table().column(0).to_pylist())
        if not present:
            raise NOTHING_TO_LINK.refuse()
        progress("link", 0, None)
        generation = generations.begin(home, linkage)
        with ExitStack() as undone:
            undone.callback(generation.discard)
            with home.reading() as session:
                previous = register.known(session)
                acting = decisions.acting(decisions.in_force(session), present)
                last = register.last_run(session)
                state = None if anew or last is None else generations.of(home, session, last.id, previous.num_rows)
            if state is not None:
                undone.callback(state.close)
            judged = _judge(home, con, generation, state, decisions.table(acting), previous, progress, last)
            return _keep(home, con, undone, generation, state, judged, acting, last, erased)


def take_out(home: Home, gone: frozenset[str], progress: vault.Progress = vault.silent) -> LinkageOutcome | None:
    """A run that takes registrations out of the register, the state and the pairs, and judges their clusters without them; the vault is
    not read, so that what else has changed there waits for the next run.

    None, and nothing changed, where there is no state to go on from, or nobody would be left. Refuses: linkage-overtaken.
    """
    with workshop.open_workshop(home.core / "engine", home.settings.memory_limit, home.settings.threads) as con, ExitStack() as undone:
        with home.reading() as session:
            previous, last = register.known(session), register.last_run(session)
            state = None if last is None else generations.of(home, session, last.id, previous.num_rows)
            if state is None:
                return None
            undone.callback(state.close)
            register.lay_out(con, session, "linked")
            known = frozenset(previous.column("registration").to_pylist())
            acting = decisions.acting(decisions.in_force(session), known - gone)
        if not known - gone:
            return None
        leaving = pa.array(sorted(known & gone), pa.string())
        con.register("leaving", pa.table({"patient_key": leaving}))
        con.execute(
            "CREATE OR REPLACE TEMP TABLE registrations AS SELECT patient_key AS registration, hospital AS site_id FROM linked ANTI JOIN leaving USING (patient_key)"
        )
        con.unregister("leaving")
        generation = generations.begin(home, home.circumstances.token("n"))
        undone.callback(generation.discard)
        try:
            judged = judging.take_out(home, con, generation, state, leaving, decisions.table(acting), previous, progress)
        except Refusal as refusal:
            if refusal.code != STATE_DAMAGED.code:
                raise
            return None
        return _keep(home, con, undone, generation, state, judged, acting, last, None, known & gone)


def _keep(
    home: Home, con: duckdb.DuckDBPyConnection, undone: ExitStack, generation: generations.Generation, state: Kept | None,
    judged: judging.Judged, acting: list[decisions.Edge], last: register.LinkageRun | None, erased: int | None,
    erasing: frozenset[str] = frozenset(),
) -> LinkageOutcome:  # fmt: skip
    """Register, queue, events, pairs, state and entry in one transaction; old files go afterwards. `erased`: what `erased_files.count` told before
    the vault was read, None where it was not read; `erasing`: registrations that are in no history either."""
    linkage, circumstances = generation.linkage, home.circumstances
    sealing = links.seal(home, judged.pairs, linkage)
    undone.callback(sealing.discard)
    change = register.lay_changes(con)
    left = con.execute("SELECT registration, person_before FROM linkage_changes WHERE person IS NULL").fetchall()
    decided = _decided(con, acting)
    with home.transaction() as session:
        book.lock(session)
        require_newest(session, last)
        if erased is not None:
            erased_files.require_none_since(session, erased)
        queued = queue.renew(session, circumstances, con, linkage)
        outcome = _count(con, linkage, judged, queued.waiting, change.left, len(acting))
        entry = _book(session, home, outcome, queued)
        register.write(session, con, linkage, entry.seq)
        session.add(register.LinkageRun(id=linkage, entry=entry.seq, at=entry.at, report=outcome.report))
        events.note(session, linkage, entry.at, judged.events, decided, frozenset(person for _, person in left))
        queue.forget_reasons(session, circumstances, frozenset(registration for registration, _ in left))
        if erasing:
            forgetting.forget(session, circumstances, erasing)
        former = generations.record(session, home, generation)
        old = links.replace(session, home, sealing)
    undone.pop_all()
    if state is not None:
        state.close()
    for path in old:
        path.unlink(missing_ok=True)
    generations.remove(home, generation, former)
    return outcome


def _judge(
    home: Home, con: duckdb.DuckDBPyConnection, generation: generations.Generation, state: Kept | None, fixed: pa.Table, previous: pa.Table,
    progress: vault.Progress, last: register.LinkageRun | None,
) -> judging.Judged:  # fmt: skip
    """A state found to be damaged while it is read is no state; one that is gone may have been removed by a run that overtook this one."""
    try:
        return judging.judge(home, con, generation, state, fixed, previous, progress)
    except (Refusal, FileNotFoundError) as error:
        if state is None or (isinstance(error, Refusal) and error.code != STATE_DAMAGED.code):
            raise
    with home.reading() as session:
        require_newest(session, last)
    generation.discard()
    return judging.judge(home, con, generation, None, fixed, previous, progress)


def require_newest(session: Session, last: register.LinkageRun | None) -> None:
    """What was judged was judged against the newest run; a run in between would be undone without anybody seeing it. Refuses: linkage-overtaken."""
    newest = register.last_run(session)
    if (newest and newest.id) != (last and last.id):
        raise OVERTAKEN.refuse()


def _decided(con: duckdb.DuckDBPyConnection, acting: list[decisions.Edge]) -> dict[frozenset[str], str]:
    """Pair of persons → the doubt whose decision joined them (persons before the run) or parted them (persons after it)."""
    edges = {
        "left": [e.left for e in acting],
        "right": [e.right for e in acting],
        "same": [e.same for e in acting],
        "doubt": [e.doubt for e in acting],
    }
    shape = pa.schema([("left", pa.string()), ("right", pa.string()), ("same", pa.bool_()), ("doubt", pa.string())])
    con.register("decided_edges", pa.table(edges, schema=shape))
    rows = con.execute("""
        SELECT l.person, r.person, doubt FROM decided_edges d
        JOIN previous l ON l.registration = d."left" JOIN previous r ON r.registration = d."right" WHERE same AND l.person <> r.person
        UNION ALL
        SELECT l.person, r.person, doubt FROM decided_edges d
        JOIN assigned l ON l.registration = d."left" JOIN assigned r ON r.registration = d."right" WHERE NOT same
        ORDER BY ALL
    """).fetchall()
    con.unregister("decided_edges")
    return {frozenset({one, other}): doubt for one, other, doubt in rows}


def _count(
    con: duckdb.DuckDBPyConnection, linkage: str, judged: judging.Judged, waiting: int, left: int, decided: int
) -> LinkageOutcome:  # fmt: skip
    ((registrations, persons, across),) = con.execute("""
        WITH sites AS (SELECT person, count(*) AS held, count(DISTINCT site_id) AS sites FROM assigned JOIN places USING (registration) GROUP BY 1)
        SELECT coalesce(sum(held), 0)::BIGINT, count(*), count(*) FILTER (sites > 1) FROM sites
    """).fetchall()
    ((vetoed,),) = con.execute("SELECT count(*) FROM linkage_pairs WHERE decision = 'veto'").fetchall()
    plain = json.loads(json.dumps(judged.report, sort_keys=True, ensure_ascii=False, default=str))
    merged, split = (sum(change.kind == kind for change in judged.events) for kind in ("merge", "split"))
    return LinkageOutcome(
        linkage, registrations, persons, across, waiting, vetoed, merged, split, left, decided, judged.joined, judged.parted, judged.whole, plain
    )  # fmt: skip


def _book(session: Session, home: Home, outcome: LinkageOutcome, queued: queue.Queued) -> book.Entry:
    report = json.dumps(outcome.report, sort_keys=True, ensure_ascii=False).encode()
    facts = {
        "registrations": outcome.registrations, "persons": outcome.persons, "review": outcome.doubtful, "vetoed": outcome.vetoed,
        "merged": outcome.merged, "split": outcome.split, "joined": outcome.joined, "parted": outcome.parted, "left": outcome.left,
        "decisions": outcome.decided, "raised": queued.raised, "closed": queued.closed,
        "report": f"sha256:{hashlib.sha256(report).hexdigest()}",
    }  # fmt: skip
    return book.append(session, home.circumstances, kinds.PERSONS_LINKED, f"linkage/{outcome.linkage}", facts)
