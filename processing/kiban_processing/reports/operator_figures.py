"""事業者用の報告書 (operator's report): everything measured on one release, as JSON for machines and as a page in both languages.

It names k, levels, thresholds and windows: information on the method of processing (加工の方法に関する情報, Act 9(2)(iv)). It lies beside the
evidence, whose document holds its digest, and never goes into a package.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import rfc8785

from kiban_processing.evidence import Evidence
from kiban_processing.language import LANGUAGES, Language
from kiban_processing.outcome import Outcome
from kiban_processing.reports import operator_page

FORMAT = "kiban/operator-report/v1"
JSON_FILE = "report.json"


def page_file(language: Language) -> str:
    """The page's file name."""
    return f"report.{language}.html"


def draw(evidence: Evidence, outcome: Outcome) -> tuple[Evidence, dict[str, bytes]]:
    """The reports by file name, and the evidence with their digests in it. Same evidence and outcome: same bytes."""
    document = figures(evidence, outcome)
    files = {JSON_FILE: rfc8785.dumps(document)} | {
        page_file(language): operator_page.compose(document, language) for language in LANGUAGES
    }
    return replace(evidence, reports={name: hashlib.sha256(content).hexdigest() for name, content in files.items()}), files


def figures(evidence: Evidence, outcome: Outcome) -> dict[str, Any]:
    """The machine-readable report: suppression by person, record and cell, classes, levels, all risk, both measurements, all verdicts."""
    return {
        "format": FORMAT,
        "passed": evidence.passed,
        "plan": {"name": evidence.plan_name, "version": evidence.plan_version, "digest": evidence.plan_digest},
        "persons": {
            "before": outcome.persons_before,
            "released": outcome.persons_after,
            "suppressed": outcome.persons_suppressed,
        },
        "records": [
            {
                "table": one.name,
                "before": one.rows_before,
                "released": one.rows_after,
                "consolidated": one.rows_consolidated,
                "of_suppressed_persons": one.rows_of_suppressed,
                "without_patient": one.rows_without_patient,
                "dropped_rare": one.rows_dropped_rare,
                "dropped_dates": one.rows_dropped_dates,
            }
            for one in outcome.tables.values()
        ],
        "cells": {"codes": _json(outcome.codes), "measurements": _json(outcome.measurements), "days": _json(outcome.days)},
        "anonymity": _json(outcome.anonymity),
        "figures": _json(evidence.figures),
        "risk": _json(evidence.risk),
        "verdicts": [verdict.as_json() for verdict in evidence.verdicts],
    }


def _json(value: Any) -> Any:
    """Values of results as JSON: keys of objects are texts."""
    if isinstance(value, Mapping):
        return {str(key): _json(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_json(one) for one in value]
    if hasattr(value, "__dataclass_fields__"):
        return _json(asdict(value))
    return value
