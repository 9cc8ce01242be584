"""`kiban link` from the command line: keys lie apart, deliveries follow, and a small one loads little."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kiban_applications.command_line.entry import run
from tests.linkage.test_files import HANAKO, HANAKO_ELSEWHERE, NAMESAKE, persons, written


@pytest.fixture(autouse=True)
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "keys"))
    return tmp_path / "keys" / "kiban" / "linkage"


def link(*arguments: str | Path) -> int:
    return run(["link", *map(str, arguments)])


def test_the_key_lies_apart_and_opens_the_next_delivery(tmp_path: Path, keys: Path) -> None:
    assert link(written(tmp_path, "a.csv", HANAKO, NAMESAKE), "--out", tmp_path / "one") == 0
    (key,) = keys.iterdir()
    assert key.stat().st_mode & 0o777 == 0o600
    assert json.loads((tmp_path / "one" / "state" / "state.json").read_text())["key"] == key.stem
    secret = key.read_text().strip()
    assert all(secret.encode() not in file.read_bytes() for file in (tmp_path / "one").rglob("*") if file.is_file())
    assert link(written(tmp_path, "b.csv", HANAKO_ELSEWHERE), "--out", tmp_path / "two", "--previous", tmp_path / "one") == 0
    found = persons(tmp_path / "two")
    assert found["S1", "0001"] == found["S2", "A-77"] != found["S3", "9"]


def test_a_lost_key_is_refused_with_what_to_do(tmp_path: Path, keys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, "a.csv", HANAKO)
    assert link(path, "--out", tmp_path / "one") == 0
    (key,) = keys.iterdir()
    key.unlink()
    assert link("--json", path, "--out", tmp_path / "two", "--previous", tmp_path / "one") == 12
    refused = json.loads(capsys.readouterr().out.partition("{")[2].join(["{", ""]))["refused"]
    assert refused["code"] == "linkage-state-key-missing"
    model = tmp_path / "one" / "model.json"
    assert link(path, "--out", tmp_path / "two", "--previous", tmp_path / "one", "--model", model) == 0
    assert persons(tmp_path / "two") == persons(tmp_path / "one")


def test_a_key_file_is_made_once_and_must_fit(tmp_path: Path, keys: Path) -> None:
    path = written(tmp_path, "a.csv", HANAKO)
    assert link(path, "--out", tmp_path / "one", "--key-file", tmp_path / "own.key") == 0
    assert not keys.exists()
    assert link(path, "--out", tmp_path / "two", "--previous", tmp_path / "one", "--key-file", tmp_path / "own.key") == 0
    assert link(path, "--out", tmp_path / "three", "--previous", tmp_path / "one") == 12
    (tmp_path / "own.key").write_text("no key")
    assert link(path, "--out", tmp_path / "three", "--previous", tmp_path / "one", "--key-file", tmp_path / "own.key") == 11


def test_a_delivery_loads_neither_splink_nor_pandas_nor_the_operators_database(tmp_path: Path) -> None:
    assert link(written(tmp_path, "a.csv", HANAKO), "--out", tmp_path / "one") == 0
    arguments = [
        "link",
        str(written(tmp_path, "b.csv", HANAKO_ELSEWHERE)),
        "--out",
        str(tmp_path / "two"),
        "--previous",
        str(tmp_path / "one"),
    ]
    asked = "; ".join(
        [
            "import sys",
            "from kiban_applications.command_line import entry",
            f"code = entry.run({arguments!r}, own_process=True)",
            "print([name for name in ('splink', 'pandas', 'sqlalchemy', 'pyspark') if name in sys.modules])",
            "sys.exit(code)",
        ]
    )
    ran = subprocess.run([sys.executable, "-c", asked], env=dict(os.environ), capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"
