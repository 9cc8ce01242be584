"""How a requester was identified, when the hospital was told, copies of documents, and requests whose person is sought."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from kiban_operator import database

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("stops") as table:
        table.add_column(sa.Column("identity_check", sa.String(length=10), nullable=True))
        table.add_column(sa.Column("identity_checked_by", sa.String(length=100), nullable=True))
        table.add_column(sa.Column("inform_by", sa.Date(), nullable=True))
        table.add_column(sa.Column("informed_on", sa.Date(), nullable=True))
        table.add_column(sa.Column("voided", sa.Boolean(), nullable=True))
        table.add_column(sa.Column("void_reason", sa.Text(), nullable=True))
    # Of requests taken before, nobody wrote down whether the hospital was told: they are due at once.
    op.execute("UPDATE stops SET voided = false, inform_by = acknowledge_by")
    with op.batch_alter_table("stops") as table:
        table.alter_column("inform_by", existing_type=sa.Date(), nullable=False)
        table.alter_column("voided", existing_type=sa.Boolean(), nullable=False)
    op.create_table(
        "stop_papers",
        sa.Column("stop", sa.String(length=40), nullable=False),
        sa.Column("delivered_on", sa.Date(), nullable=False),
        sa.Column("keep_until", sa.Date(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("made_at", database.Moment(timezone=True), nullable=False),
        sa.Column("made_by", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(["stop"], ["stops.id"], name=op.f("fk_stop_papers_stop_stops")),
        sa.PrimaryKeyConstraint("stop", name=op.f("pk_stop_papers")),
    )
    op.create_index(op.f("ix_stop_papers_keep_until"), "stop_papers", ["keep_until"])
    op.create_table(
        "stop_matches",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("said", sa.LargeBinary(), nullable=True),
        sa.Column("candidates", sa.JSON(), nullable=False),
        sa.Column("requested_on", sa.Date(), nullable=False),
        sa.Column("taken_at", database.Moment(timezone=True), nullable=False),
        sa.Column("taken_by", sa.String(length=100), nullable=False),
        sa.Column("settled_at", database.Moment(timezone=True), nullable=True),
        sa.Column("settled_by", sa.String(length=100), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stop_matches")),
    )
    op.create_index(op.f("ix_stop_matches_settled_at"), "stop_matches", ["settled_at"])


def downgrade() -> None:
    op.drop_table("stop_matches")
    op.drop_table("stop_papers")
    with op.batch_alter_table("stops") as table:
        for column in ("void_reason", "voided", "informed_on", "inform_by", "identity_checked_by", "identity_check"):
            table.drop_column(column)
