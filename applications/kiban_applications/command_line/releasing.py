"""作成と提供の操作 (releasing): plan, release, deliver: from a contract in force to a package in the right hands."""

import shutil
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import pyrage
import typer

from kiban_applications import conditions, contracts, delivery, oversight
from kiban_applications.command_line.door import Door
from kiban_applications.command_line.registering import ARCHIVE_KEY
from kiban_applications.review import form, store
from kiban_operator import approvals, people, plan_approval, release, release_state
from kiban_operator.home import Home
from kiban_operator.release_state import RELEASE, Release
from kiban_operator.roles import SYSTEM
from kiban_processing import plan as plans
from kiban_processing.package import bag, envelope


def archive_recipient(home: Home) -> str:
    """The operator's own age public key."""
    identity = pyrage.x25519.Identity.from_str((home.path / "keys" / ARCHIVE_KEY).read_text(encoding="utf-8").strip())
    return str(identity.to_public())


def make(door: Door, home: Home, contract: str, plan: Path) -> release.Made:
    """Order from the contract, conditions and purpose from its application, and the making itself."""
    with home.transaction() as session:
        order = contracts.order(session, contract, home.circumstances.today())
        found = contracts.load(session, contract)
        terms = contracts.terms_of(session, found)
        code = store.read(session, found.application_id).form.purpose_code
    with door.progress() as progress:
        return release.make(
            home, order, plan, form.PURPOSE_NAMES[code], [each.text for each in terms.conditions], archive_recipient(home), progress
        )


def commit(home: Home, release_id: str) -> Release:
    """The system's last look, on the contract's terms as they are now."""
    with home.transaction() as session:
        found = release_state.load(session, release_id)
        order = contracts.order(session, found.contract_id, home.circumstances.today())
    return release.commit(home, release_id, order)


def deliver(home: Home, release_id: str) -> Path:
    """Hand over, with stops read once more, and enter what the recipient now owes."""
    late = release.late_stops(home, release_id)
    with home.transaction() as session:
        package = delivery.deliver(session, home.circumstances, release_id, folder=home.path, late_stops=late)
        oversight.schedule(session, home.circumstances.acting(SYSTEM.id), release_id)
    return package


def require_insider(home: Home, release_id: str) -> None:
    """Evidence and reports tell the method of processing: nobody of the recipient's side may see them. Refuses: act-not-allowed."""
    with home.transaction() as session:
        acting = people.actor(session, home.circumstances.actor)
        found = release_state.load(session, release_id)
        if acting.organisation == found.recipient_id or acting.roles & {"AP", "AS", "CU"}:
            raise people.ACT_NOT_ALLOWED.refuse(person=acting.id, act="read-evidence", roles="CK/PR/AU")


def build(door: Door, app: typer.Typer) -> None:
    """Add the commands to the application."""
    _build_plan(door, app)
    _build_release(door, app)
    _build_delivery(door, app)


def show_release(door: Door, found: Release) -> None:
    word = door.read(RELEASE.states[found.state])
    door.tell(f"{found.id}: {word}", f"{found.id}: {word}")
    door.give({"id": found.id, "state": found.state, "manifest": found.manifest_digest, "evidence": found.evidence_digest,
               "package": found.package_digest, "contract": found.contract_id})  # fmt: skip


