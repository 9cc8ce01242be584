"""名寄せの説明の命令 (explaining links): why two registrations were judged so, why a person is one, how good a run is; from a folder of `kiban link`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kiban_applications.command_line.door import Door
from kiban_applications.command_line.linking import leave_pandas_out
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground

if TYPE_CHECKING:
    from kiban_processing.linkage.explaining.rejudging import Rejudged

NOTHING_ASKED = Ground(
    "link-explain-nothing-asked", Family.INPUT, None,
    Text("何を説明するかが指定されていません。", "It was not said what to explain."),
    Text("--pair 医療機関 患者番号 医療機関 患者番号、又は --person 本人ID のどちらか一つを付けてください。",
         "Add one of --pair SITE LOCAL SITE LOCAL and --person ID."),
)  # fmt: skip


def build(door: Door, app: typer.Typer) -> None:
    """Add the commands to the application."""
    say, language = door.say, door.language
    folder_help = say("kiban link の出力先", "folder that kiban link wrote")
    key_help = say("状態の鍵のファイル(既定: 利用者の鍵フォルダ)", "the file with the state's key (default: the person's own key folder)")

    @app.command("link-explain", help=say("二つの登録を同一人又は別人とした理由、又は一人の本人とした理由を示します。",
                                          "Show why two registrations were judged so, or why registrations are one person."))  # fmt: skip
    def link_explain(
        folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, metavar="DIR", help=folder_help)],
        pair: Annotated[tuple[str, str, str, str] | None, typer.Option("--pair", metavar="SITE LOCAL SITE LOCAL", help=say("二つの登録の医療機関と患者番号", "hospital and local number of two registrations"))] = None,
        person_id: Annotated[str | None, typer.Option("--person", metavar="ID", help=say("本人ID", "ID of a person"))] = None,
        svg: Annotated[Path | None, typer.Option("--svg", dir_okay=False, metavar="FILE", help=say("図をSVGで書きます", "write the drawing as SVG"))] = None,
        key_file: Annotated[Path | None, typer.Option("--key-file", exists=True, dir_okay=False, help=key_help)] = None,
    ) -> None:  # fmt: skip
        if (pair is None) == (person_id is None):
            raise NOTHING_ASKED.refuse()
        with _rejudged(door, folder, key_file, small=True) as run:
            from kiban_processing.linkage.explaining import kept, networks, pairs, person, waterfalls

            if pair is not None:
                waterfall = run.pair(kept.registration(*pair[:2]), kept.registration(*pair[2:]))
                text, value, drawn = pairs.as_text(waterfall, language), pairs.as_json(waterfall), waterfalls.draw(waterfall, language)
            else:
                because = run.person(kept.of_person(folder, person_id or ""))
                text, value, drawn = person.as_text(because, language), person.as_json(because), networks.draw(because, language)
        door.tell(text.rstrip("\n"), text.rstrip("\n"))
        if svg is not None:
            svg.write_text(drawn, encoding="utf-8")
        door.give(value)

    @app.command("link-sample", help=say("品質を確かめるため、担当者が見る組を無作為に選びます。重みも判定も書きません。全ての組を判定し直すため、名寄せに近い時間がかかります。",
                                         "Draw pairs for people to look at, to learn how good a run is. Neither weight nor decision is written. Judges all pairs again, which takes nearly as long as linking."))  # fmt: skip
    def link_sample(
        folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, metavar="DIR", help=folder_help)],
        out: Annotated[Path, typer.Option("--out", dir_okay=False, metavar="FILE", help=say("書き出すCSV", "CSV to write"))],
        per_stratum: Annotated[int, typer.Option("--per-stratum", min=1, help=say("層ごとの組の数", "pairs of each stratum"))] = 50,
        seed: Annotated[int, typer.Option("--seed", min=0, help=say("無作為抽出の種", "seed of the draw"))] = 1,
        key_file: Annotated[Path | None, typer.Option("--key-file", exists=True, dir_okay=False, help=key_help)] = None,
    ) -> None:  # fmt: skip
        with _rejudged(door, folder, key_file) as run:
            from kiban_processing.linkage.explaining import kept, samples

            everything = run.everything()
            sample = samples.draw(samples.frame(everything.known, run.model), everything.registrations, per_stratum, seed)
        kept.write_sample(out, sample)
        door.tell(
            f"{sample.num_rows:,} 組を {out} に書きました。same 列に記入してください。",
            f"Wrote {sample.num_rows:,} pairs to {out}. Fill the column same.",
        )
        door.give({"pairs": sample.num_rows, "strata": sorted(set(sample.column("stratum").to_pylist()))})

    @app.command("link-report", help=say("名寄せの品質報告を示し、HTMLに書きます。", "Show the quality report of a linkage run, and write it as HTML."))  # fmt: skip
    def link_report(
        folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, metavar="DIR", help=folder_help)],
        html: Annotated[Path | None, typer.Option("--html", dir_okay=False, metavar="FILE", help=say("書き出すHTML", "HTML to write"))] = None,
        answers: Annotated[Path | None, typer.Option("--answers", exists=True, dir_okay=False, metavar="FILE", help=say("link-sample に記入した回答", "the answered file of link-sample"))] = None,
        anew: Annotated[bool, typer.Option("--anew", help=say("追加の名寄せの後、全ての組を判定し直して今の品質を報告します", "after deliveries: judge all pairs again and report the quality as it is now"))] = False,
        key_file: Annotated[Path | None, typer.Option("--key-file", exists=True, dir_okay=False, help=key_help)] = None,
    ) -> None:  # fmt: skip
        report = _report(door, folder, answers, anew, key_file)
        from kiban_processing.linkage.explaining import quality_page

        for limit in report["limits"]:
            if limit["code"] == "aged":
                door.tell(limit["ja"] + "--anew で今の品質を報告します。", limit["en"] + " --anew reports the quality as it is now.")
        for key, ja, en in (("from_model", "モデル", "model"), ("from_sample", "標本", "sample")):
            if report[key] is not None:
                figures = {name: quality_page.percent(report[key][name]["value"]) for name in ("precision", "recall")}
                door.tell(
                    f"推定（{ja}）: 適合率 {figures['precision']}、再現率 {figures['recall']}",
                    f"estimated ({en}): precision {figures['precision']}, recall {figures['recall']}",
                )
        if html is not None:
            html.write_bytes(quality_page.compose(report, language))
            door.tell(f"{html} を書きました。", f"Wrote {html}.")
        door.give(report)


def _report(door: Door, folder: Path, answers: Path | None, anew: bool, key_file: Path | None) -> dict[str, Any]:
    if door.own_process:
        leave_pandas_out()
    from kiban_processing.linkage.explaining import kept, quality

    if answers is None and not anew:
        return kept.read_quality(folder)
    told = kept.read_answers(answers) if answers is not None else None
    with _rejudged(door, folder, key_file) as run:
        now = run.everything()
        # What people answered about is what is judged now, so the estimates beside it are of now as well.
        report = quality.of_judgements(now.known, now.own, now.shared, now.members, run.model, now.ids)
        return report if told is None else kept.answered(now, run.model, report, told)


@contextmanager
def _rejudged(door: Door, folder: Path, key_file: Path | None, small: bool = False) -> "Iterator[Rejudged]":
    if door.own_process:
        leave_pandas_out()
    from kiban_applications.command_line import linkage_keys
    from kiban_processing.linkage import by_model, files
    from kiban_processing.linkage.explaining import kept
    from kiban_processing.linkage.explaining.rejudging import Rejudged
    from kiban_processing.linkage.state.kept import Kept

    kept.read_report(folder)
    state = Kept(folder, linkage_keys.named(files.key_needed(folder), key_file), by_model.SHAPE)
    try:
        with files.connection(small=small) as con:
            yield Rejudged(con, state)
    finally:
        state.close()
