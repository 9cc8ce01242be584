"""保管場所 (home): one operator's state on disk: settings, control database, keys, and the three zones of Reg 6(iv).

    home/kiban.toml  control.db  keys/  masters/  receive/  core/  deliver/

The zones are folders here; nothing in `receive` is opened by code of `deliver` and the other way round, so that they can become
three machines (house: zones). `core/engine` holds the engine's encrypted swap files only while it runs.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import sqlalchemy as sa
import tomli_w
from sqlalchemy.orm import Session

from kiban_operator import database, keys
from kiban_operator.circumstances import Circumstances
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import REG_6_IV

NO_HOME = Ground(
    "no-home",
    Family.STATE,
    REG_6_IV,
    Text("{path} は kiban の保管場所ではありません。", "{path} is not a home of kiban."),
    Text(
        "`kiban --home {path} init` で作るか、--home / KIBAN_HOME を直してください。",
        "Make it with `kiban --home {path} init`, or correct --home / KIBAN_HOME.",
    ),
)
HOME_EXISTS = Ground(
    "home-exists",
    Family.STATE,
    REG_6_IV,
    Text("{path} にはすでに保管場所があります。", "There is a home at {path} already."),
    Text("別の場所を指定してください。既存のものは上書きしません。", "Choose another place; an existing one is never overwritten."),
)

ZONES = ("receive", "core", "deliver")


@dataclass(frozen=True)
class Settings:
    """設定: what the operator fixes once. `operator` is the statutory name, `origin` the name on ledger checkpoints."""

    operator: str
    origin: str
    database: str | None = None
    memory_limit: str = "4GB"
    threads: int = 2
    spark_master: str | None = None  # where Spark runs the plan: `local[2]`, `yarn`, `k8s://…`; None: DuckDB does, in this process
    spark_memory: str = "4g"  # of Spark's driver, apart from DuckDB's


@dataclass(frozen=True)
class Home:
    """An opened home. Conductors take it; workers take a session or a folder of it."""

    path: Path
    settings: Settings
    circumstances: Circumstances

    @cached_property
    def engine(self) -> sa.Engine:
        return database.connect(self.settings.database or f"sqlite:///{self.path / 'control.db'}")

    @cached_property
    def keyring(self) -> keys.Keyring:
        return keys.Keyring((self.path / "keys" / "master.key").read_bytes())

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        with database.transaction(self.engine) as session:
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A view for long reading; see `database.reading`."""
        with database.reading(self.engine) as session:
            yield session

    @property
    def masters(self) -> Path:
        """The code masters: public tables, of no zone."""
        return self.path / "masters"

    @property
    def receive(self) -> Path:
        return self.path / "receive"

    @property
    def core(self) -> Path:
        return self.path / "core"

    @property
    def deliver(self) -> Path:
        return self.path / "deliver"


def create(path: Path, settings: Settings, circumstances: Circumstances) -> Home:
    """Lay out a new home: folders, settings, master key. Does not make the tables (the door runs the migrations). Refuses: home-exists."""
    if (path / "kiban.toml").exists():
        raise HOME_EXISTS.refuse(path=path)
    for zone in (*ZONES, "keys"):
        (path / zone).mkdir(parents=True, exist_ok=True, mode=0o700)
    keys.write_private(path / "keys" / "master.key", circumstances.entropy(32))
    values = {name: value for name, value in vars(settings).items() if value is not None}
    (path / "kiban.toml").write_text(tomli_w.dumps(values), encoding="utf-8")
    return Home(path, settings, circumstances)


def open_home(path: Path, circumstances: Circumstances) -> Home:
    """The home at `path`. Refuses: no-home."""
    if not (path / "kiban.toml").is_file():
        raise NO_HOME.refuse(path=path)
    return Home(path, Settings(**tomllib.loads((path / "kiban.toml").read_text(encoding="utf-8"))), circumstances)
