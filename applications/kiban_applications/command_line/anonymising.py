"""匿名化の命令 (anonymising): `kiban anonymise`, for a statistician who has a table and hierarchies and nothing else of kiban."""

import re
import resource
import secrets
import sys
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kiban_applications.command_line.door import Door
from kiban_processing import anonymise, table_plan
from kiban_processing.language import Text
from kiban_processing.one_table import flags
from kiban_processing.outcome import ReleaseSecrets
from kiban_processing.recoding.losses import Metric
from kiban_processing.table_plan import Effort, Method, OneTablePlan, Others

STAGES = {
    "read": Text("読取り", "reading"), "search": Text("探索", "searching"), "form": Text("群の形成", "forming classes"),
    "write": Text("書出し", "writing"), "verify": Text("数え直し", "counting again"),
}  # fmt: skip
_SIZE = re.compile(r"[1-9][0-9]*(\.[0-9]+)? ?[KMGT]i?B")


class Format(StrEnum):
    """What is written."""

    CSV = "csv"
    PARQUET = "parquet"
    BOTH = "both"


def build(door: Door, app: typer.Typer) -> None:
    """Add the command to the application."""
    say = door.say

    @app.command(
        "anonymise",
        help=say(
            "一つの表(CSV又はParquet)を匿名化します。準識別子と階層を --qi で挙げるか、--plan で計画を指定します。",
            "Anonymise one table (CSV or Parquet). Name the quasi-identifiers and their hierarchies by --qi, or give a plan by --plan.",
        ),
        epilog=say(
            "例: kiban anonymise visits.csv --out out --qi age=age.csv --qi sex=sex.csv --k 5 --suppression 0.05 --other remove",
            "Example: kiban anonymise visits.csv --out out --qi age=age.csv --qi sex=sex.csv --k 5 --suppression 0.05 --other remove",
        ),
    )
    def anonymise_table(
        table: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help=say("見出し行のあるUTF-8のCSV、又はParquet", "CSV in UTF-8 with a header, or Parquet"))],
        out: Annotated[Path, typer.Option("--out", file_okay=False, help=say("出力先のフォルダ", "output folder"), metavar="DIR")],
        quasi: Annotated[list[str] | None, typer.Option("--qi", help=say("準識別子と階層(ARX形式のCSV。見出しなし、左端が元の値)。繰り返し可", "a quasi-identifier and its hierarchy (CSV in the form of ARX: no header, the value itself first); repeatable"), metavar="NAME=FILE")] = None,
        plan: Annotated[Path | None, typer.Option("--plan", exists=True, dir_okay=False, help=say("計画(TOML)。--qi などの代わり", "a plan (TOML), instead of --qi and the like"))] = None,
        k: Annotated[int, typer.Option("--k", min=1, help=say("一つの群の最少人数(行数)", "fewest persons (rows) of a class"))] = 5,
        diversity: Annotated[list[str] | None, typer.Option("--l", help=say("l-多様性。kind は distinct、entropy、recursive(NAME:recursive:c:l)", "l-diversity; kind is distinct, entropy or recursive (NAME:recursive:c:l)"), metavar="NAME:kind:value")] = None,
        closeness: Annotated[list[str] | None, typer.Option("--t", help=say("t-近似性。ground は equal(既定)、ordered、hierarchical=FILE", "t-closeness; ground is equal (default), ordered or hierarchical=FILE"), metavar="NAME:value[:ground]")] = None,
        suppression: Annotated[float, typer.Option("--suppression", min=0.0, max=1.0, help=say("除いてよい本人(行)の割合", "share of the persons (rows) that may be left out"))] = 0.0,
        method: Annotated[Method, typer.Option("--method", help=say("global 列ごとに一つの水準、local 群ごと、anjana ライブラリの選択", "global: one level per column; local: each class by itself; anjana: that library's choice"))] = Method.GLOBAL,
        effort: Annotated[Effort, typer.Option("--effort", help=say("local の探索: full すべて、quick 最初の一つだけ、auto 行の種類の数による", "search of local: full, quick (its first start alone), auto (by the number of distinct rows)"))] = Effort.AUTO,
        metric: Annotated[Metric, typer.Option("--metric", help=say("最小にする損失", "the loss that is made least"))] = Metric.LOSS,
        person: Annotated[str | None, typer.Option("--person", help=say("本人を示す列。指定すると k は人数を数えます(列は出力しません)", "the column that names the person; k then counts persons (the column is not released)"), metavar="NAME")] = None,
        sensitive: Annotated[list[str] | None, typer.Option("--sensitive", help=say("そのまま出力する要配慮の列", "a sensitive column, released as it is"), metavar="NAME")] = None,
        keep: Annotated[list[str] | None, typer.Option("--keep", help=say("そのまま出力する列", "a column released as it is"), metavar="NAME")] = None,
        remove: Annotated[list[str] | None, typer.Option("--remove", help=say("出力しない列", "a column not released"), metavar="NAME")] = None,
        other: Annotated[Others, typer.Option("--other", help=say("挙げなかった列の扱い", "what becomes of columns not named"))] = Others.REFUSE,
        separator: Annotated[str | None, typer.Option("--sep", help=say("CSVの区切り文字(省略時は見出しから判断)", "separator of the CSV (default: found from the header)"), metavar="CHARACTER")] = None,
        written: Annotated[Format, typer.Option("--format", help=say("書き出す形式", "what is written"))] = Format.BOTH,
        threads: Annotated[int | None, typer.Option("--threads", min=1, help=say("使うスレッドの数", "threads to use"))] = None,
        memory: Annotated[str, typer.Option("--memory", help=say("エンジンのメモリの上限(探索の分は別)", "memory of the engine (the search comes on top)"), metavar="SIZE")] = "2GB",
    ) -> None:  # fmt: skip
        if (plan is None) == (not quasi):
            raise typer.BadParameter(say("--qi か --plan のどちらか一方が要ります。", "Either --qi or --plan is needed, and not both."))
        if not _SIZE.fullmatch(memory):
            raise typer.BadParameter(say("--memory は 2GB のように指定してください。", "Write --memory as in 2GB."))
        settled = table_plan.read(plan) if plan else _of_flags(
            flags.Flags(
                quasi or (), k, suppression, method, metric, diversity or (), closeness or (), sensitive or (), keep or (), remove or (),
                person, other, separator, effort,
            )
        )  # fmt: skip
        with door.progress() as progress:
            report = anonymise.anonymise(
                table, settled, out, ReleaseSecrets(secrets.token_bytes(32), secrets.token_bytes(32)), written,
                anonymise.Circumstances(threads, memory, time.perf_counter, peak_memory, worded(door, progress)),
            )  # fmt: skip
        unit = ("人", "persons") if settled.person else ("行", "rows")
        door.tell(
            f"k={report['k']}({unit[0]})、{report['classes']:,} 群、除いた記録 {report['suppressed_records']:,}、情報損失 {report['loss_geometric']:.4f} → {out}",
            f"k={report['k']} ({unit[1]}), {report['classes']:,} classes, {report['suppressed_records']:,} suppressed records, loss {report['loss_geometric']:.4f} → {out}",
        )
        door.give(report)


def worded(door: Door, progress: Callable[[str, int, int | None], None]) -> anonymise.Progress:
    """The stages in the person's words."""
    return lambda stage, done, of: progress(door.read(STAGES[stage]), done, of)


def peak_memory() -> int:
    """The greatest memory of this process so far, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def _of_flags(given: flags.Flags) -> OneTablePlan:
    return flags.plan_of(given, Path())
