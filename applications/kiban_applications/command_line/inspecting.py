"""提供データの検査の命令 (inspect): a hospital or the operator reads a delivery without storing anything, and sees what would be accepted and why not."""

from pathlib import Path
from typing import Annotated

import typer

from kiban_applications.command_line.door import Door
from kiban_processing.deliveries import inspection, readers
from kiban_processing.deliveries.typed import RecordCount
from kiban_processing.formats import findings


def build(door: Door, app: typer.Typer) -> None:
    """Add the command to the application."""
    say, language = door.say, door.language

    @app.command("inspect", help=say("提供データ(SS-MIX2、レセプト、DPC、FHIR、CSV、特定健診)を読み、何も保存せずに件数と指摘を示します。",
                                     "Read a delivery (SS-MIX2, claims, DPC, FHIR, CSV, checkup) and show counts and findings; nothing is stored."))  # fmt: skip
    def inspect(
        path: Annotated[Path, typer.Argument(exists=True, metavar="PATH", help=say("フォルダー、ファイル又は zip", "folder, file or zip"))],
        kind: Annotated[readers.Format | None, typer.Option("--format", help=say("形式(既定: 判別します)", "format (default: recognised)"))] = None,
        encoding: Annotated[str | None, typer.Option("--encoding", help=say("文字コード(既定: 形式の規則による)", "encoding (default: as the format says)"))] = None,
        mapping: Annotated[Path | None, typer.Option("--mapping", exists=True, dir_okay=False, help=say("CSVの対応表(mapping.toml 又は Frictionless)", "mapping of a CSV (mapping.toml or Frictionless)"))] = None,
        identifiers: Annotated[Path | None, typer.Option("--ids", exists=True, dir_okay=False, help=say("患者IDの対応表(CSV): DPCのデータ識別番号、特定健診の受診券整理番号など", "table of patient IDs (CSV): DPC data IDs, ticket numbers of checkups"))] = None,
        full_names: Annotated[bool, typer.Option("--full-names", help=say("患者IDを含むファイル名もそのまま示します(医療機関の中でだけ使ってください)", "show file names as they are even where they hold patient IDs (inside the hospital only)"))] = False,
    ) -> None:  # fmt: skip
        with door.progress() as progress:
            found = inspection.inspect(path, kind, readers.Options(encoding, mapping, identifiers), progress)
        if full_names:
            found.shown = str
        _show(door, found)
        door.give(found.as_json(language))


FILES_SHOWN = 50


def _told(found: inspection.Inspection) -> list[tuple[str, RecordCount]]:
    """The files shown one by one: all where they are few, else those first that lost something."""
    files = list(found.files.items())
    if found.file_count > FILES_SHOWN:
        files.sort(key=lambda one: one[1].quarantined + one[1].refused == 0)
    return files[:FILES_SHOWN]


def _show(door: Door, found: inspection.Inspection) -> None:
    say, total = door.say, found.total
    door.tell(f"形式: {readers.FORMAT_NAMES[found.kind].ja}", f"Format: {readers.FORMAT_NAMES[found.kind].en}")
    columns = (
        say("ファイル", "file"),
        say("受信", "sent"),
        say("受入れ可", "accepted"),
        say("隔離", "quarantined"),
        say("拒否", "refused"),
    )
    rows: list[tuple[object, ...]] = [
        (found.shown(file), f"{count.sent:,}", f"{count.accepted:,}", f"{count.quarantined:,}", f"{count.refused:,}")
        for file, count in _told(found)
    ]
    if found.file_count > len(rows):
        more = found.file_count - len(rows)
        rows.append((say(f"ほか {more:,} ファイル", f"{more:,} files more"), "", "", "", ""))
    rows.append((say("合計", "total"), f"{total.sent:,}", f"{total.accepted:,}", f"{total.quarantined:,}", f"{total.refused:,}"))
    door.table(say("記録の件数", "Records"), columns, rows)
    door.tell(f"患者 {found.persons:,} 人", f"Persons: {found.persons:,}")
    usable = ", ".join(f"{table} {number:,}" for table, number in sorted(found.tables.items()))
    if usable:
        door.tell(f"表ごとの使える行: {usable}", f"Usable rows by table: {usable}")
    aside = ", ".join(f"{kind} {number:,}" for kind, number in sorted(found.set_aside.items()))
    if aside:
        door.tell(
            f"読んだが取り込まない記録(表のない種別、削除、旧版など): {aside}",
            f"Read but kept aside (kinds that no table takes, deleted, superseded …): {aside}",
        )
    if found.by_rule:
        door.table(
            say("指摘", "Findings"), (say("規則", "rule"), say("件数", "number"), say("内容", "what"), say("対応", "what to do")),
            [(code, f"{number:,}", door.read(findings.named(code).what), door.read(findings.named(code).remedy)) for code, number in sorted(found.by_rule.items())],
        )  # fmt: skip
        places = (say("ファイル", "file"), say("記録", "record"), say("項目", "item"), say("規則", "rule"))
        first = [(found.shown(one["source_file"]), one["source_row"], one["column"], one["rule"]) for one in found.findings[:20]]
        door.table(say("最初の指摘(全ては --json)", "The first findings (all: --json)"), places, first)
    for file, why in found.refusals.items():
        door.tell(f"読めないファイル: {found.shown(file)} — {why.read('ja')}", f"File not read: {found.shown(file)} — {why.read('en')}")
    if (more := found.refused_count - len(found.refusals)) > 0:
        door.tell(f"ほか {more:,} ファイルも読めません", f"{more:,} files more could not be read")
    for remark in found.remarks:
        rule = findings.named(remark.rule)
        what = rule.what.filled(dict(remark.particulars))
        particulars = "".join(f" {name}={value}" for name, value in remark.particulars.items())
        door.tell(
            f"備考: {found.shown(remark.file)} — {what.ja}{particulars}", f"Remark: {found.shown(remark.file)} — {what.en}{particulars}"
        )
