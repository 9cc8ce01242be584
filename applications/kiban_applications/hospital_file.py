"""医療機関登録票 (hospital file): one TOML file that tells all the operator registers of a hospital: who it is, its programme, its notice.

[hospital]   id, name, address, representative
[programme]  regime, contract_on, form43_filed_on, filing_number, ministers_published_on, own_published_on, starts_on
[notice]     version, regime, filed_on (default: form43_filed_on), wait_days, wait_reason, covers (items), entries (the nine)
"""

from __future__ import annotations

import tomllib
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from kiban_operator import hospitals, notices, programmes
from kiban_operator.circumstances import Circumstances
from kiban_operator.programmes import Step
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_55_1

FILE_WRONG = Ground(
    "hospital-file-wrong", Family.INPUT, ACT_55_1,
    Text("登録票 {file} の {place} が正しくありません。", "The hospital file {file} is wrong at {place}."),
    Text("docs/operator.md の登録票の書き方を確かめてください。", "See the form of the hospital file in docs/operator.md."),
)  # fmt: skip

_STEPS: dict[str, Step] = {
    "contract_on": Step.CONTRACT,
    "form43_filed_on": Step.FILED,
    "ministers_published_on": Step.MINISTERS_PUBLISHED,
    "own_published_on": Step.OWN_PUBLISHED,
    "starts_on": Step.STARTS,
    "ended_on": Step.ENDED,
}
_PARTS = {
    "hospital": {"id", "name", "address", "representative"},
    "programme": {"regime", "filing_number", *_STEPS},
    "notice": {"version", "regime", "filed_on", "wait_days", "wait_reason", "covers", "entries"},
}


def read(path: Path) -> dict[str, dict[str, Any]]:
    """The file, with every key known. Refuses: hospital-file-wrong."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FILE_WRONG.refuse(file=path.name, place=type(error).__name__) from error
    for part, values in found.items():
        if part not in _PARTS or not isinstance(values, dict):
            raise FILE_WRONG.refuse(file=path.name, place=f"[{part}]")
        for name in values:
            if name not in _PARTS[part]:
                raise FILE_WRONG.refuse(file=path.name, place=f"{part}.{name}")
    for part, name in (("hospital", "id"), ("hospital", "name"), ("hospital", "address"), ("hospital", "representative")):
        if not isinstance(found.get(part, {}).get(name), str):
            raise FILE_WRONG.refuse(file=path.name, place=f"{part}.{name}")
    return found


def register(session: Session, circumstances: Circumstances, path: Path) -> hospitals.Hospital:
    """Register or bring up to date what the file says; the same file again changes nothing.

    Refuses: hospital-file-wrong, and what `hospitals`, `programmes` and `notices` refuse.
    """
    found = read(path)
    named = found["hospital"]
    hospital = hospitals.register(session, circumstances, named["id"], named["name"], named["address"], named["representative"])
    programme = found.get("programme", {})
    regime = programme.get("regime", "A")
    for name, step in _STEPS.items():
        if name in programme:
            number = programme.get("filing_number") if step is Step.FILED else None
            programmes.record(session, circumstances, hospital.id, regime, step, _day(path, f"programme.{name}", programme[name]), number)
    if "notice" in found:
        _register_notice(session, circumstances, path, hospital.id, found["notice"], programme)
    return hospital


def _register_notice(
    session: Session, circumstances: Circumstances, path: Path, hospital: str, notice: dict[str, Any], programme: dict[str, Any]
) -> None:  # fmt: skip
    texts = notice.get("entries", {})
    unknown = sorted(set(texts) - {field.name for field in fields(notices.Entries)})
    if unknown or "version" not in notice:
        raise FILE_WRONG.refuse(file=path.name, place=f"notice.entries.{unknown[0]}" if unknown else "notice.version")
    regime, version = notice.get("regime", programme.get("regime", "A")), str(notice["version"])
    filed_on = notice.get("filed_on", programme.get("form43_filed_on"))
    if any(each.version == version and each.filed_on is not None for each in notices.list_all(session, hospital, regime)):
        return
    wait = {"wait_days": notice["wait_days"]} if "wait_days" in notice else {}
    notices.draft(
        session, circumstances, hospital, regime, version, notices.Entries(**texts), notice.get("covers", []),
        wait_reason=notice.get("wait_reason"), **wait,
    )  # fmt: skip
    if filed_on is not None:
        notices.activate(session, circumstances, hospital, regime, version, _day(path, "notice.filed_on", filed_on))


def _day(path: Path, place: str, value: object) -> date:
    if type(value) is not date:
        raise FILE_WRONG.refuse(file=path.name, place=place)
    return value
