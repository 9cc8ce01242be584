"""名寄せの単独実行 (files): registration files in, `persons.csv`, `review.csv` and `report.json` out, without any setup.

The same files in the same order give the same bytes. Pairs in the grey zone are written for review and never merged.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from kiban_processing.language import Text
from kiban_processing.linkage import model, persons, reasons, registrations
from kiban_processing.linkage.settings import LinkageSettings
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_18

PERSONS_FILE, REVIEW_FILE, REPORT_FILE = "persons.csv", "review.csv", "report.json"
_PERSON_COLUMNS = ("site_id", "local_patient_id", "person_id")
_SEPARATOR = "\x1f"

NO_FILES = Ground(
    "linkage-no-files",
    Family.INPUT,
    ACT_18,
    Text("名寄せするファイルがありません。", "There is no file to link."),
    Text("CSVファイルを一つ以上指定してください。", "Name at least one CSV file."),
)
UNUSABLE_PREVIOUS = Ground(
    "linkage-previous-unusable",
    Family.INPUT,
    ACT_18,
    Text("前回の結果「{file}」を読めません。", "The earlier result “{file}” cannot be read."),
    Text("`kiban link` が書いたフォルダーを指定してください。", "Name a folder that `kiban link` wrote."),
)


def link_files(
    paths: Sequence[Path],
    out: Path,
    previous: Path | None = None,
    new_id: Callable[[str], str] | None = None,
    settings: LinkageSettings | None = None,
    mapping: Mapping[str, str] | None = None,
    con: duckdb.DuckDBPyConnection | None = None,
    memory_limit: str = "4GB",
    threads: int = 2,
) -> dict[str, Any]:
    """Links the registrations of all files and writes the three files into `out`; returns the report.

    `previous`: an earlier `out` whose person IDs are kept; give all files each time, because the folder holds no names.
    `new_id`: the ID of a new person from its first registration (hospital, 0x1F, local number); by default a digest of it, free of chance.
    `mapping`: source column → our column. `con`: a DuckDB connection to work on, else one in memory that spills nothing to disk.
    Refuses: linkage-no-files, linkage-previous-unusable, and as `registrations.read` and `model.link`.
    """
    if not paths:
        raise NO_FILES.refuse()
    received = registrations.read(paths, mapping)
    before, retired = _previous(previous)
    own = con is None
    con = con or _open(memory_limit, threads)
    try:
        counts = registrations.lay(con, received)
        linked = model.link(con, "linkage_registrations", settings)
    finally:
        con.execute("DROP TABLE IF EXISTS linkage_registrations")
        if own:
            con.close()
    taken = {*before.column("person").to_pylist(), *retired}
    assigned = persons.assign_named(linked.clusters, before, new_id or (lambda first: _unused(first, taken)))
    report = _report(received, counts, linked, assigned, retired)
    out.mkdir(parents=True, exist_ok=True)
    _write_csv(out / PERSONS_FILE, _persons(assigned.persons))
    _write_csv(out / REVIEW_FILE, _review(linked.pairs))
    _replace(out / REPORT_FILE, (json.dumps(report, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode())
    return report


def _open(memory_limit: str, threads: int) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(config={"memory_limit": memory_limit, "threads": threads})
    # Names and addresses must not lie on a disk in clear: no swap file, no file access.
    con.execute("SET temp_directory=''")
    con.execute("SET enable_external_access=false")
    con.execute("SET lock_configuration=true")
    return con


def _unused(first: str, taken: set[str]) -> str:
    """An ID from the digest of a person's first registration that no other person has or had."""
    attempt = 0
    while True:
        digest = hashlib.sha256(f"person{_SEPARATOR}{attempt}{_SEPARATOR}{first}".encode()).hexdigest()
        if (person := f"P{digest[:20]}") not in taken:
            taken.add(person)
            return person
        attempt += 1


