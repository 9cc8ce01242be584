"""The OMOP example in docs/examples/omop agrees with itself, without any data: mapping, notice, plan and application fit together."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

from kiban_applications import hospital_file
from kiban_processing import plan
from kiban_processing.formats import submission
from kiban_processing.formats.submission import Mapping

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "omop"


def mapping(tmp_path: Path) -> Mapping:
    """The example's mapping, read in a folder whose files are there in name only."""
    for name in ("manifest.toml", "mapping.toml"):
        shutil.copyfile(EXAMPLE / name, tmp_path / name)
    for entry in tomllib.loads((EXAMPLE / "mapping.toml").read_text("utf-8"))["files"]:
        (tmp_path / entry["file"]).touch()
    return submission.read_mapping(tmp_path, submission.read_manifest(tmp_path))


def test_notice_covers_exactly_what_the_mapping_sends(tmp_path: Path) -> None:
    sent = {f"{entry.table}.{item}" for entry in mapping(tmp_path).files for item in entry.items}
    assert sent == set(hospital_file.read(EXAMPLE / "hospital.toml")["notice"]["covers"])


def test_plan_asks_for_no_more_than_the_application(tmp_path: Path) -> None:
    asked = {row["item"] for row in tomllib.loads((EXAMPLE / "application.toml").read_text("utf-8"))["items"]}
    wanted = plan.read(EXAMPLE / "plan.toml")
    plan.check(wanted, asked)
    assert wanted.requested == asked
    assert {item.partition(".")[0] for item in asked} == {entry.table for entry in mapping(tmp_path).files}


def test_low_k_carries_its_reason() -> None:
    wanted = plan.read(EXAMPLE / "plan.toml")
    assert wanted.anonymity.k == 2
    assert wanted.k_reason
