"""Orders of erasure, and of each vault file whose rows it may hold and which order destroyed it; files that are there may hold anybody's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from kiban_operator import database

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "erasures",
        sa.Column("scope", sa.String(length=12), nullable=False),
        sa.Column("cause", sa.String(length=20), nullable=False),
        sa.Column("hospital", sa.String(length=40), nullable=True),
        sa.Column("submission", sa.String(length=40), nullable=True),
        sa.Column("document", sa.String(length=71), nullable=True),
        sa.Column("registrations", sa.Integer(), nullable=False),
        sa.Column("subject", sa.LargeBinary(), nullable=True),
        sa.Column("ordered_by", sa.String(length=40), nullable=False),
        sa.Column("ordered_at", database.Moment(timezone=True), nullable=False),
        sa.Column("approved_by", sa.String(length=40), nullable=True),
        sa.Column("counted", sa.JSON(), nullable=False),
        sa.Column("outcome", sa.JSON(), nullable=False),
        sa.Column("finished_at", database.Moment(timezone=True), nullable=True),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasures")),
    )
    op.create_index(op.f("ix_erasures_state"), "erasures", ["state"], unique=False)
    with op.batch_alter_table("vault_files") as batch:
        batch.add_column(sa.Column("bucket", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("person_index", sa.LargeBinary(), nullable=True))
        batch.add_column(sa.Column("erasure", sa.String(length=40), nullable=True))
    op.create_index(op.f("ix_vault_files_erasure"), "vault_files", ["erasure"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_vault_files_erasure"), table_name="vault_files")
    with op.batch_alter_table("vault_files") as batch:
        for column in ("erasure", "person_index", "bucket"):
            batch.drop_column(column)
    op.drop_table("erasures")
