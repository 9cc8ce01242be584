"""品質の図 (charts): weights of pairs, weights of levels and sizes of persons as SVG, every number as text too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kiban_processing.language import Language, Text
from kiban_processing.linkage import reasons
from kiban_processing.linkage.explaining import drawing, lettering, pairs

_MARGIN, _LABEL, _PLOT = 12.0, 340.0, 380.0
_ROW = 26.0
_PANEL = 64.0
_STEP = 2.0  # bits of one bar of the histogram
NAMES: dict[str, Text] = {
    "link": Text("統合", "linked"),
    "review": Text("要確認", "to review"),
    "veto": Text("別人（拒否）", "vetoed"),
    "apart": Text("統合せず", "left apart"),
}


def weights(steps: Sequence[Mapping[str, Any]], thresholds: Mapping[str, float], language: Language, alone: bool = False) -> str:
    """Pairs by weight: one panel per decision on one scale of weights, each panel with its own scale of pairs; thresholds as lines."""
    title = Text("組の重みの分布", "Weights of pairs").read(language)
    low = min([float(step["from"]) for step in steps] + [thresholds["review"] - 2 * _STEP])
    high = max([float(step["from"]) + _STEP for step in steps] + [thresholds["link"] + 2 * _STEP])
    left, width = 130.0, 590.0

    def across(weight: float) -> float:
        return left + width * (weight - low) / (high - low)

    parts, height, told = [], 46.0, []
    for decision in pairs.DECISIONS:
        counts = [(float(step["from"]), int(step[decision])) for step in steps if step[decision]]
        if not counts:
            continue
        most = max(count for _, count in counts)
        bottom = height + _PANEL
        parts.append(drawing.text(left - 10, bottom - _PANEL / 2, NAMES[decision].read(language), "end", "strong"))
        parts.append(drawing.text(left - 10, bottom - _PANEL / 2 + drawing.LINE, f"{sum(count for _, count in counts):,}", "end", "faint"))
        for start, count in counts:
            tall = max(_PANEL * count / most, 1.0)
            wide = across(start + _STEP) - across(start)
            parts.append(drawing.box(across(start) + 0.5, bottom - tall, wide - 1, tall, "for" if decision == "link" else "against"))
        parts.append(drawing.line(left, bottom, left + width, bottom))
        told.append(f"{NAMES[decision].read(language)}: " + ", ".join(f"{start:g}–{start + _STEP:g}: {count:,}" for start, count in counts))
        height = bottom + 12
    for place, (name, said) in enumerate((("review", Text("確認", "review")), ("link", Text("統合", "link")))):
        at = across(thresholds[name])
        parts.append(drawing.line(at, 42, at, height - 8, "bound"))
        parts.append(drawing.text(at, 16 + place * drawing.LINE, f"{said.read(language)} {thresholds[name]:.2f}", "middle", "faint"))
    for mark in range(int(low // 10 + 1) * 10 if low % 10 else int(low), int(high) + 1, 10):
        parts.append(drawing.text(across(mark), height + 8, drawing.signed(mark)[:-3] if mark else "0", "middle", "faint"))
    axis = Text("重み（2を底とする対数）", "weight (log2 odds)").read(language)
    parts.append(drawing.text(left + width / 2, height + 8 + drawing.LINE, axis, "middle", "faint"))
    return drawing.document(title, f"{title}. {' / '.join(told)}", left + width + 40, height + 2 * drawing.LINE + 6, parts, alone)


def levels(rows: Sequence[Mapping[str, Any]], language: Language, alone: bool = False) -> str:
    """The weight of each level against strangers as a bar to the right (for one person) or left, with the weight against the household, m, h and u beside it."""
    title = Text("比較の水準ごとの重み", "Weights of the levels").read(language)
    weighed = [row for row in rows if row["weight"] is not None]
    reach = max((abs(row["weight"]) for row in weighed), default=1.0) or 1.0
    middle = _MARGIN + _LABEL + 10 + _PLOT / 2
    household = any(row["household"] is not None for row in weighed)
    heads = ("m/u", "m/h", "m", "h", "u") if household else ("m/u", "m", "u")
    columns = [middle + _PLOT / 2 + 78.0 + 82.0 * place for place in range(len(heads))]
    parts = [drawing.text(x, 18, head, "end", "faint") for x, head in zip(columns, heads, strict=True)]
    height, field, told = 24.0, None, []
    for row in weighed:
        if row["field"] != field:
            field = row["field"]
            height += drawing.LINE + 6
            subject = reasons.SUBJECTS[field].read(language) if field in reasons.SUBJECTS else field
            parts.append(drawing.text(_MARGIN, height - 4, subject, kind="strong"))
        label = level_name(row["field"], row["level"]).read(language)
        words = lettering.wrapped(label, drawing.LETTER, _LABEL)
        tall = max(len(words) * drawing.LINE + 6, _ROW)
        baseline = height + tall / 2 + drawing.LETTER * 0.36
        for place, said in enumerate(words):
            parts.append(drawing.text(_MARGIN + _LABEL, baseline + (place - (len(words) - 1) / 2) * drawing.LINE, said, "end"))
        length = max(_PLOT / 2 * abs(row["weight"]) / reach, 1.0)
        positive = row["weight"] >= 0
        parts.append(
            drawing.box(middle if positive else middle - length, height + tall / 2 - 7, length, 14, "for" if positive else "against")
        )
        shares = [share(row[name]) for name in ("m", "household", "u") if name != "household" or household]
        against = [drawing.signed(row["against_household"]) if row["against_household"] is not None else "–"] if household else []
        values = [drawing.signed(row["weight"]), *against, *shares]
        parts += [drawing.text(x, baseline, value, "end") for x, value in zip(columns, values, strict=True)]
        told.append(f"{label} ({', '.join(f'{head} {value}' for head, value in zip(heads, values, strict=True))})")
        height += tall
    parts.append(drawing.line(middle, 26, middle, height))
    return drawing.document(title, f"{title}: {'; '.join(told)}", columns[-1] + _MARGIN, height + 8, parts, alone)


def counts(title: str, rows: Sequence[tuple[str, int]], alone: bool = False) -> str:
    """Bars of counts, each with its number; a count above nothing is never drawn as nothing."""
    most = max((count for _, count in rows), default=0) or 1
    label, parts = 150.0, []
    for number, (name, count) in enumerate(rows):
        top = number * _ROW + 4
        length = max(_PLOT * count / most, 1.0) if count else 0.0
        parts.append(drawing.text(label - 10, top + 15, name, "end"))
        parts.append(drawing.box(label, top + 3, length, 14, "for"))
        parts.append(drawing.text(label + length + 8, top + 15, f"{count:,}"))
    told = "; ".join(f"{name}: {count:,}" for name, count in rows)
    return drawing.document(title, f"{title}: {told}", label + _PLOT + 120, len(rows) * _ROW + 8, parts, alone)


def level_name(field: str, level: str) -> Text:
    """The sentence of a level, or its bare code where it has none."""
    code = f"{field}:{level}"
    return reasons.TEXTS.get(code, Text(code, code))


def share(value: float | None) -> str:
    """A share as drawn.

    >>> share(0.984), share(2e-05), share(None)
    ('0.984', '2.0e-05', '–')
    """
    if value is None:
        return "–"
    return f"{value:.3f}" if value >= 0.001 or value == 0 else f"{value:.1e}"
