"""全件の名寄せ (relinking): all registrations are linked at once; who was known before keeps the ID, and every difference is listed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from kiban_processing.language import Text
from kiban_processing.linkage import by_model, delivering, differences, folder, municipalities, parameters, registrations
from kiban_processing.linkage.clusters import Nodes
from kiban_processing.linkage.frozen import Frozen
from kiban_processing.linkage.parameters import Model
from kiban_processing.linkage.settings import LinkageSettings
from kiban_processing.linkage.state import lines, serials
from kiban_processing.linkage.state.beginning import Beginning
from kiban_processing.linkage.state.kept import named
from kiban_processing.linkage.state.pages import Random
from kiban_processing.linkage.state.sealing import StateKey
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_18

_ROWS_AT_A_TIME = 250_000
_ID_PATTERN = "^P[0-9a-f]{20}$"

UNUSABLE_PREVIOUS = Ground(
    "linkage-previous-unusable",
    Family.INPUT,
    ACT_18,
    Text("前回の結果「{file}」を読めません。", "The earlier result “{file}” cannot be read."),
    Text("`kiban link` が書いたフォルダーを指定してください。", "Name a folder that `kiban link` wrote."),
)


def link_all(
    con: duckdb.DuckDBPyConnection, counts: dict[str, int], previous: Path | None, model_file: Path | None, out: Path, key: StateKey, random: Random,
    settings: LinkageSettings | None, say: Any, frozen: Frozen | None = None, mergers: bytes = b"",
) -> tuple[dict[str, Any], str]:  # fmt: skip
    """Link everything that `registrations.lay` has laid, with the `counts` it returned, and write it into the new folder `out`.

    Returns the report and the model as text; the table laid is dropped. `frozen`: counts to judge by, None for those of these registrations. `mergers`: the table of municipalities' mergers; it goes into the
    state, so that deliveries are read by it too.
    Refuses: linkage-previous-unusable, linkage-model-unusable, linkage-mergers-unusable, and as `model.link`.
    """
    from kiban_processing.linkage import model  # here, because an increment never needs Splink
    from kiban_processing.linkage.explaining import quality as qualities

    learnt = _model(model_file) if model_file else None
    before = _before(previous) if previous else None
    merged = municipalities.read_mergers(mergers) if mergers else None
    beginning = Beginning(out, key, random, by_model.SHAPE)
    labels: list[Nodes] = []
    quality: list[dict[str, Any]] = []
    earlier: list[folder.Earlier] = []
    differing: list[tuple[differences.Differences, pa.Table]] = []

    def keep(con: duckdb.DuckDBPyConnection, table: str, judged: str, found: Nodes, judge: Model, _frozen: Frozen) -> None:
        say("keep", 0, len(found))
        keep_rows(con, table, beginning, len(found), say)
        kept = f"(SELECT * FROM {judged} WHERE decision IN ('link', 'review'))"
        beginning.add_pairs(by_model.read(con, kept, by_model.SUPPORTS))
        labels.append(found)
        say("report", 0, len(found))
        quality.append(qualities.of_run(con, table, judged, found, judge))
        if before is not None:
            names = con.execute(f"SELECT registration FROM {table} ORDER BY node").to_arrow_table().column("registration").combine_chunks()
            earlier.append(_earlier(before, names))
            changed = differences.find(earlier[0].serials, found)
            differing.append((changed, differences.explain(con, judged, changed)))

    try:
        say("link", 0, counts["registrations"])
        linked = model.link(
            con, "linkage_registrations", settings, frozen=frozen, learnt=learnt, keep=keep, mergers=merged, explained=("review",)
        )
        texts = con.execute("SELECT site_id, local_patient_id FROM linkage_registrations ORDER BY registration").to_arrow_table()
        con.execute("DROP TABLE linkage_registrations")
        names = linked.clusters.column("registration").combine_chunks()
        review = with_nodes(linked.pairs, names)
        model_text = json.dumps(linked.model.as_json(), ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        notes = {"model": linked.model.digest(), "deliveries": 0, "changed": 0}

        def attached(ids: lines.Ids) -> dict[str, bytes]:
            known = pa.table({"registration": names, "person": pa.array(folder.texts(ids), pa.string())})
            quality[0] = qualities.renamed(quality[0], known)
            told = json.dumps({"digest": qualities.digest(quality[0]), "report": quality[0]}, ensure_ascii=False).encode()
            return {
                by_model.MODEL_PART: model_text.encode(),
                delivering.QUALITY_PART: told,
                delivering.PLACES_PART: str(municipalities.installed()).encode(),
                delivering.MERGERS_PART: mergers,
                **frozen_parts(linked.frozen),
            }

        persons, ids, made = folder.write_whole(
            out, key, beginning, texts, labels[0], review, earlier[0] if earlier else None, attached, notes
        )
    finally:
        beginning.close()
        con.execute("DROP TABLE IF EXISTS linkage_registrations")
    return {
        "rows": counts,
        "hospitals": pc.count_distinct(texts.column("site_id")).as_py(),
        "persons": {"count": made["persons"], "new": len(persons.new), **folder.ended(persons, lambda found: folder.texts(ids[found]))},
        "events": folder.events(persons, lambda found: folder.texts(ids[found])),
        "differences": [each for changed, why in differing for each in differences.told(changed, why, texts)],
        **({"agreement": differing[0][0].agreement()} if differing else {}),
        "linkage": {**linked.report, "quality": quality[0], "quality_digest": qualities.digest(quality[0])},
    }, model_text


def _model(file: Path) -> Model:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise parameters.UNUSABLE_MODEL.refuse(file=file.name, rule="read") from None
    return parameters.read(text, file.name)


def keep_rows(con: duckdb.DuckDBPyConnection, table: str, beginning: Beginning, size: int, say: Any) -> None:
    """Keep a whole run's keys table, in the order of its nodes."""
    pieces = con.execute(f"SELECT *, {registrations.prefix_sql('registration')} AS prefix FROM {table} ORDER BY node").to_arrow_reader(
        _ROWS_AT_A_TIME
    )
    tables = (pa.Table.from_batches([batch]) for batch in pieces) if size else iter([pieces.schema.empty_table()])
    done = 0
    for piece in tables:
        beginning.add_rows(piece.drop_columns(["prefix"]), piece.column("prefix").to_numpy())
        done += piece.num_rows
        say("keep", done, size)


