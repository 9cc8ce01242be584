"""Broken separated values: name → what is sent and what has to become of it."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from tests.deliveries.broken.delivered import ACCEPTED, QUARANTINED, REFUSED, Broken, Counts

HEADER = "local_patient_id,death_date,cause_icd10\n"
SOUND = HEADER + "0001,2024-04-01,I10\n"
MAPPING = '[[files]]\nfile = "a.csv"\ntable = "deaths"\n[files.columns]\n"患者ID" = "local_patient_id"\n"死亡日" = "death_date"\n'
MAPPED = "患者ID,死亡日\n0001,2024-04-01\n"
FIELDS: list[dict[str, Any]] = [
    {"name": "患者ID", "kiban:item": "deaths.local_patient_id"},
    {"name": "死亡日", "type": "date", "kiban:item": "deaths.death_date"},
]


def own(content: str | bytes, told: str, counts: Counts | None = REFUSED, name: str = "deaths.csv") -> Broken:
    """A file that its own header describes."""
    return Broken({name: content.encode() if isinstance(content, str) else content}, told, counts)


def mapped(content: str | bytes, told: str, counts: Counts | None = REFUSED, mapping: str = MAPPING) -> Broken:
    return Broken({"a.csv": content.encode() if isinstance(content, str) else content}, told, counts, mapping=mapping)


def schema(
    told: str, counts: Counts | None = None, fields: list[dict[str, Any]] | None = None, content: str = MAPPED, **other: Any
) -> Broken:
    """A file that a Table Schema describes (`{` makes the mapping JSON)."""
    return mapped(content, told, counts, json.dumps({"fields": FIELDS if fields is None else fields, **other}, ensure_ascii=False))


def package(told: str, counts: Counts | None = None, content: str = MAPPED, **other: Any) -> Broken:
    entry = {"name": "deaths", "path": "a.csv", "schema": {"fields": FIELDS}, **other}
    return mapped(content, told, counts, json.dumps({"resources": [entry]}, ensure_ascii=False))


def submitted(manifest: str, told: str, counts: Counts | None = None, content: str = MAPPED, mapping: str = MAPPING) -> Broken:
    return Broken({"manifest.toml": manifest.encode(), "mapping.toml": mapping.encode(), "a.csv": content.encode()}, told, counts)


def packed() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("deaths.csv", SOUND)
    return buffer.getvalue()


MANIFEST = """[submission]
hospital = "h001"
regime = "A"
period_from = 2024-01-01
period_to = 2024-12-31
encoding = "utf-8"
sent_by = "x"
"""
CASES: dict[str, Broken] = {
    "empty": own("", "file-empty"),
    "of empty lines": own("\n\n\n", "file-empty"),
    "in UTF-16": own(SOUND.encode("utf-16"), "encoding-utf16"),
    "in ISO-2022-JP": own((HEADER + "見本,2024-04-01,I10\n").encode("iso2022_jp"), "encoding-iso2022jp"),
    "with a NUL": own(SOUND.replace("I10", "I\0"), "nul-bytes"),
    "of NULs": own(b"\0" * 5000, "nul-bytes"),
    "neither UTF-8 nor CP932": own(HEADER.encode() + b"0001,2024-04-01,\x81\xff\n" * 50, "encoding-undetected"),
    "half UTF-8 and half CP932": own((SOUND + "見本,2024-04-01,\n" * 31).encode() + "症,2024-04-01,\n".encode("cp932") * 12, "encoding-undetected"),
    "a line without end": own(SOUND.encode() + b"x" * (2 << 20), "line-too-long"),
    "a picture": own(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8, "nul-bytes"),
    "header of the hospital's own names": own(MAPPED, "mapping-needed"),
    "header with one name too many": own(SOUND.replace("cause_icd10", "cause"), "mapping-needed"),
    "header without the patient": own(SOUND.replace("local_patient_id", "cause_other_code"), "mapping-needed"),
    "no header": own("0001,2024-04-01,I10\n", "mapping-needed"),
    "header of two tables": own("local_patient_id,encounter_id,observed_on,sampled_on\n", "mapping-needed", name="x.csv"),
    "header that fits two tables and names neither": own("local_patient_id,death_date\n1,2024-04-01\n", "table-unclear", REFUSED, "x.csv"),
    "column twice": own("local_patient_id,death_date,death_date\n1,2024-04-01,2024-04-01\n", "column-duplicate"),
    "header with an open quote": own('"local_patient_id,death_date\n', "header-damaged"),
    "row too short": own(SOUND + "0002\n", "column-count", (2, 1, 1, 0)),
    "row too long": own(SOUND + "0002,2024-04-01,I10,x\n", "column-count", (2, 1, 1, 0)),
    "quote left open": own(SOUND + '"0002,2024-04-01,I10\n', "unclosed-quote", (2, 1, 1, 0)),
    "mojibake": own(SOUND + "0002,2024-04-01,\ufffd\n", "mojibake", (2, 1, 1, 0)),
    "no patient in a row": own(SOUND + ",2024-04-01,I10\n", "required-missing", (2, 1, 1, 0)),
    "day that does not exist": own(SOUND + "0002,2024-02-30,I10\n", "not-a-date", (2, 1, 1, 0)),
    "day out of range": own(SOUND + "0002,1700-01-01,I10\n", "out-of-range", (2, 1, 1, 0)),
    "code of no form": own(HEADER + "0001,2024-04-01,高血圧\n", "pattern-mismatch", ACCEPTED),
    "number below a limit": own(
        "local_patient_id,sampled_on,value\n1,2024-04-01,<0.5\n", "inequality", ACCEPTED, "laboratory_results.csv"
    ),
    "number that is a word": own("local_patient_id,sampled_on,value\n1,2024-04-01,high\n", "not-a-number", ACCEPTED, "laboratory_results.csv"),
    "choice unheard of": own("local_patient_id,sex\n1,m\n", "not-in-choices", ACCEPTED, "patients.csv"),
    "file of another format beside": Broken({"deaths.csv": SOUND.encode(), "b.json": b"{}"}, "file-passed-over", ACCEPTED),
    "zip": Broken({"a.zip": packed()}, "csv-archive", None, True),
    "mapped file without the mapped column": mapped("患者ID,日\n1,2024-04-01\n", "column-missing"),
    "mapped file with a column nobody mapped": mapped("患者ID,死亡日,備考\n1,2024-04-01,x\n", "column-undeclared"),
    "mapped file without its header": mapped("1,2024-04-01\n", "header-unrecognised"),
    "file the mapping does not name": Broken({"a.csv": MAPPED.encode(), "b.csv": MAPPED.encode()}, "file-unmapped", (2, 1, 0, 1), mapping=MAPPING),
    "file the mapping names and nobody sent": Broken({"b.csv": MAPPED.encode()}, "submission-incomplete", (2, 0, 0, 2), mapping=MAPPING),
    "mapping that is no TOML": mapped(MAPPED, "settings-unreadable", None, "[[files"),
    "mapping of an unknown table": mapped(MAPPED, "table-unknown", None, MAPPING.replace('"deaths"', '"karte"')),
    "mapping of an unknown item": mapped(MAPPED, "undeclared-item", None, MAPPING.replace('"death_date"', '"died"')),
    "mapping without a required item": mapped(MAPPED, "item-unmapped", None, MAPPING.replace('"死亡日" = "death_date"', "")),
    "mapping with two delimiters": mapped(
        MAPPED, "delimiters-disagree", REFUSED, MAPPING + MAPPING.replace('"deaths"\n', '"patients"\ndelimiter = "\\t"\n')
    ),
    "encoding that is wrong by declaration": Broken(
        {"manifest.toml": MANIFEST.replace("utf-8", "cp932").encode(), "mapping.toml": MAPPING.encode(), "a.csv": (MAPPED + "見本,2024-04-01\n" * 9).encode()},
        "encoding-wrong", REFUSED,
    ),
    "manifest without a period": submitted(MANIFEST.replace("period_to = 2024-12-31\n", ""), "setting-missing"),
    "manifest of a reversed period": submitted(MANIFEST.replace("2024-12-31", "2023-12-31"), "period-reversed"),
    "manifest of an unknown encoding": submitted(MANIFEST.replace("utf-8", "utf-16"), "setting-invalid"),
    "mapping that leads outside": submitted(MANIFEST, "path-outside", mapping=MAPPING.replace("a.csv", "../a.csv")),
    "schema entry without its schema": submitted(MANIFEST, "submission-incomplete", mapping='[[files]]\nfile = "a.csv"\nschema = "s.json"\n'),
    "schema that is no JSON": mapped(MAPPED, "schema-unreadable", None, '{"fields": '),
    "schema without fields": schema("setting-invalid", fields=[]),
    "schema that names no table": schema("schema-table-unsaid", fields=[{"name": "local_patient_id"}]),
    "schema of an unknown table": schema("table-unknown", **{"kiban:table": "karte"}),
    "schema of two tables": schema("undeclared-item", fields=[*FIELDS, {"name": "x", "kiban:item": "patients.sex"}]),
    "schema of an unknown item": schema("undeclared-item", fields=[*FIELDS, {"name": "x", "kiban:item": "deaths.died"}]),
    "schema whose field nobody declares": schema("undeclared-item", fields=[*FIELDS, {"name": "備考"}]),
    "schema with an unknown property": schema("setting-unknown", fields=[{**FIELDS[0], "kiban:itme": "x"}, FIELDS[1]]),
    "schema with a property of its own": schema("setting-unknown", transform="x"),
    "schema whose type cannot be": schema("schema-type-disagrees", fields=[FIELDS[0], {**FIELDS[1], "type": "number"}]),
    "schema whose type is unheard of": schema("schema-type-disagrees", fields=[FIELDS[0], {**FIELDS[1], "type": "geopoint"}]),
    "schema whose format is not read": schema("schema-type-disagrees", fields=[{**FIELDS[0], "type": "string", "format": "uuid"}, FIELDS[1]]),
    "schema that skips fields": schema("setting-invalid", fieldsMatch="subset"),
    "schema with numbers among words": schema("setting-invalid", fields=[FIELDS[0], {**FIELDS[1], "bareNumber": False}]),
    "schema's date in another form": schema("not-a-date", QUARANTINED, content="患者ID,死亡日\n1,01/04/2024\n"),
    "schema's date in a form it does not name": schema(
        "not-a-date", QUARANTINED, [FIELDS[0], {**FIELDS[1], "format": "%d/%m/%Y"}], "患者ID,死亡日\n1,2024/4/1\n"
    ),
    "schema's missing value where one is needed": schema("required-missing", QUARANTINED, missingValues=["", "なし"], content="患者ID,死亡日\n1,なし\n"),
    "schema misses a column that was sent": schema("column-undeclared", REFUSED, content="患者ID,死亡日,備考\n1,2024-04-01,x\n"),
    "package of two paths": package("setting-invalid", path=["a.csv", "b.csv"]),
    "package of an unknown encoding": package("setting-invalid", encoding="ebcdic"),
    "package without a header": package("setting-invalid", dialect={"header": False}),
    "package of an unknown delimiter": package("setting-invalid", dialect={"delimiter": "::"}),
    "package whose schema leads outside": package("path-outside", schema="../s.json"),
    "package compressed": package("setting-unknown", compression="gz"),
}  # fmt: skip
