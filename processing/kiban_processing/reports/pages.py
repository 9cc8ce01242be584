"""頁 (pages): one HTML page that stands alone: a style of its own, no script, nothing fetched, readable in print."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from kiban_processing.language import Language

_STYLE = """
body{font-family:system-ui,"Noto Sans JP","Hiragino Sans",sans-serif;line-height:1.5;max-width:60rem;margin:1.5rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.2rem;margin-top:2rem;border-bottom:1px solid #888}h3{font-size:1rem}
table{border-collapse:collapse;width:100%;margin:.5rem 0}caption{text-align:left;font-weight:600}
th,td{border:1px solid #999;padding:.2rem .5rem;text-align:left;vertical-align:top}td.n{text-align:right;font-variant-numeric:tabular-nums}
svg.chart{width:100%;max-width:44rem;height:auto}svg.chart text{font-size:12px;fill:#1a1a1a}svg.chart rect{fill:#3b6ea5}svg.chart line{stroke:#b00020;stroke-width:2}
figure{margin:1rem 0}figcaption{font-size:.9rem}.fail{font-weight:700;text-decoration:underline}
@media print{body{margin:0;max-width:none}h2{break-after:avoid}figure,table{break-inside:avoid}}
"""


def page(language: Language, title: str, parts: Iterable[str], style: str = "") -> bytes:
    """The whole page; `parts` are HTML already, `style` is added to the page's own."""
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{escape(title)}</title>\n<style>{_STYLE}{style}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    ).encode()


def heading(text: str) -> str:
    return f"<h2>{escape(text)}</h2>"


def paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table with caption and column headings; numbers stand to the right."""
    top = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "".join("<tr>" + "".join(_cell(value) for value in row) + "</tr>" for row in rows)
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def figure(chart: str, caption: str) -> str:
    return f"<figure>{chart}<figcaption>{escape(caption)}</figcaption></figure>"


def number(value: object) -> str:
    """A number as people read it; None and what cannot be told is a dash.

    >>> number(1234567), number(0.012345678), number(None), number(2.0)
    ('1,234,567', '0.01235', '–', '2')
    """
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _cell(value: object) -> str:
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    kind = ' class="n"' if numeric else ""
    return f"<td{kind}>{escape(number(value))}</td>"
