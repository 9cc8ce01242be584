"""名寄せの単独実行 (files): registration files in, persons, pairs to review, report, model and sealed state out, without any setup.

The same files in the same order under the same key give the same `persons.csv`, `review.csv`, `report.json` and `model.json`. Pairs in the
grey zone are written for review and never merged.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from kiban_processing.language import Text
from kiban_processing.linkage import delivering, registrations, relinking
from kiban_processing.linkage.folder import PERSONS_FILE, REVIEW_FILE
from kiban_processing.linkage.settings import FEW, LinkageSettings
from kiban_processing.linkage.state import table
from kiban_processing.linkage.state.kept import STATE_FOLDER
from kiban_processing.linkage.state.pages import Random
from kiban_processing.linkage.state.sealing import STATE_KEY_MISSING, StateKey
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_18

REPORT_FILE, MODEL_FILE = "report.json", "model.json"
# In this order: whoever finds a report finds what it is about.
WRITTEN = (STATE_FOLDER, PERSONS_FILE, REVIEW_FILE, MODEL_FILE, REPORT_FILE)

Progress = Callable[[str, int, int | None], None]

NO_FILES = Ground(
    "linkage-no-files",
    Family.INPUT,
    ACT_18,
    Text("名寄せするファイルがありません。", "There is no file to link."),
    Text("CSVファイルを一つ以上指定してください。", "Name at least one CSV file."),
)
STATE_MISSING = Ground(
    "linkage-state-missing",
    Family.STATE,
    ACT_18,
    Text("前回の結果「{file}」に状態（state）がありません。", "The earlier result “{file}” has no state."),
    Text(
        "全てのファイルを --model とともに指定してください（本人IDは引き継がれます）。",
        "Hand in all files together with --model (person IDs are kept).",
    ),
)


def key_needed(previous: Path) -> str:
    """The name of the key that opens the state of an earlier outcome.

    Refuses: linkage-state-missing, linkage-state-damaged, linkage-state-version.
    """
    name = table.key_name(previous / STATE_FOLDER)
    if name is None:
        raise STATE_MISSING.refuse(file=previous.name)
    return name


def link_files(
    paths: Sequence[Path],
    out: Path,
    previous: Path | None = None,
    *,
    key: StateKey,
    random: Random,
    model: Path | None = None,
    mergers: Path | None = None,
    settings: LinkageSettings | None = None,
    mapping: Mapping[str, str] | None = None,
    con: duckdb.DuckDBPyConnection | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Links the registrations of the files and writes `WRITTEN` into `out`; returns the report.

    `previous`: an earlier `out`; the files then say what changed since (op: new, update, delete; rows known already change nothing), and
    the new `out` is complete. `model`: the model to judge by; with `previous`, all files are linked anew under it, person IDs are kept
    and every difference is listed. `mergers`: a table of municipalities' mergers
    (`municipalities.read_mergers`) for a run over all files; deliveries go by the one of that run. `key`: seals the state and makes the IDs of new persons; with `previous` alone it must be the key that
    sealed that state. `random`: as many random bytes as asked for. `mapping`: source column → our column. `con`: a DuckDB connection to
    work on, else one in memory that spills nothing to disk.
    A run that is interrupted leaves `out` as it was.
    Refuses: linkage-no-files, linkage-previous-unusable, linkage-state-missing, linkage-state-key-missing, linkage-state-damaged,
    linkage-state-version, linkage-model-unusable, linkage-mergers-unusable, and as `registrations.read` and `model.link`.
    """
    if not paths:
        raise NO_FILES.refuse()
    say = progress or (lambda stage, done, total: None)
    increment = previous is not None and model is None
    if increment and previous is not None and key_needed(previous) != key.name:
        raise STATE_KEY_MISSING.refuse(key=key_needed(previous))
    merged = _bytes(mergers) if mergers else b""
    say("read", 0, None)
    received = registrations.read(paths, mapping)
    files = list(received.files)
    with _beside(out) as part, connection(con, small=increment and received.rows.num_rows <= FEW) as used:
        if increment and previous is not None:
            report, model_text = delivering.deliver(used, received, previous, part, key, random, say)
        else:
            counts = registrations.lay(used, received)
            del received  # the engine holds the rows now, and may put them aside
            report, model_text = relinking.link_all(used, counts, previous, model, part, key, random, settings, say, mergers=merged)
        say("write", 0, None)
        (part / MODEL_FILE).write_text(model_text, encoding="utf-8")
        report = {"files": files, **report}
        (part / REPORT_FILE).write_text(json.dumps(report, ensure_ascii=False, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return report


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise registrations.UNREADABLE_FILE.refuse(file=path.name) from error


@contextmanager
def _beside(out: Path) -> Iterator[Path]:
    """A folder beside `out` that becomes `out`, or takes the place of what an earlier run left there, once everything is written."""
    part = out.with_name(f".{out.name}.part")
    out.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    try:
        yield part
        if not out.exists():
            part.rename(out)
            return
        (out / REPORT_FILE).unlink(missing_ok=True)
        for name in WRITTEN:
            if (out / name).is_dir():
                shutil.rmtree(out / name)
            (part / name).replace(out / name)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def connection(con: duckdb.DuckDBPyConnection | None = None, *, small: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """`con`, else a connection in memory that reaches nothing outside and spills nothing; `small`: for statements about few rows."""
    if con is not None:
        yield con
        return
    own = duckdb.connect(config={"memory_limit": "4GB", "threads": 1 if small else 2})
    try:
        # Names and addresses must not lie on a disk in clear: no swap file, no file access.
        own.execute("SET temp_directory=''")
        own.execute("SET enable_progress_bar=false")
        if small:
            own.execute("PRAGMA disable_optimizer")
        own.execute("SET enable_external_access=false")
        own.execute("SET lock_configuration=true")
        yield own
    finally:
        own.close()
