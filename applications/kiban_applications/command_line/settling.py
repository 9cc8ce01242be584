"""疑わしい組の命令 (settling): what the model may not decide: looked at side by side, answered by two people, settled, revoked, sampled.

Answers take no seat by default: each person says who they are with `--as`. Nobody sees another's answer, nor the model's weight, before
giving their own.
"""

from typing import Annotated, Any

import typer

from kiban_applications.command_line.door import Door
from kiban_operator import people
from kiban_operator.home import Home
from kiban_operator.persons import doubts, history, samples, settlement, side_by_side
from kiban_operator.persons.doubts import DOUBT, Answer, Doubt, Kind
from kiban_operator.persons.side_by_side import AGREEMENTS, SideBySide
from kiban_operator.roles import Act
from kiban_processing.catalogue.tables import TABLES
from kiban_processing.language import Text
from kiban_processing.linkage import reasons

ANSWERS: dict[str, Text] = {
    Answer.SAME.value: Text("同じ人", "the same person"),
    Answer.DIFFERENT.value: Text("別人", "different persons"),
    Answer.CANNOT_TELL.value: Text("判別できない", "cannot tell"),
}


def _about(doubt: Doubt) -> str:
    """What a waiting doubt looks like from outside: a doubt of the model and a sample are not to be told apart."""
    return "person" if doubt.kind == Kind.SPLIT else "pair"


def _seen(home: Home, doubt: Doubt) -> dict[str, Any]:
    """Model and answers, as far as the acting person may see them."""
    with home.transaction() as session:
        given, words = doubts.answers(session, doubt), doubts.reasons_of(session, doubt)
        now = history.now(session, doubt.registrations)
    own = [each for each in given if each.person == home.circumstances.actor]
    if not doubts.may_see(given, doubt, home.circumstances.actor):
        return {"answers": [], "model": None}
    model = {
        "kind": doubt.kind, "weight": doubt.weight, "reasons": doubt.reasons, "weights": doubt.weights,
        "persons": sorted({person for person in now.values() if person is not None}), "harm": doubt.harm,
    }  # fmt: skip
    shown = [
        {"person": each.person, "answer": each.answer, "apart": each.apart, "reason": words.get(each.version), "own": each in own}
        for each in given
    ]
    return {"answers": shown, "model": model}


def _as_json(doubt: Doubt) -> dict[str, Any]:
    return {
        "doubt": doubt.id,
        "state": doubt.state,
        "about": _about(doubt),
        "registrations": len(doubt.registrations),
        "outcome": doubt.outcome,
    }


def build(door: Door, app: typer.Typer) -> None:
    """Add the commands to the application."""
    say = door.say
    group = typer.Typer(no_args_is_help=True)
    app.add_typer(
        group, name="doubt", help=say("疑わしい組の目視確認(二人で確定)", "doubtful pairs, settled by two people (clerical review)")
    )
    why = typer.Option("--reason", help=say("理由(値を書かず項目名で)", "the reason; name items, quote no value"))
    _build_looking(door, group)

    @group.command(
        "decide",
        help=say(
            "自分の判定を記録します(作成担当者。ほかの人の判定は見えません)。",
            "Give your own answer (data officer; you do not see the other's).",
        ),
    )
    def decide(
        doubt: Annotated[str, typer.Argument()],
        answer: Annotated[Answer, typer.Option("--answer", help="same|different|cannot-tell")],
        reason: Annotated[str, why],
        apart: Annotated[list[int] | None, typer.Option("--apart", help=say("報告された本人のうち別人である登録の番号", "of a reported person: number of a registration that is somebody else"))] = None,
    ) -> None:  # fmt: skip
        _tell(door, side_by_side.decide(door.open(), doubt, answer, reason, apart or ()))

    @group.command("question", help=say("確定した判定の取消しを求めます。", "Ask for the revocation of what was settled."))
    def question(doubt: Annotated[str, typer.Argument()], reason: Annotated[str, why]) -> None:
        _step(door, settlement.question, doubt, reason)

    @group.command(
        "revoke", help=say("求められた取消しを、別の人が行います。", "Revoke what somebody else questioned; the doubt is open again.")
    )
    def revoke(doubt: Annotated[str, typer.Argument()], reason: Annotated[str, why]) -> None:
        _step(door, settlement.revoke, doubt, reason)

    @group.command("uphold", help=say("取消しを認めず、判定を維持します。", "Do not revoke; the decision stands."))
    def uphold(doubt: Annotated[str, typer.Argument()], reason: Annotated[str, why]) -> None:
        _step(door, settlement.uphold, doubt, reason)

    @group.command(
        "report",
        help=say("一人とされた登録に別人が混じる疑いを報告します。", "Report a person whose registrations seem to be of several people."),
    )
    def report(person: Annotated[str, typer.Argument()], reason: Annotated[str, why]) -> None:
        opened = door.open()
        quoted = side_by_side.values_of_person(opened, person)
        with opened.transaction() as session:
            made = settlement.report_split(session, opened.circumstances, person, reason, quoted)
        door.tell(f"報告しました: {made.id}。ほかの二人が判定します。", f"Reported as {made.id}; two others settle it.")
        door.give(_as_json(made))

    @group.command(
        "sample", help=say("自動で名寄せした組から、目視確認の標本を抽出します。", "Draw a sample of automatic links for blind review.")
    )
    def sample(
        each: Annotated[int, typer.Option("--each", min=1, help=say("重みの層ごとの件数", "links per stratum of weight"))] = 5,
        seed: Annotated[int, typer.Option("--seed", help=say("抽出の種(同じ種は同じ標本)", "seed; the same seed draws the same sample"))] = 1,
    ) -> None:  # fmt: skip
        drawn = samples.draw(door.open("PR"), each, seed)
        total = sum(stratum.drawn for stratum in drawn)
        door.tell(
            f"{total} 組を抽出し、判定待ちに加えました({drawn[0].sample})。", f"Drew {total} links into the queue ({drawn[0].sample})."
        )
        door.give({"sample": drawn[0].sample, "strata": [{"stratum": s.stratum, "links": s.links, "drawn": s.drawn} for s in drawn]})


