"""The closed list of what the ledger can say, the shapes of facts, and approval statements."""

from __future__ import annotations

import ast
import json
from base64 import b64encode
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiban_operator.ledger import copies, kinds, notes, shapes, statements

SEED = bytes(range(32))
PUBLIC = statements.public_key_text(notes.public_of(SEED))
MANIFEST = "sha256:" + "ab" * 32
AT = datetime(2026, 11, 20, 10, 0, 0, 123, tzinfo=UTC)

NEEDED = [
    "hospital.registered",
    "programme.changed",
    "notice.version-filed",
    "notices.registered",
    "stops.registered",
    "submission.received",
    "held.admitted",
    "persons.linked",
    "breach.found",
    "key.registered",
    "role.granted",
    "application.submitted",
    "application.decided",
    "application.withdrawn",
    "conditions.agreed",
    "contract.executed",
    "contract.suspended",
    "contract.ended",
    "plan.approved",
    "release.intended",
    "release.made",
    "release.refused",
    "release.checked",
    "release.approved",
    "release.committed",
    "release.delivered",
    "release.receipted",
    "provision.user-to-user",
    "deletion.done",
    "operator.exchange",
    "command.refused",
    "correction",
    "ledger.key-rotated",
]


def test_all_needed_kinds_are_there_in_both_languages() -> None:
    assert set(NEEDED) <= kinds.KINDS.keys()
    for name, kind in kinds.KINDS.items():
        assert name == kind.name
        assert kind.label.ja
        assert kind.label.en
        assert not kind.required.keys() & kind.optional.keys()
    assert len({kind.label.ja for kind in kinds.KINDS.values()}) == len(kinds.KINDS)


def test_statutory_lines_carry_the_items_of_regulation_12() -> None:
    statutory = {kind.name: kind for kind in kinds.KINDS.values() if kind.statutory}
    assert set(statutory) == {"release.delivered", "provision.user-to-user", "deletion.done", "operator.exchange"}
    for kind in statutory.values():
        assert shapes.NAMES is kind.required["items"]
        assert shapes.DATE in kind.required.values()
    assert statutory["release.delivered"].sealed == {"recipient_name", "recipient_address", "recipient_identifier"}
    assert {name.split("_")[0] for name in statutory["provision.user-to-user"].sealed} == {"from", "to"}
    assert "counterpart_name" in statutory["operator.exchange"].sealed


def test_retention_is_three_years_to_the_day() -> None:
    assert kinds.retained_until(date(2026, 11, 20)) == date(2029, 11, 20)
    assert kinds.retained_until(date(2028, 2, 29)) == date(2031, 3, 1)


def test_unknown_kind_is_a_bug() -> None:
    with pytest.raises(kinds.Undeclared):
        kinds.named("release.undone")


def test_faults_name_fields_and_never_values() -> None:
    facts = {"hospital": "山田 太郎", "extra": "山田", "V1: pass\nV2": 1}
    told = kinds.HOSPITAL_REGISTERED.faults("hospital/H1", facts, frozenset({"name"}))
    assert len(told) == 4
    assert not any("山田" in text.ja + text.en or "\n" in text.en for text in told)


SHAPES: list[tuple[shapes.Shape, list[Any], list[Any]]] = [
    (shapes.CODE, ["a", "R-1", "甲"], ["", "a b", "a\n", "a\u3000b", 1, None, "x" * 201]),
    (shapes.TEXT, ["理由 です"], ["", 1, "x" * 1001]),
    (shapes.DIGEST, [MANIFEST], [MANIFEST.upper(), MANIFEST[:-1], MANIFEST + "\n", "ab" * 32, None]),
    (shapes.COUNT, [0, 5, 2**53 - 1], [-1, True, 1.0, 2**53, "1", None]),
    (shapes.DATE, ["2026-11-20"], ["2026-11-31", "20261120", "2026-1-1", "2026-W01-1", 1, None]),
    (shapes.MOMENT, ["2026-11-20T10:00:00+09:00"], ["2026-11-20", "2026-11-20T10:00:00", "2026-11-20 10:00:00+09:00", "2026-11-20T10:00:00Z", 1]),
    (shapes.NAMES, [["a"], ["a", "b"]], [[], ["a", "a"], ["a b"], "a", [1], [[]]]),
    (shapes.COUNTS, [{}, {"a": 1}], [{"a": -1}, {"a b": 1}, [], {"a": "1"}]),
    (
        shapes.TALLIES,
        [{}, {"t": {"in": 1, "accepted": 1, "held": 0, "quarantined": 0}}],
        [{"t": {"in": 1}}, {"t": {"in": 1, "accepted": 1, "held": 0, "quarantined": 0, "lost": 0}}, {"t": 1}, []],
    ),
    (shapes.PUBLIC_KEY, [PUBLIC], [PUBLIC[:-1], PUBLIC[8:], "ed25519:" + b64encode(bytes(31)).decode(), "ed25519:" + "A" * 42 + "B=", 1]),
    (shapes.one_of("to", "from"), ["to"], ["", "To", None, 1]),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "good", "bad"), SHAPES, ids=[shape.name for shape, _, _ in SHAPES])
