"""What the engine makes passes the gate, and the gate's own figures agree with what the engine says of itself."""

from __future__ import annotations

from typing import Any


def test_the_engines_release_passes_every_standard(release: Any) -> None:
    evidence = release.judge()
    assert [verdict.read("en") for verdict in evidence.failures] == []
    evidence.require()


def test_the_gate_measures_what_the_engine_claims(release: Any) -> None:
    evidence = release.judge()
    assert {figures.k for figures in evidence.figures} == {release.outcome.anonymity.k_reached}
    assert {figures.classes for figures in evidence.figures} == {release.outcome.anonymity.classes}
    assert evidence.persons == release.outcome.persons_after
    assert evidence.rows == {name: table.rows_after for name, table in release.outcome.tables.items()}


def test_same_release_same_evidence(release: Any, again: Any) -> None:
    other = again(threads=1, order="DESC")
    assert other.judge().as_document() == release.judge().as_document()
    other.con.close()
