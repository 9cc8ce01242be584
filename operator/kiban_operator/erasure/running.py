"""消去の実行 (running): the conductor of an approved order; every step can be done again, so that whatever interrupts it, running again ends it.

Order of the steps: rows of vault and hold first, so that nothing new is made of them; then releases not handed over; the record of who went
into releases; quarantined rows; the linkage; control data; then the proof, and only after it the entry that the deletion is done.
"""

from __future__ import annotations

from kiban_operator import database, deaths, people, release_state, roles, vault
from kiban_operator.erasure import files, orders, pending, quarantine, reach, whole
from kiban_operator.erasure import scan as scanning
from kiban_operator.erasure.orders import ERASURE, RUNNING, Erasure, Scope
from kiban_operator.erasure.reach import Reach, is_of
from kiban_operator.erasure.scan import Scan
from kiban_operator.home import Home
from kiban_operator.ledger import book, kinds
from kiban_operator.persons import forgetting, generations, leaving, linking
from kiban_operator.vault import Progress, Shelf
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground, Refusal
from kiban_processing.statutes import ACT_20, REG_12

NOT_PROVED = Ground(
    "erasure-not-proved", Family.INTEGRITY, REG_12,
    Text("{aggregate}: 消去したはずのものが残っています({found})。", "{aggregate}: what should be erased is still there ({found})."),
    Text("もう一度 `kiban erasure run` を行ってください。残るときは `kiban erasure scan` の結果を安全管理責任者に報告してください。",
         "Run `kiban erasure run` again. If it stays, report what `kiban erasure scan` shows to the security officer."),
)  # fmt: skip
BUSY = Ground(
    "erasure-overtaken", Family.STATE, ACT_20,
    Text("{aggregate}: 消去の間に新しい行が入り続けています。", "{aggregate}: new rows keep coming in while they are erased."),
    Text("受入れを止めてから、もう一度行ってください。", "Pause intake, then run it again."),
)  # fmt: skip
_ROUNDS = 5


def run(home: Home, order_id: str, progress: Progress = vault.silent) -> Erasure:
    """Carry out an approved order, or go on with one that was interrupted, to its proof.

    Refuses: unknown-case, act-not-allowed, move-not-allowed, linkage-overtaken, erasure-not-proved, erasure-overtaken.
    """
    reached = _begin(home, order_id, progress)
    for _ in range(_ROUNDS):
        _rows(home, order_id, reached, progress)
        _releases(home, order_id, reached, progress)
        _released(home, order_id, reached, progress)
        _quarantined(home, order_id, reached, progress)
        _linkage(home, reached, progress)
        _traces(home, order_id, reached, progress)
        _remains(home, order_id, progress)
        told = scanning.scan(home, order_id, progress)
        done = _finish(home, order_id, reached, told, progress)
        if done is not None:
            database.settle(home.engine)
            return done
    raise BUSY.refuse(aggregate=f"erasure/{order_id}")


def _begin(home: Home, order_id: str, progress: Progress) -> Reach:
    with home.transaction() as session:
        people.require(session, home.circumstances, roles.Act.ERASE)
        order = orders.load(session, order_id)
        reached = reach.of(session, home, order) if order.state != orders.REJECTED else None
        if order.state != RUNNING or reached is None:
            step = people.begin(session, home.circumstances, ERASURE, order, "begin")
            assert reached is not None
            facts = {**orders.ledger_facts(order), "registrations": order.registrations}
            step.finish(facts={**facts, **({"document": order.document} if order.document else {})}, sealed=_subject(reached))
        progress("begin:booked", 0, None)
    progress("begin:committed", 0, None)
    return reached


def _subject(reached: Reach) -> dict[str, str]:
    """Who is erased, as a text that the ledger holds a salted commitment to."""
    return {"subject": "\n".join(sorted(reached.keys))} if reached.keys else {}


def _rows(home: Home, order_id: str, reached: Reach, progress: Progress) -> None:
    """Vault and hold, held rows first: what the daily clock moves meanwhile is found where it went to."""
    for shelf in (Shelf.HELD, Shelf.VAULT):
        with home.reading() as session:
            chosen = reach.whole_files(session, reached, shelf) if reached.keys is None else reach.files(session, home, shelf, reached.keys)
        if reached.keys is None:
            files.destroy(home, order_id, chosen, progress)
            continue
        goes = is_of(reached.keys)
        for number, file in enumerate(chosen):
            progress(shelf.value, number, len(chosen))
            if held := files.holding(home, file, goes):
                files.without(goes, home, order_id, held, progress)


def _releases(home: Home, order_id: str, reached: Reach, progress: Progress) -> None:
    ending, delivered = pending.concerned(home, reached)
    with home.transaction() as session:
        order = orders.load(session, order_id)
        order.outcome = {**order.outcome, "delivered": sorted({*order.outcome.get("delivered", []), *delivered})}
    for release_id in ending:
        pending.end(home, order_id, release_id, progress)
    if reached.scope is Scope.EVERYTHING:
        with home.reading() as session:
            made = [each.id for each in release_state.every(session)]
        for release_id in made:
            pending.remove_package(home, release_id)


def _released(home: Home, order_id: str, reached: Reach, progress: Progress) -> None:
    """Which registrations went into releases: no statute asks to keep it once the registration is erased."""
    if reached.scope is Scope.EVERYTHING:
        with home.reading() as session:
            chosen = vault.files(session, Shelf.RELEASED)
        files.destroy(home, order_id, chosen, progress)
        return
    with home.reading() as session:
        if reached.keys is not None:
            work = [(file, reached.keys) for file in reach.files(session, home, Shelf.RELEASED, reached.keys)]
        else:
            members = {file.submission: file for file in vault.files(session, Shelf.RELEASED, table="members")}
            classes = [file for file in vault.files(session, Shelf.RELEASED, table="classes") if file.submission in members]
            still = whole.living(home, reached)
            gone = {each: whole.gone_from_release(home, reached, file, still) for each, file in members.items()}
            work = [
                (file, gone[file.submission]) for file in (*classes, *members.values())
            ]  # members last: they tell who is in the classes
    for file, keys in work:
        if keys and (held := files.holding(home, file, is_of(keys))):
            files.without(is_of(keys), home, order_id, held, progress)