def _build_looking(door: Door, group: typer.Typer) -> None:
    say = door.say

    @group.command(
        "list", help=say("判定を待つ組の一覧(放置したときの害が大きい順)", "what waits for an answer, the greatest expected harm first")
    )
    def list_doubts(
        every: Annotated[bool, typer.Option("--all", help=say("確定・終了したものも", "also what is settled or closed"))] = False,
    ) -> None:
        opened = door.open("PR")
        with opened.transaction() as session:
            people.require(session, opened.circumstances, Act.LOOK_AT_DOUBT)
            found = doubts.every(session) if every else doubts.waiting(session)
            given = {doubt.id: doubts.answers(session, doubt) for doubt in found}
        actor = opened.circumstances.actor
        mine = {doubt.id: any(answer.person == actor for answer in given[doubt.id]) for doubt in found}
        kinds = {"pair": say("組", "pair"), "person": say("本人", "person")}
        door.table(
            say("疑わしい組", "Doubts"),
            ("ID", say("状態", "state"), say("対象", "about"), say("登録", "size"), say("自分の判定", "own answer"), say("確定", "settled")),
            [
                (d.id, door.read(DOUBT.states[d.state]), kinds[_about(d)], len(d.registrations), say("済み", "given") if mine[d.id] else "",
                 door.read(ANSWERS[d.outcome]) if d.outcome else "")
                for d in found
            ],
            say("判定を待つ組はありません。", "Nothing waits for an answer."),
        )  # fmt: skip
        door.give([{**_as_json(doubt), "answered": mine[doubt.id]} for doubt in found])

    @group.command(
        "show",
        help=say(
            "登録を並べ、項目ごとの一致を表示します(作成担当者の画面だけに表示)。",
            "Show the registrations side by side, on the data officer's terminal only.",
        ),
    )
    def show(doubt: Annotated[str, typer.Argument()]) -> None:
        opened = door.open("PR")
        shown = side_by_side.show(opened, doubt)
        seen = _seen(opened, shown.doubt)
        _print(door, shown, seen)
        fields = [{"field": field.name, "values": field.values, "agreement": field.agreement.value} for field in shown.fields]
        door.give({**_as_json(shown.doubt), "hospitals": shown.hospitals, "fields": fields, **seen})


def _print(door: Door, shown: SideBySide, seen: dict[str, Any]) -> None:
    doubt = shown.doubt
    labels = {item.name: item.label for item in TABLES["patients"].items}
    door.table(
        f"{doubt.id} ({door.read(DOUBT.states[doubt.state])})",
        (door.say("項目", "item"), *(f"{number} {hospital}" for number, hospital in enumerate(shown.hospitals, 1)), door.say("一致", "agreement")),
        [(door.read(labels[field.name]), *(value or "—" for value in field.values), door.read(AGREEMENTS[field.agreement])) for field in shown.fields],
    )  # fmt: skip
    model = seen["model"]
    if model is None:
        door.tell(
            "ほかの人の判定とモデルの重みは、自分の判定の後に表示します。",
            "Others' answers and the model's weight are shown after your own answer.",
        )
        return
    door.tell(f"本人: {' '.join(model['persons'])}", f"Persons now: {' '.join(model['persons'])}")
    if model["weight"] is not None:
        door.tell(f"モデルの重み {model['weight']:.1f}(2を底とする対数オッズ)", f"The model's weight: {model['weight']:.1f} (log2 odds)")
        for code, weight in zip(model["reasons"], model["weights"], strict=True):
            text = reasons.TEXTS.get(code, Text(code, code))  # an older model's code may have no text any more
            door.tell(f"  {weight:+6.1f}  {text.ja}", f"  {weight:+6.1f}  {text.en}")
    for answer in seen["answers"]:
        door.tell(
            f"{answer['person']}: {ANSWERS[answer['answer']].ja}。{answer['reason'] or '(理由は消去済み)'}",
            f"{answer['person']}: {ANSWERS[answer['answer']].en}. {answer['reason'] or '(the reason is erased)'}",
        )


def _step(door: Door, command: Any, doubt_id: str, reason: str) -> None:
    """A step about what is settled already; the reason is held against what the registrations hold."""
    opened = door.open()
    with opened.transaction() as session:
        registrations = doubts.load(session, doubt_id).registrations
    quoted = side_by_side.values(opened, registrations)
    with opened.transaction() as session:
        done = command(session, opened.circumstances, doubt_id, reason, quoted)
    _tell(door, done)


def _tell(door: Door, doubt: Doubt) -> None:
    outcome = ANSWERS[doubt.outcome] if doubt.outcome else None
    if doubt.state == doubts.SETTLED and outcome is not None:
        door.tell(
            f"{doubt.id}: 「{outcome.ja}」で確定しました。次の名寄せから効きます。",
            f"{doubt.id}: settled as “{outcome.en}”; it acts from the next linkage on.",
        )
    else:
        state = DOUBT.states[doubt.state]
        door.tell(f"{doubt.id}: 記録しました({state.ja})。", f"{doubt.id}: recorded ({state.en}).")
    door.give(_as_json(doubt))