def _build_plan(door: Door, app: typer.Typer) -> None:
    say = door.say
    group = typer.Typer(no_args_is_help=True)
    app.add_typer(group, name="plan", help=say("加工計画", "processing plans"))

    @group.command(
        "check",
        help=say(
            "加工計画を法令・基準に照らして確かめます(契約を指定すると承認範囲も)。",
            "Check a plan against the standards, and against a contract if given.",
        ),
    )
    def check(
        file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)], contract: Annotated[str | None, typer.Option("--contract")] = None
    ) -> None:  # fmt: skip
        wanted = plans.read(file)
        approved = wanted.requested
        if contract:
            opened = door.open("PR")
            with opened.transaction() as session:
                approved = contracts.order(session, contract, opened.circumstances.today()).approved_items
        plans.check(wanted, approved)
        door.tell(f"適合しています。計画の要約値: sha256:{wanted.digest}", f"The plan is in order. Its digest: sha256:{wanted.digest}")
        door.give({"name": wanted.name, "version": wanted.version, "digest": f"sha256:{wanted.digest}", "items": sorted(wanted.requested)})

    @group.command(
        "approve",
        help=say("契約に対する加工計画を承認し、帳簿に記載します(承認者)。", "Approve a plan for a contract and book it (checker)."),
    )
    def approve(
        file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)], contract: Annotated[str, typer.Option("--contract")]
    ) -> None:
        opened = door.open("CK-1")
        with opened.transaction() as session:
            order = contracts.order(session, contract, opened.circumstances.today())
            digest = plan_approval.approve(session, opened.circumstances, plans.read(file), order)
        door.tell(f"承認しました: {digest}", f"Approved {digest}")
        door.give({"plan": digest, "contract": contract})

    @group.command("show", help=say("加工計画を列ごとに表示します。", "Show a plan column by column."))
    def show(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)]) -> None:
        wanted = plans.read(file)
        rows = [(c.qualified, c.treatment.value, "●" if c.quasi else "", c.hierarchy or "") for t in wanted.tables for c in t.columns]
        door.table(f"{wanted.name} v{wanted.version}  k={wanted.anonymity.k}",
                   (say("項目", "item"), say("加工", "treatment"), say("準識別子", "quasi"), say("階層", "hierarchy")), rows)  # fmt: skip
        door.give([{"item": q, "treatment": t, "quasi": bool(m), "hierarchy": h or None} for q, t, m, h in rows])


def _build_release(door: Door, app: typer.Typer) -> None:
    say = door.say
    group = typer.Typer(no_args_is_help=True)
    app.add_typer(group, name="release", help=say("作成・判定・承認", "making, judging, approving"))
    case_argument = Annotated[str, typer.Argument(help=say("作成物のID", "release ID"))]

    @group.command(
        "make", help=say("有効な契約に基づきデータを作成し、判定します。", "Make and judge a dataset under a contract in force.")
    )
    def make_release(
        contract: Annotated[str, typer.Option("--contract")], plan: Annotated[Path, typer.Option("--plan", exists=True, dir_okay=False)]
    ) -> None:
        opened = door.open("PR")
        made = make(door, opened, contract, plan)
        door.tell(f"{made.release.id}: {made.evidence.persons} 人、判定 {len(made.evidence.verdicts)} 件すべて適合",
                  f"{made.release.id}: {made.evidence.persons} persons, all {len(made.evidence.verdicts)} checks passed")  # fmt: skip
        show_release(door, made.release)

    @group.command(
        "evidence",
        help=say(
            "判定の根拠を基準ごとに表示します(操作従業者・監査人のみ)。", "Show the evidence by standard (operator and auditor only)."
        ),
    )
    def evidence(release_id: case_argument) -> None:
        opened = door.open("CK-1", "PR", "AU")
        require_insider(opened, release_id)
        door.out.print_json((release.folder_of(opened, release_id) / release.EVIDENCE).read_text(encoding="utf-8"))

    @group.command(
        "report",
        help=say(
            "リスク・抑制・突合の報告書(HTML、JSON)を証拠と照らして書き出します(操作従業者・監査人のみ)。",
            "Write the report on risk, suppression and earlier releases (HTML, JSON), held against the evidence (operator and auditor only).",
        ),
    )
    def report(
        release_id: case_argument, out: Annotated[Path, typer.Option("--out", help=say("書き出すフォルダ", "folder to write to"))]
    ) -> None:
        opened = door.open("CK-1", "PR", "AU")
        require_insider(opened, release_id)
        written = release.reports(opened, release_id)
        out.mkdir(parents=True, exist_ok=True)
        for name, content in written.items():
            (out / name).write_bytes(content)
            door.tell(f"書き出しました: {out / name}", f"Wrote {out / name}")
        door.give({"release": release_id, "files": {name: f"sha256:{sha256(content).hexdigest()}" for name, content in written.items()}})

    @group.command(
        "approve",
        help=say("目録に署名して承認します。--as で承認者本人を指定します。", "Sign the manifest and approve; --as says who approves."),
    )
    def approve(release_id: case_argument, manifest: Annotated[str | None, typer.Option("--manifest", help=say("確かめた目録の要約値", "digest of the manifest you read"))] = None) -> None:  # fmt: skip
        opened = door.open()
        with opened.transaction() as session:
            key = people.private_key(opened.path / "keys" / "people", opened.circumstances.actor)
            made = approvals.approve(session, opened.circumstances, release_id, key, manifest)
        show_release(door, made)

    @group.command("refuse", help=say("理由を付して拒みます。", "Refuse with a reason."))
    def refuse(release_id: case_argument, reason: Annotated[str, typer.Option("--reason")]) -> None:
        opened = door.open("CK-1", "PR")
        with opened.transaction() as session:
            made = release_state.refuse(session, opened.circumstances, release_id, reason)
        show_release(door, made)

    @group.command(
        "commit",
        help=say("承認・契約・停止の求めを確かめ直し、提供を確定します。", "Verify approvals, contract and stops again, and commit."),
    )
    def commit_release(release_id: case_argument) -> None:
        opened = door.open("PR", "CK-1")
        show_release(door, commit(opened, release_id))

    @group.command("list", help=say("作成物の一覧", "List releases"))
    def list_releases() -> None:
        opened = door.open("PR", "AU", "SE")
        with opened.transaction() as session:
            rows = [(r.id, r.state, r.contract_id, r.delivered_on) for r in release_state.every(session)]
        door.table(say("作成物", "Releases"), ("ID", say("状態", "state"), say("契約", "contract"), say("提供日", "delivered")),
                   [(i, door.read(RELEASE.states[s]), c, d) for i, s, c, d in rows], say("作成物はまだありません。", "No release yet."))  # fmt: skip
        door.give([{"id": i, "state": s, "contract": c, "delivered_on": d} for i, s, c, d in rows])


