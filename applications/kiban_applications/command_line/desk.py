"""席 (desk): who sits at this terminal under which label, so that a command on one's own machine need not repeat `--as`.

`home/desk.toml` maps a label (a role code such as `PR`, or a word such as `checker-1`) to a person's ID. It grants nothing: what the
person may do is read from their roles at each step. Approvals never take a default; both approvers say who they are.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import tomli_w

FILE = "desk.toml"


def seats(home: Path) -> dict[str, str]:
    """Labels and the persons under them; empty where nobody is seated."""
    path = home / FILE
    if not path.is_file():
        return {}
    return {str(label): str(person) for label, person in tomllib.loads(path.read_text(encoding="utf-8")).get("seats", {}).items()}


def seat(home: Path, label: str, person: str) -> None:
    """Seat a person under a label, in place of whoever sat there."""
    taken = seats(home)
    taken[label] = person
    (home / FILE).write_text(tomli_w.dumps({"seats": dict(sorted(taken.items()))}), encoding="utf-8")
