"""対象項目 (coverage): whether what a notice covers takes in given data items (Act 52(1)(iii), 52(2))."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from kiban_processing.catalogue import tables

_PATIENT_ID = "local_patient_id"


def qualified(table: str, columns: Iterable[str]) -> frozenset[str]:
    """The qualified names of some columns of a table. Refuses: undeclared-item."""
    names = frozenset(f"{table}.{column}" for column in columns)
    for name in sorted(names):
        tables.named(name)
    return names


def covers(covered: Collection[str], items: Collection[str]) -> bool:
    """Whether every item is covered, by its own name or by `table.*`; no items at all is unknown, hence no.

    The local patient ID that repeats in every table is one item of a person: the table's own coverage or that of `patients` takes it in.

    >>> covers({"diagnoses.*"}, {"diagnoses.icd10", "diagnoses.local_patient_id"})
    True
    >>> covers({"patients.sex"}, {"patients.sex", "patients.address"}), covers({"patients.*"}, set())
    (False, False)
    """
    return bool(items) and all(_covered(covered, item) for item in items)


def _covered(covered: Collection[str], item: str) -> bool:
    table, _, column = item.partition(".")
    if item in covered or f"{table}.*" in covered:
        return True
    return column == _PATIENT_ID and (f"patients.{_PATIENT_ID}" in covered or "patients.*" in covered)
