"""本人の説明 (person): why some registrations are one person: the strongest links that hold them together, and who nearly belonged to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kiban_processing.language import Language, Text
from kiban_processing.linkage import reasons
from kiban_processing.linkage.explaining import graphs, lettering, pairs
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_18

UNKNOWN_REGISTRATION = Ground(
    "linkage-registration-unknown",
    Family.INPUT,
    ACT_18,
    Text("指定された登録は、この名寄せの結果にありません。", "The registration named is not in this result of linkage."),
    Text("医療機関と患者番号、又は本人IDを確かめてください。", "Check the hospital and the local number, or the person's ID."),
)

_NEAR = 12  # rejected candidates told of one person


@dataclass(frozen=True)
class Link:
    """An accepted link. `in_tree`: belongs to the spanning tree of greatest weight. `bridge`: nothing else holds its two sides together."""

    pair: pairs.Pair
    in_tree: bool
    bridge: bool
    weakest: bool


@dataclass(frozen=True)
class Because:
    """Why these registrations are one person.

    `members`: registrations by name. `links`: accepted links between them, the strongest first. `inside`: pairs between members that
    were not linked themselves. `near`: of each registration outside that was compared with the person the likeliest pair, and the likeliest
    veto where that pair is none; the likeliest first, at most 12; `left_out` other pairs.
    """

    members: tuple[str, ...]
    links: tuple[Link, ...]
    inside: tuple[pairs.Pair, ...]
    near: tuple[pairs.Pair, ...]
    left_out: int


def explain(judged: pa.Table, clusters: pa.Table, registration: str) -> Because:
    """The person that `registration` belongs to.

    `judged`: pairs (left, right, weight, decision, reasons, weights); those that touch the person suffice. `clusters`: registration, cluster.
    Refuses: linkage-registration-unknown.
    """
    mine = clusters.filter(pc.equal(clusters.column("registration"), registration))
    if not mine.num_rows:
        raise UNKNOWN_REGISTRATION.refuse()
    members = clusters.filter(pc.equal(clusters.column("cluster"), mine.column("cluster")[0])).column("registration")
    left, right = pc.is_in(judged.column("left"), members), pc.is_in(judged.column("right"), members)
    within = pairs.read(judged.filter(pc.and_(left, right)))
    outside = judged.filter(pc.and_(pc.xor(left, right), pc.is_in(judged.column("decision"), pa.array(["review", "veto", "link"]))))
    everybody = set(members.to_pylist())
    compared = sorted(pairs.read(outside), key=lambda pair: (-pair.weight, pair.left, pair.right))
    near = _telling(compared, everybody)
    return Because(
        tuple(sorted(members.to_pylist())),
        _links(sorted(members.to_pylist()), [pair for pair in within if pair.decision == "link"]),
        tuple(pair for pair in within if pair.decision != "link"),
        tuple(near[:_NEAR]),
        len(compared) - len(near[:_NEAR]),
    )


def _telling(compared: list[pairs.Pair], members: set[str]) -> list[pairs.Pair]:
    told: dict[str, pairs.Decision] = {}
    telling = []
    for pair in compared:
        outsider = pair.right if pair.left in members else pair.left
        if outsider not in told or (pair.decision == "veto" and told[outsider] != "veto"):
            telling.append(pair)
            told[outsider] = pair.decision
    return telling


def _links(members: list[str], accepted: list[pairs.Pair]) -> tuple[Link, ...]:
    place = {registration: number for number, registration in enumerate(members)}
    accepted = sorted(accepted, key=lambda pair: (-pair.weight, pair.left, pair.right))
    left = np.array([place[pair.left] for pair in accepted], np.int64)
    right = np.array([place[pair.right] for pair in accepted], np.int64)
    weight = np.array([pair.weight for pair in accepted], np.float64)
    bridge, forest = graphs.bridges(len(members), left, right, weight)
    tree = set(forest.edge[forest.edge >= 0].tolist())
    weakest = max(tree, default=-1)  # the links are in falling order of weight
    return tuple(Link(pair, number in tree, bool(bridge[number]), number == weakest) for number, pair in enumerate(accepted))


def as_text(because: Because, language: Language) -> str:
    """Lines for a terminal: the members, what holds them together in words, what was kept apart and why."""
    say = Text.read
    count = len(because.members)
    lines = [
        say(Text(f"{count}件の登録を同一人としています。", f"{count} registrations are taken as one person."), language),
        *(f"  [{number}] {lettering.named(member)}" for number, member in enumerate(because.members, 1)),
    ]
    place = {member: number for number, member in enumerate(because.members, 1)}
    if tree := [link for link in because.links if link.in_tree]:
        lines.append(say(Text("次のつながりによります（強い順）。", "They are held together by (the strongest first):"), language))
        for link in tree:
            marks = [mark.read(language) for mark in marked(link)]
            lines.append(_headed(link.pair, place, language) + (f"  ※{'、'.join(marks)}" if language == "ja" and marks else _noted(marks)))
            lines += _worded(link.pair, language)
    others = len(because.links) - len(tree)
    if others:
        lines.append(say(Text(f"ほかに{others}組のつながりが裏付けています。", f"{others} more links confirm this."), language))
    if because.inside:
        lines.append(say(Text("次の組は、単独では統合しない判定です。", "These pairs would not be linked by themselves:"), language))
        for pair in because.inside:
            lines += [_headed(pair, place, language), *_worded(pair, language)]
    if because.near:
        lines.append(say(Text("次の登録とは統合していません。", "Kept apart:"), language))
        for pair in because.near:
            lines += [_headed(pair, place, language), *_worded(pair, language)]
    if because.left_out:
        lines.append(
            say(Text(f"統合していない組はほかに{because.left_out}組あります。", f"{because.left_out} more pairs kept apart."), language)
        )
    return "\n".join(lines) + "\n"


def as_json(because: Because) -> dict[str, Any]:
    """All of it for machines; the members are numbered from 0 in `members`."""
    return {
        "members": list(because.members),
        "links": [{**_plain(link.pair), "in_tree": link.in_tree, "bridge": link.bridge, "weakest": link.weakest} for link in because.links],
        "inside": [_plain(pair) for pair in because.inside],
        "near": [_plain(pair) for pair in because.near],
        "left_out": because.left_out,
    }


def marked(link: Link) -> list[Text]:
    """What is special about a link, as words."""
    marks = []
    if link.weakest:
        marks.append(Text("最も弱いつながり", "weakest link"))
    if link.bridge:
        marks.append(Text("これを除くと二つに分かれます", "without it the person falls apart"))
    return marks


def _noted(marks: list[str]) -> str:
    return f"  ({', '.join(marks)})" if marks else ""


def _headed(pair: pairs.Pair, place: dict[str, int], language: Language) -> str:
    ends = [f"[{place[end]}]" if end in place else lettering.named(end) for end in (pair.left, pair.right)]
    return f"  {ends[0]} － {ends[1]}  {lettering.signed(pair.weight)}  {pairs.CONCLUSIONS[pair.decision].read(language)}"


def _worded(pair: pairs.Pair, language: Language) -> list[str]:
    given = zip(pair.reasons, pair.weights, strict=True)
    said = [
        (reasons.TEXTS[code].read(language), weight if reasons.weighs(code, weight) else None)
        for code, weight in given
        if code != "prior:expected"
    ]
    return [f"      {text}" + ("" if weight is None else f" ({lettering.signed(weight)})") for text, weight in said]


def _plain(pair: pairs.Pair) -> dict[str, Any]:
    return {
        "left": pair.left,
        "right": pair.right,
        "weight": pair.weight,
        "decision": pair.decision,
        "reasons": [
            {"code": code, "weight": weight, "ja": reasons.TEXTS[code].ja, "en": reasons.TEXTS[code].en}
            for code, weight in zip(pair.reasons, pair.weights, strict=True)
        ],
    }
