"""不備の報告 (findings report): what a hospital is told of a submission: file, row, column, rule and remedy, never the value."""

from __future__ import annotations

from dataclasses import dataclass

from kiban_operator import people, roles, submissions, vault
from kiban_operator.guard import rules as guard_rules
from kiban_operator.home import Home
from kiban_operator.incoming import FINDINGS
from kiban_operator.workshop import open_workshop
from kiban_processing.formats import findings
from kiban_processing.formats.findings import ROW, Rule
from kiban_processing.language import Text

REPEATED_KEY = Rule(
    "repeated-key",
    ROW,
    Text("同じ番号の行が前にあります。", "An earlier row has the same key."),
    Text("重複を除くか、番号を確かめて送り直してください。", "Remove the repetition, or check the keys, and send it again."),
)
CONTRADICTING_REGISTRATION = Rule(
    "contradicting-registration",
    ROW,
    Text("同じ患者IDで生年月日又は性別の異なる登録があります。", "One patient ID has registrations with different birth dates or sexes."),
    Text(
        "患者IDの使い回しがないか確かめ、正しい登録だけを送ってください。",
        "Check whether the ID was used twice; send the right registration only.",
    ),
)

RULES: dict[str, Rule] = {
    **findings.RULES,
    **{clause.ground.code: Rule(clause.ground.code, ROW, clause.ground.what, clause.ground.remedy) for clause in guard_rules.RULES},
    REPEATED_KEY.code: REPEATED_KEY,
    CONTRADICTING_REGISTRATION.code: CONTRADICTING_REGISTRATION,
}


@dataclass(frozen=True)
class Finding:
    """One finding with its words."""

    file: str
    table: str
    row: int
    column: str | None
    rule: str
    severity: str
    what: Text
    remedy: Text


def read(home: Home, submission: str, limit: int = 1000) -> list[Finding]:
    """The first findings of a submission, by file and row. Refuses: act-not-allowed, submission-unknown."""
    with home.transaction() as session:
        people.require(session, home.circumstances, roles.Act.RECEIVE_SUBMISSION)
        submissions.find(session, submission)
        chosen = [file for file in vault.files(session, vault.Shelf.QUARANTINE, table="findings") if file.submission == submission]
        stored = vault.dataset(session, home, chosen, FINDINGS)
    with open_workshop(home.receive / "engine") as con:
        con.register("stored", stored)
        rows = con.execute(
            'SELECT source_file, table_name, source_row, "column", rule, severity FROM stored ORDER BY ALL LIMIT ?', [limit]
        ).fetchall()
    return [Finding(row[0], row[1], row[2], row[3], row[4], row[5], RULES[row[4]].what, RULES[row[4]].remedy) for row in rows]
