"""攻撃の表 (attack tables): the figures of each attacker in words, one row per setting, before and after beside each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kiban_processing.reports import pages

Say = Callable[[str, str], str]


def draw(name: str, found: Any, say: Say) -> list[str] | None:
    """The tables of one kind of result; None for a kind without a form of its own."""
    drawn = _DRAWN.get(name)
    return None if drawn is None else drawn(found, say) if found else []


def _known_events(found: Sequence[Mapping[str, Any]], say: Say) -> list[str]:
    head = (
        say("知られた件数", "events known"), say("前後の日数", "days either way"), say("調べた人", "persons tried"), say("時点", "stage"),
        say("一人に絞られた人", "singled out"), say("割合", "share"), say("95%区間", "95 % interval"), say("k未満の割合", "share below k"),
    )  # fmt: skip
    stages = (("before", say("加工前", "before")), ("after", say("加工後", "after")))
    rows = [
        (one["events"], one["days"], one["persons"], stage, one[key]["singled_out"], _share(one[key]["share"]), _interval(one[key]["interval"]),
         _share(one[key]["below_k_share"]))
        for one in found for key, stage in stages
    ]  # fmt: skip
    return [pages.table(say("一人に絞られる人", "Persons singled out"), head, rows)]


def _shift_recovery(found: Mapping[str, Any], say: Say) -> list[str]:
    rows = [
        (say("攻撃者", "attacker"), _attacker(found["attacker"], say)),
        (say("本人", "persons"), found["persons"]),
        (say("日付", "days"), found["days"]),
        (say("あり得るずれ", "possible shifts"), found["shifts"]),
        (say("的中した割合", "share told rightly"), _share(found["success"])),
        (say("95%区間", "95 % interval"), _interval(found["interval"])),
        (say("当て推量", "by guessing"), _share(found["guessing"])),
        (say("当て推量を超える分", "beyond guessing"), _share(found["advantage"])),
        (say("正しいずれの順位(中央値)", "rank of the true shift (median)"), found["median_rank"]),
    ]
    return [pages.table(say("ずれの推定", "Telling the shift"), (say("項目", "figure"), say("値", "value")), rows)]


def _attribute_inference(found: Sequence[Mapping[str, Any]], say: Say) -> list[str]:
    head = (
        say("列", "column"), say("値の種類", "values"), say("本人", "persons"), say("最多値の割合", "base rate"),
        say("組から当たる割合", "told from the class"), say("95%区間", "95 % interval"), say("超過分", "advantage"),
        say("他の人の統計だけで当たる割合", "told from the others alone"), say("全員同じ値の組にいる割合", "in classes of one value"),
    )  # fmt: skip
    rows = [
        (one["column"], one["values"], one["persons"], _share(one["base_rate"]), _share(one["success"]), _interval(one["success_interval"]),
         _share(one["advantage"]), _share(one["of_others"]), _share(one["homogeneous"]))
        for one in found
    ]  # fmt: skip
    return [pages.table(say("値の推定", "Telling a value"), head, rows)]


def _gap_vectors(found: Sequence[Mapping[str, Any]], say: Say) -> list[str]:
    head = (
        say("間隔の丸め(日)", "gaps to days"), say("準識別子", "quasi-identifiers"), say("本人", "persons"), say("一意な人", "unique"),
        say("割合", "share"), say("k未満の人", "below k"),
    )  # fmt: skip
    known = {True: say("知られている", "known"), False: say("知られていない", "not known")}
    rows = [
        (one["gap_days"], known[bool(one["with_quasi"])], one["persons"], one["unique"], _share(one["share"]), one["below_k"])
        for one in found
    ]
    return [pages.table(say("受診間隔の並び", "Vectors of gaps"), head, rows)]


def _attacker(name: str, say: Say) -> str:
    known = {
        "calendar": say("暦(休日・年末年始)を知る", "knows the calendar (holidays, year ends)"),
        "activity": say("日ごとの受診数を知る", "knows how busy each day was"),
    }
    return known.get(name, name)


def _share(value: float) -> str:
    return f"{100 * value:.2f} %"


def _interval(value: Sequence[float]) -> str:
    low, high = value
    return f"{100 * low:.2f} – {100 * high:.2f} %"


_DRAWN: dict[str, Callable[[Any, Say], list[str]]] = {
    "known_events": _known_events,
    "shift_recovery": _shift_recovery,
    "attribute_inference": _attribute_inference,
    "gap_vectors": _gap_vectors,
}
