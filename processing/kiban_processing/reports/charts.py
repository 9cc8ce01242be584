"""図 (charts): horizontal bars as inline SVG, with title, description and every value as text, for screen, printer and screen reader.

No script, no outside font or image, no colour that carries meaning alone: a bound is a line with its number beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_LABEL, _PLOT, _VALUE = 190, 340, 180  # widths of the three parts of a chart, in units of the drawing
_ROW, _BAR = 24, 14


@dataclass(frozen=True)
class Bar:
    """One bar. `written`: the value as the reader sees it; `bound`: where a line stands, None without one."""

    label: str
    value: float
    written: str
    bound: float | None = None


def bars(title: str, description: str, content: Sequence[Bar], most: float | None = None) -> str:
    """An SVG element of one bar per line. `most`: the value of a full bar; the greatest value or bound if None.

    >>> bars("Classes", "By size", [Bar("10-19", 3, "3")]).count("<rect")
    1
    """
    height = _ROW * max(len(content), 1) + 6
    full = most if most is not None else max((max(bar.value, bar.bound or 0) for bar in content), default=0)
    parts = [
        f'<svg class="chart" role="img" viewBox="0 0 {_LABEL + _PLOT + _VALUE} {height}" xmlns="http://www.w3.org/2000/svg">',
        f"<title>{escape(title)}</title><desc>{escape(description)}: {escape(_read(content))}</desc>",
    ]
    for number, bar in enumerate(content):
        top = number * _ROW + 4
        middle = top + _BAR - 2
        parts.append(f'<text x="{_LABEL - 8}" y="{middle}" text-anchor="end">{escape(_short(bar.label))}</text>')
        parts.append(f'<rect x="{_LABEL}" y="{top}" width="{_width(bar.value, full)}" height="{_BAR}"/>')
        parts.append(f'<text x="{_LABEL + _PLOT + 8}" y="{middle}">{escape(bar.written)}</text>')
        if bar.bound is not None:
            at = f"{_LABEL + float(_width(bar.bound, full)):g}"
            parts.append(f'<line x1="{at}" x2="{at}" y1="{top - 3}" y2="{top + _BAR + 3}"/>')
    return "".join(parts) + "</svg>"


def _width(value: float, full: float) -> str:
    share = 0.0 if full <= 0 else min(max(value / full, 0.0), 1.0)
    return f"{round(_PLOT * share, 1):g}"


def _read(content: Sequence[Bar]) -> str:
    return "; ".join(f"{bar.label} {bar.written}" for bar in content) or "-"


def _short(label: str) -> str:
    """A label that fits its part; the whole one is in the description."""
    return label if len(label) <= 26 else label[:25] + "…"
