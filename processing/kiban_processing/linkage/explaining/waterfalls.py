"""滝図 (waterfalls): the sum of a pair's weights drawn as SVG: one bar per step, the total against the thresholds, notes as text."""

from __future__ import annotations

from kiban_processing.language import Language, Text
from kiban_processing.linkage.explaining import drawing, lettering, pairs

_MARGIN, _LABEL, _PLOT, _VALUE = 16, 400, 400, 76
_WIDTH = _MARGIN + _LABEL + _PLOT + _VALUE + _MARGIN
_BAR, _PAD = 16, 9
_LEFT = _MARGIN + _LABEL + 12  # where the plot begins
_PLOTTED = _PLOT - 24


def draw(waterfall: pairs.Waterfall, language: Language, alone: bool = True) -> str:
    """The drawing. `alone`: a file of its own; else part of a page that has `drawing.THEMES` and `drawing.STYLE`."""
    pair = waterfall.pair
    colon = Text("：", ": ").read(language)
    title = f"{lettering.named(pair.left)} × {lettering.named(pair.right)}{colon}{pairs.CONCLUSIONS[pair.decision].read(language)}"
    scale = _scale(waterfall)
    parts: list[str] = []
    height = float(_MARGIN)
    said = (*(pairs.STANDING[code] for code in waterfall.standing), pairs.because(waterfall))
    for number, words in enumerate((title, *(each.read(language) for each in said))):
        for words_line in lettering.wrapped(words, drawing.LETTER, _WIDTH - 2 * _MARGIN):
            height += drawing.LINE
            parts.append(drawing.text(_MARGIN, height, words_line, kind="" if number else "strong"))
    thresholds, height = _thresholds(waterfall, language, scale, height + 8)
    parts += thresholds
    top = height
    for step in waterfall.steps:
        drawn, height = _step(step, language, scale, height)
        parts += drawn
    parts.append(drawing.line(_MARGIN, height + 2, _WIDTH - _MARGIN, height + 2))
    drawn, height = _total(waterfall, language, scale, height + 4)
    parts += drawn
    behind = [drawing.line(scale(0), top, scale(0), height)]
    behind += [drawing.line(scale(at), top, scale(at), height, "bound") for at in (waterfall.review_weight, waterfall.link_weight)]
    for _code, note in waterfall.notes:
        for place, words_line in enumerate(lettering.wrapped(note.read(language), drawing.LETTER, _WIDTH - 2 * _MARGIN - 20)):
            height += drawing.LINE
            parts.append(drawing.text(_MARGIN + 16, height, words_line))
            if not place:
                parts.append(drawing.text(_MARGIN, height, "・" if language == "ja" else "•"))
    return drawing.document(title, pairs.as_text(waterfall, language), _WIDTH, height + _MARGIN, behind + parts, alone)


class _Scale:
    """From weight to place in the drawing."""

    def __init__(self, low: float, high: float) -> None:
        self._low, self._span = low, max(high - low, 1.0)

    def __call__(self, weight: float) -> float:
        return _LEFT + _PLOTTED * (weight - self._low) / self._span


def _scale(waterfall: pairs.Waterfall) -> _Scale:
    ends = [0.0, waterfall.pair.weight, waterfall.review_weight, waterfall.link_weight, *(step.end for step in waterfall.steps)]
    return _Scale(min(ends), max(ends))


def _thresholds(waterfall: pairs.Waterfall, language: Language, scale: _Scale, height: float) -> tuple[list[str], float]:
    """The thresholds' names above their lines, on two lines so that close thresholds stay readable."""
    parts = []
    for name, at in ((Text("確認", "review"), waterfall.review_weight), (Text("統合", "link"), waterfall.link_weight)):
        height += drawing.LINE
        said = f"{name.read(language)} {at:.2f}"
        half = lettering.drawn(said, drawing.LETTER) / 2
        middle = min(max(scale(at), _LEFT + half), _WIDTH - _MARGIN - half)
        parts.append(drawing.text(middle, height, said, "middle", "faint"))
    return parts, height + 6


def _step(step: pairs.Step, language: Language, scale: _Scale, height: float) -> tuple[list[str], float]:
    words = lettering.wrapped(step.text.read(language), drawing.LETTER, _LABEL)
    tall = max(len(words) * drawing.LINE, _BAR) + _PAD
    middle = height + tall / 2
    first = middle - (len(words) - 1) * drawing.LINE / 2 + drawing.LETTER * 0.36
    parts = [drawing.text(_MARGIN + _LABEL, first + place * drawing.LINE, words_line, "end") for place, words_line in enumerate(words)]
    low, high = sorted((scale(step.start), scale(step.end)))
    parts.append(drawing.line(scale(step.end), middle, scale(step.end), height + tall + _PAD))
    parts.append(drawing.box(low, middle - _BAR / 2, max(high - low, 1.5), _BAR, "for" if step.weight >= 0 else "against"))
    parts.append(drawing.text(_WIDTH - _MARGIN, middle + drawing.LETTER * 0.36, drawing.signed(step.weight), "end"))
    return parts, height + tall


def _total(waterfall: pairs.Waterfall, language: Language, scale: _Scale, height: float) -> tuple[list[str], float]:
    pair = waterfall.pair
    tall = _BAR + _PAD + 4
    middle = height + tall / 2
    low, high = sorted((scale(0), scale(pair.weight)))
    baseline = middle + drawing.LETTER * 0.36
    return [
        drawing.text(_MARGIN + _LABEL, baseline, Text("合計", "sum").read(language), "end", "strong"),
        drawing.box(low, middle - _BAR / 2, max(high - low, 1.5), _BAR, "sum"),
        drawing.text(_WIDTH - _MARGIN, baseline, drawing.signed(pair.weight), "end", "strong"),
    ], height + tall
