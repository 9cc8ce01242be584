"""Alembic's entry: runs the migrations on the connection that `steps` hands over."""

from __future__ import annotations

from alembic import context

from kiban_applications.migrations.known_tables import METADATA

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=METADATA, render_as_batch=connection.dialect.name == "sqlite", compare_type=True)
with context.begin_transaction():
    context.run_migrations()
