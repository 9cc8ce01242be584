"""The register of persons over time: who is whom stays so when more data arrive; whoever stops leaves it."""

from __future__ import annotations

from typing import Any

from kiban_operator import notice_register, persons, vault, workshop


def test_persons_keep_their_ids_when_a_later_delivery_arrives(copied: Any, tools: Any) -> None:
    folder = tools.data / "hospitals" / "h002"
    before = copied.persons()
    liaison = copied.by("HL")
    with workshop.open_workshop(copied.home.receive / "engine") as con, copied.home.transaction() as session:
        secret = vault.patient_secret(session, copied.home)
        notice_register.import_register(session, liaison.circumstances, "H002", "A", folder / "notices-2026-12.csv", secret, con=con)
    receipt = copied.receive(folder / "submission-2026-12")
    assert receipt.counts["patients"].accepted > 0
    outcome = persons.link(copied.by("PR"))
    after = copied.persons()
    assert outcome.registrations == len(after) > len(before), "the later delivery brings somebody new, or the test shows nothing"
    assert {key: after[key] for key in before} == before
    assert (outcome.merged, outcome.split) == (0, 0)


def test_linking_again_changes_nothing(copied: Any) -> None:
    before = copied.persons()
    persons.link(copied.by("PR"))
    assert copied.persons() == before


def test_whoever_stops_leaves_the_register_and_the_others_keep_their_ids(copied: Any) -> None:
    before = copied.persons()
    local_id, key = copied.somebody()
    assert key in before
    copied.stop(local_id, hospital="H001")
    persons.link(copied.by("PR"))
    after = copied.persons()
    assert key not in after
    assert after == {other: person for other, person in before.items() if other != key}
