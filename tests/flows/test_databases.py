"""The whole story on PostgreSQL as on SQLite, and migrations that stay in step with the tables on both."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command

import kiban_applications
import kiban_operator
from kiban_applications.command_line.demonstration import story
from kiban_applications.migrations import known_tables, steps
from kiban_operator import database, release_state
from kiban_operator.database import Base
from kiban_operator.persons import events, register


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """An empty database of each kind."""
    url = f"sqlite:///{tmp_path / 'control.db'}" if request.param == "sqlite" else fresh(request.getfixturevalue("postgresql"), "steps")
    made = database.connect(url)
    yield made
    made.dispose()


def fresh(server: str, name: str) -> str:
    """A new database on the server; its URL."""
    admin = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    admin.dispose()
    url: str = sa.make_url(server).set(database=name).render_as_string(hide_password=False)
    return url


def test_upgrade_twice_and_in_step(engine: sa.Engine) -> None:
    assert steps.revisions(engine)[0] is None
    assert steps.differences(engine)
    steps.upgrade(engine)
    assert steps.differences(engine) == []
    current, newest = steps.revisions(engine)
    assert current == newest is not None
    steps.upgrade(engine)
    assert steps.differences(engine) == [] and steps.revisions(engine) == (current, newest)


def test_differences_are_found(engine: sa.Engine) -> None:
    steps.upgrade(engine)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE person_memberships"))
        connection.execute(sa.text("ALTER TABLE submissions ADD COLUMN extra INTEGER"))
    told = str(steps.differences(engine))
    assert "person_memberships" in told and "extra" in told


def test_failed_upgrade_leaves_nothing(engine: sa.Engine) -> None:
    """A table in the way: nothing of the migration stays, and it runs once the way is clear."""
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE vault_files (id INTEGER)"))
    with pytest.raises(sa.exc.DBAPIError):
        steps.upgrade(engine)
    assert steps.revisions(engine)[0] is None
    assert sa.inspect(engine).get_table_names() == ["vault_files"]
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE vault_files"))
    steps.upgrade(engine)
    assert steps.differences(engine) == []


def test_a_register_of_the_first_version_is_carried_over(engine: sa.Engine) -> None:
    """Runs come from the ledger, memberships from the register, each since the run that made it; earlier events were of the data."""
    with engine.begin() as connection:
        command.upgrade(steps._configuration(connection), "0001")
        for seq, run in enumerate(("n-a", "n-b")):
            body = json.dumps({"aggregate": f"linkage/{run}", "at": f"2026-0{seq + 1}-01T09:00:00+09:00"}).encode()
            row = {"seq": seq, "body": body, "leaf": b"-", "kind": "persons.linked", "aggregate": f"linkage/{run}"}
            connection.execute(sa.text("INSERT INTO ledger_entries VALUES (:seq, :body, :leaf, :kind, :aggregate)"), row)
        for key, person, run in (("k1", "P-1", "n-a"), ("k2", "P-1", "n-b")):
            connection.execute(
                sa.text("INSERT INTO registrations VALUES (:key, 'H1', :person, :run)"), {"key": key, "person": person, "run": run}
            )
        connection.execute(
            sa.text("INSERT INTO person_events (linkage, kind, person, other, at) VALUES ('n-b', 'merge', 'P-1', 'P-2', '2026-07-01')")
        )
    steps.upgrade(engine)
    assert steps.differences(engine) == []
    with sa.orm.Session(engine) as session:
        assert [(run.id, run.entry) for run in session.scalars(sa.select(register.LinkageRun).order_by(register.LinkageRun.entry))] == [
            ("n-a", 0), ("n-b", 1)
        ]  # fmt: skip
        assert register.as_of(session, "P-1", 0) == ["k1"] and register.as_of(session, "P-1", 1) == ["k1", "k2"]
        assert [event.cause for event in session.scalars(sa.select(events.PersonEvent))] == ["linkage"]


def test_every_module_with_a_table_is_known() -> None:
    listed = {module.__name__ for module in known_tables.MODULES}
    for package in (kiban_operator, kiban_applications):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".migrations.versions" not in found.name and not found.name.endswith((".env", "__main__")):
                importlib.import_module(found.name)
    declaring = {mapper.class_.__module__ for mapper in Base.registry.mappers}
    assert declaring == listed
    assert set(Base.metadata.tables) == {table.name for mapper in Base.registry.mappers for table in mapper.tables}


def test_story_on_postgresql(postgresql: str, agreed: Any, tools: Any, tmp_path: Path) -> None:
    """Everything from the first hospital to the audit, with the same counts as on SQLite."""
    telling, finish = tools.tell(tmp_path / "home", fresh(postgresql, "story"))
    try:
        assert telling.home.engine.dialect.name == "postgresql"
        assert not (telling.home.path / "control.db").exists()
        counts = [(each["sent"], each["accepted"], each["held"], each["quarantined"]) for each in telling.told["receipts"]]
        assert counts == [(e["sent"], e["accepted"], e["held"], e["quarantined"]) for e in agreed.told["receipts"]]
        assert telling.told["linkage"] == agreed.told["linkage"]
        release_id = finish()
        story._audit(telling)
        assert telling.told["audit"]["ok"] and telling.told["audit"]["altered_copy_found"]
        with telling.home.transaction() as session:
            assert release_state.load(session, release_id).delivered_on is not None
        assert steps.differences(telling.home.engine) == []
    finally:
        telling.home.engine.dispose()


def test_story_on_sqlite(told: Any) -> None:
    assert told.told["audit"]["ok"] and told.told["audit"]["altered_copy_found"]
    with told.home.transaction() as session:
        assert release_state.load(session, told.told["release"]).delivered_on is not None
    assert steps.differences(told.home.engine) == []
