"""データ定義書 (dictionary): what each released column means, for machines (Frictionless Data Package) and for people (CSV, ja/en)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from datetime import date

from frictionless import FrictionlessException, Package

from kiban_processing.package.contents import Content

_HEADINGS = (
    *("table", "table_label_ja", "table_label_en", "column", "label_ja", "label_en", "type", "unit", "code_system"),
    *("meaning_ja", "meaning_en"),
)


def data_package(contents: Sequence[Content], release: str, made_on: date, rows: Mapping[str, int]) -> bytes:
    """The Frictionless `datapackage.json`; paths are relative to the bag's `data/`, below which the standard wants them.

    Raises ValueError when the standard's own library finds a fault in it (a bug of ours).
    """
    resources: list[dict[str, object]] = []
    for content in contents:
        schema: dict[str, object] = {
            "fields": [
                {
                    "name": column.name,
                    "type": column.type,
                    "title": column.label.ja,
                    "title_en": column.label.en,
                    "description": column.meaning.ja,
                    "description_en": column.meaning.en,
                    **({"unit": column.unit} if column.unit else {}),
                    **({"code_system": column.code_system} if column.code_system else {}),
                }
                for column in content.columns
            ],
            "missingValues": [""],
        }
        resources.append(
            {
                "name": content.table,
                "type": "table",
                "path": f"csv/{content.table}.csv",
                "scheme": "file",
                "format": "csv",
                "mediatype": "text/csv",
                "encoding": "utf-8-sig",
                "title": content.label.ja,
                "title_en": content.label.en,
                "description": content.row.ja,
                "description_en": content.row.en,
                "rows": rows[content.table],
                "schema": schema,
            }
        )
    descriptor = {
        "name": "release",
        "id": release,
        "title": "匿名加工医療情報",
        "title_en": "anonymously processed medical information",
        "created": f"{made_on.isoformat()}T00:00:00+09:00",
        "resources": resources,
    }
    try:
        faults = [fault.message for fault in Package.metadata_validate(descriptor)]
    except FrictionlessException as error:
        faults = [error.error.message]
    if faults:
        raise ValueError(f"the data package does not follow the standard: {faults[0]}")
    return json.dumps(descriptor, ensure_ascii=False, indent=2).encode() + b"\n"


def table_for_people(contents: Sequence[Content]) -> bytes:
    """`dictionary.csv`: one line per column, both languages side by side; UTF-8 with byte order mark so that Excel reads it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(_HEADINGS)
    for content in contents:
        for column in content.columns:
            writer.writerow(
                (
                    *(content.table, content.label.ja, content.label.en, column.name, column.label.ja, column.label.en, column.type),
                    *(column.unit or "", column.code_system or "", column.meaning.ja, column.meaning.en),
                )
            )
    return b"\xef\xbb\xbf" + text.getvalue().encode()
