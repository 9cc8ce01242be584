"""状態遷移図 (states): the diagrams of all state tables, and the steps of a hospital's programme."""

from __future__ import annotations

from pathlib import Path

from kiban_applications.documents import markdown, survey
from kiban_operator import machine, programmes


def compose(_root: Path) -> str:
    parts = ["Drawn from the state tables in code; each arrow names its command and the roles that may give it. See [roles](roles.md)."]
    for module, table in survey.state_tables():
        names = ", ".join(f"{state} {text.ja} ({text.en})" for state, text in table.states.items())
        parts.append(f"## {table.label.en} ({table.label.ja})")
        parts.append(f"`{module}`. {names}.")
        parts.append(f"```mermaid\n{machine.diagram(table)}```")
    parts.append("## programme (提供の枠組み)")
    parts.append(
        "`kiban_operator.programmes`. The state of a hospital's programme is derived from the dates of its steps and never stored: "
        "the furthest step reached without a gap."
    )
    parts.append(
        markdown.table(
            ("step", "key in the hospital file", "state reached"),
            [(markdown.code(step), markdown.code(programmes.COLUMNS[step]), programmes.REACHES[step].value) for step in programmes.Step],
        )
    )
    return markdown.page("State diagrams (状態遷移)", *parts)
