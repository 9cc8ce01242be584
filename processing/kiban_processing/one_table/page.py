"""報告の頁 (report page): the report as one HTML file for people, in Japanese and English, with bars drawn in SVG and without script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

_BOUNDS = (1, 2, 5, 10, 20, 50, 100, 1000, 10000)
_BAR, _ROW, _LEFT, _WIDTH = 14, 20, 170, 640
_STYLE = (
    "body{font:15px/1.6 sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b}"
    "table{border-collapse:collapse}td,th{padding:.2rem .9rem .2rem 0;text-align:left;vertical-align:top}"
    "td.n{text-align:right;font-variant-numeric:tabular-nums}svg{width:100%;height:auto}"
)


def compose(report: Mapping[str, Any]) -> str:
    """The page of a report made by `report.compose`."""
    people = report["counted"] == "persons"
    unit = "人 persons" if people else "行 rows"
    rows = [
        ("k(書き出した表を数え直した値) k, counted again in the written table", f"{report['k']} ({unit})"),
        ("求めた k k asked for", report["k_asked"]),
        ("群の数 classes", f"{report['classes']:,}"),
        ("記録 records", f"{report['records']:,}"),
        ("出力した記録 released records", f"{report['released_records']:,}"),
        ("除いた記録 suppressed records", f"{report['suppressed_records']:,}"),
        ("情報損失(幾何平均) loss, geometric", f"{report['loss_geometric']:.4f}"),
        ("情報損失(算術平均) loss, arithmetic", f"{report['loss_arithmetic']:.4f}"),
        ("方法 method", f"{report['method']}, {report['metric']}"),
    ]
    if people:
        rows.append(("除いた本人 suppressed persons", f"{report['suppressed_persons']:,}"))
    for one in report["sensitive"]:
        rows.append((f"{one['column']}: l, t", f"l = {one['l']}, t = {one['t']:.4f}"))
    if report["note"]:
        rows.append(("注 note", report["note"]))
    cells = "".join(f"<tr><th>{escape(str(name))}</th><td class=n>{escape(str(value))}</td></tr>" for name, value in rows)
    sizes = _binned({int(size): number for size, number in report["class_sizes"].items()})
    parts = [
        f"<h1>匿名化の報告 <small>Anonymisation report</small></h1><table>{cells}</table>",
        f"<h2>群の大きさ <small>Class sizes ({unit})</small></h2>{bars(sizes)}",
        "<h2>一般化の水準 <small>Levels of generalisation</small></h2>"
        "<p>0 は元の値。 Level 0 is the value as it was.</p>",
    ]  # fmt: skip
    for column, counts in report["by_level"].items():
        parts.append(f"<h3>{escape(column)}</h3>{bars([(str(level), count) for level, count in enumerate(counts)])}")
    if report["seconds"]:
        spent = "".join(f"<tr><th>{stage}</th><td class=n>{value:.2f} s</td></tr>" for stage, value in report["seconds"].items())
        parts.append(f"<h2>所要時間 <small>Time</small></h2><table>{spent}</table>")
    return (
        '<!doctype html>\n<html lang="ja"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>匿名化の報告 / Anonymisation report</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def bars(counts: Sequence[tuple[str, int]]) -> str:
    """Horizontal bars, one per label, with their numbers; as long as the share of the greatest."""
    greatest = max((count for _, count in counts), default=0) or 1
    drawn = []
    for number, (label, count) in enumerate(counts):
        top = number * _ROW
        length = round((_WIDTH - _LEFT - 110) * count / greatest, 1)
        drawn.append(
            f'<text x="{_LEFT - 8}" y="{top + 12}" text-anchor="end">{escape(label)}</text>'
            f'<rect x="{_LEFT}" y="{top + 1}" width="{length}" height="{_BAR}" fill="#2f6f9f"/>'
            f'<text x="{_LEFT + length + 6}" y="{top + 12}">{count:,}</text>'
        )
    height = max(len(counts) * _ROW, _ROW)
    return f'<svg viewBox="0 0 {_WIDTH} {height}" font-size="12" role="img">{"".join(drawn)}</svg>'


def _binned(sizes: Mapping[int, int]) -> list[tuple[str, int]]:
    ends = [*(bound - 1 for bound in _BOUNDS[1:]), None]
    found = []
    for low, high in zip(_BOUNDS, ends, strict=True):
        count = sum(number for size, number in sizes.items() if size >= low and (high is None or size <= high))
        found.append((f"{low}" if low == high else f"{low}-{high}" if high else f"{low}+", count))
    last = max((place for place, (_, count) in enumerate(found) if count), default=0)
    return found[: last + 1]
