"""名寄せ結果の読取り (kept): the folder of a linkage run read back: its report, who is a person, samples for people and their answers.

Judgements are not read from here: they are told again from the sealed state (see `rejudging`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from kiban_processing.language import Text
from kiban_processing.linkage.explaining import quality, samples
from kiban_processing.linkage.explaining.rejudging import Everything
from kiban_processing.linkage.parameters import Model
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_18

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

UNKNOWN_PERSON = Ground(
    "linkage-person-unknown",
    Family.INPUT,
    ACT_18,
    Text("指定された本人IDは、この名寄せの結果にありません。", "The person ID named is not in this result of linkage."),
    Text("persons.csv の person_id を確かめてください。統合や取消しで無くなったIDは、その回の report.json に記録されています。",
         "Check person_id in persons.csv. IDs that ended by a merge or a withdrawal stand in the report.json of that run."),
)  # fmt: skip

QUALITY, EARLIER_QUALITY = "quality", "quality_of_last_full_run"  # in `linkage` of report.json
_SAMPLE = ("left_site_id", "left_local_patient_id", "right_site_id", "right_local_patient_id")


def registration(site_id: str, local_patient_id: str) -> str:
    """The name of a registration as the pairs hold it."""
    return f"{site_id}{_SEPARATOR}{local_patient_id}"


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
    """The quality report of a run; after deliveries that of the last link of all, which then says so among its limits.

    Refuses: linkage-result-unreadable, linkage-quality-missing.
    """
    linkage = read_report(folder)["linkage"]
    found = linkage.get(QUALITY)
    earlier = linkage.get(EARLIER_QUALITY)
    if isinstance(found, dict):
        return found
    if not isinstance(earlier, dict):
        raise NO_QUALITY.refuse(folder=folder.name)
    return quality.aged(earlier["report"], earlier["deliveries"], earlier["changed"])


def of_person(folder: Path, person_id: str) -> pa.Array:
    """The registrations of a person.

    Refuses: linkage-result-unreadable, linkage-person-unknown.
    """
    try:
        written = _csv(folder / "persons.csv", ("site_id", "local_patient_id", "person_id"))
    except (OSError, pa.ArrowInvalid, KeyError) as error:
        raise UNREADABLE.refuse(folder=folder.name, file="persons.csv") from error
    mine = written.filter(pc.equal(written.column("person_id"), person_id))
    if not mine.num_rows:
        raise UNKNOWN_PERSON.refuse()
    return _joined(mine, "site_id", "local_patient_id").combine_chunks()


def answered(run: Everything, model: Model, report: dict[str, Any], answers: pa.Table) -> dict[str, Any]:
    """The quality report with the answers (left, right, same) of people."""
    frame = samples.frame(run.known, model)
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
    parsed = pa_csv.ParseOptions(newlines_in_values=True)
    return pa_csv.read_csv(pa.BufferReader(path.read_bytes()), parse_options=parsed, convert_options=options).select(list(columns))


def _joined(rows: pa.Table, site: str, local: str) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(rows.column(site), rows.column(local), _SEPARATOR)