def test_shapes(shape: shapes.Shape, good: list[Any], bad: list[Any]) -> None:
    assert all(map(shape.fits, good))
    assert not any(map(shape.fits, bad))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=10,
)


@given(JSON)
def test_every_shape_judges_any_value(value: Any) -> None:
    for shape, good, _ in SHAPES:
        assert shape.fits(value) in (True, False)
        assert shape.fits(good[0]) is True


@given(JSON)
def test_canonical_bytes_are_recognised_and_no_other_spelling(value: Any) -> None:
    row = statements.canonical(value)
    assert copies.is_canonical(row, orjson.loads(row))
    spaced = json.dumps(value, ensure_ascii=False, indent=1).encode()
    if isinstance(value, list | dict) and value:
        assert not copies.is_canonical(spaced, orjson.loads(spaced))
    assert not copies.is_canonical(b" " + row, value)


def statement(**changes: Any) -> dict[str, object]:
    return statements.statement("R-1", MANIFEST, "approve", "p-one", AT) | changes


def test_statement_signs_exactly_these_bytes() -> None:
    signature = statements.sign_statement(SEED, statement())
    assert statements.canonical(statement()) == (
        b'{"at":"2026-11-20T10:00:00+00:00","by":"p-one","decision":"approve","manifest":"' + MANIFEST.encode()
        + b'","purpose":"kiban/approve/v1","release":"R-1","v":1}'
    )  # fmt: skip
    assert statements.verify_statement(PUBLIC, statement(), signature)
    other = statements.public_key_text(notes.public_of(bytes(32)))
    assert not statements.verify_statement(other, statement(), signature)


@pytest.mark.parametrize(
    "changes",
    [{"release": "R-2"}, {"manifest": "sha256:" + "ac" * 32}, {"decision": "check"}, {"by": "p-two"}, {"at": "2026-11-20T10:00:01+00:00"},
     {"purpose": "kiban/approve/v2"}, {"v": 2}, {"v": True}, {"extra": 1}, {"at": "yesterday"}, {"decision": ["approve"]}, {"by": ""}],
    ids=lambda changes: next(iter(changes)),
)  # fmt: skip
def test_changed_statement_is_refused(changes: dict[str, Any]) -> None:
    assert not statements.verify_statement(PUBLIC, statement(**changes), statements.sign_statement(SEED, statement()))


@pytest.mark.parametrize("changes", [{"purpose": "x"}, {"v": 2}, {"decision": "maybe"}, {"extra": 1}])
def test_signed_nonsense_is_refused(changes: dict[str, Any]) -> None:
    assert not statements.verify_statement(PUBLIC, statement(**changes), statements.sign_statement(SEED, statement(**changes)))


@given(JSON, st.text())
def test_garbage_is_simply_not_a_statement(value: Any, text: str) -> None:
    signature = statements.sign_statement(SEED, statement())
    assert not statements.verify_statement(PUBLIC, value, signature)
    assert not statements.verify_statement(text, statement(), signature)
    assert not statements.verify_statement(PUBLIC, statement(), text)


def test_statement_without_zone_or_digest_is_a_bug() -> None:
    with pytest.raises(ValueError, match="zone"):
        statements.statement("R-1", MANIFEST, "approve", "p-one", datetime(2026, 11, 20))  # noqa: DTZ001
    with pytest.raises(ValueError, match="digest"):
        statements.statement("R-1", "ab", "approve", "p-one", AT)


def test_audit_rests_on_no_writing_side() -> None:
    """Whatever the audit imports of the operator, directly or through others, lies in the ledger and is none of the writing modules."""
    folder = Path(kinds.__file__).parent
    reached, waiting = set[str](), {"audit"}
    while waiting:
        name = waiting.pop()
        reached.add(name)
        for node in ast.walk(ast.parse((folder / f"{name}.py").read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("kiban_operator"):
                parts = (node.module or "").split(".")
                assert parts[:2] == ["kiban_operator", "ledger"], (name, node.module)
                waiting |= ({parts[2]} if len(parts) > 2 else {alias.name for alias in node.names}) - reached
    assert {"merkle", "notes", "kinds", "statements"} <= reached
    assert reached.isdisjoint({"book", "export", "guards", "signer"})
