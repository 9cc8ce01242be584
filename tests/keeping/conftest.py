"""A small home with its tables, for tests of keys, vault and engine."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from kiban_applications.migrations import steps
from kiban_operator import home as homes
from kiban_operator.circumstances import Circumstances

NOON = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> homes.Home:
    random = Random(7)
    circumstances = Circumstances(lambda: NOON, random.randbytes, "p-test")
    made = homes.create(tmp_path / "home", homes.Settings("試験事業者", "test.example/kiban", memory_limit="300MB"), circumstances)
    steps.upgrade(made.engine)
    return made
