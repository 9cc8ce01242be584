"""消去済みのファイル (erased files): what orders of erasure have destroyed, asked by whoever read the vault before and writes what came of it after."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kiban_operator.vault import Shelf, VaultFile
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_20

ERASED_MEANWHILE = Ground(
    "erased-meanwhile", Family.STATE, ACT_20,
    Text("この処理の間に消去が行われました。読み取った行に、消去されたものが含まれるおそれがあります。",
         "An erasure took place while this was at work; what it had read may hold rows that are erased."),
    Text("この処理では何も変えていません。もう一度行ってください。", "Nothing was changed. Do it again."),
)  # fmt: skip


def count(session: Session) -> int:
    """How many files orders of erasure have destroyed so far; for `require_none_since`."""
    return session.scalar(sa.select(sa.func.count()).select_from(VaultFile).where(VaultFile.erasure.is_not(None))) or 0


def require_none_since(session: Session, before: int) -> None:
    """Nothing was erased since `count` told `before`: whoever is erased must not come back with what was made of rows read earlier.

    Asked under the ledger's lock. Refuses: erased-meanwhile.
    """
    if count(session) != before:
        raise ERASED_MEANWHILE.refuse()


def emptied(session: Session, shelf: Shelf, table: str) -> list[str]:
    """Submissions or releases of which an erasure has destroyed a file of the table; what is left of it, if anything, is living."""
    query = sa.select(VaultFile.submission).where(
        VaultFile.shelf == shelf.value, VaultFile.table_name == table, VaultFile.erasure.is_not(None)
    )
    return sorted(set(session.scalars(query)))
