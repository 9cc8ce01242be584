"""検証結果 (verdict): the numbered checks of an audit, what each found, and how it reads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from kiban_processing.language import Language, Text


class Check(Enum):
    """検証項目. The numbers are the same in the code, the report and the JSON; V9 lists what is missing and fails nothing."""

    V1 = Text("検証点の署名", "signature of the checkpoints")
    V2 = Text("記載とタイルから計算し直した根が検証点と一致する", "the root recomputed from entries and tiles is the checkpoint's")
    V3 = Text("以前の検証点すべての続きである", "continues every earlier checkpoint")
    V4 = Text(
        "封をした項目の原文が記載に一致し、提供の記載が法定事項を備える", "sealed texts open their entries; provision lines are complete"
    )
    V5 = Text("記載の順序と、作成・承認・提供の手順", "order of the entries, and each release's way to its provision")
    V6 = Text("承認の署名が登録済みの鍵による", "approvals are signed with registered keys")
    V7 = Text("文書が記載のダイジェストと一致する", "documents match the digests in the entries")
    V8 = Text("件数が合い、提供ごとに基準適合の根拠がある", "counts reconcile; each provision has its evidence of eligibility")
    V9 = Text("未了の事項", "what is still missing")


@dataclass(frozen=True)
class Finding:
    """所見: what a check found, at which entry (None: not at one), and whether it fails the audit."""

    check: Check
    what: Text
    seq: int | None = None
    fails: bool = True


@dataclass(frozen=True)
class Verdict:
    """The audit's outcome. `size` and `root` are those the checkpoint claims, None if it could not be read."""

    origin: str | None
    size: int | None
    root: bytes | None
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        return not any(finding.fails for finding in self.findings)

    def passed(self, check: Check) -> bool:
        return not any(finding.fails for finding in self.of(check))

    def of(self, check: Check) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.check is check)

    def read(self, language: Language) -> str:
        """The readable report: the verdict first, then each check with its findings."""
        ja = language == "ja"
        rows = [
            ("帳簿の検証: 異常なし" if ja else "Audit of the ledger: all is well")
            if self.ok
            else ("帳簿の検証: 異常あり" if ja else "Audit of the ledger: FAILED")
        ]
        if self.root is not None:
            rows.append(f"{self.origin}  {self.size} {'件' if ja else 'entries'}  {self.root.hex()}")
        for check in Check:
            found = self.of(check)
            passed = ("適合" if ja else "pass") if self.passed(check) else ("不適合" if ja else "FAIL")
            if check is Check.V9:
                passed = f"{len(found)} {'件' if ja else 'items'}"
            rows.append(f"{check.name} {check.value.read(language)}: {passed}")
            rows += [f"   {_place(finding, ja)}{finding.what.read(language)}" for finding in found]
        return "\n".join(rows) + "\n"

    def as_json(self) -> dict[str, object]:
        """The same for scripts, texts in both languages."""
        return {
            "ok": self.ok,
            "origin": self.origin,
            "size": self.size,
            "root": self.root.hex() if self.root is not None else None,
            "checks": [{"check": check.name, "ja": check.value.ja, "en": check.value.en, "passed": self.passed(check)} for check in Check],
            "findings": [{"check": f.check.name, "seq": f.seq, "fails": f.fails, "ja": f.what.ja, "en": f.what.en} for f in self.findings],
        }


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings by check, then entry, each once."""
    order = list(Check)
    unique = dict.fromkeys(findings)
    return tuple(sorted(unique, key=lambda f: (order.index(f.check), -1 if f.seq is None else f.seq)))


def _place(finding: Finding, ja: bool) -> str:
    mark = "" if finding.fails else ("（参考）" if ja else "(note) ")
    if finding.seq is None:
        return mark
    return f"{mark}記載 {finding.seq}: " if ja else f"{mark}entry {finding.seq}: "
