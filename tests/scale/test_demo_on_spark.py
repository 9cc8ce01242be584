"""The example hospitals' persons, released under the example plan on both engines: same tables, same evidence, and nothing fetched but what is named."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kiban_applications import contracts
from kiban_operator import cluster, eligibility, workshop
from kiban_processing import engine, gate, plan
from kiban_processing.evidence import Eligibility
from kiban_processing.outcome import JUDGED_PERSONS, SECRET_PERSONS, released
from kiban_processing.permitted import Treatment

from ..flows.conftest import agreed
from ..transforms.conftest import REFERENCE, SECRETS

__all__ = ["agreed"]  # a fixture

# Columns of what the attacks read: nothing that names a person.
ATTACKED = re.compile(
    r"SELECT (DISTINCT )?((p\.)?number|kind|day|weeks|released|class|CAST\(DATEDIFF\(DAY, CAST\('1970-01-01' AS DATE\), d\.day\) AS BIGINT\) AS day|, )+ "
    r"FROM .*gate_attack_(people|source|release)\b"
)
PLAN = Path(__file__).parents[2] / "data_examples" / "plans" / "diabetes-cohort.toml"
CHECKED = datetime(2026, 11, 21, tzinfo=UTC)

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")  # PySpark's, where it hands rows to the JVM


def test_same_release_same_evidence_and_only_what_is_named_leaves_the_cluster(
    agreed: Any, connect: Callable[..., Any], tmp_path: Path
) -> None:
    the_plan = plan.read(PLAN)
    with agreed.home.transaction() as session:
        order = contracts.order(session, agreed.told["contract"], agreed.home.circumstances.today())
    spark = connect()
    with workshop.open_workshop(tmp_path) as duck:
        laid_out = eligibility.lay_out_eligible(agreed.home, duck, the_plan, order)
        sources = {table: f"{relation}_again" for table, relation in laid_out.items()}
        for table, relation in laid_out.items():  # read from the vault once
            duck.register(sources[table], duck.execute(f"SELECT * FROM {relation}").to_arrow_table())
        cluster.hand_over(duck, spark, sources.values())
        (members,) = duck.execute("SELECT count(*) FROM members").fetchall()[0]
        made = engine.carry_out(duck, the_plan, sources, SECRETS, REFERENCE)

        assert engine.carry_out(spark, the_plan, sources, SECRETS, REFERENCE) == made
        only_aggregates(spark.fetched, made.persons_before, most_codes(duck, the_plan, sources))
        spark.fetched.clear()

        asked = Eligibility(CHECKED, members, 0, "0" * 64)
        judged = gate.judge(duck, the_plan, made, sources, asked)
        assert gate.judge(spark, the_plan, made, sources, asked).as_document() == judged.as_document()
        assert judged.figures[0].k >= the_plan.anonymity.k
        of_persons_in_judgement(spark.fetched, made.persons_after)

        left = (*(released(table) for table in sources), SECRET_PERSONS, JUDGED_PERSONS)
        rows = {relation: duck.execute(f"SELECT * FROM {relation} ORDER BY ALL").fetchall() for relation in left}
        for relation in left:
            assert spark.execute(f"SELECT * FROM {relation} ORDER BY ALL").fetchall() == rows[relation] != [], relation
        columns = {relation: duck.execute(f"DESCRIBE {relation}").fetchall() for relation in left}
        for relation in left[: len(sources)]:
            duck.execute(f"DROP TABLE {relation}")
        cluster.bring_back(spark, duck, made)
        for relation in left[: len(sources)]:
            assert duck.execute(f"SELECT * FROM {relation} ORDER BY ALL").fetchall() == rows[relation]
            assert duck.execute(f"DESCRIBE {relation}").fetchall() == columns[relation]


def only_aggregates(fetched: list[Any], persons: int, codes: int) -> None:
    """Counts, bounds, the distinct codes of a column, and once the distinct tuples of quasi-identifiers; never rows or persons."""
    tuples = [one.rows for one in fetched if "anonymity_codes GROUP BY" in one.query]
    assert len(tuples) == 1 and 1 < tuples[0] < persons
    assert 1 < max(one.rows for one in fetched if "anonymity_codes GROUP BY" not in one.query) <= codes
    assert not [one.query for one in fetched if one.rows > 1 and "GROUP BY" not in one.query]


def of_persons_in_judgement(fetched: list[Any], persons: int) -> None:
    """The gate asks for counts and for distinct released texts. Rows of persons are what docs/scale.md names: those for pycanon, which knows
    no engine, and the attackers' days and shifts, under running numbers."""
    rows = [one.query for one in fetched if one.rows >= persons and "count(*) FROM" not in one.query.replace("COUNT", "count")]
    assert len([query for query in rows if "so_far" in query]) == 1
    attacked = [query for query in rows if "so_far" not in query]
    assert any("number" in query and "day" in query for query in attacked)
    assert [query[:200] for query in attacked if not ATTACKED.match(query)] == []


def most_codes(con: Any, the_plan: plan.Plan, sources: dict[str, str]) -> int:
    return max(
        con.execute(f"SELECT count(DISTINCT {column.name}) FROM {sources[table.name]}").fetchall()[0][0]
        for table in the_plan.tables
        for column in table.released
        if column.treatment is Treatment.GENERALISE_RARE
    )
