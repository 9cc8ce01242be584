"""移行の実行 (steps): bring a database to today's shape, or say how far it is."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from kiban_applications.migrations.known_tables import METADATA


def _configuration(connection: sa.Connection | None = None) -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", str(Path(__file__).parent))
    configuration.set_main_option("path_separator", "os")
    configuration.attributes["connection"] = connection
    return configuration


def upgrade(engine: sa.Engine) -> None:
    """Run every migration that has not run yet, in one transaction; running it again changes nothing."""
    with engine.begin() as connection:
        command.upgrade(_configuration(connection), "head")


def revisions(engine: sa.Engine) -> tuple[str | None, str | None]:
    """The revision the database is at, and the newest one."""
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    return current, ScriptDirectory.from_config(_configuration()).get_current_head()


def differences(engine: sa.Engine) -> list[object]:
    """What the tables declared in code have that the database has not, or the other way round; empty when in step."""
    with engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), METADATA))
