"""封印 (sealing): the key of a kept state, what is derived from it, and the refusals of a state that it does not open.

All of a state's pages have keys of their own, which lie in the page table; the page table is sealed under the state's key. Whoever
destroys the state's key destroys the state, and whoever writes a page table without a page's key erases that page.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kiban_processing.language import Text
from kiban_processing.linkage.clusters import Nodes
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_18, ACT_21

KEY_BYTES, NONCE_BYTES = 32, 12
_ID_BYTES = 10
_DIGITS = np.frombuffer(b"0123456789abcdef", np.uint8)

STATE_KEY_MISSING = Ground(
    "linkage-state-key-missing", Family.STATE, ACT_21,
    Text("前回の結果の状態を開く鍵「{key}」がありません。", "The key “{key}” that opens the earlier result's state is missing."),
    Text(
        "--key-file で鍵を指定するか、全てのファイルを --model とともに指定してください（本人IDは引き継がれます）。",
        "Give the key with --key-file, or hand in all files together with --model (person IDs are kept).",
    ),
)  # fmt: skip
STATE_DAMAGED = Ground(
    "linkage-state-damaged", Family.INTEGRITY, ACT_21,
    Text("前回の結果の状態が壊れているか、鍵が合いません（{part}）。", "The earlier result's state is damaged or the key does not fit ({part})."),
    Text(
        "控えから戻すか、全てのファイルを --model とともに指定してください（本人IDは引き継がれます）。",
        "Restore it from a copy, or hand in all files together with --model (person IDs are kept).",
    ),
)  # fmt: skip
STATE_VERSION = Ground(
    "linkage-state-version", Family.STATE, ACT_18,
    Text("前回の結果の状態は別の版（{found}）のものです（この版は {known}）。", "The earlier result's state is of another version ({found}; this one reads {known})."),
    Text(
        "全てのファイルを --model とともに指定して名寄せし直してください（本人IDは引き継がれます）。",
        "Link again with all files and --model (person IDs are kept).",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class StateKey:
    """状態の鍵: 32 random bytes, kept apart from the state."""

    secret: bytes

    def __post_init__(self) -> None:
        if len(self.secret) != KEY_BYTES:
            raise ValueError(f"a state key has {KEY_BYTES} bytes")

    def __repr__(self) -> str:
        return f"StateKey({self.name})"

    @property
    def name(self) -> str:
        """What a state says about the key that opens it."""
        return self.derive("name").hex()[:16]

    def derive(self, purpose: str) -> bytes:
        """A key for one purpose, from which this one cannot be found."""
        return hmac.digest(self.secret, f"kiban/linkage/{purpose}".encode(), hashlib.sha256)

    def person_id_bytes(self, serials: Nodes, lineage: str) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
        """The IDs of the persons with these serial numbers: P and 20 hexadecimal digits that tell nothing about who it is; as ASCII, one row of 21 bytes a person.

        The same serial number of another lineage has another ID.

        >>> [row.tobytes().decode() for row in StateKey(bytes(32)).person_id_bytes(np.array([0, 1]), "begun")]
        ['Pbe88657a15e278923e6b', 'Pc2dd34a5ab3fa93c79de']
        """
        blocks = np.zeros((len(serials), 2), "<i8")
        blocks[:, 0] = serials
        # The blocks of a cipher, cut to 80 bits. Each holds another serial number once, so that the mode that hides no repetition has none to hide.
        cipher = Cipher(algorithms.AES(self.derive(f"persons/{lineage}")), modes.ECB()).encryptor()  # noqa: S305
        sealed = np.frombuffer(cipher.update(blocks.tobytes()) + cipher.finalize(), np.uint8).reshape(-1, 16)[:, :_ID_BYTES]
        written = np.empty((len(serials), 1 + 2 * _ID_BYTES), np.uint8)
        written[:, 0] = ord("P")
        written[:, 1::2], written[:, 2::2] = _DIGITS[sealed >> 4], _DIGITS[sealed & 15]
        return written


def seal(key: bytes, nonce: bytes, content: bytes) -> bytes:
    """The nonce and the sealed content; a nonce serves once."""
    return nonce + AESGCM(key).encrypt(nonce, content, None)


def unseal(key: bytes, sealed: bytes, part: str) -> bytes:
    """Refuses: linkage-state-damaged."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None)
    except (InvalidTag, ValueError) as error:
        raise STATE_DAMAGED.refuse(part=part) from error
