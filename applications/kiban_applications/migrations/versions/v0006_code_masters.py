"""Versions of the code masters the operator brings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from kiban_operator import database

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "code_masters",
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("version", sa.String(length=60), nullable=False),
        sa.Column("in_force", sa.Date(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("stored", sa.String(length=64), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("encoding", sa.String(length=10), nullable=False),
        sa.Column("licence", sa.String(length=400), nullable=True),
        sa.Column("loaded_at", database.Moment(timezone=True), nullable=False),
        sa.Column("loaded_by", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("kind", "version", name=op.f("pk_code_masters")),
        sa.UniqueConstraint("kind", "in_force", name=op.f("uq_code_masters_kind_in_force")),
    )


def downgrade() -> None:
    op.drop_table("code_masters")
