"""Records of deliveries in standard formats, counted by file, beside the rows of each submission."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("submissions") as table:
        table.add_column(sa.Column("deliveries", sa.JSON(), nullable=False, server_default="[]"))
    with op.batch_alter_table("submissions") as table:
        table.alter_column("deliveries", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("submissions") as table:
        table.drop_column("deliveries")
