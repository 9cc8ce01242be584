"""攻撃の図 (attack charts): what each attacker reached, before and after, beside the plan's bound, as bars."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kiban_processing.reports import charts, pages
from kiban_processing.reports.charts import Bar

Say = Callable[[str, str], str]
Bounds = Mapping[tuple[str, str], float]  # check and subject → bound


def draw(name: str, found: Any, bounds: Bounds, say: Say) -> list[str]:
    """The charts of one kind of result; none for a kind without."""
    drawn = _DRAWN.get(name)
    return [] if drawn is None or not found else drawn(found, bounds, say)


def _known_events(found: Sequence[Mapping[str, Any]], bounds: Bounds, say: Say) -> list[str]:
    title = say("一人に絞られる人の割合", "Share of persons singled out")
    bars = []
    for one in found:
        known = say(f"{one['events']}件 ±{one['days']}日", f"{one['events']} events ±{one['days']} days")
        bound = bounds.get(("known-events", f"{one['events']}/{one['days']}"))
        bars += [
            Bar(f"{known} {say('前', 'before')}", one["before"]["share"], _with_interval(one["before"])),
            Bar(f"{known} {say('後', 'after')}", one["after"]["share"], _with_interval(one["after"]), bound),
        ]
    return [_figure(title, bars, say)]


def _with_interval(one: Mapping[str, Any]) -> str:
    low, high = one["interval"]
    return f"{100 * one['share']:.1f} % ({100 * low:.1f} – {100 * high:.1f})"


def _shift_recovery(found: Mapping[str, Any], bounds: Bounds, say: Say) -> list[str]:
    title = say("日付のずれを当てる確率", "Probability of telling the shift")
    allowed = bounds.get(("shift-recovery", ""))
    bars = [
        Bar(say("当て推量", "guessing"), found["guessing"], f"{100 * found['guessing']:.2f} %"),
        Bar(
            say("攻撃", "attack"),
            found["success"],
            f"{100 * found['success']:.2f} %",
            None if allowed is None else found["guessing"] + allowed,
        ),
    ]
    return [_figure(title, bars, say)]


def _inference(found: Sequence[Mapping[str, Any]], bounds: Bounds, say: Say) -> list[str]:
    title = say("最多値を答えるより値が当たる分", "How much better than by the most frequent value")
    bars = [
        Bar(one["column"], one["advantage"], pages.number(round(one["advantage"], 4)), bounds.get(("attribute-inference", one["column"])))
        for one in found
    ]
    return [_figure(title, bars, say)]


def _figure(title: str, bars: Sequence[Bar], say: Say) -> str:
    return pages.figure(charts.bars(title, say("線は計画の上限", "the line is the plan's bound"), bars), title)


_DRAWN: dict[str, Callable[[Any, Bounds, Say], list[str]]] = {
    "known_events": _known_events,
    "shift_recovery": _shift_recovery,
    "attribute_inference": _inference,
}
