"""状態の鍵の置き場 (linkage keys): where the keys of kept linkage states lie: a file that is named, or a folder of the person's own.

A state says only the name of its key. Whoever destroys the key's file makes every state under it unreadable.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from kiban_processing.language import Text
from kiban_processing.linkage.state.sealing import KEY_BYTES, STATE_KEY_MISSING, StateKey
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_21

Random = Callable[[int], bytes]

KEY_UNUSABLE = Ground(
    "linkage-key-unusable", Family.INPUT, ACT_21,
    Text("鍵のファイル「{file}」を使えません。", "The key file “{file}” cannot be used."),
    Text("`kiban link` が作ったファイルを、読める権限で指定してください。", "Name a file that `kiban link` made and that you may read."),
)  # fmt: skip


def folder() -> Path:
    """$XDG_STATE_HOME/kiban/linkage, or ~/.local/state/kiban/linkage."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "kiban" / "linkage"


def named(name: str, file: Path | None) -> StateKey:
    """The key of that name.

    Refuses: linkage-state-key-missing, linkage-key-unusable.
    """
    found = file or folder() / f"{name}.key"
    key = _read(found) if found.exists() else None
    if key is None or key.name != name:
        raise STATE_KEY_MISSING.refuse(key=name)
    return key


def first(file: Path | None, random: Random) -> StateKey:
    """The key to begin with: that in `file`, else the person's own; made where there is none.

    Refuses: linkage-key-unusable.
    """
    if file is not None:
        return _read(file) if file.exists() else _make(file, random)
    known = sorted(folder().glob("*.key"))
    if known:
        return _read(known[0])
    key = StateKey(random(KEY_BYTES))
    _write(folder() / f"{key.name}.key", key)
    return key


def _make(file: Path, random: Random) -> StateKey:
    key = StateKey(random(KEY_BYTES))
    _write(file, key)
    return key


def _write(file: Path, key: StateKey) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(key.secret.hex() + "\n")
    except OSError as error:
        raise KEY_UNUSABLE.refuse(file=file.name) from error


def _read(file: Path) -> StateKey:
    try:
        return StateKey(bytes.fromhex(file.read_text(encoding="ascii").strip()))
    except (OSError, ValueError) as error:
        raise KEY_UNUSABLE.refuse(file=file.name) from error
