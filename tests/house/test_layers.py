"""The house stands as its plan says: layers, the standard library's own `operator`, first sentences, no catch-all names."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("processing/kiban_processing", "operator/kiban_operator", "applications/kiban_applications")
MODULES = sorted(path for part in PARTS for path in (ROOT / part).rglob("*.py"))
CATCH_ALL = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "services", "service", "base", "models"}


def test_standard_operator_module_still_imports_from_the_root() -> None:
    """`operator/` must stay a plain folder: with an `__init__.py` it would shadow Python's own module."""
    code = "import operator, collections; print(operator.itemgetter(0)([7]))"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "7"
    for folder in ("operator", "processing", "applications"):
        assert not (ROOT / folder / "__init__.py").exists()


def test_import_contracts_hold() -> None:
    tool = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([tool], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_opens_with_one_sentence_that_says_what_it_is(path: Path) -> None:
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert doc, "a module without a docstring"
    assert doc.splitlines()[0].rstrip().endswith((".", ":", ";", ",")), "the first line is a sentence or runs on into one"


def test_no_module_has_a_catch_all_name() -> None:
    assert not [path for path in MODULES if path.stem in CATCH_ALL]


def test_nothing_names_a_machine_or_an_index() -> None:
    """No path of a machine, no address of a package index: the project installs from wherever its user installs."""
    forbidden = re.compile("index" + r"-url|/root/|/home/[a-z]+/|files\.pythonhosted")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    texts = [ROOT / name for name in listed if name.endswith((".py", ".toml", ".md", ".txt", "Makefile")) and (ROOT / name).is_file()]
    assert texts
    assert not [str(path) for path in texts if path != Path(__file__) and forbidden.search(path.read_text(encoding="utf-8"))]
