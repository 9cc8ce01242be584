"""状態遷移 (machine): state tables as data; whatever a table does not name is refused, and diagrams and matrices are read from it.

Pure: no database, no clock. A guard is a name here; the module that owns the aggregate must hold a rule for each name it uses.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kiban_operator.roles import ROLE_NAMES, Role
from kiban_processing.language import Language, Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import REG_5_VII

MOVE_NOT_ALLOWED = Ground(
    "move-not-allowed",
    Family.PERMISSION,
    REG_5_VII,
    Text(
        "{aggregate}は状態「{state}」であり、役割「{roles}」では「{command}」を行えません。",
        "{aggregate} is in state {state}; “{command}” is not open to the roles {roles}.",
    ),
    Text(
        "いま行えるのは次のとおりです: {allowed}。必要な役割を持つ人に依頼してください。",
        "What may be done now: {allowed}. Ask a person who holds the role.",
    ),
)

NEW = "NEW"
"""The state of what does not exist yet: creating is a transition too."""


@dataclass(frozen=True)
class Transition:
    """遷移: in `state`, a person holding `role` may give `command` if every guard holds; then the state is `to`.

    `entry` is the kind booked in the ledger in the same transaction, or None where the ledger has no kind for the step
    (every step leaves its event beside the case in any event).
    """

    state: str
    command: str
    role: Role
    guards: tuple[str, ...]
    to: str
    entry: str | None = None


@dataclass(frozen=True)
class Table:
    """状態遷移表: all states and transitions of one aggregate. `final` states have no way out."""

    name: str
    label: Text
    states: dict[str, Text]
    commands: dict[str, Text]
    transitions: tuple[Transition, ...]
    final: frozenset[str]

    def __post_init__(self) -> None:
        """A table that contradicts itself is a bug: unknown state or command, a pair answered twice, a way out of a final state."""
        seen: set[tuple[str, str, Role]] = set()
        for step in self.transitions:
            if step.state not in {NEW, *self.states} or step.to not in self.states:
                raise ValueError(f"{self.name}: {step.state} → {step.to} names an unknown state")
            if step.command not in self.commands or step.state in self.final:
                raise ValueError(f"{self.name}: {step.command} from {step.state}")
            if (step.state, step.command, step.role) in seen:
                raise ValueError(f"{self.name}: {step.state} × {step.command} × {step.role} is answered twice")
            seen.add((step.state, step.command, step.role))


def rows(
    states: str | Iterable[str], command: str, roles: Role | Iterable[Role], to: str | None, *guards: str, entry: str | None = None
) -> tuple[Transition, ...]:
    """Rows of a table that differ in state or role only; `to=None` keeps the state."""
    from_states = (states,) if isinstance(states, str) else tuple(states)
    by = (roles,) if isinstance(roles, Role) else tuple(roles)
    return tuple(Transition(str(state), command, role, guards, str(to or state), entry) for state in from_states for role in by)


def find(table: Table, state: str, command: str, role: Role) -> Transition | None:
    """The row of the table, or None: a missing row is a denial."""
    for step in table.transitions:
        if (step.state, step.command, step.role) == (state, command, role):
            return step
    return None


def move(table: Table, state: str, command: str, role: Role) -> Transition:
    """The transition for one role. Refuses: move-not-allowed."""
    return choose(table, state, command, frozenset({role}))


def choose(table: Table, state: str, command: str, held: frozenset[Role]) -> Transition:
    """The transition for a person who may hold several roles: the first in the order of the table. Refuses: move-not-allowed."""
    for step in table.transitions:
        if step.state == state and step.command == command and step.role in held:
            return step
    raise MOVE_NOT_ALLOWED.refuse(
        aggregate=table.name,
        state=state,
        command=command,
        roles="/".join(sorted(held)) or "-",
        allowed=", ".join(sorted({f"{step.command} ({step.role})" for step in table.transitions if step.state == state})) or "-",
    )


def open_to(table: Table, state: str, held: frozenset[Role]) -> tuple[str, ...]:
    """The commands a person with these roles may try now (guards not judged); what a page shows as buttons."""
    return tuple(dict.fromkeys(step.command for step in table.transitions if step.state == state and step.role in held))


def guards_of(table: Table) -> frozenset[str]:
    return frozenset(guard for step in table.transitions for guard in step.guards)


def diagram(table: Table) -> str:
    """The state diagram in Mermaid, one arrow per (state, command, next state) with the roles that may draw it."""
    arrows: dict[tuple[str, str, str], list[str]] = {}
    for step in table.transitions:
        arrows.setdefault((step.state, step.command, step.to), []).append(step.role)
    lines = ["stateDiagram-v2", "    direction LR"]
    for (state, command, to), by in arrows.items():
        lines.append(f"    {'[*]' if state == NEW else state} --> {to} : {command} ({'/'.join(dict.fromkeys(by))})")
    lines.extend(f"    {state} --> [*]" for state in table.states if state in table.final)
    return "\n".join(lines) + "\n"


def matrix(table: Table, language: Language = "en") -> str:
    """The permission matrix in Markdown: one row per state and command, the roles, the guards, the next state, the ledger entry."""
    head = {
        "ja": ("状態", "操作", "役割", "条件", "次の状態", "帳簿"),
        "en": ("state", "command", "roles", "guards", "next state", "ledger"),
    }[language]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    merged: dict[tuple[str, str, tuple[str, ...], str, str | None], list[Role]] = {}
    for step in table.transitions:
        merged.setdefault((step.state, step.command, step.guards, step.to, step.entry), []).append(step.role)
    for (state, command, guards, to, entry), by in merged.items():
        names = ", ".join(f"{role} {ROLE_NAMES[role].read(language)}" for role in by)
        cells = (
            state if state == NEW else f"{state} {table.states[state].read(language)}",
            f"{command} {table.commands[command].read(language)}",
            names,
            ", ".join(guards) or "–",
            f"{to} {table.states[to].read(language)}",
            entry or "–",
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
