"""登録の操作 (registering): init, people, hospital, catalogue: who the operator is, who acts for it, and whose data it may receive."""

import shutil
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import pyrage
import typer

from kiban_applications import hospital_file
from kiban_applications.command_line import desk
from kiban_applications.command_line.door import Door
from kiban_applications.migrations import steps
from kiban_operator import grants, home, hospitals, keys, notices, people, programmes
from kiban_operator.ledger import signer
from kiban_operator.people import OrganisationKind
from kiban_operator.roles import ROLE_NAMES, Act, Role
from kiban_processing.catalogue import items, tables

ARCHIVE_KEY = "archive.age"


def found_home(
    door: Door, operator: str, address: str, identifier: str, origin: str, administrators: list[str], database: str | None
) -> home.Home:  # fmt: skip
    """A new home with its tables, ledger key, archive key and first administrators, who are seated as AD-1, AD-2, …

    Where it cannot be founded, what was laid out is taken away again, so that the next try is not refused for a half-made home.
    """
    before = {path.name for path in door.home_path.iterdir()} if door.home_path.is_dir() else set()
    made = home.create(door.home_path, home.Settings(operator, origin, database), door.circumstances().acting("system"))
    try:
        steps.upgrade(made.engine)
        signer.create(made.path / "keys", origin, made.circumstances.entropy)
        keys.write_private(made.path / "keys" / ARCHIVE_KEY, str(pyrage.x25519.Identity.generate()).encode())
        with made.transaction() as session:
            founding = grants.found(
                session, made.circumstances, made.path / "keys" / "people",
                name=operator, address=address, identifier=identifier, administrators=administrators,
            )  # fmt: skip
            for number, person in enumerate(founding.administrators, start=1):
                desk.seat(made.path, f"AD-{number}", person.id)
    except BaseException:
        made.engine.dispose()
        for path in [path for path in made.path.iterdir() if path.name not in before]:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        raise
    return made


def build(door: Door, app: typer.Typer) -> None:
    """Add the commands to the application."""
    say = door.say

    @app.command(
        "init",
        help=say("保管場所(認定事業者の台帳・鍵・保管庫)を新しく作ります。", "Make a new home: the operator's registers, keys and vault."),
    )
    def init(
        operator: Annotated[str, typer.Option("--operator", help=say("認定事業者の名称", "name of the accredited operator"), prompt=True)],
        administrator: Annotated[list[str], typer.Option("--administrator", help=say("管理者の氏名(二人以上)", "an administrator's name; give two or more"))],
        address: Annotated[str, typer.Option("--address", help=say("所在地", "address"))] = "—",
        identifier: Annotated[str, typer.Option("--identifier", help=say("法人番号等", "corporate number"))] = "—",
        origin: Annotated[str, typer.Option("--origin", help=say("帳簿の検証子に現れる名前", "name on ledger checkpoints"))] = "kiban.example/ledger",
        database: Annotated[str | None, typer.Option("--database", help=say("PostgreSQL の URL(既定は SQLite)", "PostgreSQL URL (default: SQLite)"))] = None,
    ) -> None:  # fmt: skip
        made = found_home(door, operator, address, identifier, origin, administrator, database)
        door.tell(f"保管場所を作りました: {made.path}", f"Made a home at {made.path}")
        door.give({"home": str(made.path), "seats": desk.seats(made.path)})

    _build_people(door, app)
    _build_hospital(door, app)

    @app.command("catalogue", help=say("データ項目の目録を表示します。", "Show the catalogue of data items."))
    def catalogue(table: Annotated[str | None, typer.Argument(help=say("表の名前", "a table's name"))] = None) -> None:
        rows = [(name, item) for name, item in tables.qualified_items() if table is None or name.startswith(f"{table}.")]
        door.table(
            say("データ項目", "Data items"),
            (
                say("項目", "item"),
                say("名称", "name"),
                say("種別", "kind"),
                say("型", "type"),
                say("単位・コード体系", "unit or code system"),
            ),
            [(n, door.read(i.label), door.read(items.KIND_NAMES[i.kind]), i.type.value, i.unit or i.code_system) for n, i in rows],
        )
        door.give([{"item": n, "ja": i.label.ja, "en": i.label.en, "kind": i.kind.value, "type": i.type.value, "unit": i.unit,
                    "code_system": i.code_system} for n, i in rows])  # fmt: skip


