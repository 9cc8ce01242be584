"""階層の命令 (hierarchies): `kiban hierarchy build` and `check`: hierarchies in ARX form, made from the values of a column, and looked over."""

from pathlib import Path
from typing import Annotated

import typer

from kiban_applications.command_line.door import Door
from kiban_processing import table_plan
from kiban_processing.hierarchies import arx_form, building, checking
from kiban_processing.hierarchies.building import Sort
from kiban_processing.hierarchies.calendar import Unit
from kiban_processing.language import Text
from kiban_processing.one_table import reading
from kiban_processing.plan_fields import PLAN_UNREADABLE
from kiban_processing.refusals import Family, Ground

OUT_THERE = Ground(
    "out-there", Family.INPUT, None,
    Text("出力先「{file}」は既にあります。", "The output “{file}” is there already."),
    Text("別の名を指定するか、先に消してください。", "Name another file, or remove it first."),
)  # fmt: skip


def build(door: Door, app: typer.Typer) -> None:
    """Add the commands to the application."""
    say = door.say
    group = typer.Typer(
        no_args_is_help=True, rich_markup_mode=None,
        help=say("一般化階層を作り、確かめます(ARX形式のCSV)。", "Build and check generalisation hierarchies (CSV in the form of ARX)."),
    )  # fmt: skip
    app.add_typer(group, name="hierarchy")

    @group.command("build", help=say(
        "列の値から階層を作ります: icd10 病名、postal 郵便番号、municipality 市区町村、age 年齢、date 日付、quantiles 同数の区間、intervals 区間、ordered 順序のある符号。",
        "Build a hierarchy: icd10, postal, municipality, age, date, quantiles, intervals, or ordered codes.",
    ))  # fmt: skip
    def make(
        sort: Annotated[Sort, typer.Argument()],
        out: Annotated[Path, typer.Option("--out", dir_okay=False, help=say("書き出すCSV", "the CSV to write"), metavar="FILE")],
        data: Annotated[Path | None, typer.Option("--data", exists=True, dir_okay=False, help=say("値を持つ表", "the table that has the values"))] = None,
        column: Annotated[str | None, typer.Option("--column", help=say("その列", "its column"), metavar="NAME")] = None,
        intervals: Annotated[int, typer.Option("--intervals", min=2, help=say("区間の数(quantiles、intervals)", "number of intervals (quantiles, intervals)"))] = 10,
        cuts: Annotated[str | None, typer.Option("--cuts", help=say("区切り(intervals)", "cut points (intervals)"), metavar="10,20,30")] = None,
        codes: Annotated[str | None, typer.Option("--codes", help=say("符号を順に(ordered)", "the codes in their order (ordered)"), metavar="A,B,C")] = None,
        units: Annotated[list[Unit] | None, typer.Option("--unit", help=say("日付の水準。繰り返し可(既定はすべて)", "a level of dates; repeatable (default: all)"))] = None,
        first: Annotated[str | None, typer.Option("--first", help=say("期間の初日(date)", "first day of a period (date)"), metavar="YYYY-MM-DD")] = None,
        last: Annotated[str | None, typer.Option("--last", help=say("期間の末日(date)", "last day of a period (date)"), metavar="YYYY-MM-DD")] = None,
        separator: Annotated[str | None, typer.Option("--sep", help=say("表の区切り文字", "separator of the table"), metavar="CHARACTER")] = None,
    ) -> None:  # fmt: skip
        if out.exists():
            raise OUT_THERE.refuse(file=out.name)
        values = _values(data, column, separator)
        rows = None if values is None else {value: number for value, number in values.items() if value is not None}
        wanted = building.Wanted(intervals, cuts, codes, tuple(units or Unit), first, last)
        made = building.build(sort, column or sort.value, rows, wanted)
        out.write_text(arx_form.write(made), encoding="utf-8")
        door.tell(f"{made.size:,} 値、{made.levels} 水準 → {out}", f"{made.size:,} values, {made.levels} levels → {out}")
        door.give({"values": made.size, "levels": made.levels, "version": made.version, "file": str(out)})

    @group.command("check", help=say("階層の抜け・入れ子の誤り・無駄な水準を調べます。誤りがあれば拒否します。",
                                     "Look for gaps, wrong nesting and useless levels. Refuses a hierarchy with errors."))  # fmt: skip
    def check(
        file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
        data: Annotated[Path | None, typer.Option("--data", exists=True, dir_okay=False, help=say("匿名化する表", "the table to be anonymised"))] = None,
        column: Annotated[str | None, typer.Option("--column", help=say("その列", "its column"), metavar="NAME")] = None,
        separator: Annotated[str | None, typer.Option("--sep", help=say("表の区切り文字", "separator of the table"), metavar="CHARACTER")] = None,
    ) -> None:  # fmt: skip
        try:
            content = file.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise PLAN_UNREADABLE.refuse(file=file.name, why="UTF-8") from None
        findings = checking.check(content, _values(data, column, separator))
        for one in findings:
            door.tell(f"{one.weight.value}: {one.read('ja')}", f"{one.weight.value}: {one.read('en')}")
        checking.require(file.name, findings)
        if not findings:
            door.tell("誤りはありません。", "Nothing is wrong.")
        door.give({"findings": [one.as_json() for one in findings]})


def _values(data: Path | None, column: str | None, separator: str | None) -> dict[str | None, int] | None:
    """The values of a column and their rows; None where no table is named. Refuses: table-unreadable, table-column-absent, hierarchy-needs."""
    if data is None and column is None:
        return None
    if data is None or column is None:
        raise building.NEEDED.refuse(needed="--data TABLE --column NAME")
    source = reading.open_table(data, separator)
    if column not in source.names:
        raise table_plan.COLUMN_ABSENT.refuse(column=column)
    return reading.distinct(source.batches([column], [column]), column)
