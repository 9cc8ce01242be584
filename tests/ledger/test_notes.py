"""Signed notes and checkpoints: the public forms, and everything malformed refused."""

from __future__ import annotations

from base64 import b64decode, b64encode
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiban_operator.ledger import notes

SEED = bytes(range(32))
VERIFIER = notes.Verifier("example.jp/log", notes.public_of(SEED))
CHECKPOINT = notes.Checkpoint("example.jp/log", 17, sha256(b"root").digest())
NOTE = notes.sign(CHECKPOINT.body, "example.jp/log", SEED)

# The example key and note in the documentation of Go's golang.org/x/mod/sumdb/note, an independent implementation.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_note_of_another_implementation_opens() -> None:
    body, signed = notes.open_note(GO_NOTE.encode(), [notes.read_verifier(GO_KEY)])
    assert body == GO_NOTE.split("\n\n")[0] + "\n"
    assert signed[0].name == "PeterNeumann"


def test_key_id_and_text_form_are_the_standards() -> None:
    raw = b"\x01" + VERIFIER.public
    expected = sha256(b"example.jp/log\n" + raw).digest()[:4]
    assert VERIFIER.text == f"example.jp/log+{expected.hex()}+{b64encode(raw).decode()}"
    assert notes.read_verifier(VERIFIER.text) == VERIFIER


def test_checkpoint_is_three_lines_and_a_signature() -> None:
    rows = NOTE.split("\n")
    assert rows[:4] == ["example.jp/log", "17", b64encode(CHECKPOINT.root).decode(), ""]
    assert rows[4].startswith("— example.jp/log ")
    assert b64decode(rows[4].split(" ")[2])[:4] == VERIFIER.key_id
    assert notes.open_checkpoint(NOTE.encode(), [VERIFIER]) == (CHECKPOINT, (VERIFIER,))


def test_other_signatures_are_ignored_and_a_wrong_one_is_not() -> None:
    witness = notes.Verifier("witness", notes.public_of(bytes(32)))
    line = notes.sign(CHECKPOINT.body, "witness", bytes(32)).split("\n\n")[1]
    both = (NOTE + line).encode()
    assert notes.open_checkpoint(both, [VERIFIER])[1] == (VERIFIER,)
    assert set(notes.open_checkpoint(both, [VERIFIER, witness])[1]) == {VERIFIER, witness}
    wrong = notes.sign("other\n", "witness", bytes(32)).split("\n\n")[1]
    with pytest.raises(notes.Unreadable):
        notes.open_note((NOTE + wrong).encode(), [VERIFIER, witness])
    assert notes.open_note((NOTE + wrong).encode(), [VERIFIER])
    with pytest.raises(notes.Unreadable):  # signed, but not by the ledger itself
        notes.open_checkpoint((CHECKPOINT.body + "\n" + line).encode(), [VERIFIER, witness])


def test_extension_lines_are_allowed() -> None:
    note = notes.sign(CHECKPOINT.body + "more\n", "example.jp/log", SEED)
    assert notes.open_checkpoint(note.encode(), [VERIFIER])[0] == CHECKPOINT


@pytest.mark.parametrize(
    "body",
    [
        "example.jp/log\n17\n",
        "\n17\n" + b64encode(bytes(32)).decode() + "\n",
        "example.jp/log\n017\n" + b64encode(bytes(32)).decode() + "\n",
        "example.jp/log\n-1\n" + b64encode(bytes(32)).decode() + "\n",
        "example.jp/log\n１７\n" + b64encode(bytes(32)).decode() + "\n",
        "example.jp/log\n17\n" + b64encode(bytes(31)).decode() + "\n",
        "example.jp/log\n17\n" + b64encode(bytes(32)).decode().rstrip("=") + "\n",
        "example.jp/log\n17\n" + b64encode(bytes(32)).decode().replace("A=", "B=") + "\n",
        "example.jp/log\n17\n" + b64encode(bytes(32)).decode() + "\n\nmore\n",
    ],
)  # fmt: skip
def test_malformed_checkpoint_is_refused(body: str) -> None:
    note = notes.sign(body, "example.jp/log", SEED)
    with pytest.raises(notes.Unreadable):
        notes.open_checkpoint(note.encode(), [VERIFIER])


@pytest.mark.parametrize(
    "text",
    ["", "a+b", "a+00000000+AAAA", VERIFIER.text.upper(), VERIFIER.text + " ", VERIFIER.text.replace("example", "exemple"), "a b+" + VERIFIER.text],
)  # fmt: skip
def test_malformed_key_is_refused(text: str) -> None:
    with pytest.raises(notes.Unreadable):
        notes.read_verifier(text)


@given(st.integers(0, len(NOTE.encode()) - 1), st.integers(0, 7))
def test_flipped_bit_never_opens(at: int, bit: int) -> None:
    raw = bytearray(NOTE.encode())
    raw[at] ^= 1 << bit
    with pytest.raises(notes.Unreadable):
        notes.open_checkpoint(bytes(raw), [VERIFIER])


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_garbage_never_opens_and_never_errs(raw: bytes) -> None:
    for text in (raw, NOTE.encode() + raw[:50] + b"\n", raw + NOTE.encode()):
        try:
            opened = notes.open_checkpoint(text, [VERIFIER])[0]
        except notes.Unreadable:
            continue
        assert opened == CHECKPOINT
    with pytest.raises(notes.Unreadable):
        notes.read_verifier(raw.decode("utf-8", "replace"))


def test_key_sheet_is_read_back_and_every_change_of_it_refused() -> None:
    sheet = notes.key_sheet(VERIFIER).encode()
    assert notes.read_key_sheet(sheet) == VERIFIER
    for at in range(len(sheet)):
        with pytest.raises(notes.Unreadable):
            notes.read_key_sheet(sheet[:at] + bytes([sheet[at] ^ 1]) + sheet[at + 1 :])


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u3000b", "a\x00b"])
def test_names_that_cannot_sign(name: str) -> None:
    assert not notes.is_name(name)
    with pytest.raises(ValueError, match="plain name"):
        notes.sign("x\n", name, SEED)
