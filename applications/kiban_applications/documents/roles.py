"""役割の一覧 (roles): which role may do which act, and what each role may do to a case in each of its states (Act 22, Reg 6(i))."""

from __future__ import annotations

from pathlib import Path

from kiban_applications.documents import markdown, survey
from kiban_operator import machine
from kiban_operator.roles import ACT_NAMES, ALONE, MAY, OPERATOR_SIDE, RECIPIENT_SIDE, ROLE_NAMES, Act, Role


def compose(_root: Path) -> str:
    parts = [
        "A person (自然人) holds roles (役割); each was proposed by one administrator and confirmed by another. "
        "What is not in these tables is denied.",
        "## Roles",
        markdown.table(
            ("role", "日本語", "English", "held by"), [(markdown.code(r), ROLE_NAMES[r].ja, ROLE_NAMES[r].en, _side(r)) for r in Role]
        ),
        "## Acts outside the state tables",
        markdown.table(
            ("act", "日本語", *Role),
            [
                (f"{markdown.code(act)} {ACT_NAMES[act].en}", ACT_NAMES[act].ja, *("●" if r in MAY[act] else "" for r in Role))
                for act in Act
            ],
        ),
    ]
    for module, table in survey.state_tables():
        parts.append(f"## {table.label.en} ({table.label.ja})")
        parts.append(
            f"From `{module}`. `NEW` is what does not exist yet; guards are judged after the role, and each has its refusal "
            "in [refusals](refusals.md). Diagram: [states](states.md)."
        )
        parts.append(_grid(table))
        parts.append(machine.matrix(table, "en"))
        parts.append("<details><summary>日本語</summary>\n\n" + machine.matrix(table, "ja") + "\n</details>")
    return markdown.page("Roles and permissions (役割と権限)", *parts)


def _grid(table: machine.Table) -> str:
    """State × command, with the roles; every state and every command has its place, also where nobody may."""
    states = [state for state in (machine.NEW, *table.states) if state not in table.final]
    rows = []
    for state in states:
        cells = []
        for command in table.commands:
            roles = [role for role in Role if machine.find(table, state, command, role)]
            cells.append(" ".join(roles))
        rows.append((state, *cells))
    return markdown.table(("state \\ command", *table.commands), rows)


def _side(role: Role) -> str:
    if role is Role.SYS:
        return "nobody: timers and conductors"
    where = "the recipient" if role in RECIPIENT_SIDE else "the operator" if role in OPERATOR_SIDE else "anyone not of the applicant"
    return f"{where}; with no other role" if role in ALONE else where
