"""作成 (release): the conductor that makes one dataset: order → second gate → plan → engine → judgement → package (Act 19(1), Reg 18).

The intention is booked before the act. The transfer guard is evaluated anew on today's registers, apart from its first evaluation at
intake; only linked persons' rows that pass it go in. One failed check refuses the release, and the refusal is booked. Secrets of the
release (pseudonyms, shifts) are information on the method of processing: they stay in the key store and never reach a user.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from kiban_operator import (
    approvals,
    cluster,
    custody,
    earlier_releases,
    erased_files,
    optouts,
    orders,
    release_state,
    roles,
    vault,
    workshop,
)
from kiban_operator.eligibility import lay_out_eligible, recheck
from kiban_operator.home import Home
from kiban_operator.ledger import book, signer
from kiban_operator.release_state import Product, Release
from kiban_processing import engine, gate, plan, utility
from kiban_processing.evidence import Evidence
from kiban_processing.language import Text
from kiban_processing.outcome import Outcome, ReleaseSecrets
from kiban_processing.package import assembly, contents, envelope
from kiban_processing.package.statement import Particulars
from kiban_processing.plan import Plan
from kiban_processing.refusals import Family, Ground, Refusal
from kiban_processing.reports import operator_figures
from kiban_processing.statutes import ACT_19, ACT_56_1_II, REG_6_V, REG_18

PLAN_NOT_FOR_ORDER = Ground(
    "plan-not-for-order", Family.LAW, REG_6_V,
    Text("加工計画の{field}が契約と異なります。", "The plan's {field} differs from the contract's."),
    Text("契約に合わせた加工計画を使ってください。", "Use a plan written for this contract."),
)  # fmt: skip
NOBODY_ELIGIBLE = Ground(
    "nobody-eligible", Family.STATE, ACT_19,
    Text("提供できる人がいません。", "There is nobody whose records may be provided."),
    Text("受入れと名寄せ(`kiban link`)の状況を確かめてください。", "Look at intake and linkage (`kiban link`)."),
)  # fmt: skip

MEMBERS_MISSING = Ground(
    "members-missing", Family.INTEGRITY, ACT_56_1_II,
    Text("作成物 {release} に入った登録の記録がありません。停止の求めを確かめられません。",
         "There is no record of whose registrations went into {release}; whether they asked to stop cannot be told."),
    Text("この作成物は提供せず、作り直してください。", "Do not provide this release; make it again."),
)  # fmt: skip

REPORT_ALTERED = Ground(
    "report-altered", Family.INTEGRITY, REG_18,
    Text("作成物 {release} の報告書「{file}」がないか、判定の証拠にあるものと異なります。",
         "The report “{file}” of {release} is missing, or is not the one that the evidence names."),
    Text("控えから戻すか、作り直してください。", "Restore it from a backup, or make the release again."),
)  # fmt: skip

MEMBERS = pa.schema([("hospital", pa.string()), ("patient_key", pa.string()), ("person", pa.string())])
MANIFEST, EVIDENCE, PACKAGE = "manifest.json", "evidence.json", "package.tar.age"


@dataclass(frozen=True)
class Made:
    """作成の結果: the row as it stands, and the evidence, which is the operator's and the auditor's alone."""

    release: Release
    evidence: Evidence
    outcome: Outcome


def folder_of(home: Home, release_id: str) -> Path:
    return home.deliver / "releases" / release_id


def make(
    home: Home, order: orders.Order, plan_path: Path, purpose: Text, conditions: Sequence[Text], archive_key: str,
    progress: vault.Progress = vault.silent,
) -> Made:  # fmt: skip
    """Make a release for an order. `archive_key`: the operator's own age public key, so that the checkers can open what leaves.

    Refuses: what `plan.check` refuses, plan-not-for-order, custody-breach, nobody-eligible, release-refused, erased-meanwhile, and what the release's
    state table refuses. Source: Act 19(1), 56(1); Reg 18.
    """
    wanted = plan.read(plan_path)
    plan.check(wanted, order.approved_items)
    _check_order(wanted, order)
    circumstances = home.circumstances
    with home.transaction() as session:
        intended = release_state.plan(session, circumstances, order, plan_path.read_text(encoding="utf-8"), f"sha256:{wanted.digest}")
        release_id = intended.id
        erased = erased_files.count(session)
        now = circumstances.now()
        secrets = ReleaseSecrets(
            home.keyring.make(session, earlier_releases.secret_of(release_id, "pseudonym"), circumstances.entropy, now),
            home.keyring.make(session, earlier_releases.secret_of(release_id, "shift"), circumstances.entropy, now),
        )
    try:
        custody.require_clean(home, progress)
        return _carry_out(home, release_id, order, wanted, secrets, purpose, conditions, archive_key, erased, progress)
    except Refusal as refusal:
        with home.transaction() as session:
            release_state.refuse(session, circumstances, release_id, refusal.read("ja"), refusal)
        raise
    except Exception as defect:
        with home.transaction() as session:  # a defect of ours ends the release too; its message may quote data and is not booked
            release_state.refuse(session, circumstances, release_id, f"不具合のため中止しました ({type(defect).__name__})")
        raise
    finally:
        shutil.rmtree(_bag_folder(home, release_id), ignore_errors=True)


def _check_order(wanted: Plan, order: orders.Order) -> None:
    for field, mine, theirs in (
        ("recipient_class", wanted.recipient_class, order.recipient_class),
        ("delivery_form", wanted.delivery_form, order.delivery_form),
    ):
        if mine != theirs:
            raise PLAN_NOT_FOR_ORDER.refuse(field=field)


def _bag_folder(home: Home, release_id: str) -> Path:
    return folder_of(home, release_id) / "bag"


def _carry_out(
    home: Home, release_id: str, order: orders.Order, wanted: Plan, secrets: ReleaseSecrets, purpose: Text, conditions: Sequence[Text],
    archive_key: str, erased: int, progress: vault.Progress,
) -> Made:  # fmt: skip
    with workshop.open_workshop(home.core / "engine", home.settings.memory_limit, home.settings.threads, joins_as_written=True) as con:
        sources = lay_out_eligible(home, con, wanted, order)
        if con.execute("SELECT count(*) FROM members").fetchall() == [(0,)]:
            raise NOBODY_ELIGIBLE.refuse()
        progress("process", 0, None)
        reference = wanted.reference_date or home.circumstances.today()
        held = earlier_releases.lay_out(home, con, wanted, release_id, order.recipient)
        with cluster.open_engine(home, con, (*sources.values(), *held.relations)) as working:
            outcome = engine.carry_out(working, wanted, sources, secrets, reference, earlier=held.joint)
            eligibility = recheck(home, con, wanted)
            progress("judge", 0, None)
            earlier = earlier_releases.earlier_pseudonyms(home, working, release_id)
            evidence = gate.judge(working, wanted, outcome, sources, eligibility, earlier, held.earlier, held.unknown)
            folder = folder_of(home, release_id)
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            evidence, reports = operator_figures.draw(evidence, outcome)
            for name, content in reports.items():
                (folder / name).write_bytes(content)
            (folder / EVIDENCE).write_bytes(evidence.as_document())
            evidence.require()
            cluster.bring_back(working, con, outcome)
        progress("package", 0, None)
        particulars = Particulars(
            release_id, order.contract, home.settings.operator, order.recipient_name, home.circumstances.today(), purpose, tuple(conditions)
        )
        signing = signer.open_signer(home.path / "keys")
        bag = _bag_folder(home, release_id)
        manifest = assembly.build(
            bag, con, contents.describe(con, outcome), particulars, utility.measure(con, outcome, sources).as_json(),
            lambda note: signer.sign_text(signing, note.decode()).encode(),
        )  # fmt: skip
        (folder / MANIFEST).write_bytes(manifest.as_document())
        sealed = envelope.seal(bag, folder / PACKAGE, [order.recipient_key, archive_key], name=release_id)
        members = vault.seal(home, vault.Shelf.RELEASED, hospital="*", regime="A", table="members", submission=release_id, schema=MEMBERS)
        for batch in con.execute("SELECT hospital, patient_key, person FROM members ORDER BY ALL").to_arrow_reader(100_000):
            members.write(batch)
        classes = earlier_releases.seal(home, con, wanted, release_id)
    product = Product(
        manifest_digest=f"sha256:{manifest.digest}", evidence_digest=f"sha256:{evidence.digest}",
        package_path=str((folder / PACKAGE).relative_to(home.path)), package_digest=f"sha256:{sealed.sha256}",
        judged_at=eligibility.checked_at, persons=evidence.persons, tables=dict(manifest.rows), k=wanted.anonymity.k,
    )  # fmt: skip
    try:
        with home.transaction() as session:
            book.lock(session)
            erased_files.require_none_since(session, erased)
            earlier_releases.require_unchanged(session, release_id, held)
            for sealing in (members, classes):
                vault.record(session, home, sealing)
            made = release_state.produce(session, home.circumstances, release_id, product)
    except BaseException:
        members.discard()
        classes.discard()
        (folder / PACKAGE).unlink(missing_ok=True)  # a package that no release answers for
        raise
    return Made(made, evidence, outcome)


def reports(home: Home, release_id: str) -> dict[str, bytes]:
    """The evidence and the operator's reports of a release by file name, each held against the digest that the evidence names.

    Releases made before there were reports give the evidence alone. Refuses: report-altered.
    """
    folder = folder_of(home, release_id)
    try:
        written = {EVIDENCE: (folder / EVIDENCE).read_bytes()}
    except OSError:
        raise REPORT_ALTERED.refuse(release=release_id, file=EVIDENCE) from None
    for name, digest in json.loads(written[EVIDENCE]).get("reports", {}).items():
        path = folder / name
        content = path.read_bytes() if path.is_file() else b""
        if hashlib.sha256(content).hexdigest() != digest:
            raise REPORT_ALTERED.refuse(release=release_id, file=name)
        written[name] = content
    return written


def commit(home: Home, release_id: str, order: orders.Order) -> Release:
    """The system's last look before a release may leave: approvals, terms and stops read again; see `approvals.commit`."""
    late = late_stops(home, release_id)
    with home.transaction() as session:
        return approvals.commit(session, home.circumstances.acting(roles.SYSTEM.id), release_id, order, late_stops=late)


def late_stops(home: Home, release_id: str) -> int:
    """How many registrations of a release have asked to stop and may no longer be provided, on the registers as they are now.

    Refuses: members-missing.
    """
    with workshop.open_workshop(home.core / "engine", home.settings.memory_limit, home.settings.threads, joins_as_written=True) as con:
        with home.reading() as session:
            chosen = [f for f in vault.files(session, vault.Shelf.RELEASED, table="members") if f.submission == release_id]
            if not chosen:
                raise MEMBERS_MISSING.refuse(release=release_id)
            con.register("members", vault.dataset(session, home, chosen, MEMBERS))
        return count_stopped(home, con)


def count_stopped(home: Home, con: duckdb.DuckDBPyConnection) -> int:
    """Members with a stop request in force, read from the register itself and not through the guard."""
    with home.reading() as session:
        stopped = optouts.standing_keys(session, home.circumstances.today())
    con.register("stopped_now", pa.table({"patient_key": stopped}, schema=pa.schema([("patient_key", pa.string())])))
    ((number,),) = con.execute("SELECT count(*) FROM members SEMI JOIN stopped_now USING (patient_key)").fetchall()
    return int(number)
