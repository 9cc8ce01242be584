"""分布の距離 (distances): how far the shares of values in the release are from those in the cohort (total variation, 0 to 1)."""

from __future__ import annotations

from collections.abc import Mapping

from kiban_processing.connection import Connection
from kiban_processing.hierarchies import codes

Shares = Mapping[str | None, float]


def shares(con: Connection, query: str) -> dict[str | None, float]:
    counts = con.execute(query).fetchall()
    total = sum(count for _, count in counts) or 1
    return {None if value is None else str(value): count / total for value, count in counts}


def standard(found: Shares, system: str | None) -> dict[str | None, float]:
    """Shares by the standard writing of each code, so that a mere difference of dots is none of meaning."""
    merged: dict[str | None, float] = {}
    for value, share in found.items():
        written = None if value is None else codes.path(system, value)[0]
        merged[written] = merged.get(written, 0.0) + share
    return merged


def of_shares(theirs: Shares, ours: Shares) -> float:
    values = sorted({*theirs, *ours}, key=lambda value: (value is not None, value or ""))
    return sum(abs(theirs.get(value, 0.0) - ours.get(value, 0.0)) for value in values) / 2


def of_spans(theirs: Shares, ours: Shares) -> float | None:
    """Distance over the released spans (`1980`, `1980-1984`, `<=1935`, `90+`, `*`); None where a value is no span of numbers."""
    spans: dict[str, tuple[int, int]] = {}
    for label in ours:
        if label is None:
            continue
        found = span(label)
        if found is None:
            return None
        spans[label] = found
    pooled: dict[str | None, float] = {}
    for value, share in theirs.items():
        # A value of the source that no released span holds was left out: it stays a value of its own.
        label = None if value is None else next((name for name, (low, high) in spans.items() if low <= int(value) <= high), value)
        pooled[label] = pooled.get(label, 0.0) + share
    return of_shares(pooled, ours)


def span(label: str) -> tuple[int, int] | None:
    """
    >>> span("45-49"), span("<=1935"), span("90+"), span("1980"), span("old")
    ((45, 49), (0, 1935), (90, 9999), (1980, 1980), None)
    """
    if label == "*":
        return 0, 9999
    low, _, high = label.removeprefix("<=").removesuffix("+").partition("-")
    if not low.isdecimal() or (high and not high.isdecimal()):
        return None
    if label.startswith("<="):
        return 0, int(low)
    return int(low), 9999 if label.endswith("+") else int(high or low)
