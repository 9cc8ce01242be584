"""拒否事由の一覧 (refusals): every code with its exit code, article, texts and remedy, and the findings that concern single rows."""

from __future__ import annotations

from pathlib import Path

from kiban_applications.documents import markdown, survey
from kiban_operator import findings_report
from kiban_processing.refusals import Family

FAMILIES: dict[Family, str] = {
    Family.LAW: "the law or the approval does not allow it",
    Family.INPUT: "what was handed in cannot be used",
    Family.STATE: "not in this state of affairs",
    Family.PERMISSION: "not by this person, or not by anybody in this state of the case",
    Family.INTEGRITY: "something is damaged, missing or altered",
}


def compose(_root: Path) -> str:
    declared = survey.grounds()
    parts = [
        "A refusal (拒否) is no bug: it has a stable code, the article (where there is one), what happened and what to do now. "
        "Words in braces are filled in: file, row, column, count, never a patient's value. The family is the exit code of `kiban`.",
        markdown.table(("exit code", "family", "meaning"), [(int(f), f.name, FAMILIES[f]) for f in Family]),
    ]
    for family in Family:
        rows = [
            (
                markdown.code(one.ground.code),
                f"{one.ground.article.citation}<br>{one.ground.article.citation_ja}" if one.ground.article else "",
                f"{one.ground.what.en}<br>{one.ground.what.ja}",
                f"{one.ground.remedy.en}<br>{one.ground.remedy.ja}",
                markdown.code(one.module),
            )
            for one in declared
            if one.ground.family is family
        ]
        parts.append(f"## {int(family)}: {family.name.lower()}")
        parts.append(markdown.table(("code", "article", "what", "what to do now", "declared in"), rows))
    parts.append("## Findings on rows and values (指摘)")
    parts.append(
        "A row or value that cannot be used does not refuse the file. `row`: the row is quarantined or held; "
        "`value`: the value is dropped to nothing and the row is used."
    )
    parts.append(
        markdown.table(
            ("rule", "about", "what", "what to do"),
            [
                (markdown.code(code), rule.severity, f"{rule.what.en}<br>{rule.what.ja}", f"{rule.remedy.en}<br>{rule.remedy.ja}")
                for code, rule in findings_report.RULES.items()
            ],
        )
    )
    return markdown.page("Refusals (拒否事由)", *parts)