def _previous(folder: Path | None) -> tuple[pa.Table, list[str]]:
    if folder is None:
        return persons.PERSONS.empty_table(), []
    try:
        types = dict.fromkeys(_PERSON_COLUMNS, pa.string())
        raw = (folder / PERSONS_FILE).read_bytes()
        rows = pa_csv.read_csv(pa.BufferReader(raw), convert_options=pa_csv.ConvertOptions(column_types=types, strings_can_be_null=False))
        key = pc.binary_join_element_wise(rows.column("site_id"), rows.column("local_patient_id"), _SEPARATOR)
        retired = json.loads((folder / REPORT_FILE).read_bytes())["persons"]["retired"]
        return pa.table({"registration": key, "person": rows.column("person_id")}), [str(person) for person in retired]
    except (OSError, pa.ArrowInvalid, KeyError, TypeError, ValueError) as error:
        raise UNUSABLE_PREVIOUS.refuse(file=folder.name) from error


def _persons(assigned: pa.Table) -> pa.Table:
    site, local = _told_apart(assigned.column("registration"))
    return pa.table(dict(zip(_PERSON_COLUMNS, (site, local, assigned.column("person")), strict=True)))


def _review(pairs: pa.Table) -> pa.Table:
    """The grey zone, the likeliest first."""
    doubtful = pairs.filter(pc.equal(pairs.column("decision"), "review")).sort_by(
        [("weight", "descending"), ("left", "ascending"), ("right", "ascending")]
    )
    (left_site, left_local), (right_site, right_local) = (_told_apart(doubtful.column(side)) for side in ("left", "right"))
    codes = doubtful.column("reasons").to_pylist()
    weights = doubtful.column("weights").to_pylist()
    return pa.table(
        {
            "left_site_id": left_site,
            "left_local_patient_id": left_local,
            "right_site_id": right_site,
            "right_local_patient_id": right_local,
            "weight": pa.array([f"{weight:.4f}" for weight in doubtful.column("weight").to_pylist()], pa.string()),
            "reasons": pa.array([_weighed(*pair) for pair in zip(codes, weights, strict=True)], pa.string()),
            "reasons_ja": pa.array(
                ["／".join(text.ja for text, _ in reasons.explain(*pair)) for pair in zip(codes, weights, strict=True)], pa.string()
            ),
        }
    )


def _weighed(codes: list[str], weights: list[float]) -> str:
    return "; ".join(f"{code} {weight:+.2f}" if weight else code for code, weight in zip(codes, weights, strict=True))


def _told_apart(registration: pa.ChunkedArray) -> tuple[pa.Array, pa.Array]:
    joined = registration.combine_chunks().cast(pa.string())
    halves = pc.split_pattern(joined, _SEPARATOR, max_splits=1)
    return pc.list_element(halves, 0), pc.list_element(halves, 1)


def _report(
    received: registrations.Received, counts: dict[str, int], linked: model.Linked, assigned: persons.Assignment, retired: list[str]
) -> dict[str, Any]:
    kinds = [event.kind for event in assigned.events]
    ended = {event.other if event.kind == "merge" else event.person for event in assigned.events if event.kind in ("merge", "gone")}
    sites = pc.count_distinct(_told_apart(assigned.persons.column("registration"))[0]).as_py() if assigned.persons.num_rows else 0
    return {
        "files": list(received.files),
        "rows": counts,
        "hospitals": sites,
        "persons": {
            "count": pc.count_distinct(assigned.persons.column("person")).as_py(),
            **{kind: kinds.count(kind) for kind in ("new", "merge", "split", "gone")},
            "retired": sorted({*retired, *(person for person in ended if person)}),
        },
        "events": [{"kind": event.kind, "person": event.person, "other": event.other} for event in assigned.events if event.kind != "new"],
        "linkage": linked.report,
    }


def _write_csv(path: Path, table: pa.Table) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.column_names)
    writer.writerows(zip(*(column.to_pylist() for column in table.columns), strict=True))
    _replace(path, text.getvalue().encode())


def _replace(path: Path, content: bytes) -> None:
    """A reader sees the old file or the whole new one."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.replace(path)