def with_nodes(pairs: pa.Table, names: pa.Array) -> pa.Table:
    """`pairs` with left_node and right_node: the places of their registrations among `names`."""
    for side in ("left", "right"):
        node = pc.index_in(pairs.column(side), value_set=names).cast(pa.int64())
        pairs = pairs.append_column(f"{side}_node", node)
    return pairs


def frozen_parts(frozen: Frozen) -> dict[str, bytes]:
    """The counts, as a state keeps them; see `delivering.frozen_of`."""
    parts = {}
    for name, table in frozen.to_tables().items():
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        parts[f"frozen/{name}"] = sink.getvalue().to_pybytes()
    return parts


def _before(previous: Path) -> pa.Table:
    """registration, person of an earlier outcome, in the order of its lines."""
    try:
        types = dict.fromkeys(lines.COLUMNS, pa.string())
        options = pa_csv.ConvertOptions(column_types=types, strings_can_be_null=False)
        rows = pa_csv.read_csv(
            previous / folder.PERSONS_FILE, parse_options=pa_csv.ParseOptions(newlines_in_values=True), convert_options=options
        )
        person = rows.column("person_id").combine_chunks()
        if not pc.all(pc.match_substring_regex(person, _ID_PATTERN), min_count=0).as_py():
            raise ValueError("not an ID of ours")
        return pa.table({"registration": named(rows), "person": person})
    except (OSError, pa.ArrowInvalid, KeyError, ValueError) as error:
        raise UNUSABLE_PREVIOUS.refuse(file=previous.name) from error


def _earlier(before: pa.Table, names: pa.Array) -> folder.Earlier:
    """Persons by their first line are the elder."""
    person = before.column("person").combine_chunks().dictionary_encode()
    place = pc.index_in(names, value_set=before.column("registration").combine_chunks())
    known = pc.is_valid(place).to_numpy(zero_copy_only=False)
    at = pc.fill_null(place, 0).to_numpy().astype(np.int64)
    code = person.indices.to_numpy().astype(np.int64)
    serial = np.where(known, code[at] if len(code) else 0, serials.NOT_YET)
    ids = np.frombuffer("".join(person.dictionary.to_pylist()).encode(), np.uint8).reshape(-1, lines.ID_BYTES)
    return folder.Earlier(serial, at, ids)
