"""表スキーマ (Frictionless Table Schema, Data Package): a standard description of a CSV taken as a mapping; what it does not say is refused.

A field gives the item named by its property `kiban:item` (`item` or `table.item`), else the item of its own name; `kiban:ignored: true`
leaves it out; `kiban:values` translates codes. The table is named by `kiban:table`, by qualified items, or by the resource's name. Honoured:
`type`, `format` of dates, `missingValues`, `decimalChar`, `groupChar`, a package's `path`, `encoding` and delimiter. Not checked:
`constraints`, keys; the catalogue's own rules judge the values.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from kiban_processing.catalogue.items import Item, Table, ValueType
from kiban_processing.catalogue.tables import TABLES
from kiban_processing.formats import encodings, field_forms, mapping, settings
from kiban_processing.formats.field_forms import Form
from kiban_processing.formats.mapping import ColumnMapping, FileMapping
from kiban_processing.formats.settings import Settings
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_55_1

SCHEMA_UNREADABLE = Ground(
    "schema-unreadable", Family.INPUT, ACT_55_1,
    Text("{file} を表スキーマ(Table Schema)又は Data Package の JSON として読めません。", "{file} is no Table Schema or Data Package in readable JSON."),
    Text("Frictionless の仕様に合わせて直してください。", "Correct it after the Frictionless specifications."),
)  # fmt: skip
SCHEMA_TABLE_UNSAID = Ground(
    "schema-table-unsaid", Family.INPUT, ACT_55_1,
    Text("{file} の「{place}」がどの表に当たるか書かれていません。", "{file} does not say which table “{place}” answers to."),
    Text("kiban:table に目録の表の名前を書いてください。", "Name a table of the catalogue in kiban:table."),
)  # fmt: skip
SCHEMA_TYPE_DISAGREES = Ground(
    "schema-type-disagrees", Family.INPUT, ACT_55_1,
    Text("{file} の欄「{field}」の型又は書式は、項目「{item}」に使えません。", "{file}: type or format of the field “{field}” cannot give the item “{item}”."),
    Text("使える型: {expected}。", "Allowed: {expected}."),
)  # fmt: skip

_FIELD = (
    "name", "title", "description", "type", "format", "constraints", "missingValues", "example", "rdfType", "decimalChar", "groupChar",
    "bareNumber", "kiban:item", "kiban:values", "kiban:ignored",
)  # fmt: skip
_SCHEMA = (
    "$schema",
    "name",
    "title",
    "description",
    "profile",
    "fields",
    "fieldsMatch",
    "missingValues",
    "primaryKey",
    "foreignKeys",
    "uniqueKeys",
    "kiban:table",
)
_RESOURCE = (
    "$schema", "name", "type", "title", "description", "profile", "path", "scheme", "format", "mediatype", "encoding", "bytes", "hash", "dialect", "schema",
    "sources", "licenses", "kiban:table",
)  # fmt: skip
_TYPES: dict[ValueType, tuple[str, ...]] = {
    ValueType.TEXT: ("string", "any", "integer"),
    ValueType.CODE: ("string", "any", "integer"),
    ValueType.DATE: ("date", "datetime", "string", "any"),
    ValueType.INTEGER: ("integer", "number", "string", "any"),
    ValueType.DECIMAL: ("number", "integer", "string", "any"),
}
ENCODINGS: dict[str, encodings.Encoding] = {
    "utf-8": "utf-8", "utf8": "utf-8", "utf-8-sig": "utf-8", "cp932": "cp932", "windows-31j": "cp932", "ms932": "cp932", "shift_jis": "cp932", "shift-jis": "cp932",
}  # fmt: skip


def load(folder: Path, name: str) -> Settings:
    """The JSON file of that name. Refuses: submission-incomplete, path-outside, schema-unreadable."""
    path = settings.path_of(folder, name)
    try:
        if path.stat().st_size > settings.LARGEST:
            raise SCHEMA_UNREADABLE.refuse(file=name)
        found = orjson.loads(path.read_bytes().removeprefix(encodings.MARK))
    except (OSError, orjson.JSONDecodeError):
        raise SCHEMA_UNREADABLE.refuse(file=name) from None
    if not isinstance(found, dict):
        raise SCHEMA_UNREADABLE.refuse(file=name)
    return Settings(name, found)


def is_package(descriptor: Settings) -> bool:
    return "resources" in descriptor


def package(folder: Path, descriptor: Settings) -> tuple[tuple[FileMapping, str | None], ...]:
    """Each resource of a Data Package as a mapping, and the encoding it declares.

    Refuses: schema-unreadable, schema-table-unsaid, schema-type-disagrees, setting-unknown, setting-missing, setting-invalid, path-outside,
    and what `mapping.check` refuses.
    """
    found: list[tuple[FileMapping, str | None]] = []
    for entry in descriptor.tables("resources"):
        entry.only(*_RESOURCE)
        paths = [entry.text("path")] if isinstance(entry.content.get("path"), str) else entry.texts("path")
        if len(paths) != 1:
            raise entry.invalid("path", '"file.csv"')
        delimiter = _delimiter(entry.table("dialect")) if "dialect" in entry else ("\t" if paths[0].lower().endswith(".tsv") else ",")
        told = entry.text("encoding").lower() if "encoding" in entry else None
        if told is not None and told not in ENCODINGS:
            raise entry.invalid("encoding", ", ".join(ENCODINGS))
        schema = load(folder, entry.text("schema")) if isinstance(entry.content.get("schema"), str) else entry.table("schema")
        table = entry.content.get("kiban:table") or schema.content.get("kiban:table") or entry.content.get("name")
        found.append((of(schema, paths[0], table, delimiter), ENCODINGS[told] if told else None))
    return tuple(found)


def of(schema: Settings, file: str, table: object = None, delimiter: str = ",") -> FileMapping:
    """A Table Schema as the mapping of one file. Refuses: as `package`."""
    schema.only(*_SCHEMA)
    if schema.content.get("fieldsMatch", "exact") not in ("exact", ["exact"]):
        raise schema.invalid("fieldsMatch", "exact")
    fields = schema.tables("fields")
    found = _table(schema, fields, table)
    missing = _texts(schema, "missingValues", ("",))
    columns: list[ColumnMapping] = []
    ignored: list[str] = []
    for field in fields:
        field.only(*_FIELD)
        source = field.text("name").strip()
        if field.content.get("kiban:ignored", False) is True:
            ignored.append(source)
            continue
        named = field.text("kiban:item") if "kiban:item" in field else source
        item = mapping.item_of(found, named.removeprefix(found.name + "."))
        translations = mapping.translations_of(file, item, field.table("kiban:values")) if "kiban:values" in field else {}
        form = _form(schema.file, field, item, missing)
        columns.append(ColumnMapping(source, item.name, translations, None if form.is_plain else form))
    if not columns:
        raise schema.invalid("fields", '[{"name": "…", "kiban:item": "…"}]')
    whole = FileMapping(file, found.name, tuple(columns), delimiter, frozenset(ignored))
    mapping.check(whole, found)
    return whole


def _table(schema: Settings, fields: tuple[Settings, ...], told: object) -> Table:
    named = {
        str(field.content.get("kiban:item", "")).partition(".")[0] for field in fields if "." in str(field.content.get("kiban:item", ""))
    }
    for name in (schema.content.get("kiban:table"), *sorted(named), told):
        if isinstance(name, str) and name in TABLES:
            return TABLES[name]
        if name is not None and name is not told:
            raise mapping.TABLE_UNKNOWN.refuse(table=name)
    raise SCHEMA_TABLE_UNSAID.refuse(file=schema.file, place=schema.place or "fields")


def _form(file: str, field: Settings, item: Item, missing: tuple[str, ...]) -> Form:
    kind, form = str(field.content.get("type", "string")), str(field.content.get("format", "default"))
    allowed = _TYPES[item.type]
    is_date = item.type is ValueType.DATE
    if kind not in allowed or not (form == "default" or (kind in ("date", "datetime") and (form == "any" or "%" in form))):
        raise SCHEMA_TYPE_DISAGREES.refuse(file=file, field=field.content.get("name"), item=item.name, expected=", ".join(allowed))
    if field.content.get("bareNumber", True) is not True:
        raise field.invalid("bareNumber", "true")
    date_form = None
    if is_date and kind in ("date", "datetime") and form != "any":
        date_form = form if "%" in form else field_forms.ISO_DAY if kind == "date" else field_forms.ISO_INSTANT
    decimal = field.text("decimalChar") if "decimalChar" in field else "."
    group = field.text("groupChar") if "groupChar" in field else ""
    if len(decimal) != 1 or len(group) > 1 or decimal == group:
        raise field.invalid("decimalChar", '"."')
    return Form(frozenset(_texts(field, "missingValues", missing)), date_form, decimal, group)


def _texts(entry: Settings, name: str, otherwise: tuple[str, ...]) -> tuple[str, ...]:
    return entry.texts(name) if name in entry else otherwise


def _delimiter(dialect: Settings) -> str:
    content: Mapping[str, Any] = dialect.content
    dialect.only("$schema", "delimiter", "header", "quoteChar", "doubleQuote", "lineTerminator", "skipInitialSpace", "csvddfVersion")
    found = content.get("delimiter", ",")
    usual = {"header": True, "quoteChar": '"', "doubleQuote": True, "skipInitialSpace": False}
    for name, value in usual.items():
        if content.get(name, value) != value:
            raise dialect.invalid(name, str(value))
    if found not in mapping.DELIMITERS:
        raise dialect.invalid("delimiter", " ".join(repr(one) for one in mapping.DELIMITERS))
    return str(found)
