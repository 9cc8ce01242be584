"""The offline audit: a true story passes; each way of telling it wrongly is found by the check that is meant for it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from kiban_operator import database
from kiban_operator.ledger import audit, book, kinds, notes, statements
from kiban_operator.ledger.verdict import Check, Verdict


def test_true_story_passes(story: Path) -> None:
    verdict = audit.audit(story)
    assert verdict.ok, verdict.read("en")
    print(verdict.read("ja"))
