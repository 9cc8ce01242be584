"""受入れ区分 (sorting): each row of a submission is accepted, held or quarantined, by the transfer guard and the findings.

Rows stream from the file through the engine into encrypted files; only registrations and deaths are looked at as a whole first,
because the guard asks for birth and death dates. A row that the law will never let in (stopped, died before notice) is counted and
named by its row number, but its content is not kept (Act 56(1)(ii)); an unusable row is kept as it came, sealed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy.orm import Session

from kiban_operator import buckets, deaths, optouts, vault
from kiban_operator.home import Home
from kiban_operator.incoming import FINDINGS, Incoming, Sorting, read_guarded
from kiban_processing.catalogue import arrow
from kiban_processing.catalogue.items import Table
from kiban_processing.catalogue.tables import TABLES
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_56_1_II

STOPPED_MEANWHILE = Ground(
    "stopped-meanwhile", Family.STATE, ACT_56_1_II,
    Text("判定のあとに停止の求めが届いた人が {count} 人いるため、何も受け入れませんでした。",
         "{count} persons asked to stop after the rows had been judged; nothing was let in."),
    Text("同じ操作をもう一度行ってください。新しい登録簿で判定し直します。", "Run it again: the rows are judged anew on today's registers."),
)  # fmt: skip

STAGED = ("patients", "deaths")
"""Tables looked at as a whole before the guard rules, because it asks for birth and death dates."""

BATCH_ROWS = 100_000


def stage(sorting: Sorting, table: Table, incoming: Incoming, number: int) -> None:
    """Lay a whole small table (registrations, deaths) into the engine as `staged_<table>`, with the file's number for order."""
    staged = f"staged_{table.name}"
    columns = ", ".join(("source_row", *table.columns))

    def lay() -> None:
        sorting.con.execute(f"CREATE OR REPLACE TEMP TABLE arriving AS SELECT {columns} FROM incoming")

    if read_guarded(sorting, incoming, lay):
        sorting.con.execute(f"INSERT INTO {staged} SELECT ?, ?, {columns} FROM arriving", [number, incoming.mapping.file])
    sorting.con.execute("DROP TABLE IF EXISTS arriving")


def prepare_stage(sorting: Sorting, table: Table) -> None:
    sorting.con.register("shape", arrow.schema(table).empty_table())
    sorting.con.execute(
        f"CREATE OR REPLACE TEMP TABLE staged_{table.name} AS "
        "SELECT 0::INTEGER AS file_number, ''::VARCHAR AS source_file, 0::BIGINT AS source_row, * FROM shape"
    )
    sorting.con.unregister("shape")


def quarantine_repeated(sorting: Sorting, table: Table) -> None:
    """Rows of a staged table that repeat a key leave it: later ones of the same person, all of them where they name different people."""
    con, staged = sorting.con, f"staged_{table.name}"
    contradicting = "count(DISTINCT birth_date) OVER same > 1 OR count(DISTINCT sex) OVER same > 1" if table.name == "patients" else "false"
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE repeated AS
        SELECT rowid AS place, CASE WHEN {contradicting} THEN 'contradicting-registration' ELSE 'repeated-key' END AS rule,
               row_number() OVER (PARTITION BY local_patient_id ORDER BY file_number, source_row) AS turn
        FROM {staged} WINDOW same AS (PARTITION BY local_patient_id)
        QUALIFY count(*) OVER same > 1 AND (turn > 1 OR rule = 'contradicting-registration')
    """)
    raw = f"to_json(struct_pack({', '.join(f'{column} := {column}' for column in table.columns)}))::VARCHAR"
    found = con.execute(
        f"SELECT source_file, source_row, rule, {raw} AS raw FROM {staged} JOIN repeated ON {staged}.rowid = place ORDER BY ALL"
    ).to_arrow_table()
    note_quarantined(sorting, table, found)
    con.execute(f"DELETE FROM {staged} WHERE rowid IN (SELECT place FROM repeated)")
    con.execute("DROP TABLE repeated")


def note_quarantined(sorting: Sorting, table: Table, found: pa.Table) -> None:
    """Findings (source_file, source_row, rule, raw) of rows that count as quarantined."""
    count = sorting.count(table.name)
    for batch in found.to_batches():
        columns = [batch.column(name) for name in ("source_row", "rule", "raw")]
        size = batch.num_rows
        fixed = pa.array([table.name] * size, pa.string())
        nothing, severity = pa.nulls(size, pa.string()), pa.array(["row"] * size, pa.string())
        sorting.findings.write(
            pa.record_batch([batch.column("source_file"), fixed, columns[0], nothing, columns[1], severity, columns[2]], schema=FINDINGS)
        )
    count.quarantined += found.num_rows
    for entry in pc.value_counts(found.column("rule").combine_chunks()).to_pylist() if found.num_rows else []:
        count.quarantined_for[entry["values"]] = count.quarantined_for.get(entry["values"], 0) + entry["counts"]


def recognise(sorting: Sorting) -> None:
    """Make `ids` (local_patient_id, patient_key) and `known` (patient_key, birth_date, death_date) from all that is known of the hospital.

    Reads `staged_patients`, `staged_deaths` and the views `vault_patients`, `vault_deaths`, `held_patients`, `held_deaths`, and `died_before`. What has just
    come wins over what was there, for a date that was corrected; a death is believed from wherever it is told, the earliest.
    """
    con = sorting.con
    parameters = {**vault.patient_key_parameters(sorting.secret), "hospital": sorting.hospital}
    key = vault.patient_key_sql("$hospital", "local_patient_id")
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE ids AS
        SELECT local_patient_id, {key} AS patient_key FROM
        (SELECT local_patient_id FROM staged_patients UNION SELECT local_patient_id FROM staged_deaths
         UNION SELECT local_patient_id FROM vault_patients UNION SELECT local_patient_id FROM held_patients)
    """,
        parameters,
    )
    know(
        con,
        "SELECT 0 AS turn, patient_key, birth_date, death_date FROM staged_patients JOIN ids USING (local_patient_id) UNION ALL",
        "SELECT patient_key, death_date FROM staged_deaths JOIN ids USING (local_patient_id) UNION ALL",
    )


