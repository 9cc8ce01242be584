"""管理データの表 (schema): the control tables and their columns, as the migrations make them; bulk data are not here but in the vault."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from kiban_applications.documents import markdown
from kiban_applications.migrations import known_tables
from kiban_operator.database import Base


def compose(_root: Path) -> str:
    homes = {mapper.local_table.key: mapper.class_ for mapper in Base.registry.mappers if isinstance(mapper.local_table, sa.Table)}
    parts = [
        "SQLite (WAL) or PostgreSQL. Patients' records are not here: they lie in the vault (保管庫) as encrypted files. "
        "A registration is named by its `patient_key` alone. Times are UTC.",
    ]
    for table in sorted(known_tables.METADATA.tables.values(), key=lambda one: one.name):
        owner = homes[table.key]
        parts.append(f"## `{table.name}`")
        first = (owner.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")
        parts.append(f"`{owner.__module__}.{owner.__name__}`. {first}")
        parts.append(markdown.table(("column", "type", "may be empty", "key"), [_column(column) for column in table.columns]))
        checks = sorted(str(one.sqltext) for one in table.constraints if isinstance(one, sa.CheckConstraint))
        unique = sorted(", ".join(c.name for c in one.columns) for one in table.constraints if isinstance(one, sa.UniqueConstraint))
        parts.extend(f"Unique together: {markdown.code(names)}." for names in unique)
        parts.extend(f"Check: {markdown.code(text)}." for text in checks)
    return markdown.page("Control tables (管理データ)", *parts)


def _column(column: sa.Column[object]) -> tuple[object, ...]:
    keys = ["primary"] if column.primary_key else []
    keys += [f"→ {markdown.code(key.target_fullname)}" for key in sorted(column.foreign_keys, key=lambda key: key.target_fullname)]
    keys += ["unique"] if column.unique else ["indexed"] if column.index else []
    return markdown.code(column.name), str(column.type), "yes" if column.nullable else "", ", ".join(keys)
