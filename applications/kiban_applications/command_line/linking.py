"""名寄せの命令 (linking): registrations to persons: of the vault, or of files alone, without any setup."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from kiban_applications.command_line.applying import read_toml
from kiban_applications.command_line.door import Door
from kiban_operator import persons
from kiban_operator.workshop import open_workshop
from kiban_processing.language import Text
from kiban_processing.linkage import files as linkage_files
from kiban_processing.refusals import Family, Ground

OUT_MISSING = Ground(
    "out-missing", Family.INPUT, None,
    Text("出力先のフォルダが指定されていません。", "No output folder was given."),
    Text("--out フォルダ を付けてください。", "Add --out DIR."),
)  # fmt: skip


def build(door: Door, app: typer.Typer) -> None:
    """Add the commands to the application."""
    say = door.say

    @app.command("link", help=say("患者登録を本人ごとに名寄せします。ファイルを指定すると単独で、省くと保管庫の登録を名寄せします。",
                                  "Link registrations to persons: of the given files, or, without files, of the vault."))  # fmt: skip
    def link(
        files: Annotated[list[Path] | None, typer.Argument(exists=True, dir_okay=False)] = None,
        out: Annotated[Path | None, typer.Option("--out", help=say("persons.csv、review.csv、report.json の出力先", "folder for persons.csv, review.csv, report.json"))] = None,
        previous: Annotated[Path | None, typer.Option("--previous", exists=True, file_okay=False, help=say("以前の出力先(本人IDを引き継ぐ)", "an earlier --out folder, whose person IDs are kept"))] = None,
        mapping: Annotated[Path | None, typer.Option("--mapping", exists=True, dir_okay=False, help=say("列名の対応(TOML の [columns])", "column names, a TOML file with [columns]"))] = None,
    ) -> None:  # fmt: skip
        if not files:
            opened = door.open("PR")
            with door.progress() as progress:
                outcome = persons.link(opened, progress)
            door.tell(
                f"登録 {outcome.registrations:,} 件 → 本人 {outcome.persons:,} 人(うち複数の医療機関にまたがる {outcome.across_hospitals:,} 人、要確認 {outcome.doubtful:,} 組)",
                f"{outcome.registrations:,} registrations → {outcome.persons:,} persons ({outcome.across_hospitals:,} across hospitals, {outcome.doubtful:,} pairs to review)",
            )
            door.give(outcome.as_json())
            return
        if out is None:
            raise OUT_MISSING.refuse()
        columns = {str(source): str(name) for source, name in read_toml(mapping).get("columns", {}).items()} if mapping else None
        with tempfile.TemporaryDirectory(prefix="kiban-") as folder, open_workshop(Path(folder)) as con:
            report = linkage_files.link_files(files, out, previous, mapping=columns, con=con)
        door.tell(f"{out}/persons.csv、review.csv、report.json を書きました。", f"Wrote persons.csv, review.csv and report.json to {out}.")
        door.give(report)
