"""The offline audit: a true story passes; each way of telling it wrongly is found by the check that is meant for it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kiban_operator import database
from kiban_operator.ledger import audit, book, kinds, notes, statements, verdict
from kiban_operator.ledger.verdict import Check
from kiban_processing.evidence import FORMAT


def failed(found: verdict.Verdict) -> set[Check]:
    return {finding.check for finding in found.findings if finding.fails}


def test_true_story_passes_and_reads_well(story: Path) -> None:
    found = audit.audit(story)
    assert found.ok, found.read("en")
    assert found.size == 17
    for language, word in (("ja", "異常なし"), ("en", "all is well")):
        report = found.read(language)  # type: ignore[arg-type]
        assert word in report
        assert all(check.name in report for check in Check)
    assert found.as_json()["ok"] is True
    json.dumps(found.as_json())


def test_given_key_is_used_and_the_folders_own_is_only_noted(story: Path) -> None:
    key = notes.read_key_sheet((story / "keys.txt").read_bytes()).text
    with_key, without = audit.audit(story, trusted_key=key), audit.audit(story)
    assert with_key.ok
    assert not with_key.findings
    assert [finding.check for finding in without.findings] == [Check.V1]
    other = notes.Verifier("kiban.example.jp/ledger", notes.public_of(bytes(32))).text
    assert failed(audit.audit(story, trusted_key=other)) >= {Check.V1}
    assert failed(audit.audit(story, trusted_key="not a key")) >= {Check.V1}


WRONG: dict[str, tuple[dict[str, Any], Check]] = {
    "nobody decided": ({"agree": {"decision": "rejected"}}, Check.V5),
    "contract's term is over": ({"agree": {"ends_on": "2026-11-19"}}, Check.V5),
    "no contract at all": ({"without": ["agree"]}, Check.V5),
    "not intended": ({"without": ["intend"]}, Check.V5),
    "not made": ({"without": ["make"]}, Check.V5),
    "one approval only": ({"without": ["approve_two"]}, Check.V5),
    "the same person twice": ({"approve_two": {"person": "p-one"}}, Check.V5),
    "not committed": ({"without": ["commit"]}, Check.V5),
    "approved another manifest": ({"approve_two": {"manifest": b"other"}}, Check.V5),
    "preparer approves": ({"make": {"actor": "p-two"}}, Check.V5),
    "approver delivers": ({"deliver": {"actor": "p-one"}}, Check.V5),
    "preparer delivers": ({"deliver": {"actor": "p-data"}}, Check.V5),
    "another manifest delivered": ({"deliver": {"manifest": "sha256:" + "0" * 64}}, Check.V5),
    "another contract delivered": ({"deliver": {"contract": "K-2"}}, Check.V5),
    "key never registered": ({"without": ["enrol_two"]}, Check.V6),
    "signature of nobody": ({"approve_two": {"signature": "ed25519:" + "A" * 86 + "=="}}, Check.V6),
    "provided before it is entered as a future day": ({"deliver": {"provided_on": "2026-11-22"}}, Check.V4),
    "recipient without address": (
        {"deliver": {"sealed": {"recipient_name": "甲", "recipient_address": " ", "recipient_identifier": "1"}}},
        Check.V4,
    ),
    "receipt of something never delivered": ({"without": ["deliver"]}, Check.V5),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_story_is_found(new_desk: Callable[[str], Any], tmp_path: Path, case: str) -> None:
    changes, check = WRONG[case]
    desk = new_desk("wrong")
    if case == "key never registered":
        desk.seeds["p-two"] = bytes(32)
    desk.tell(**changes)
    found = audit.audit(desk.export(tmp_path / "out", {}))
    assert check in failed(found), found.read("en")


def test_made_again_voids_the_approvals(new_desk: Callable[[str], Any], tmp_path: Path) -> None:
    desk = new_desk("again")
    desk.tell(without=["commit", "deliver", "receipt"])
    desk.make()
    desk.commit()
    desk.sign()
    assert Check.V5 in failed(audit.audit(desk.export(tmp_path / "out")))


@pytest.mark.parametrize("kind", [kinds.CONTRACT_SUSPENDED, kinds.CONTRACT_ENDED], ids=lambda kind: kind.name)
def test_contract_must_be_active_when_provided(new_desk: Callable[[str], Any], tmp_path: Path, kind: kinds.Kind) -> None:
    desk = new_desk("contract")
    desk.tell(without=["deliver", "receipt"])
    desk.write("p-security", kind, "contract/K-1", {})
    desk.deliver()
    desk.sign()
    found = audit.audit(desk.export(tmp_path / "out"))
    assert failed(found) == {Check.V5}
    assert any("not active" in finding.what.en for finding in found.findings)


def test_suspended_and_resumed_contract_allows_provision(new_desk: Callable[[str], Any], tmp_path: Path) -> None:
    desk = new_desk("contract")
    desk.tell(without=["deliver", "receipt"])
    desk.write("p-security", kinds.CONTRACT_SUSPENDED, "contract/K-1", {})
    desk.write("p-security", kinds.CONTRACT_RESUMED, "contract/K-1", {})
    desk.deliver()
    desk.sign()
    assert audit.audit(desk.export(tmp_path / "out")).ok


def test_one_key_for_two_persons_is_found(new_desk: Callable[[str], Any], tmp_path: Path) -> None:
    desk = new_desk("keys")
    desk.enrol("p-one")
    key = statements.public_key_text(notes.public_of(desk.seeds["p-one"]))
    desk.write("p-admin", kinds.KEY_REGISTERED, "person/p-two", {"person": "p-two", "key": key, "role": "approver"})
    desk.sign()
    assert failed(audit.audit(desk.export(tmp_path / "out", {}))) == {Check.V6}


def test_revoked_key_no_longer_signs(new_desk: Callable[[str], Any], tmp_path: Path) -> None:
    desk = new_desk("keys")
    desk.tell(without=["approve_two", "commit", "deliver", "receipt"])
    key = statements.public_key_text(notes.public_of(desk.seeds["p-two"]))
    desk.write("p-admin", kinds.KEY_REVOKED, "person/p-two", {"person": "p-two", "key": key})
    desk.approve("p-two")
    desk.sign()
    assert failed(audit.audit(desk.export(tmp_path / "out"))) == {Check.V6}


def test_late_registration_does_not_heal_an_approval(new_desk: Callable[[str], Any], tmp_path: Path) -> None:
    desk = new_desk("keys")
    desk.seeds["p-two"] = bytes(32)
    desk.tell(without=["enrol_two"])
    key = statements.public_key_text(notes.public_of(bytes(32)))
    desk.write("p-admin", kinds.KEY_REGISTERED, "person/p-two", {"person": "p-two", "key": key, "role": "approver"})
    desk.sign()
    assert failed(audit.audit(desk.export(tmp_path / "out"))) == {Check.V6}


def _verdicts(**changes: dict[str, Any]) -> list[dict[str, Any]]:
    plain = {"passed": True, "found": 0, "bound": 0, "rule": "at-most"}
    return [{"standard": standard} | plain | changes.get("all", {}) for standard in kinds.EVIDENCE_STANDARDS]


def _verdicts_of(*checks: str) -> list[dict[str, Any]]:
    """Every standard judged, and the checks named."""
    return [*_verdicts(), *({**_verdicts()[4], "check": check} for check in checks)]


CHECKED = {"checked_at": "2026-11-19T23:00:00+00:00", "registrations": 130, "ineligible": 0, "register_digest": "00"}
EVIDENCES: dict[str, dict[str, Any] | bytes] = {
    "an ineligible person": {"eligibility": CHECKED | {"ineligible": 1}},
    "no second check": {"eligibility": None},
    "count is not a number": {"eligibility": CHECKED | {"ineligible": False}},
    "count is missing": {"eligibility": {"registrations": 130}},
    "says it did not pass": {"passed": False},
    "a standard failed": {"verdicts": [*_verdicts(), {"standard": "18(iv)", "passed": False, "found": 1, "bound": 0, "rule": "at-most"}]},
    "a standard missing": {"verdicts": _verdicts()[1:]},
    "the second check missing": {"verdicts": _verdicts()[:-1]},
    "passed against its own number": {"verdicts": _verdicts(all={"found": 1})},
    "passed below the least": {"verdicts": _verdicts(all={"rule": "at-least", "found": 4, "bound": 5})},
    "an unknown rule": {"verdicts": _verdicts(all={"rule": "about"})},
    "numbers that are none": {"verdicts": _verdicts(all={"found": None})},
    "of another plan": {"plan": {"digest": "00"}},
    "of other persons": {"persons": 121},
    "another format": {"format": "kiban/evidence/v0"},
    "the new form without its checks": {"format": "kiban/evidence/v2"},
    "the new form without earlier releases": {"format": "kiban/evidence/v2", "verdicts": _verdicts_of("k", "prosecutor-risk")},
    "not JSON": b"{",
    "a list": b"[]",
}


@pytest.mark.parametrize("case", EVIDENCES)
def test_provision_without_sound_evidence_is_found(
    new_desk: Callable[[str], Any], tmp_path: Path, case: str, digest: Callable[[bytes], str], evidence: Callable[..., bytes]
) -> None:
    changes = EVIDENCES[case]
    document = changes if isinstance(changes, bytes) else evidence(**changes)
    desk = new_desk("evidence")
    desk.tell(make={"evidence": digest(document)})
    found = audit.audit(desk.export(tmp_path / "out", desk.documents | {"R-1.evidence.json": document}))
    assert failed(found) == {Check.V8}, found.read("en")


@pytest.mark.parametrize("form", kinds.EVIDENCE_FORMATS)
def test_every_form_of_evidence_is_read(
    new_desk: Callable[[str], Any], tmp_path: Path, form: str, digest: Callable[[bytes], str], evidence: Callable[..., bytes]
) -> None:
    """Releases made before there were bounds of risk stay as sound as they were."""
    assert FORMAT in kinds.EVIDENCE_FORMATS
    document = evidence(format=form, verdicts=_verdicts_of(*kinds.EVIDENCE_CHECKS[form]))
    desk = new_desk("form")
    desk.tell(make={"evidence": digest(document)})
    found = audit.audit(desk.export(tmp_path / "out", desk.documents | {"R-1.evidence.json": document}))
    assert found.ok, found.read("en")


def test_evidence_older_than_a_day_is_noted(
    new_desk: Callable[[str], Any], tmp_path: Path, digest: Callable[[bytes], str], evidence: Callable[..., bytes]
) -> None:
    document = evidence(eligibility=CHECKED | {"checked_at": "2026-11-18T23:00:00+00:00"})
    desk = new_desk("old")
    desk.tell(make={"evidence": digest(document)})
    found = audit.audit(desk.export(tmp_path / "out", desk.documents | {"R-1.evidence.json": document}))
    assert found.ok
    assert ["within a day" in finding.what.en for finding in found.of(Check.V9)] == [True]


@pytest.mark.parametrize("manifest", [b'{"contract":"K-1","release":"R-2"}', b'{"contract":"K-2","release":"R-1"}', b"[]"])
def test_manifest_of_another_release_is_found(
    new_desk: Callable[[str], Any], tmp_path: Path, manifest: bytes, digest: Callable[[bytes], str]
) -> None:
    desk = new_desk("manifest")
    other = {"manifest": digest(manifest)}
    signs = {"manifest": manifest}
    desk.tell(make=other, approve_one=signs, approve_two=signs, commit=other, deliver=other, receipt=other)
    found = audit.audit(desk.export(tmp_path / "out", desk.documents | {"R-1.manifest.json": manifest}))
    assert failed(found) == {Check.V7}, found.read("en")


def test_recalled_release_must_not_be_provided(new_desk: Callable[[str], Any], tmp_path: Path) -> None:
    desk = new_desk("recall")
    desk.tell(without=["deliver", "receipt"])
    moved = {"command": "recall", "from": "COMMITTED", "to": "RECALLED", "event": "sha256:" + "0" * 64}
    desk.write("p-security", kinds.CASE_MOVED, "release/R-1", moved)
    desk.deliver()
    desk.sign()
    assert failed(audit.audit(desk.export(tmp_path / "out"))) == {Check.V5}


def test_approver_of_an_earlier_manifest_must_not_deliver(new_desk: Callable[[str], Any], tmp_path: Path) -> None:
    desk = new_desk("earlier")
    desk.enrol("p-three")
    desk.tell(without=["approve_two", "commit", "deliver", "receipt"])
    desk.make()
    desk.approve("p-two")
    desk.approve("p-three")
    desk.commit()
    desk.deliver(actor="p-one")
    desk.sign()
    found = audit.audit(desk.export(tmp_path / "out"))
    assert failed(found) == {Check.V5}
    assert "delivery officer" in " ".join(finding.what.en for finding in found.findings)


def test_refused_after_commitment_and_never_provided_is_in_order(new_desk: Callable[[str], Any], tmp_path: Path) -> None:
    desk = new_desk("late")
    desk.tell(without=["deliver", "receipt"])
    desk.write("p-system", kinds.RELEASE_REFUSED, "release/R-1", {"code": "late-stop"})
    desk.sign()
    assert audit.audit(desk.export(tmp_path / "out")).ok
    desk.deliver()
    desk.sign()
    assert failed(audit.audit(desk.export(tmp_path / "again"))) == {Check.V5}


def test_documents_must_be_there_and_unaltered(story: Path) -> None:
    (story / "documents" / "R-1.manifest.json").unlink()
    assert failed(audit.audit(story)) == {Check.V7}
    (story / "documents" / "R-1.manifest.json").write_bytes(b"other")
    assert failed(audit.audit(story)) == {Check.V7}
    (story / "documents" / "R-1.evidence.json").unlink()
    assert failed(audit.audit(story)) == {Check.V7, Check.V8}


def test_receipt_that_does_not_add_up_is_found(new_desk: Callable[[str], Any], tmp_path: Path) -> None:
    desk = new_desk("counts")
    desk.tell(receive={"accepted": 8})
    assert failed(audit.audit(desk.export(tmp_path / "out"))) == {Check.V8}


def test_what_is_missing_is_noted_and_fails_nothing(new_desk: Callable[[str], Any], tmp_path: Path) -> None:
    desk = new_desk("missing")
    desk.tell(without=["receipt"])
    desk.write("p-data", kinds.RELEASE_INTENDED, "release/R-2", {"contract": "K-1", "application": "A-1", "plan": "sha256:" + "1" * 64})
    desk.sign()
    found = audit.audit(desk.export(tmp_path / "out"))
    assert found.ok
    said = " ".join(finding.what.en for finding in found.of(Check.V9))
    assert "no receipt" in said
    assert "no outcome" in said
    assert "plan was approved" in said


def test_erased_text_after_three_years_leaves_everything_valid(new_desk: Callable[[str], Any], tmp_path: Path) -> None:
    desk = new_desk("erased")
    desk.tell()
    entry = next(e for e in _entries(desk) if e.kind == "release.delivered")
    desk.clock += timedelta(days=3 * 366)
    desk.write("p-data", kinds.CONTRACT_ENDED, "contract/K-1", {})
    with database.transaction(desk.engine) as session:
        for field in entry.sealed:
            book.erase_reveal(session, desk.circumstances("p-data"), entry.seq, field)
    desk.sign()
    found = audit.audit(desk.export(tmp_path / "out"))
    assert found.ok, found.read("en")
    assert len([f for f in found.of(Check.V9) if "erased" in f.what.en]) == 3
    assert "中央製薬" not in (tmp_path / "out" / "reveals.jsonl").read_text(encoding="utf-8")


def test_missing_text_within_three_years_fails(story: Path) -> None:
    (story / "reveals.jsonl").write_bytes(b"")
    assert failed(audit.audit(story)) == {Check.V4}


def test_reveal_must_open_its_entry(story: Path) -> None:
    path = story / "reveals.jsonl"
    rows = [json.loads(row) for row in path.read_text(encoding="utf-8").splitlines()]
    rows[0]["value"] = "別の会社"
    path.write_bytes(b"".join(statements.canonical(row) + b"\n" for row in rows))
    assert failed(audit.audit(story)) == {Check.V4}


def test_audit_needs_no_database(story: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from kiban_operator.ledger import audit; "
        f"assert audit.audit(Path({str(story)!r})).ok; "
        "bad = [m for m in sys.modules if m.split('.')[0] in ('sqlalchemy', 'duckdb', 'pyarrow', 'pandas')"
        " or m in ('sqlite3', 'kiban_operator.database', 'kiban_operator.ledger.book')]; assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)


def _entries(desk: Any) -> list[book.Entry]:
    with database.transaction(desk.engine) as session:
        return book.entries(session)