def lay_out_stored(con: duckdb.DuckDBPyConnection, session: Session, home: Home, hospital: str) -> None:
    """What `recognise` and `know` read of a hospital: its stored and waiting registrations and deaths, and deaths remembered."""
    deaths.lay_out(con, session, hospital)
    for name in STAGED:
        for shelf in (vault.Shelf.VAULT, vault.Shelf.HELD):
            vault.register(con, session, home, TABLES[name], f"{shelf.value}_{name}", shelf=shelf, hospital=hospital)


def know(con: duckdb.DuckDBPyConnection, arriving: str = "", arriving_deaths: str = "") -> None:
    """Make `known` from stored rows, and from what is arriving where the caller says how (SQL ending in UNION ALL)."""
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE known AS
        WITH told AS (
            {arriving} SELECT 1 AS turn, patient_key, birth_date, death_date FROM vault_patients
            UNION ALL SELECT 2, patient_key, birth_date, death_date FROM held_patients
        ), dead AS (
            {arriving_deaths} SELECT patient_key, death_date FROM told
            UNION ALL SELECT patient_key, death_date FROM vault_deaths UNION ALL SELECT patient_key, death_date FROM held_deaths
            UNION ALL SELECT patient_key, death_date FROM {deaths.TABLE}
        )
        SELECT patient_key, birth_date, death_date
        FROM (SELECT patient_key, arg_min(birth_date, turn) AS birth_date FROM told GROUP BY patient_key)
        LEFT JOIN (SELECT patient_key, min(death_date) AS death_date FROM dead GROUP BY patient_key) USING (patient_key)
    """)


@dataclass(frozen=True)
class Shelves:
    """The two files into which the rows of one table are sorted: let in, or waiting."""

    accepted: buckets.Keeping
    held: buckets.Keeping


def open_shelves(sorting: Sorting, table: Table) -> Shelves:
    return Shelves(
        sorting.spread(vault.Shelf.VAULT, table.name, vault.schema(table)),
        sorting.spread(vault.Shelf.HELD, table.name, vault.schema(table, vault.Shelf.HELD)),
    )


def sort_rows(sorting: Sorting, table: Table, source: str, rulings: str, file: str | None = None) -> list[buckets.Keeping]:
    """Sort one source relation into fresh files; see `sort_into`."""
    shelves = open_shelves(sorting, table)
    sort_into(sorting, shelves, table, source, rulings, file)
    return [shelves.accepted, shelves.held]


def sort_into(sorting: Sorting, shelves: Shelves, table: Table, source: str, rulings: str, file: str | None = None) -> None:
    """Sort one source relation (`source_file`, `source_row`, the table's columns) by the rulings.

    `file` is bound as `$file` where the source says so. `rulings`: patient_key, table_name, ground (null: may be received), curable,
    eligible_on. A registration without a ruling is unknown: held; one that asked to stop has a ruling even where no patient row is known.
    """
    con = sorting.con
    declared = ", ".join(f"i.{column}" for column in table.columns if column != "local_patient_id" or table.name == "patients")
    key = vault.patient_key_sql("$hospital", "i.local_patient_id")
    parameters = {
        **vault.patient_key_parameters(sorting.secret),
        "hospital": sorting.hospital, "regime": sorting.regime, "submission": sorting.submission, "table": table.name,
    }  # fmt: skip
    if file is not None:
        parameters["file"] = file
    stream = con.execute(
        f"""
        SELECT $hospital AS hospital, $regime AS regime, $submission AS submission, i.source_file, i.source_row, i.patient_key,
               CASE WHEN r.patient_key IS NULL THEN 'not-registered' ELSE r.ground END AS ground,
               CASE WHEN r.patient_key IS NULL THEN true ELSE r.curable END AS curable, r.eligible_on, {declared}
        FROM (SELECT i.*, CASE WHEN ids.patient_key IS NULL THEN {key} ELSE ids.patient_key END AS patient_key
              FROM {source} i LEFT JOIN ids ON ids.local_patient_id = i.local_patient_id) i
        LEFT JOIN (SELECT * FROM {rulings} WHERE table_name = $table) r ON r.patient_key = i.patient_key
    """,
        parameters,
    ).to_arrow_reader(BATCH_ROWS)
    count = sorting.count(table.name)
    before = shelves.accepted.rows, shelves.held.rows
    for batch in stream:
        eligible = pc.is_null(batch.column("ground"))
        waiting = pc.and_(pc.invert(eligible), pc.fill_null(batch.column("curable"), False))
        refused = batch.filter(pc.and_(pc.invert(eligible), pc.invert(waiting)))
        shelves.accepted.write(batch.filter(eligible))
        shelves.held.write(batch.filter(waiting))
        columns = [
            refused.column("source_file"),
            refused.column("source_row"),
            refused.column("ground"),
            pa.nulls(refused.num_rows, pa.string()),
        ]
        note_quarantined(sorting, table, pa.table(columns, names=["source_file", "source_row", "rule", "raw"]))
    count.accepted += shelves.accepted.rows - before[0]
    count.held += shelves.held.rows - before[1]


def withdraw_repeated(sorting: Sorting, table: Table, written: list[buckets.Keeping]) -> None:
    """Rows of an event table that repeat a key leave the files just written (rewritten without them) and are quarantined."""
    written = [sealing for sealing in written if sealing.rows]
    if not table.key or not written:
        return
    con = sorting.con
    key = ["patient_key" if column == "local_patient_id" else column for column in table.key]
    wanted = ["source_file", "source_row", *key]
    same = ", ".join(wanted)  # a record of a standard format gives several rows of one place, so the key belongs to what names a row
    con.register("just_written", buckets.together(written, wanted + ["ended_on"] * (table.name == "encounters")))
    present = " AND ".join(f"{column} IS NOT NULL" for column in key)
    # A stay that is told again once it has ended (monthly files) stands with its end.
    later = "ended_on IS NULL, " if table.name == "encounters" else ""
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE suspects AS SELECT hash({', '.join(key)}) AS h FROM just_written WHERE {present} GROUP BY h HAVING count(*) > 1"
    )
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE repeated AS SELECT {same} FROM just_written
        WHERE {present} AND hash({", ".join(key)}) IN (SELECT h FROM suspects)
        QUALIFY row_number() OVER (PARTITION BY {", ".join(key)} ORDER BY {later}source_file, source_row) > 1
    """)
    con.unregister("just_written")
    if con.execute("SELECT count(*) FROM repeated").fetchall() == [(0,)]:
        return
    count = sorting.count(table.name)
    for sealing in written:
        con.register("rows", sealing.reading())
        raw = f"to_json(struct_pack({', '.join(f'{column} := {column}' for column in sealing.schema.names if column in table)}))::VARCHAR"
        found = con.execute(
            f"SELECT source_file, source_row, 'repeated-key' AS rule, {raw} AS raw FROM rows SEMI JOIN repeated USING ({same}) ORDER BY ALL"
        ).to_arrow_table()
        if found.num_rows:
            fresh = sorting.spread(sealing.shelf, table.name, sealing.schema)
            for batch in con.execute(f"SELECT * FROM rows ANTI JOIN repeated USING ({same})").to_arrow_reader(BATCH_ROWS):
                fresh.write(batch)
            note_quarantined(sorting, table, found)
            if sealing.shelf is vault.Shelf.VAULT:
                count.accepted -= found.num_rows
            else:
                count.held -= found.num_rows
            sorting.sealings.remove(sealing)
            sealing.discard()
        con.unregister("rows")