def _build_people(door: Door, app: typer.Typer) -> None:
    say = door.say
    group = typer.Typer(no_args_is_help=True)
    app.add_typer(group, name="people", help=say("組織・人・役割", "organisations, persons and their roles"))

    @group.command("organisation", help=say("組織を登録します。", "Register an organisation."))
    def organisation(
        name: Annotated[str, typer.Option("--name")], address: Annotated[str, typer.Option("--address")],
        identifier: Annotated[str, typer.Option("--identifier")],
        kind: Annotated[OrganisationKind, typer.Option("--kind")] = OrganisationKind.RECIPIENT,
        age_recipient: Annotated[str | None, typer.Option("--age-recipient", help=say("提供物を開く age 公開鍵", "age public key that opens packages"))] = None,
    ) -> None:  # fmt: skip
        opened = door.open("AD-1")
        with opened.transaction() as session:
            made = people.register_organisation(
                session, opened.circumstances, kind=kind, name=name, address=address, identifier=identifier, age_recipient=age_recipient
            )
        door.tell(f"登録しました: {made.id}", f"Registered {made.id}")
        door.give({"organisation": made.id})

    @group.command("verify", help=say("組織を確認済みとします(事務局)。", "Mark an organisation as verified (secretariat)."))
    def verify(
        organisation: Annotated[str, typer.Argument()], evidence: Annotated[Path, typer.Option("--evidence", exists=True, dir_okay=False)]
    ) -> None:
        opened = door.open("SE")
        with opened.transaction() as session:
            digest = f"sha256:{sha256(evidence.read_bytes()).hexdigest()}"
            people.verify_organisation(session, opened.circumstances, organisation, digest)
        door.tell("確認済みにしました。", "Verified.")
        door.give({"organisation": organisation, "verified": True})

    @group.command("add", help=say("人を登録し、承認鍵を作ります。", "Register a person and make their approval key."))
    def add(
        name: Annotated[str, typer.Option("--name")],
        organisation: Annotated[str | None, typer.Option("--organisation", help=say("組織のID(既定は認定事業者自身)", "organisation ID (default: the operator itself)"))] = None,
        email: Annotated[str | None, typer.Option("--email")] = None,
        seat: Annotated[str | None, typer.Option("--seat", help=say("この端末での席の名前", "label under which the person sits at this desk"))] = None,
    ) -> None:  # fmt: skip
        opened = door.open("AD-1")
        with opened.transaction() as session:
            of = organisation or session.query(people.Organisation).filter_by(kind=OrganisationKind.OPERATOR.value).one().id
            made = people.register_person(
                session, opened.circumstances, opened.path / "keys" / "people", name=name, organisation_id=of, email=email
            )
        if seat:
            desk.seat(opened.path, seat, made.id)
        door.tell(f"登録しました: {made.id}", f"Registered {made.id}")
        door.give({"person": made.id})

    @group.command("grant", help=say("役割の付与を起案します(管理者)。", "Propose a role for a person (administrator)."))
    def grant(person: Annotated[str, typer.Argument()], role: Annotated[Role, typer.Argument()]) -> None:
        opened = door.open("AD-1")
        with opened.transaction() as session:
            made = grants.propose_role(session, opened.circumstances, person, role)
        door.tell(f"起案しました: {made.id}。別の管理者が承認してください。", f"Proposed {made.id}; another administrator confirms it.")
        door.give({"grant": made.id})

    @group.command("confirm", help=say("役割の付与を承認します(別の管理者)。", "Confirm a proposed role (another administrator)."))
    def confirm(grant: Annotated[str, typer.Argument()]) -> None:
        opened = door.open("AD-2")
        with opened.transaction() as session:
            grants.confirm_role(session, opened.circumstances, grant)
        door.tell("付与しました。", "Granted.")
        door.give({"grant": grant, "granted": True})

    @group.command("seat", help=say("この端末の席に人を割り当てます。", "Seat a person at this desk under a label."))
    def seat_person(label: Annotated[str, typer.Argument()], person: Annotated[str, typer.Argument()]) -> None:
        opened = door.open("AD-1")
        with opened.transaction() as session:
            people.require(session, opened.circumstances, Act.REGISTER_PERSON)
            people.person(session, person)
        desk.seat(opened.path, label, person)
        door.give(desk.seats(opened.path))

    @group.command("list", help=say("人と役割の一覧", "Persons and their roles"))
    def list_people() -> None:
        opened = door.open("AD-1", "AU")
        with opened.transaction() as session:
            rows = [(p.id, p.name, people.organisation(session, p.organisation_id).name, sorted(people.held(session, p.id)))
                    for p in session.query(people.Person).order_by(people.Person.registered_at, people.Person.id)]  # fmt: skip
        seated = {person: label for label, person in desk.seats(opened.path).items()}
        shown = [
            (i, n, o, "、".join(ROLE_NAMES[r].read(door.language) for r in roles_of) or "—", seated.get(i, ""))
            for i, n, o, roles_of in rows
        ]
        door.table(
            say("人", "Persons"), ("ID", say("氏名", "name"), say("組織", "organisation"), say("役割", "roles"), say("席", "seat")), shown
        )
        door.give([{"id": i, "name": n, "organisation": o, "roles": list(r), "seat": seated.get(i)} for i, n, o, r in rows])


