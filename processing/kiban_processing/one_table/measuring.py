"""一表の危険 (measuring): the risk of a table as it stands: classes, models, and what three attackers get; nothing is changed (Reg 18(v)).

Every column named a quasi-identifier is taken as what an attacker knows; whether these are the right ones nobody can tell from the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from kiban_processing import dialect, spill, table_plan
from kiban_processing.one_table import reading
from kiban_processing.one_table.reading import Source
from kiban_processing.recoding.tuples import Integers
from kiban_processing.risk import figures, population, reidentification


@dataclass(frozen=True)
class Asked:
    """What to measure. `threshold`: probability above which a person is at risk; `fraction`: persons of the table over those of the
    population, where it is known; `population`: its table, one row per person, with the same quasi-identifiers."""

    quasi: Sequence[str]
    sensitive: Sequence[str] = ()
    person: str | None = None
    threshold: float = 0.2
    fraction: float | None = None
    population: Path | None = None
    separator: str | None = None


def measure(path: Path, asked: Asked, aside: Path, memory: str = "2GB", threads: int | None = None) -> dict[str, Any]:
    """The figures as a document. `aside`: folder for what the engine puts aside, encrypted.

    Refuses: table-unreadable, table-column-absent.
    """
    source = _opened(path, asked.separator, (*asked.quasi, *asked.sensitive, *((asked.person,) if asked.person else ())))
    given: dict[str, str | bool | int | float | list[str]] = {"threads": threads} if threads else {}
    with duckdb.connect(config={**spill.CONFIGURATION, "memory_limit": memory, **given}) as con:
        con.execute("SET enable_progress_bar = false")
        spill.encrypt(con, aside)
        try:
            found = figures.measure(con, _relation(source), asked.quasi, asked.sensitive, asked.person)
            sizes, theirs = found.sizes, None
            if asked.population is not None:
                whole = _opened(asked.population, asked.separator, asked.quasi)
                sizes, theirs = _beside(con, _relation(source), _relation(whole), asked)
        except duckdb.Error as error:
            raise reading.TABLE_UNREADABLE.refuse(file=path.name, why=type(error).__name__) from None
    attackers = reidentification.attackers(sizes, asked.threshold, theirs, asked.fraction or 1.0)
    report = {"quasi_identifiers": list(asked.quasi), "counted": "persons" if asked.person else "rows", **found.as_json()}
    report["attackers"] = attackers.as_json()
    report["uniqueness"] = population.estimate(found.sizes, asked.fraction).as_json() if asked.fraction else None
    return report


def _opened(path: Path, separator: str | None, columns: Sequence[str]) -> Source:
    source = reading.open_table(path, separator)
    for name in columns:
        if name not in source.names:
            raise table_plan.COLUMN_ABSENT.refuse(column=name)
    return source


def _relation(source: Source) -> str:
    file = dialect.literal(str(source.path))
    if source.separator is None:
        return f"read_parquet({file})"
    return f"read_csv({file}, header = true, all_varchar = true, quote = '\"', delim = {dialect.literal(source.separator)})"


def _beside(con: duckdb.DuckDBPyConnection, own: str, whole: str, asked: Asked) -> tuple[Integers, Integers]:
    """Of each class of the table its persons, and those of the population who look alike."""
    names = [f"CAST({dialect.quoted(column)} AS VARCHAR) AS q{number}" for number, column in enumerate(asked.quasi)]
    listed = ", ".join(names)
    person = f"count(DISTINCT {dialect.quoted(asked.person)})" if asked.person else "count(*)"
    there = f"WHERE {dialect.quoted(asked.person)} IS NOT NULL" if asked.person else ""
    agree = " AND ".join(dialect.same(f"s.q{number}", f"p.q{number}") for number in range(len(names)))
    fetched = con.execute(
        f"SELECT s.n AS own, coalesce(p.n, 0) AS theirs FROM (SELECT {listed}, {person} AS n FROM {own} {there} GROUP BY ALL) s "
        f"LEFT JOIN (SELECT {listed}, count(*) AS n FROM {whole} GROUP BY ALL) p ON {agree}"
    ).fetchnumpy()
    return np.asarray(fetched["own"], dtype=np.int64), np.asarray(fetched["theirs"], dtype=np.int64)
