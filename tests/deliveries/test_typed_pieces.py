"""Pieces of readers become typed rows, and every record is counted once."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from kiban_processing.deliveries.pieces import DEFECTS, Piece
from kiban_processing.deliveries.sources import PATH_MISSING
from kiban_processing.deliveries.typed import Typing
from kiban_processing.formats import findings
from kiban_processing.refusals import Refusal


def deaths(rows: list[tuple[str, int, str, str]]) -> pa.Table:
    names = ("source_file", "source_row", "local_patient_id", "death_date")
    schema = pa.schema([(name, pa.int64() if name == "source_row" else pa.string()) for name in names])
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows], schema)


def test_a_record_with_one_usable_row_is_accepted_and_its_other_row_is_told() -> None:
    piece = Piece({"a": 1}, {"deaths": deaths([("a", 1, "p", "2024-01-01"), ("a", 1, "p", "never")])})
    found = Typing().read(piece)
    count = found.counts["a"]
    assert (count.accepted, count.quarantined, count.rows, count.rows_quarantined) == (1, 0, 1, 1)
    (defect,) = found.defects.to_pylist()
    assert (defect["column"], defect["rule"], defect["severity"]) == ("death_date", "not-a-date", "row")


def test_a_record_without_a_usable_row_is_quarantined_and_kept_as_it_came() -> None:
    found = Typing().read(Piece({"a": 2}, {"deaths": deaths([("a", 1, "p", "2024-01-01"), ("a", 2, "p", "")])}))
    assert (found.counts["a"].accepted, found.counts["a"].quarantined) == (1, 1)
    (defect,) = found.defects.to_pylist()
    assert defect["rule"] == "required-missing" and '"local_patient_id":"p"' in defect["raw"]


def test_translations_answer_for_the_codes_of_a_format() -> None:
    texts = pa.table({"source_file": ["a", "a"], "source_row": [1, 2], "local_patient_id": ["p", "q"], "sex": ["M", "X"]})
    found = Typing({"patients.sex": {"M": "male"}}).read(Piece({"a": 2}, {"patients": texts}))
    assert found.rows["patients"].column("sex").to_pylist() == ["male", None]
    assert found.defects.column("rule").to_pylist() == ["unmapped-value"]


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.lists(st.sampled_from(["2024-01-01", "", "x"]), max_size=3), st.booleans()), max_size=8),
    st.integers(0, 2),
)
def test_every_record_is_counted_once(records: list[tuple[str, list[str], bool]], lost: int) -> None:
    sent: dict[str, int] = {}
    rows, defects, expected = [], [], {"accepted": 0, "quarantined": 0}
    for file, days, is_bad in records:
        sent[file] = number = sent.get(file, 0) + 1
        if is_bad:
            defects.append(
                {
                    "source_file": file,
                    "source_row": number,
                    "column": None,
                    "rule": findings.NOT_OF_FORMAT.code,
                    "severity": "row",
                    "raw": "?",
                }
            )
            expected["quarantined"] += 1
            continue
        rows += [(file, number, "p", day) for day in days]
        expected["accepted" if not days or "2024-01-01" in days else "quarantined"] += 1
    refused: dict[str, tuple[Refusal, int]] = {}
    if lost:
        sent["c"] = lost
        refused["c"] = (PATH_MISSING.refuse(file="c"), lost)
    found = Typing().read(Piece(sent, {"deaths": deaths(rows)}, pa.Table.from_pylist(defects, DEFECTS), refused=refused))
    totals = {name: sum(getattr(count, name) for count in found.counts.values()) for name in ("sent", "accepted", "quarantined", "refused")}
    assert totals == {"sent": sum(sent.values()), "refused": lost, **expected}
