"""本人の来歴の命令 (tracing): the runs of linkage, a person's history, and whom a person of a release consisted of; for officers and auditors."""

from collections.abc import Iterable
from typing import Annotated, Any

import typer

from kiban_applications.command_line.door import Door
from kiban_operator import people, released_persons
from kiban_operator.persons import history
from kiban_operator.persons.events import PersonEvent
from kiban_operator.roles import Act
from kiban_processing.language import Text

EVENTS: dict[str, Text] = {
    "merge": Text("{other} を統合", "merged {other} into it"),
    "split": Text("{other} を分離", "split {other} from it"),
    "gone": Text("登録がなくなった", "no registration is left"),
}
CAUSES: dict[str, Text] = {
    "linkage": Text("名寄せ", "linkage"),
    "decision": Text("二人の判定", "settled by people"),
    "departure": Text("登録の離脱", "a registration left"),
}


def build(door: Door, app: typer.Typer) -> None:
    """Add the commands to the application."""
    say = door.say
    group = typer.Typer(no_args_is_help=True)
    app.add_typer(group, name="person", help=say("名寄せした本人の来歴", "what became of linked persons"))

    @group.command("runs", help=say("名寄せの実行の一覧", "the runs of linkage"))
    def runs() -> None:
        opened = door.open("PR", "AU", "SO")
        with opened.transaction() as session:
            people.require(session, opened.circumstances, Act.READ_IDENTITY)
            found = [(run.id, run.entry, f"{run.at:%Y-%m-%d %H:%M}Z") for run in history.runs(session)]
        columns = ("ID", say("帳簿の番号", "ledger entry"), say("日時", "time"))
        door.table(say("名寄せ", "Linkage runs"), columns, found, say("名寄せはまだ行われていません。", "Nothing has been linked yet."))
        door.give([{"run": run, "entry": entry, "at": at} for run, entry, at in found])

    @group.command(
        "history",
        help=say(
            "本人がどの登録から成り、どう変わったかを表示します。", "Show of which registrations a person consists, and what changed."
        ),
    )
    def show(
        person: Annotated[str, typer.Argument()],
        at: Annotated[str | None, typer.Option("--at", help=say("この名寄せの直後", "as of this run of linkage"))] = None,
        release: Annotated[str | None, typer.Option("--release", help=say("この作成物の時点(仮IDでも可)", "as of this release; the pseudonym will do"))] = None,
    ) -> None:  # fmt: skip
        opened = door.open("PR", "AU", "SO")
        if release is not None:
            explained = released_persons.explain(opened, release, person)
            door.tell(
                f"{explained.person}: 作成物 {release}(名寄せ {explained.run})では {len(explained.consisted)} 登録、うち {len(explained.released)} 登録を提供",
                f"{explained.person}: in release {release} (run {explained.run}) {len(explained.consisted)} registrations, {len(explained.released)} of them released",
            )
            rows = [
                (key, "●" if key in explained.released else "", explained.now[key] or say("離脱", "left")) for key in explained.consisted
            ]
            door.table(
                say("登録", "Registrations"), (say("登録", "registration"), say("提供", "released"), say("現在の本人", "person now")), rows
            )
            _print_events(door, explained.events)
            door.give(
                {
                    "person": explained.person, "release": release, "run": explained.run, "released": explained.released,
                    "consisted": explained.consisted, "now": explained.now, "events": [_as_json(each) for each in explained.events],
                }
            )  # fmt: skip
            return
        with opened.transaction() as session:
            found = history.of(session, opened.circumstances, person, at)
        door.tell(f"{person}: {len(found.consists)} 登録", f"{person}: {len(found.consists)} registrations")
        door.table(
            say("登録", "Registrations"), (say("登録", "registration"), say("から", "since"), say("まで", "until")),
            [(stay.registration, stay.since, stay.until or "") for stay in found.stays],
        )  # fmt: skip
        _print_events(door, found.events)
        stays = [vars(stay) for stay in found.stays]
        door.give({"person": person, "run": at, "consists": found.consists, "stays": stays, "events": [_as_json(e) for e in found.events]})


def _print_events(door: Door, happened: Iterable[PersonEvent]) -> None:
    for event in happened:
        what, cause = EVENTS[event.kind], CAUSES[event.cause]
        because = f" {event.doubt}" if event.doubt else ""
        door.tell(
            f"{event.linkage} {event.person}: {what.ja.format(other=event.other)}({cause.ja}{because})",
            f"{event.linkage} {event.person}: {what.en.format(other=event.other)} ({cause.en}{because})",
        )


def _as_json(event: PersonEvent) -> dict[str, Any]:
    return {name: getattr(event, name) for name in ("linkage", "kind", "person", "other", "cause", "doubt")}
