"""梱包 (assembly): released tables, dictionary, statement and utility become one signed bag; same inputs, same bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import duckdb
import orjson

from kiban_processing.language import LANGUAGES, Text
from kiban_processing.package import bag, dictionary, manifest, statement, tables
from kiban_processing.package.contents import Content
from kiban_processing.refusals import Family, Ground
from kiban_processing.reports import user_page
from kiban_processing.statutes import REG_6_IV

PACKAGE_PLACE_TAKEN = Ground(
    "package-place-taken",
    Family.STATE,
    REG_6_IV,
    Text("{folder} は空ではありません。", "{folder} is not empty."),
    Text("空のフォルダを指定してください。既存のものは上書きしません。", "Give an empty folder; nothing is overwritten."),
)


def build(
    folder: Path,
    con: duckdb.DuckDBPyConnection,
    contents: Sequence[Content],
    particulars: statement.Particulars,
    utility: Mapping[str, object],
    sign: Callable[[bytes], bytes],
) -> manifest.Manifest:
    """Build the bag of one release in `folder` (private, empty or absent) and return its manifest.

    `contents`: `contents.describe(con, outcome)`. `utility`: `utility.Utility.as_json()`. `sign` gets the note's text
    (`Manifest.note`) and returns the whole signed note. No evidence, plan or figure of the method goes in. The clear folder is the
    caller's to remove: `envelope.seal` does. Refuses: package-place-taken.
    """
    if folder.exists() and any(folder.iterdir()):
        raise PACKAGE_PLACE_TAKEN.refuse(folder=folder)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    payload = folder / bag.PAYLOAD
    for name in ("parquet", "csv", "dictionary"):
        (payload / name).mkdir(parents=True)

    rows = {
        content.table: tables.write(
            con, content, payload / "parquet" / f"{content.table}.parquet", payload / "csv" / f"{content.table}.csv"
        )
        for content in contents
    }
    texts = {
        "datapackage.json": dictionary.data_package(contents, particulars.release, particulars.made_on, rows),
        "dictionary/dictionary.csv": dictionary.table_for_people(contents),
        "STATEMENT.ja.md": statement.compose(particulars, "ja"),
        "STATEMENT.en.md": statement.compose(particulars, "en"),
        "README.md": statement.read_me(contents),
        "utility.json": orjson.dumps(dict(utility), option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2) + b"\n",
        **{user_page.page_file(language): user_page.compose(utility, language) for language in LANGUAGES},
    }
    for name, content_bytes in texts.items():
        (payload / name).write_bytes(content_bytes)

    tags = bag.write_tags(
        folder,
        {
            "Bagging-Date": particulars.made_on.isoformat(),
            "Bag-Software-Agent": "kiban",
            "External-Identifier": particulars.release,
            "Source-Organization": particulars.operator,
            "Internal-Sender-Description": "匿名加工医療情報 (anonymously processed medical information)",
        },
    )
    made = manifest.Manifest(
        release=particulars.release,
        contract=particulars.contract,
        created=particulars.made_on,
        rows=rows,
        files=manifest.measure(folder, (*bag.payload_files(folder), *tags)),
    )
    (folder / manifest.FILE).write_bytes(made.as_document())
    (folder / manifest.SIGNATURE).write_bytes(sign(made.note()))
    bag.close(folder, (*tags, manifest.FILE, manifest.SIGNATURE))
    return made