def _build_hospital(door: Door, app: typer.Typer) -> None:
    say = door.say
    group = typer.Typer(no_args_is_help=True)
    app.add_typer(group, name="hospital", help=say("医療情報取扱事業者とその提供事業", "hospitals and their programmes"))

    @group.command(
        "register",
        help=say(
            "登録票(TOML)から医療機関・提供事業・通知の版を登録します。",
            "Register a hospital, its programme and notice version from a TOML file.",
        ),
    )
    def register(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)]) -> None:  # fmt: skip
        opened = door.open("HL")
        with opened.transaction() as session:
            people.require(session, opened.circumstances, Act.MANAGE_HOSPITAL)
            made = hospital_file.register(session, opened.circumstances, file)
        door.tell(f"登録しました: {made.id} {made.name}", f"Registered {made.id} {made.name}")
        door.give({"hospital": made.id})

    @group.command("step", help=say("提供事業の手順を記録します。", "Record a step of a hospital's programme."))
    def step(
        hospital: Annotated[str, typer.Argument()], step: Annotated[str, typer.Argument(help="contract|filed|ministers-published|own-published|starts|ended")],
        on: Annotated[datetime, typer.Option("--on", formats=["%Y-%m-%d"])], regime: Annotated[str, typer.Option("--regime")] = "A",
        number: Annotated[str | None, typer.Option("--number", help=say("届出番号", "filing number"))] = None,
    ) -> None:  # fmt: skip
        opened = door.open("HL")
        with opened.transaction() as session:
            people.require(session, opened.circumstances, Act.MANAGE_HOSPITAL)
            programme = programmes.record(session, opened.circumstances, hospital, regime, step, on.date(), number)
            state = programmes.state(programme, opened.circumstances.today())
        door.tell(f"記録しました。現在の状態: {state.value}", f"Recorded. State now: {state.value}")
        door.give({"hospital": hospital, "regime": regime, "state": state.value})

    @group.command("list", help=say("医療機関の一覧", "List hospitals"))
    def list_hospitals() -> None:
        opened = door.open("HL", "AU", "SE")
        with opened.transaction() as session:
            states = {(p.hospital, p.regime): programmes.state(p, opened.circumstances.today()).value for p in programmes.list_all(session)}
            versions = {h.id: [v.version for r in "AP" for v in notices.list_all(session, h.id, r)] for h in hospitals.list_all(session)}
            rows = [(h.id, h.name, h.address, h.representative) for h in hospitals.list_all(session)]
        door.table(
            say("医療機関", "Hospitals"),
            ("ID", say("名称", "name"), say("匿名加工", "regime A"), say("仮名加工", "regime P"), say("通知の版", "notice versions")),
            [(i, n, states.get((i, "A"), "—"), states.get((i, "P"), "—"), ", ".join(versions[i])) for i, n, _a, _r in rows],
            say("まだ登録がありません。`kiban hospital register 登録票.toml` で登録します。", "None yet. Register one with `kiban hospital register FILE.toml`."),
        )  # fmt: skip
        door.give([{"id": i, "name": n, "address": a, "representative": r, "regime_A": states.get((i, "A")), "regime_P": states.get((i, "P")),
                    "notice_versions": versions[i]} for i, n, a, r in rows])  # fmt: skip
