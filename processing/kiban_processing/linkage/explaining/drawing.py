"""図の描き方 (drawing): SVG of one manner: title and description for screen readers, text that is never cut, light and dark theme.

No script, no outside font or image. Colours come from CSS variables; none carries a meaning that the text beside it does not tell.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Literal

from kiban_processing.linkage.explaining import lettering

LETTER = 14  # height of a letter
LINE = 19  # height of a line of text
_LIGHT = "--ink:#1a1a1a;--faint:#5c5c5c;--paper:#fff;--grid:#9a9a9a;--for:#2f6f9f;--against:#a8501f;--sum:#5a5a5a;--bound:#8a1538"
_DARK = "--ink:#ececec;--faint:#b4b4b4;--paper:#16181b;--grid:#777;--for:#6fb1e0;--against:#e39a63;--sum:#bdbdbd;--bound:#ff8fa8"
THEMES = f":root{{{_LIGHT}}}@media (prefers-color-scheme:dark){{:root{{{_DARK}}}}}@media print{{:root{{{_LIGHT}}}}}"
STYLE = (
    f'svg.k text{{font:{LETTER}px "Noto Sans JP","Noto Sans CJK JP","Hiragino Sans",system-ui,sans-serif;fill:var(--ink)}}'
    "svg.k text.faint{fill:var(--faint)}svg.k text.strong{font-weight:700}svg.k text.on{fill:var(--paper);font-weight:700}"
    "svg.k .paper{fill:var(--paper)}svg.k .for{fill:var(--for)}svg.k .against{fill:var(--against)}svg.k .sum{fill:var(--sum)}"
    "svg.k line{stroke:var(--grid);stroke-width:1}svg.k line.bound{stroke:var(--bound);stroke-width:1.5;stroke-dasharray:5 3}"
    "svg.k line.tree{stroke:var(--for);stroke-width:3}svg.k line.more{stroke:var(--for);stroke-width:1}"
    "svg.k line.weakest{stroke:var(--bound);stroke-width:3;stroke-dasharray:8 4}svg.k line.doubt{stroke:var(--against);stroke-width:1.5;stroke-dasharray:2 4}"
    "svg.k circle.ring{fill:var(--paper);stroke:var(--against);stroke-width:2}"
)
Anchor = Literal["start", "middle", "end"]


def document(title: str, description: str, width: float, height: float, parts: Iterable[str], alone: bool = True) -> str:
    """The SVG element. `alone`: a file of its own with style and background; else the page around it has `THEMES` and `STYLE`."""
    head = f"<style>{THEMES}{STYLE}</style>" if alone else ""
    paper = f'<rect class="paper" width="{width:g}" height="{height:g}"/>' if alone else ""
    return (
        f'<svg class="k" role="img" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" xmlns="http://www.w3.org/2000/svg">'
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc>{head}{paper}{''.join(parts)}</svg>"
    )


def text(x: float, y: float, content: str, anchor: Anchor = "start", kind: str = "") -> str:
    anchored = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{_n(x)}" y="{_n(y)}"{_class(kind)}{anchored}>{escape(content)}</text>'


def box(x: float, y: float, width: float, height: float, kind: str) -> str:
    return f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}"{_class(kind)}/>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str = "") -> str:
    return f'<line x1="{_n(x1)}" y1="{_n(y1)}" x2="{_n(x2)}" y2="{_n(y2)}"{_class(kind)}/>'


def circle(x: float, y: float, radius: float, kind: str) -> str:
    return f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}"{_class(kind)}/>'


def signed(weight: float) -> str:
    """A weight as drawn, with a real minus."""
    return lettering.signed(weight, "\N{MINUS SIGN}")


def _n(value: float) -> str:
    return f"{round(value, 1):g}"


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
