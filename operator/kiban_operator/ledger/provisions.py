"""提供の記載の点検 (provision lines): sealed texts, documents, counts and evidence behind each provision (Reg 12, 18, 57)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256

import orjson

from kiban_operator.ledger import kinds, shapes
from kiban_operator.ledger.copies import Line, is_canonical
from kiban_operator.ledger.lives import Lives, Release
from kiban_operator.ledger.verdict import Check, Finding
from kiban_processing.language import Text

_REVEAL_FIELDS = frozenset({"seq", "field", "salt", "value"})
FRESH = timedelta(days=1)
LATE = timedelta(days=7)  # Reg 12: entered without delay; noted, not judged


def open_reveals(rows: Iterable[bytes], lines: Mapping[int, Line]) -> tuple[dict[tuple[int, str], str], list[Finding]]:
    """The texts that open their commitments, by entry and field; a row that opens nothing is a failure (V4)."""
    texts: dict[tuple[int, str], str] = {}
    found: list[Finding] = []
    for number, row in enumerate(rows, start=1):
        reveal = _reveal(row)
        if reveal is None:
            found.append(
                Finding(Check.V4, Text(f"reveals.jsonl の {number} 行目が読めません", f"line {number} of reveals.jsonl is malformed"))
            )
            continue
        seq, field, salt, value = reveal
        line = lines.get(seq)
        if line is None or line.sealed.get(field) != f"c:{sha256(salt + value.encode()).hexdigest()}":
            found.append(Finding(Check.V4, Text("封をした項目の原文が記載と一致しません", "a sealed text does not open its entry"), seq))
        elif (seq, field) in texts:
            found.append(Finding(Check.V4, Text("封をした項目の原文が二つあります", "a sealed field has two texts"), seq))
        else:
            texts[seq, field] = value
    return texts, found


def _reveal(row: bytes) -> tuple[int, str, bytes, str] | None:
    try:
        value = orjson.loads(row)
        if not isinstance(value, dict) or frozenset(value) != _REVEAL_FIELDS or not is_canonical(row, value):
            return None
        seq, field, salt, text = value["seq"], value["field"], value["salt"], value["value"]
        if not (shapes.COUNT.fits(seq) and isinstance(field, str) and isinstance(salt, str) and isinstance(text, str)):
            return None
        raw = bytes.fromhex(salt)
    except ValueError:
        return None
    return (seq, field, raw, text) if raw.hex() == salt else None


def statutory_lines(lines: Iterable[Line], texts: Mapping[tuple[int, str], str]) -> list[Finding]:
    """Each line of Reg 12 has its texts for three years from its entry, none of them blank, and a date that had come (V4, V9)."""
    known = list(lines)
    today = max((line.at.date() for line in known), default=None)
    found: list[Finding] = []
    for line in known:
        kind = kinds.KINDS[line.kind]
        for field in sorted(line.sealed):
            text = texts.get((line.seq, field))
            kept = kind.statutory and today is not None and today <= kinds.retained_until(line.at.date())
            if text is None and kept:
                what = Text(
                    f"保存期間中の項目 {field} の原文がありません", f"the text of {field} is missing within its period of preservation"
                )
                found.append(Finding(Check.V4, what, line.seq))
            elif text is None:
                found.append(
                    Finding(Check.V9, Text(f"項目 {field} の原文は消去されています", f"the text of {field} was erased"), line.seq, False)
                )
            elif kind.statutory and not text.strip():
                found.append(Finding(Check.V4, Text(f"項目 {field} が空です", f"{field} is blank"), line.seq))
        if kind.statutory:
            found += _dates(line)
    return found


def _dates(line: Line) -> list[Finding]:
    found: list[Finding] = []
    for name in ("provided_on", "deleted_on", "exchanged_on"):
        stated = line.facts.get(name)
        if stated is None:
            continue
        entered = line.at.date()
        if str(stated) > entered.isoformat():
            found.append(Finding(Check.V4, Text(f"{name} が記載の日より後です", f"{name} is after the day of the entry"), line.seq))
        elif str(stated) < (entered - LATE).isoformat():
            found.append(Finding(Check.V9, Text(f"{name} から遅れて記載されています", f"entered late after {name}"), line.seq, False))
    return found


def documents(files: Mapping[str, bytes], lines: Iterable[Line], lives: Lives) -> tuple[dict[str, bytes], list[Finding]]:
    """The documents by digest; one whose digest stands in no entry is altered or foreign, a provision's manifest must be there (V7)."""
    stated: dict[str, int] = {}
    for line in lines:
        for value in line.facts.values():
            if isinstance(value, str) and shapes.DIGEST.fits(value):
                stated.setdefault(value, line.seq)
    found: list[Finding] = []
    by_digest: dict[str, bytes] = {}
    for name, content in files.items():
        digest = f"sha256:{sha256(content).hexdigest()}"
        by_digest[digest] = content
        if digest not in stated:
            what = Text(f"{name} のダイジェストがどの記載にもありません", f"the digest of {name} stands in no entry")
            found.append(Finding(Check.V7, what))
    for name, release in lives.releases.items():
        if release.delivered is None:
            continue
        manifest = by_digest.get(str(release.manifest))
        if manifest is None:
            what = Text("提供物の目録が documents/ にありません", "the manifest of the provision is not in documents/")
            found.append(Finding(Check.V7, what, release.delivered.seq))
        elif (_object(manifest).get("release"), _object(manifest).get("contract")) != (name, release.contract):
            what = Text("目録が別の作成又は契約のものです", "the manifest is of another release or contract")
            found.append(Finding(Check.V7, what, release.delivered.seq))
    return by_digest, found


