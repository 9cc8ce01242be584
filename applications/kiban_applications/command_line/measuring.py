"""危険の測定の命令 (measuring): `kiban risk`: what an attacker would get from a table as it stands; nothing is written."""

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from kiban_applications.command_line.door import Door
from kiban_processing.one_table import measuring


def build(door: Door, app: typer.Typer) -> None:
    """Add the command to the application."""
    say = door.say

    @app.command(
        "risk",
        help=say(
            "表の再識別の危険(k、l、t、β、δ、攻撃者三種)を測ります。表は変えません。",
            "Measure a table's risk of re-identification (k, l, t, β, δ, three attackers). Nothing is changed.",
        ),
        epilog=say(
            "例: kiban risk out/data.parquet --qi age --qi sex --sensitive illness --fraction 0.01",
            "Example: kiban risk out/data.parquet --qi age --qi sex --sensitive illness --fraction 0.01",
        ),
    )
    def risk(
        table: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help=say("見出し行のあるUTF-8のCSV、又はParquet", "CSV in UTF-8 with a header, or Parquet"))],
        quasi: Annotated[list[str], typer.Option("--qi", help=say("攻撃者が知り得る列。繰り返し可", "a column an attacker may know; repeatable"), metavar="NAME")],
        sensitive: Annotated[list[str] | None, typer.Option("--sensitive", help=say("知られたくない列。繰り返し可", "a column nobody should learn; repeatable"), metavar="NAME")] = None,
        person: Annotated[str | None, typer.Option("--person", help=say("本人を示す列。指定すると人数を数えます", "the column that names the person; persons are then counted"), metavar="NAME")] = None,
        population: Annotated[Path | None, typer.Option("--population", exists=True, dir_okay=False, help=say("母集団の表(一人一行、同じ準識別子)", "table of the population (one row per person, the same quasi-identifiers)"))] = None,
        fraction: Annotated[float | None, typer.Option("--fraction", min=1e-9, max=1.0, help=say("母集団に対する抽出率(母集団での一意を推定します)", "sampling fraction (estimates who is alone in the population)"))] = None,
        threshold: Annotated[float, typer.Option("--threshold", min=0.0, max=1.0, help=say("危険とみなす確率", "probability above which a person is at risk"))] = 0.2,
        separator: Annotated[str | None, typer.Option("--sep", help=say("CSVの区切り文字(省略時は見出しから判断)", "separator of the CSV (default: found from the header)"), metavar="CHARACTER")] = None,
        threads: Annotated[int | None, typer.Option("--threads", min=1, help=say("使うスレッドの数", "threads to use"))] = None,
    ) -> None:  # fmt: skip
        asked = measuring.Asked(quasi, sensitive or (), person, threshold, fraction, population, separator)
        with tempfile.TemporaryDirectory(prefix="kiban-") as folder:
            report = measuring.measure(table, asked, Path(folder) / "aside", threads=threads)
        _show(door, report)
        door.give(report)


def _show(door: Door, report: dict[str, Any]) -> None:
    say, attackers = door.say, report["attackers"]
    unit = say("人", "persons") if report["counted"] == "persons" else say("行", "rows")
    door.tell(
        f"k={report['k']}({unit})、{report['classes']:,} 群、一人だけの群 {report['uniques']:,}",
        f"k={report['k']} ({unit}), {report['classes']:,} classes, {report['uniques']:,} uniques",
    )
    rows = [
        (say("検察官(対象がいると知る)", "prosecutor (knows the person is in it)"), attackers["prosecutor"]),
        (say("記者(誰か一人を探す)", "journalist (wants anybody)"), attackers["journalist"]),
    ]
    door.table(
        say("攻撃者", "Attackers"),
        (say("誰", "who"), say("最大の確率", "highest"), say("平均", "average"), say("しきい値超の割合", "share at risk")),
        [(name, *(f"{one[key]:.4f}" for key in ("highest", "average", "at_risk"))) for name, one in rows],
    )
    door.tell(
        f"業者(できるだけ多く): 当たる割合 {attackers['marketer']:.4f}", f"marketer (wants many): share found {attackers['marketer']:.4f}"
    )
    if report["sensitive"]:
        door.table(
            say("要配慮の列(最悪の群)", "Sensitive columns (worst class)"),
            (say("列", "column"), "alpha", "l", say("l(エントロピー)", "l (entropy)"), "t", "beta"),
            [
                (
                    one["column"],
                    f"{one['alpha']:.4f}",
                    one["l_distinct"],
                    f"{one['l_entropy']:.3f}",
                    f"{one['t_equal']:.4f}",
                    f"{one['beta']:.3f}",
                )
                for one in report["sensitive"]
            ],
        )
    if report["uniqueness"]:
        one = report["uniqueness"]
        door.tell(
            f"母集団でも一人だけと推定される人: {one['uniques_chosen']:,.0f}({one['chosen']}、母集団 {one['population']:,})",
            f"persons estimated alone in the population: {one['uniques_chosen']:,.0f} ({one['chosen']}, population {one['population']:,})",
        )
