"""コードマスターの命令 (masters): `kiban master load`, `list` and `show`: official code tables brought, told and looked up."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from kiban_applications.command_line.door import Door
from kiban_operator import masters, people
from kiban_operator.roles import Act
from kiban_processing.hierarchies import organisations
from kiban_processing.masters import reading, versions
from kiban_processing.masters.layouts import ICD10, JLAC10, JLAC10_PARTS, KINDS, ORGANISATIONS, POSTAL
from kiban_processing.masters.versions import Master
from kiban_processing.refusals import Refusal

SHOWN = 20  # findings shown to a person; --json has all


def build(door: Door, app: typer.Typer) -> None:
    """Add the commands to the application."""
    say = door.say
    group = typer.Typer(no_args_is_help=True)
    app.add_typer(group, name="master", help=say("コードマスター(ICD-10、傷病名、医薬品、検査、手術、郵便番号など)", "code masters (ICD-10, diseases, drugs, tests, operations, postal codes …)"))  # fmt: skip
    listed = ", ".join(KINDS)

    @group.command(
        "load",
        help=say(
            f"マスターのファイルを一つの版として取り込みます。種類: {listed}", f"Load a master's file as one version. Kinds: {listed}"
        ),
    )
    def load(
        kind: Annotated[str, typer.Argument(metavar="KIND")],
        file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, metavar="FILE", help=say("UTF-8 又は CP932 の CSV", "CSV in UTF-8 or CP932"))],
        version: Annotated[str, typer.Option("--version", help=say("版の名", "name of the version"))],
        in_force: Annotated[datetime, typer.Option("--in-force", formats=["%Y-%m-%d"], help=say("この版が有効になる日", "day from which it is in force"))],
        licence: Annotated[str | None, typer.Option("--licence", help=say("出典と利用条件(記録のみ)", "source and terms, kept as a note"))] = None,
    ) -> None:  # fmt: skip
        found = versions.kind_of(kind)
        opened = door.open("PR", "HL")
        with opened.transaction() as session:
            people.require(session, opened.circumstances, Act.LOAD_MASTER)
        read = reading.read(file, found)
        _tell_findings(door, read)
        with opened.transaction() as session:
            made, new = masters.load(session, opened.circumstances, opened.masters, read, version, in_force.date(), licence)
        if new:
            door.tell(f"取り込みました: {kind} {version}、{made.rows:,} 行、{made.in_force} から有効、SHA-256 {made.digest}",
                      f"Loaded {kind} {version}: {made.rows:,} rows, in force from {made.in_force}, SHA-256 {made.digest}")  # fmt: skip
        else:
            door.tell("同じ版がすでにあります。何も変えていません。", "This version is there already; nothing was changed.")
        door.give({**_told(made), "new": new, "repeated": read.repeated})

    @group.command("list", help=say("取り込んだ版と備付けのマスターの一覧", "List the loaded versions and the installed masters"))
    def list_masters(kind: Annotated[str | None, typer.Argument(metavar="KIND")] = None) -> None:
        kinds = list(KINDS.values()) if kind is None else [versions.kind_of(kind)]
        opened = door.open("PR", "HL", "AU")
        with opened.transaction() as session:
            loaded = masters.list_all(session, kind)
        rows: list[dict[str, Any]] = []
        for one in kinds:
            rows += [{"kind": one.name, "version": m.version, "in_force": None, "rows": m.rows.num_rows, "digest": None, "licence": None}
                     for m in versions.with_installed(one, [])]  # fmt: skip
            rows += [_told(m) for m in loaded if m.kind == one.name]
        door.table(
            say("コードマスター", "Code masters"),
            (say("種類", "kind"), say("名称", "name"), say("版", "version"), say("施行日", "in force"), say("行", "rows"), "SHA-256", say("出典・条件", "source, terms")),
            [(r["kind"], door.read(KINDS[r["kind"]].label), r["version"], r["in_force"] or say("備付け", "installed"), f"{r['rows']:,}",
              (r["digest"] or "—")[:16], r["licence"]) for r in rows],
        )  # fmt: skip
        door.give(rows)

    @group.command("show", help=say("その日に有効な版でコードを引きます。", "Look a code up in the version in force on a day."))
    def show(
        kind: Annotated[str, typer.Argument(metavar="KIND")], code: Annotated[str, typer.Argument(metavar="CODE")],
        on: Annotated[datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help=say("基準日(既定: 今日)", "day (default: today)"))] = None,
    ) -> None:  # fmt: skip
        day = on.date() if on else door.circumstances().today()
        master = _in_force(door, kind, day)
        found = versions.require(master, code)
        more = _more(door, master, code, day)
        door.tell(f"{kind} の版 {master.version}", f"{kind}, version {master.version}")
        for row in found:
            told = "  ".join(f"{door.read(field.label)}: {row[field.name]}" for field in master.kind.kept if row[field.name] is not None)
            door.tell(told, told)
        for label, value in more.items():
            door.tell(f"{label}: {value}", f"{label}: {value}")
        door.give({"kind": kind, "version": master.version, "digest": master.digest or None, "rows": found, **more})


def _in_force(door: Door, kind: str, day: date) -> Master:
    """The version in force; outside of a home, that of an installed package."""
    found = versions.kind_of(kind)
    if not (door.home_path / "kiban.toml").is_file():
        return versions.in_force(found, versions.with_installed(found, []), day)
    opened = door.open("PR", "HL", "AU")
    with opened.transaction() as session:
        return masters.in_force(session, opened.masters, kind, day)


def _more(door: Door, master: Master, code: str, day: date) -> dict[str, Any]:
    """What the code alone says besides its row."""
    if master.kind is ICD10:
        return {"wider": list(versions.wider(master, code))}
    if master.kind in (POSTAL, ORGANISATIONS):
        return {"names_one_organisation": bool(organisations.naming([code])) or master.kind is ORGANISATIONS}
    if master.kind is JLAC10:
        try:
            names = _in_force(door, JLAC10_PARTS.name, day)
        except Refusal as refusal:
            if refusal.ground is not versions.NONE_IN_FORCE:
                raise
            names = None
        return {"parts": versions.parts(code, names)}
    return {}


def _tell_findings(door: Door, read: reading.Read) -> None:
    if not read.findings:
        return
    door.table(
        door.say("誤り(値は示しません)", "Defects (values are not shown)"),
        (door.say("行", "line"), door.say("列", "column"), door.say("規則", "rule"), door.say("対応", "what to do")),
        [(one.row, one.column, one.rule.code, door.read(one.rule.remedy)) for one in read.findings[:SHOWN]],
    )
    raise read.refusal()


def _told(one: masters.LoadedMaster) -> dict[str, Any]:
    return {"kind": one.kind, "version": one.version, "in_force": one.in_force, "rows": one.rows, "digest": one.digest, "licence": one.licence,
            "loaded_by": one.loaded_by}  # fmt: skip