def _quarantined(home: Home, order_id: str, reached: Reach, progress: Progress) -> None:
    if reached.keys is None:
        with home.reading() as session:
            chosen = reach.whole_files(session, reached, Shelf.QUARANTINE)
        files.destroy(home, order_id, chosen, progress)
        return
    rows, damaged = quarantine.naming(home, reached.local_ids)
    for held in rows:
        quarantine.empty(home, order_id, held, reached.local_ids, progress)
    files.destroy(home, order_id, damaged, progress)


def _linkage(home: Home, reached: Reach, progress: Progress) -> None:
    progress("linkage:before", 0, None)
    if reached.keys is not None:
        leaving.take_out(home, reached.keys, progress)
    elif reached.scope is Scope.EVERYTHING:
        with home.reading() as session:
            known = leaving.registered(session, None)
        leaving.take_out(home, known, progress, judging=False)
    else:
        _linkage_of_hospital(home, reached, progress)
    progress("linkage:committed", 0, None)


def _linkage_of_hospital(home: Home, reached: Reach, progress: Progress) -> None:
    """Who has no registration row left leaves; whose newest row went may have an older one: then the linkage judges what is left of the vault."""
    gone = whole.gone_from_register(home, reached, whole.living(home, reached))
    leaving.take_out(home, gone, progress)
    with home.reading() as session:
        linked = generations.in_force(session) is not None
    if reached.scope is Scope.SUBMISSION and linked:
        try:
            linking.renew(home, progress)
        except Refusal:  # nothing is left to link, or a breach stops it: nothing is judged, and the state goes
            leaving.take_out(home, frozenset(), progress, judging=False)


def _traces(home: Home, order_id: str, reached: Reach, progress: Progress) -> None:
    """Control data: deaths remembered, the history of who was whom, doubts and what people wrote about them, secrets of releases."""
    progress("traces:before", 0, None)
    secrets: list[str] = []
    with home.transaction() as session:
        book.lock(session)
        removed = 0
        if reached.keys is not None:
            removed += deaths.forget(session, keys=reached.keys) + forgetting.forget(session, home.circumstances, reached.keys)
        elif reached.scope is Scope.EVERYTHING:
            removed += deaths.forget(session) + forgetting.forget(session, home.circumstances, None)
            secrets = scanning.release_secrets(session)
            for name in secrets:
                home.keyring.destroy(session, name, home.circumstances.now())
        elif reached.scope is Scope.HOSPITAL:
            removed += deaths.forget(session, hospital=reached.hospital)
        if removed or secrets:
            files.tally(orders.load(session, order_id), "traces", rows=removed, keys=len(secrets))
            facts = {"what": "traces", "rows": removed, "keys": len(secrets)}
            book.append(session, home.circumstances, kinds.ERASURE_STEPPED, f"erasure/{order_id}", facts)
        progress("traces:booked", 0, None)
    progress("traces:committed", 0, None)


def _remains(home: Home, order_id: str, progress: Progress) -> None:
    """Old files and packages that an interruption left on the disk; their keys are gone already."""
    with home.reading() as session:
        left = files.left(session, home, order_id)
        ended = orders.load(session, order_id).outcome.get("ended", [])
    for path in left:
        path.unlink(missing_ok=True)
    for release_id in ended:
        pending.remove_package(home, release_id)
    progress("remains:removed", 0, None)


def _finish(home: Home, order_id: str, reached: Reach, told: Scan, progress: Progress) -> Erasure | None:
    """Book the deletion on the strength of the scan; None where new rows came in since it."""
    with home.transaction() as session:
        book.lock(session)
        order = orders.load(session, order_id)
        if scanning.came_since(session, home, order, told):
            return None
        step = people.begin(session, home.circumstances, ERASURE, order, "finish")
        found = ", ".join(f"{place} {number}" for place, number in sorted(told.found.items()))
        step.judge("absence-proved", told.clean, NOT_PROVED, found=found)
        shelves = order.counted.get("shelves", {})
        facts = {
            **orders.ledger_facts(order), "deleted_on": home.circumstances.today().isoformat(), "order": order.id,
            "items": sorted(order.counted.get("tables", {})) or ["nothing"], "registrations": order.registrations,
            "files": _total(shelves, "files"), "rows": _total(shelves, "rows"), "keys": _total(shelves, "keys") + _total(shelves, "files"),
            "files_by_shelf": {name: counts.get("files", 0) for name, counts in shelves.items()},
            "rows_by_shelf": {name: counts.get("rows", 0) for name, counts in shelves.items()},
            "files_scanned": told.files, "rows_scanned": told.rows,
            "releases_ended": len(order.outcome.get("ended", [])), "releases_delivered": len(order.outcome.get("delivered", [])),
        }  # fmt: skip
        step.finish(
            change={"finished_at": home.circumstances.now(), "outcome": {**order.outcome, "scan": told.as_json()}},
            content={"scan": told.as_json()}, facts=facts, sealed=_subject(reached), about=f"deletion/{order.id}",
        )  # fmt: skip
        progress("finish:booked", 0, None)
    progress("finish:committed", 0, None)
    return order


def _total(shelves: dict[str, dict[str, int]], name: str) -> int:
    return sum(counts.get(name, 0) for counts in shelves.values())
