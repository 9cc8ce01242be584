"""受入れの操作 (receiving): notice, optout, submit, submissions, clock, vault: from the hospitals' files to gated rows."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from kiban_applications.command_line.door import Door
from kiban_operator import custody, daily_clock, dues, findings_report, intake, notice_register, notices, people, submissions, vault
from kiban_operator.registers import ImportReport
from kiban_operator.roles import Act
from kiban_operator.submissions import Receipt


def build(door: Door, app: typer.Typer) -> None:
    """Add the commands to the application."""
    _build_registers(door, app)
    _build_submissions(door, app)


def show_import(door: Door, report: ImportReport) -> None:
    door.tell(
        f"{report.rows} 行: 新規 {report.added}、変更 {report.changed}、登録済み {report.repeated}、不備 {report.rejected}",
        f"{report.rows} rows: {report.added} new, {report.changed} changed, {report.repeated} known, {report.rejected} rejected",
    )
    findings = report.findings.to_pylist()
    if findings:
        say = door.say
        door.table(say("不備", "Findings"), (say("行", "row"), say("列", "column"), say("規則", "rule")),
                   [(f["row"], f["column"], f["rule"]) for f in findings[:20]])  # fmt: skip
    door.give({"rows": report.rows, "added": report.added, "changed": report.changed, "repeated": report.repeated,
               "rejected": report.rejected, "findings": findings})  # fmt: skip


def show_receipt(door: Door, receipt: Receipt) -> None:
    say, total = door.say, receipt.totals
    if receipt.repeated:
        door.tell("この提供はすでに受領しています。何も変わりません。", "This submission was received before; nothing changes.")
    door.tell(f"受領番号 {receipt.submission}({receipt.hospital})", f"Submission {receipt.submission} ({receipt.hospital})")
    columns = (
        say("表", "table"),
        say("受信", "sent"),
        say("受入れ", "accepted"),
        say("保留", "held"),
        say("隔離", "quarantined"),
        say("理由", "why"),
    )
    rows: list[tuple[object, ...]] = []
    for name, count in receipt.counts.items():
        reasons = [
            each for why in (count.held_for, count.quarantined_for) for each in sorted(why.items(), key=lambda one: (-one[1], one[0]))
        ]
        why = ", ".join(f"{code} {number:,}" for code, number in reasons)
        rows.append((name, f"{count.sent:,}", f"{count.accepted:,}", f"{count.held:,}", f"{count.quarantined:,}", why))
    rows.append((say("合計", "total"), f"{total.sent:,}", f"{total.accepted:,}", f"{total.held:,}", f"{total.quarantined:,}", ""))
    door.table(say("受領記録", "Receipt record"), columns, rows)
    if receipt.deliveries:
        heads = (
            say("場所", "place"),
            say("形式", "format"),
            say("受信", "sent"),
            say("受入れ可", "usable"),
            say("隔離", "quarantined"),
            say("拒否", "refused"),
        )
        door.table(
            say("標準形式の記録", "Records of standard formats"), heads,
            [(one["path"], one["format"], *(f"{one[name]:,}" for name in ("sent", "accepted", "quarantined", "refused"))) for one in receipt.deliveries],
        )  # fmt: skip
    for damaged in receipt.damaged_files:
        door.tell(f"ファイルごと隔離: {damaged['file']} — {damaged['ja']}", f"Quarantined file: {damaged['file']} — {damaged['en']}")
    door.give(receipt.as_json())


def _build_registers(door: Door, app: typer.Typer) -> None:
    say = door.say
    notice = typer.Typer(no_args_is_help=True)
    app.add_typer(notice, name="notice", help=say("通知の版と通知の登録", "notice versions and the notice register"))
    hospital_help = say("医療機関のID", "hospital ID")

    @notice.command("import", help=say("通知の登録簿(CSV)を取り込みます。", "Import a hospital's notice register (CSV)."))
    def import_notices(
        file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)], hospital: Annotated[str, typer.Option("--hospital", help=hospital_help)],
        regime: Annotated[str, typer.Option("--regime", help=say("A(匿名加工)又は P(仮名加工)", "A or P"))] = "A",
    ) -> None:  # fmt: skip
        opened = door.open("HL")
        with opened.transaction() as session:
            people.require(session, opened.circumstances, Act.REGISTER_NOTICE)
            secret = vault.patient_secret(session, opened)
            report = notice_register.import_register(session, opened.circumstances, hospital, regime, file, secret)
        show_import(door, report)

    @notice.command("versions", help=say("通知の版の一覧", "List notice versions"))
    def versions(
        hospital: Annotated[str, typer.Argument(help=hospital_help)], regime: Annotated[str, typer.Option("--regime")] = "A"
    ) -> None:
        opened = door.open("HL", "AU")
        with opened.transaction() as session:
            rows = [(v.version, v.filed_on, v.wait_days, len(v.covers)) for v in notices.list_all(session, hospital, regime)]
        door.table(
            say("通知の版", "Notice versions"),
            (say("版", "version"), say("届出日", "filed"), say("待機日数", "wait (days)"), say("項目", "items")),
            rows,
        )
        door.give([{"version": v, "filed_on": f, "wait_days": w, "items": n} for v, f, w, n in rows])


def _build_submissions(door: Door, app: typer.Typer) -> None:
    say = door.say

    @app.command("submit", help=say("医療機関の提供(フォルダ)を受け入れます。", "Receive a hospital's submission folder."))
    def submit(folder: Annotated[Path, typer.Argument(exists=True, file_okay=False)]) -> None:
        opened = door.open("HL", "PR")
        with door.progress() as progress:
            receipt = intake.receive(opened, folder, progress)
        show_receipt(door, receipt)

    group = typer.Typer(no_args_is_help=True)
    app.add_typer(group, name="submissions", help=say("受領した提供", "received submissions"))

    @group.command("list", help=say("受領の一覧", "List submissions"))
    def list_submissions() -> None:
        opened = door.open("HL", "PR", "AU")
        with opened.transaction() as session:
            receipts = [submissions.receipt_of(row) for row in submissions.every(session)]
        rows = [
            (
                r.submission,
                r.hospital,
                f"{r.received_at:%Y-%m-%d %H:%M}Z",
                r.totals.sent,
                r.totals.accepted,
                r.totals.held,
                r.totals.quarantined,
            )
            for r in receipts
        ]
        columns = (
            say("受領番号", "submission"),
            say("医療機関", "hospital"),
            say("受領", "received"),
            say("受信", "sent"),
            say("受入れ", "accepted"),
            say("保留", "held"),
            say("隔離", "quarantined"),
        )
        door.table(say("受領", "Submissions"), columns, rows, say("受領した提供はまだありません。", "No submission yet."))
        door.give([r.as_json() for r in receipts])

    @group.command("show", help=say("受領記録を表示します。", "Show a receipt record."))
    def show(submission: Annotated[str, typer.Argument()]) -> None:
        opened = door.open("HL", "PR", "AU")
        with opened.transaction() as session:
            receipt = submissions.receipt_of(submissions.find(session, submission))
        show_receipt(door, receipt)

    @group.command(
        "findings", help=say("不備の一覧を行番号・列・規則・対処で表示します。", "List findings by file, row, column, rule and remedy.")
    )
    def findings(submission: Annotated[str, typer.Argument()], limit: Annotated[int, typer.Option("--limit")] = 100) -> None:
        opened = door.open("HL", "PR")
        found = findings_report.read(opened, submission, limit)
        columns = (say("ファイル", "file"), say("行", "row"), say("列", "column"), say("規則", "rule"), say("対処", "remedy"))
        rows = [(f.file, f.row, f.column, f.rule, door.read(f.remedy)) for f in found]
        door.table(say("不備", "Findings"), columns, rows, say("不備はありません。", "No findings."))
        door.give(
            [
                {"file": f.file, "row": f.row, "column": f.column, "rule": f.rule, "what": door.read(f.what), "remedy": door.read(f.remedy)}
                for f in found
            ]
        )

    clock = typer.Typer(no_args_is_help=True)
    app.add_typer(clock, name="clock", help=say("日次の処理", "the daily clock"))

    @clock.command(
        "run",
        help=say(
            "日次の処理: 保留行を今日の事実で判定し直し、決まっていない求めの候補を探し直し、保存期間を過ぎた写しを消去します(一日何度でも同じ結果)。",
            "The daily work: judge held rows on today's facts, look again for whom open requests may be, erase copies whose time is over; running it again changes nothing.",
        ),
    )
    def run() -> None:
        opened = door.open("HL", "PR")
        with door.progress() as progress:
            done = daily_clock.run(opened, progress)
        outcome = done.admission
        names = sorted({*outcome.admitted, *outcome.withdrawn, *outcome.waiting})
        door.table(
            say("保留分の判定", "Held rows judged"), (say("表", "table"), say("受入れ", "admitted"), say("取下げ", "withdrawn"), say("保留", "waiting")),
            [(n, outcome.admitted.get(n, 0), outcome.withdrawn.get(n, 0), outcome.waiting.get(n, 0)) for n in names],
            say("保留されている行はありません。", "Nothing is held."),
        )  # fmt: skip
        if done.stopped_anew:
            door.tell(
                f"決まっていない求めにより、新たに {done.stopped_anew} 件の登録を停止しました。",
                f"{done.stopped_anew} registrations stopped anew for open requests.",
            )
        if done.copies_erased:
            door.tell(
                f"保存期間を過ぎた書面の写し {done.copies_erased} 通を消去しました。",
                f"{done.copies_erased} copies erased whose time is over.",
            )
        door.give(done.as_json())

    @clock.command(
        "due",
        help=say("認定事業者の期限の一覧(利用者の義務は `kiban due`)", "What is due for the operator (what recipients owe: `kiban due`)"),
    )
    def due(
        until: Annotated[
            datetime | None, typer.Option("--until", formats=["%Y-%m-%d"], help=say("この日までの期限だけ", "up to that day only"))
        ] = None,
    ) -> None:
        opened = door.open("HL", "OD", "SE", "SO", "AU")
        today = opened.circumstances.today()
        with opened.reading() as session:
            found = dues.every(session, today, until.date() if until else None)
        door.table(
            say("期限", "Due"), (say("期限", "due"), say("内容", "what"), say("対象", "about"), say("根拠", "article")),
            [(f"{one.due_on} {say('超過', 'overdue')}" if one.is_overdue(today) else one.due_on, door.read(one.what), one.about, one.article.citation) for one in found],
            say("期限のあるものはありません。", "Nothing is due."),
        )  # fmt: skip
        door.give([{"clock": one.clock, "about": one.about, "due_on": one.due_on, "overdue": one.is_overdue(today),
                    "article": one.article.citation, "what": door.read(one.what)} for one in found])  # fmt: skip

    store = typer.Typer(no_args_is_help=True)
    app.add_typer(store, name="vault", help=say("保管庫", "the vault"))

    @store.command(
        "check",
        help=say(
            "通知の証跡のない行が保管されていないことを確かめます(常設照会)。",
            "Prove that no stored row lacks its notice (standing query).",
        ),
    )
    def check() -> None:
        opened = door.open("SO", "AU", "PR")
        with door.progress() as progress:
            report = custody.check(opened, progress)
        door.table(say("常設照会", "Standing query"), (say("医療機関", "hospital"), say("表", "table"), say("事由", "ground"), say("行", "rows")),
                   [(b.hospital, b.table, b.ground, b.rows) for b in report.breaches],
                   say(f"{report.rows:,} 行すべてに通知の証跡があります。", f"All {report.rows:,} stored rows have their notice."))  # fmt: skip
        door.give(report.as_json())
        if report.breaches:
            raise custody.CUSTODY_BREACH.refuse(rows=sum(b.rows for b in report.breaches))
