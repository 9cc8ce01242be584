"""名寄せ結果の読取り (kept): the folder of a linkage run read back, so that its pairs and persons can be explained later.

`pairs.parquet` holds the judged pairs with reasons and unrounded weights: registrations' numbers, as `persons.csv` does, and no other value of a patient.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from kiban_processing.language import Text
from kiban_processing.linkage.explaining import judgements, pairs, person, quality, samples
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_18

PAIRS_FILE = "pairs.parquet"
PAIRS = pa.schema(
    [
        ("left", pa.string()),
        ("right", pa.string()),
        ("weight", pa.float64()),
        ("decision", pa.string()),
        ("reasons", pa.list_(pa.string())),
        ("weights", pa.list_(pa.float64())),
    ]
)
_SEPARATOR = "\x1f"

UNREADABLE = Ground(
    "linkage-result-unreadable",
    Family.INPUT,
    ACT_18,
    Text("名寄せの結果「{folder}」の{file}を読めません。", "{file} of the linkage result “{folder}” cannot be read."),
    Text(
        "`kiban link` が書いたフォルダを指定するか、名寄せをやり直してください。", "Name a folder that `kiban link` wrote, or link again."
    ),
)
NO_QUALITY = Ground(
    "linkage-quality-missing",
    Family.INPUT,
    ACT_18,
    Text("名寄せの結果「{folder}」に品質報告がありません。", "The linkage result “{folder}” holds no quality report."),
    Text("この版の `kiban link` で名寄せをやり直してください。", "Link again with this version of `kiban link`."),
)
UNUSABLE_ANSWERS = Ground(
    "linkage-answers-unusable",
    Family.INPUT,
    ACT_18,
    Text("標本の回答「{file}」を読めません。", "The answers “{file}” cannot be read."),
    Text("`kiban link-sample` が書いたファイルの same 列に、同一人は1、別人は0、分からないものは空欄を記入してください。",
         "Fill the column same of the file that `kiban link-sample` wrote: 1 one person, 0 two persons, empty where nobody can tell."),
)  # fmt: skip

_SAMPLE = ("left_site_id", "left_local_patient_id", "right_site_id", "right_local_patient_id")


@dataclass(frozen=True)
class Kept:
    """A run read back. `pairs`: as `PAIRS`. `clusters`: registration, cluster (the person ID). `report`: report.json."""

    pairs: pa.Table
    clusters: pa.Table
    report: dict[str, Any]

    @property
    def thresholds(self) -> pairs.Thresholds:
        """The thresholds of the run, which are its model's."""
        given = self.report["linkage"]["model"]
        return pairs.Bars(link_weight=float(given["link_weight"]), review_weight=float(given["review_weight"]))

    @property
    def registrations(self) -> pa.Array:
        return self.clusters.column("registration").combine_chunks()

    def of_person(self, person_id: str) -> str:
        """A registration of the person.

        Refuses: linkage-registration-unknown.
        """
        mine = self.clusters.filter(pc.equal(self.clusters.column("cluster"), person_id)).column("registration")
        if not len(mine):
            raise person.UNKNOWN_REGISTRATION.refuse()
        return str(mine[0].as_py())

    def frame(self) -> samples.Frame:
        """What a sample for people is drawn from."""
        return samples.frame(judgements.read(self.pairs, self.clusters), self.thresholds)


def registration(site_id: str, local_patient_id: str) -> str:
    """The name of a registration as the pairs hold it."""
    return f"{site_id}{_SEPARATOR}{local_patient_id}"


def write_pairs(folder: Path, judged: pa.Table) -> None:
    """Writes `pairs.parquet`; the same pairs give the same bytes."""
    part = folder / (PAIRS_FILE + ".part")
    pq.write_table(judged.select(PAIRS.names).cast(PAIRS), part, compression="zstd")
    part.replace(folder / PAIRS_FILE)


def read_report(folder: Path) -> dict[str, Any]:
    """report.json of a run.

    Refuses: linkage-result-unreadable.
    """
    try:
        report = json.loads((folder / "report.json").read_bytes())
        return dict(report) | {"linkage": dict(report["linkage"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UNREADABLE.refuse(folder=folder.name, file="report.json") from error


def read_quality(folder: Path) -> dict[str, Any]:
    """The quality report of a run.

    Refuses: linkage-result-unreadable, linkage-quality-missing.
    """
    found = read_report(folder)["linkage"].get("quality")
    if not isinstance(found, dict):
        raise NO_QUALITY.refuse(folder=folder.name)
    return found


def read(folder: Path) -> Kept:
    """The folder of a run: persons.csv, pairs.parquet, report.json.

    Refuses: linkage-result-unreadable.
    """
    try:
        judged = pq.read_table(folder / PAIRS_FILE, schema=PAIRS)
    except (OSError, pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise UNREADABLE.refuse(folder=folder.name, file=PAIRS_FILE) from error
    try:
        rows = _csv(folder / "persons.csv", ("site_id", "local_patient_id", "person_id"))
    except (OSError, pa.ArrowInvalid, KeyError) as error:
        raise UNREADABLE.refuse(folder=folder.name, file="persons.csv") from error
    clusters = pa.table({"registration": _joined(rows, "site_id", "local_patient_id"), "cluster": rows.column("person_id")})
    return Kept(judged, clusters, read_report(folder))


def answered(run: Kept, report: dict[str, Any], answers: pa.Table) -> dict[str, Any]:
    """The quality report with the answers (left, right, same) of people."""
    frame = run.frame()
    return quality.answered(report, quality.Sample(samples.placed(frame, run.registrations, answers), frame.sizes))


def write_sample(path: Path, sample: pa.Table) -> None:
    """The pairs of a sample for people to answer: who to compare and an empty column, neither weight nor stratum."""
    columns: dict[str, pa.Array] = {}
    for side in ("left", "right"):
        halves = pc.split_pattern(sample.column(side).combine_chunks(), _SEPARATOR, max_splits=1)
        columns[f"{side}_site_id"], columns[f"{side}_local_patient_id"] = pc.list_element(halves, 0), pc.list_element(halves, 1)
    table = pa.table(columns).append_column("same", pa.array([""] * sample.num_rows, pa.string()))
    pa_csv.write_csv(table, path)


def read_answers(path: Path) -> pa.Table:
    """What people answered: left, right, same (null where they could not tell).

    Refuses: linkage-answers-unusable.
    """
    try:
        rows = _csv(path, (*_SAMPLE, "same"))
        said = pc.utf8_trim_whitespace(rows.column("same"))
        if not pc.all(pc.is_in(said, pa.array(["", "0", "1"])), min_count=0).as_py():
            raise UNUSABLE_ANSWERS.refuse(file=path.name)
    except (OSError, pa.ArrowInvalid, KeyError) as error:
        raise UNUSABLE_ANSWERS.refuse(file=path.name) from error
    return pa.table(
        {
            "left": _joined(rows, *_SAMPLE[:2]),
            "right": _joined(rows, *_SAMPLE[2:]),
            "same": pc.if_else(pc.equal(said, ""), pa.scalar(None, pa.bool_()), pc.equal(said, "1")),
        }
    )


def _csv(path: Path, columns: tuple[str, ...]) -> pa.Table:
    types = dict.fromkeys(columns, pa.string())
    options = pa_csv.ConvertOptions(column_types=types, strings_can_be_null=False)
    return pa_csv.read_csv(pa.BufferReader(path.read_bytes()), convert_options=options).select(list(columns))


def _joined(rows: pa.Table, site: str, local: str) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(rows.column(site), rows.column(local), _SEPARATOR)