def tallies(lines: Iterable[Line]) -> list[Finding]:
    """Every receipt adds up: in = accepted + held + quarantined, table by table (V8)."""
    found: list[Finding] = []
    for line in lines:
        tables = line.facts.get("tables")
        if line.kind != kinds.SUBMISSION_RECEIVED.name or not isinstance(tables, dict):
            continue
        for table, tally in tables.items():
            if tally["in"] != tally["accepted"] + tally["held"] + tally["quarantined"]:
                found.append(
                    Finding(Check.V8, Text(f"表 {table} の件数が合いません", f"the counts of table {table} do not add up"), line.seq)
                )
    return found


def evidence(lives: Lives, by_digest: Mapping[str, bytes]) -> list[Finding]:
    """For every provision: nobody in it had asked to stop, and each of the five standards was passed, by its evidence document (V8)."""
    found: list[Finding] = []
    for release in lives.releases.values():
        if release.delivered is None:
            continue
        document = by_digest.get(str(release.evidence))
        faults = (
            [Text("根拠資料がありません", "the evidence document is missing")] if document is None else _evidence_faults(document, release)
        )
        found += [Finding(Check.V8, fault, release.delivered.seq) for fault in faults]
    return found


def _object(document: bytes) -> Mapping[str, object]:
    """The JSON object in a document; empty if it is none, so that every later question is answered with no."""
    try:
        value = orjson.loads(document)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _evidence_faults(document: bytes, release: Release) -> list[Text]:
    value = _object(document)
    if value.get("format") not in kinds.EVIDENCE_FORMATS or value.get("passed") is not True or release.made is None:
        return [Text("根拠資料が読めないか、適合としていません", "the evidence is not readable or does not say that all passed")]
    faults: list[Text] = []
    plan, eligibility, verdicts = value.get("plan"), value.get("eligibility"), value.get("verdicts")
    if (
        not isinstance(plan, dict)
        or f"sha256:{plan.get('digest')}" != release.plan
        or value.get("persons") != release.made.facts["persons"]
    ):
        faults.append(Text("根拠資料が別の加工計画又は人数のものです", "the evidence is of another plan or number of persons"))
    if not isinstance(eligibility, dict) or not shapes.COUNT.fits(eligibility.get("registrations")):
        faults.append(Text("根拠資料に提供停止の再確認がありません", "the evidence holds no second check of requests to stop"))
    elif eligibility.get("ineligible") != 0 or eligibility.get("ineligible") is False:
        faults.append(Text("提供できない人が含まれています", "persons are in it who may not be provided"))
    judged = [item for item in verdicts if isinstance(item, dict)] if isinstance(verdicts, list) else []
    for standard in kinds.EVIDENCE_STANDARDS:
        own = [item for item in judged if item.get("standard") == standard]
        if not own or not all(item.get("passed") is True and _holds(item) for item in own):
            faults.append(Text(f"基準 {standard} への適合が示されていません", f"the standard {standard} is not shown to be met"))
    checks = {item.get("check") for item in judged}
    for check in kinds.EVIDENCE_CHECKS[str(value["format"])]:
        if check not in checks:
            faults.append(Text(f"根拠資料に判定 {check} がありません", f"the evidence holds no check {check}"))
    return faults


def _holds(verdict: Mapping[str, object]) -> bool:
    """Whether the number found keeps to the bound, judged again here."""
    found, bound, rule = verdict.get("found"), verdict.get("bound"), verdict.get("rule")
    if isinstance(found, bool) or isinstance(bound, bool) or not isinstance(found, int | float) or not isinstance(bound, int | float):
        return False
    return (rule == "at-most" and found <= bound) or (rule == "at-least" and found >= bound)


def freshness(lives: Lives, by_digest: Mapping[str, bytes]) -> list[Finding]:
    """Requests to stop should have been read within the last day before the release was committed (V9)."""
    found: list[Finding] = []
    for release in lives.releases.values():
        eligibility = _object(by_digest.get(str(release.evidence), b"")).get("eligibility")
        if release.committed is None or not isinstance(eligibility, dict):
            continue
        try:
            age = release.committed.at - datetime.fromisoformat(str(eligibility.get("checked_at")))
        except (TypeError, ValueError):
            age = None
        if age is None or age > FRESH:
            what = Text(
                "確定の前一日以内に停止の求めを確認した証拠がありません",
                "no evidence that stops were read within a day before it was committed",
            )
            found.append(Finding(Check.V9, what, release.committed.seq, False))
    return found


def missing(lives: Lives, last: Line | None) -> list[Finding]:
    """What is not finished yet, as notes (V9): releases without outcome, provision or receipt; contracts past their term."""
    found: list[Finding] = []
    words = {
        "intended": Text("着手したまま結果の記載がありません", "begun, and no outcome entered"),
        "made": Text("作成したまま確定していません", "made, and not committed"),
        "committed": Text("確定したまま提供していません", "committed, and not provided"),
    }
    for release in lives.releases.values():
        if release.state in words:
            found.append(Finding(Check.V9, words[release.state], release.begun, False))
        if release.delivered is not None and not release.receipted:
            found.append(
                Finding(Check.V9, Text("受領の確認がありません", "no receipt has been confirmed"), release.delivered.seq, False),
            )
    for contract in lives.agreements.contracts.values():
        over = last is not None and contract.ends_on is not None and contract.ends_on < last.at.date()
        if contract.state in ("active", "suspended") and over:
            found.append(Finding(Check.V9, Text("期間が過ぎた契約の終了がありません", "past its term, and not ended"), contract.seq, False))
    return found