def _build_delivery(door: Door, app: typer.Typer) -> None:
    say = door.say
    release_argument = Annotated[str, typer.Argument(help=say("作成物のID", "release ID"))]

    @app.command(
        "deliver",
        help=say("確定した作成物を提供し、帳簿に記載します(提供担当者)。", "Hand a committed release over and book it (delivery officer)."),
    )
    def deliver_release(
        release_id: release_argument, out: Annotated[Path | None, typer.Option("--out", help=say("写しを置くフォルダ", "folder for a copy of the package"))] = None
    ) -> None:  # fmt: skip
        opened = door.open("DL")
        package = deliver(opened, release_id)
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            package = Path(shutil.copyfile(package, out / f"{release_id}.tar.age"))
        door.tell(f"提供物: {package}", f"Package: {package}")
        door.give({"release": release_id, "package": str(package)})

    @app.command("receipt", help=say("受領を確認します(利用者の取扱者)。", "Confirm receipt (recipient's custodian)."))
    def receipt(release_id: release_argument, manifest: Annotated[str, typer.Option("--manifest")]) -> None:
        opened = door.open("CU")
        with opened.transaction() as session:
            key = people.private_key(opened.path / "keys" / "people", opened.circumstances.actor)
            made = delivery.receipt(session, opened.circumstances, release_id, manifest, key)
        show_release(door, made)

    @app.command(
        "open",
        help=say(
            "受け取った提供物を開き、目録と照らします(利用者側)。",
            "Open a received package and verify it against its manifest (recipient's side).",
        ),
    )
    def open_package(
        package: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
        identity: Annotated[Path, typer.Option("--identity", exists=True, dir_okay=False, help=say("age の秘密鍵ファイル", "age identity file"))],
        out: Annotated[Path, typer.Option("--out")],
    ) -> None:  # fmt: skip
        folder = envelope.unseal(package, identity.read_text(encoding="utf-8"), out)
        manifest = bag.verify(folder)
        door.tell(
            f"開きました: {folder}\n目録の要約値 sha256:{manifest.digest}", f"Opened at {folder}\nManifest digest sha256:{manifest.digest}"
        )
        door.give({"folder": str(folder), "manifest": f"sha256:{manifest.digest}", "rows": dict(manifest.rows)})

    @app.command("due", help=say("利用者の義務と期限の一覧", "What recipients owe, and when"))
    def due() -> None:
        opened = door.open("SE", "AU")
        with opened.transaction() as session:
            rows = [
                (o.id, o.contract_id, o.kind, o.due_on, o.state)
                for o in session.query(oversight.Obligation).order_by(oversight.Obligation.due_on)
            ]
        labels = {kind.code: door.read(kind.label) for kind in conditions.KINDS.values()}
        door.table(say("義務", "Obligations"), ("ID", say("契約", "contract"), say("内容", "what"), say("期限", "due"), say("状態", "state")),
                   [(i, c, labels.get(k, k), d, s) for i, c, k, d, s in rows], say("予定されている義務はありません。", "Nothing is due."))  # fmt: skip
        door.give([{"id": i, "contract": c, "kind": k, "due_on": d, "state": s} for i, c, k, d, s in rows])
