"""名寄せの命令 (linking): registrations to persons: of the vault, or of files alone, without any setup.

A small delivery is linked in less time than all of kiban takes to load, so each way loads what it needs.
"""

import gc
import secrets
import sys
import tempfile
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Annotated, Any

import typer

from kiban_applications.command_line.door import Door
from kiban_processing.language import Text
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
        out: Annotated[Path | None, typer.Option("--out", help=say("persons.csv、review.csv、report.json、model.json、state の出力先", "folder for persons.csv, review.csv, report.json, model.json, state"))] = None,
        model: Annotated[Path | None, typer.Option("--model", exists=True, dir_okay=False, help=say("判定に使うモデル(model.json)。--previous とともに指定すると全件を名寄せし直し、差をすべて列挙する", "the model to judge by (model.json); with --previous all files are linked anew and every difference is listed"))] = None,
        previous: Annotated[Path | None, typer.Option("--previous", exists=True, file_okay=False, help=say("以前の出力先。ファイルはそこからの変更分(op: new、update、delete)", "an earlier --out folder; the files hold what changed since (op: new, update, delete)"))] = None,
        mapping: Annotated[Path | None, typer.Option("--mapping", exists=True, dir_okay=False, help=say("列名の対応(TOML の [columns])", "column names, a TOML file with [columns]"))] = None,
        mergers: Annotated[Path | None, typer.Option("--mergers", exists=True, dir_okay=False, help=say("市区町村の合併の表(CSV: prefecture,old,new,in_force)。全件の名寄せで使い、以後の追加もこれに従う", "municipalities' mergers (CSV: prefecture,old,new,in_force), for a run over all files; later deliveries go by it"))] = None,
        key_file: Annotated[Path | None, typer.Option("--key-file", dir_okay=False, help=say("状態の鍵のファイル(既定: 利用者の鍵フォルダ)", "the file with the state's key (default: the person's own key folder)"))] = None,
        anew: Annotated[bool, typer.Option("--anew", help=say("保管庫の全件を、学び直したモデルで名寄せし直す(本人IDは引き継ぎ、差を数えて台帳に記す)", "link all of the vault again under a newly learnt model (person IDs are kept, differences counted and booked)"))] = False,
    ) -> None:  # fmt: skip
        if not files:
            _link_vault(door, anew)
            return
        if out is None:
            raise OUT_MISSING.refuse()
        report = _link_files(door, files, out, previous, model, mapping, mergers, key_file)
        _tell(door, out, report, previous is not None and model is None)
        door.give(report)


def _link_vault(door: Door, anew: bool) -> None:
    from kiban_operator import persons

    opened = door.open("PR")
    with door.progress() as progress:
        outcome = persons.link(opened, progress, anew)
    door.tell(
        f"登録 {outcome.registrations:,} 件 → 本人 {outcome.persons:,} 人(うち複数の医療機関にまたがる {outcome.across_hospitals:,} 人、要確認 {outcome.doubtful:,} 組)",
        f"{outcome.registrations:,} registrations → {outcome.persons:,} persons ({outcome.across_hospitals:,} across hospitals, {outcome.doubtful:,} pairs to review)",
    )
    door.give(outcome.as_json())


def _link_files(
    door: Door,
    files: list[Path],
    out: Path,
    previous: Path | None,
    model: Path | None,
    mapping: Path | None,
    mergers: Path | None,
    key_file: Path | None,
) -> dict[str, Any]:
    if door.own_process:
        leave_pandas_out()
    from kiban_applications.command_line import linkage_keys
    from kiban_processing.linkage import files as linkage_files

    columns = _columns(mapping) if mapping else None
    with door.progress() as progress:
        if previous is not None and model is None:  # small enough to need no spilling
            if door.own_process:
                leave_datasets_out()
                gc.disable()  # little is left lying about in the second that it takes
            key = linkage_keys.named(linkage_files.key_needed(previous), key_file)
            return linkage_files.link_files(files, out, previous, key=key, random=secrets.token_bytes, mapping=columns, progress=progress)
        from kiban_operator.workshop import open_workshop

        key = linkage_keys.first(key_file, secrets.token_bytes)
        with tempfile.TemporaryDirectory(prefix="kiban-") as folder, open_workshop(Path(folder)) as con:
            return linkage_files.link_files(
                files,
                out,
                previous,
                key=key,
                random=secrets.token_bytes,
                model=model,
                mergers=mergers,
                mapping=columns,
                con=con,
                progress=progress,
            )


class _NoPandas(MetaPathFinder):
    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError(name=fullname)


def leave_pandas_out() -> None:
    """Arrow looks once whether there is pandas, by loading it, which takes longer than linking a small delivery; here it finds none."""
    import pyarrow as pa

    sys.meta_path.insert(0, _NoPandas())
    pa.array([])
    del sys.meta_path[0]


def leave_datasets_out() -> None:
    """The engine loads Arrow's data sets to read parts of large tables, and does without where there are none; here all tables are small."""
    sys.modules.setdefault("pyarrow.dataset", None)  # type: ignore[arg-type]  # what Python itself does for a module that is not to be had


def _columns(mapping: Path) -> dict[str, str]:
    from kiban_applications.command_line.applying import read_toml

    return {str(source): str(name) for source, name in read_toml(mapping).get("columns", {}).items()}


def _tell(door: Door, out: Path, report: dict[str, Any], increment: bool) -> None:
    rows, persons, waiting = report["rows"], report["persons"], report["linkage"]["pairs"]["review"]
    if increment:
        door.tell(
            f"追加 {rows['added']:,}、訂正 {rows['corrected']:,}、取消し {rows['withdrawn']:,}、変更なし {rows['unchanged']:,} 件",
            f"{rows['added']:,} added, {rows['corrected']:,} corrected, {rows['withdrawn']:,} withdrawn, {rows['unchanged']:,} unchanged",
        )
    door.tell(
        f"本人 {persons['count']:,} 人(新規 {persons['new']:,}、統合 {persons['merge']:,}、分割 {persons['split']:,})、要確認 {waiting:,} 組。結果: {out}",
        f"{persons['count']:,} persons ({persons['new']:,} new, {persons['merge']:,} merged, {persons['split']:,} split), {waiting:,} pairs to review. Written: {out}",
    )