def count_held(sorting: Sorting, table: str) -> None:
    """Say for what the held rows of a table wait, from the files as they finally are."""
    count = sorting.count(table)
    held = [sealing for sealing in sorting.sealings if sealing.shelf is vault.Shelf.HELD and sealing.table == table and sealing.rows]
    if held:
        sorting.con.register("waiting", buckets.together(held, ["ground"]))
        rows = sorting.con.execute("SELECT ground, count(*) FROM waiting GROUP BY ground ORDER BY ground").fetchall()
        count.held_for = {str(ground): int(number) for ground, number in rows}
        sorting.con.unregister("waiting")


def require_no_new_stop(
    con: duckdb.DuckDBPyConnection, session: Session, hospital: str, regime: str, today: date, entering: Sequence[buckets.Keeping]
) -> None:
    """Nobody whose rows are about to enter has asked to stop since they were judged; asked under the ledger's lock, after the entry is booked.

    Refuses: stopped-meanwhile. Source: Act 56(1)(ii).
    """
    written = [sealing for sealing in entering if sealing.rows]
    stopped = optouts.standing_keys(session, today, regime, hospital)
    if not written or not stopped:
        return
    con.register("entering", buckets.together(written, ["patient_key"]))
    con.register("stopped_now", pa.table({"patient_key": pa.array(stopped, pa.string())}))
    ((count,),) = con.execute("SELECT count(DISTINCT patient_key) FROM entering SEMI JOIN stopped_now USING (patient_key)").fetchall()
    con.unregister("entering")
    con.unregister("stopped_now")
    if count:
        raise STOPPED_MEANWHILE.refuse(count=count)
