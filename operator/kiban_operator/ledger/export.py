"""帳簿の書出し (export): one folder that stands alone, from which a stranger checks the whole ledger without us (Act 14, Reg 12).

    checkpoint  checkpoints/  entries.jsonl  tile/  reveals.jsonl  documents/  keys.txt  README.txt

The same book gives the same bytes. Texts behind sealed fields (recipients' names) are in it: hand it to whom they may be shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kiban_operator.ledger import book, merkle, notes, signer, tiles
from kiban_operator.ledger.statements import canonical
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_14

NOT_EMPTY = Ground(
    "ledger-export-not-empty",
    Family.STATE,
    ACT_14,
    Text("書出し先 {folder} は空ではありません。", "The place of the export, {folder}, is not empty."),
    Text("空の、又はまだない場所を指定してください。", "Give an empty place, or one that does not exist yet."),
)
NOT_SIGNED = Ground(
    "ledger-not-signed",
    Family.STATE,
    ACT_14,
    Text(
        "最後の検証点（{signed} 件）より後の記載があります（現在 {size} 件）。",
        "There are entries after the last checkpoint ({signed}; now {size}).",
    ),
    Text("先に検証点に署名してください（`kiban ledger checkpoint`）。", "Sign a checkpoint first (`kiban ledger checkpoint`)."),
)

_DIGEST = re.compile(rb'"sha256:([0-9a-f]{64})"')
_DOCUMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")

README = """帳簿の写し（次世代医療基盤法 第14条、施行規則 第12条）
================================================

この場所だけで帳簿全体を検証できます。ネットワークもデータベースも要りません。

  kiban audit この場所                         検証し、結果を読める形で示します（終了コード 0 は異常なし）
  kiban audit この場所 --key 公開鍵            鍵をご自身で確かめて指定する場合（推奨）
  kiban audit この場所 --earlier 以前の検証点  以前に受け取った checkpoint を手元に残しておき、照合する場合（推奨）

次の三つを必ず行ってください。
1. keys.txt の指紋を、事業者が別の手段（書面、面前）で示した指紋と見比べる。
2. 今回の checkpoint を保管し、次回 --earlier に渡す。帳簿の鍵を持つ者による書換えは、これで見つかります。
3. 受け取った提供物の SHA-256 を、entries.jsonl の release.delivered の package と見比べる。

  checkpoint          帳簿の名前、件数、木の根、署名
  checkpoints/        以前の検証点（ファイル名は件数）
  entries.jsonl       記載そのもの。一行一件、正規化した JSON（RFC 8785）。この一行のバイト列が木の葉です
  tile/               同じ木を透明性ログの標準の形（C2SP tlog-tiles）に切ったもの。他の道具でも検証できます
  reveals.jsonl       封をした項目（提供先の氏名など）の原文と塩。SHA-256（塩 + 原文）が記載の c: の値です
  documents/          記載にダイジェストのある文書（目録、根拠資料など）
  keys.txt            帳簿の公開鍵とその指紋

手作業で確かめるには: 葉 = SHA-256(0x00 + 一行)、節 = SHA-256(0x01 + 左 + 右)、木の形は RFC 6962 2.1 節。


A copy of the ledger (Next-Generation Medical Infrastructure Act, Article 14; Ministerial Order, Article 12)
=============================================================================================================

This folder is all that is needed to verify the whole ledger: no network, no database.

  kiban audit THIS_FOLDER                        verifies and gives a readable verdict (exit code 0: all is well)
  kiban audit THIS_FOLDER --key KEY              with the public key you made sure of yourself (recommended)
  kiban audit THIS_FOLDER --earlier CHECKPOINT   compared with a checkpoint you kept from before (recommended)

Please do these three things.
1. Compare the fingerprint in keys.txt with the one the operator gave you by another way (on paper, in person).
2. Keep this checkpoint and give it to --earlier next time: that finds a rewriting even by who holds the ledger's key.
3. Compare the SHA-256 of the package you received with `package` of release.delivered in entries.jsonl.

  checkpoint          name of the ledger, number of entries, root of the tree, signature
  checkpoints/        earlier checkpoints (the file name is the number of entries)
  entries.jsonl       the entries: one a line, canonical JSON (RFC 8785); the bytes of a line are a leaf of the tree
  tile/               the same tree in the form of transparency logs (C2SP tlog-tiles), for other tools
  reveals.jsonl       texts and salts of sealed fields (such as recipients); SHA-256(salt + text) is the entry's c: value
  documents/          documents whose digests stand in entries (manifests, evidence)
  keys.txt            the ledger's public key and its fingerprint

By hand: leaf = SHA-256(0x00 + line), node = SHA-256(0x01 + left + right), shape of the tree as in RFC 6962, section 2.1.
"""


@dataclass(frozen=True)
class Export:
    """What was written: entries, root, and the number of files."""

    size: int
    root: bytes
    files: int


def export(session: Session, folder: Path, verifier: notes.Verifier, documents: Mapping[str, bytes]) -> Export:
    """Write the whole signed book into an empty folder. `documents`: plain file name → bytes.

    A document whose digest stands in no entry (the evidence of a release that was refused) is no part of the book and is left out.
    Does not sign: every entry must already be under a checkpoint. Refuses: ledger-export-not-empty, ledger-not-signed.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise NOT_EMPTY.refuse(folder=folder)
    signed = signer.checkpoints(session)
    size = book.size(session)
    if not signed or signed[-1][0] != size:
        raise NOT_SIGNED.refuse(signed=signed[-1][0] if signed else 0, size=size)
    if not all(map(_DOCUMENT.fullmatch, documents)):
        raise ValueError("a document's name is a plain file name")
    bodies = list(session.scalars(sa.select(book.EntryRow.body).order_by(book.EntryRow.seq)))
    stated = {digest.decode() for body in bodies for digest in _DIGEST.findall(body)}
    booked = {name: content for name, content in documents.items() if sha256(content).hexdigest() in stated}
    table = merkle.levels([merkle.leaf_hash(body) for body in bodies])
    contents: dict[str, bytes] = {
        "README.txt": README.encode(),
        "keys.txt": notes.key_sheet(verifier).encode(),
        "checkpoint": signed[-1][1].encode(),
        "entries.jsonl": b"".join(body + b"\n" for body in bodies),
        "reveals.jsonl": b"".join(_reveal_lines(session)),
        **{f"checkpoints/{number:08}": note.encode() for number, note in signed[:-1]},
        **{f"documents/{name}": content for name, content in booked.items()},
        **dict(tiles.files(bodies, table)),
    }
    for name in sorted(contents):
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(contents[name])
    return Export(size, merkle.root(size, lambda level, index: table[level][index]), len(contents))


def _reveal_lines(session: Session) -> Iterable[bytes]:
    query = sa.select(book.RevealRow.seq, book.RevealRow.field, book.RevealRow.salt, book.RevealRow.value)
    for seq, field, salt, value in session.execute(query.order_by(book.RevealRow.seq, book.RevealRow.field)):
        yield canonical({"seq": seq, "field": field, "salt": salt.hex(), "value": value}) + b"\n"
