"""追記専用 (insert-only): the triggers that keep the ledger's tables from being changed, on SQLite and PostgreSQL (Act 14, Reg 12(3)).

`TRIGGERS` holds the statements for a migration; `attach` hangs the same ones onto the tables for `metadata.create_all`.
They stop mistakes and ordinary accounts; who owns the database can drop them, and is found out by the audit.
"""

from __future__ import annotations

import sqlalchemy as sa

INSERT_ONLY = ("ledger_entries", "ledger_nodes", "ledger_checkpoints")

_NEXT = "(SELECT coalesce(max(seq) + 1, 0) FROM ledger_entries)"

# SQLite's INSERT OR REPLACE deletes without firing a DELETE trigger, so a taken place is refused before the insert as well.
_TAKEN = {
    "ledger_entries": f"NEW.seq <> {_NEXT}",
    "ledger_nodes": "EXISTS (SELECT 1 FROM ledger_nodes WHERE level = NEW.level AND idx = NEW.idx)",
    "ledger_checkpoints": "EXISTS (SELECT 1 FROM ledger_checkpoints WHERE size = NEW.size)",
}


def _sqlite(table: str) -> list[str]:
    changes = [
        f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, 'the ledger is insert-only: {table}'); END"
        for act in ("UPDATE", "DELETE")
    ]
    place = (
        f"CREATE TRIGGER {table}_next_only BEFORE INSERT ON {table} WHEN {_TAKEN[table]} "
        f"BEGIN SELECT RAISE(ABORT, 'the ledger grows at its end only: {table}'); END"
    )
    return [*changes, place]


def _postgresql(table: str) -> list[str]:
    refuse = (
        f"CREATE OR REPLACE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN RAISE EXCEPTION 'the ledger is insert-only: {table}'; END $$"
    )
    changes = [
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_refuse()",
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {table}_refuse()",
    ]
    place = (
        f"CREATE OR REPLACE FUNCTION {table}_next() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF {_TAKEN[table]} THEN "
        f"RAISE EXCEPTION 'the ledger grows at its end only: {table}'; END IF; RETURN NEW; END $$"
    )
    order = f"CREATE TRIGGER {table}_next_only BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_next()"
    return [refuse, *changes, place, order]


_BY_TABLE = {
    "sqlite": {table: _sqlite(table) for table in INSERT_ONLY},
    "postgresql": {table: _postgresql(table) for table in INSERT_ONLY},
}

TRIGGERS: dict[str, list[str]] = {dialect: [s for part in tables.values() for s in part] for dialect, tables in _BY_TABLE.items()}


def attach(table: sa.Table) -> None:
    """Make the triggers of this table together with it, whenever `create_all` makes it."""
    for dialect, tables in _BY_TABLE.items():
        for statement in tables[table.name]:
            ddl = sa.DDL(statement)  # type: ignore[no-untyped-call]
            sa.event.listen(table, "after_create", ddl.execute_if(dialect=dialect))
