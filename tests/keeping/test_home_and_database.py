"""A home is made once and found again; a transaction is all or nothing; a long reading keeps no writer waiting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import StatementError

from kiban_operator import home as homes
from kiban_operator.circumstances import JAPAN, Circumstances
from kiban_operator.home import Home
from kiban_operator.keys import WrappedKey
from kiban_processing.refusals import Refusal


def test_a_home_is_never_made_twice(home: Home) -> None:
    before = (home.path / "keys" / "master.key").read_bytes()
    with pytest.raises(Refusal) as refused:
        homes.create(home.path, home.settings, home.circumstances)
    assert refused.value.code == "home-exists"
    assert (home.path / "keys" / "master.key").read_bytes() == before


def test_a_place_that_is_no_home_is_refused(tmp_path: Path, home: Home) -> None:
    with pytest.raises(Refusal) as refused:
        homes.open_home(tmp_path / "nowhere", home.circumstances)
    assert refused.value.code == "no-home"


def test_settings_come_back(home: Home) -> None:
    assert homes.open_home(home.path, home.circumstances).settings == home.settings


def test_zones_and_keys_are_their_owner_s_alone(home: Home) -> None:
    for name in ("receive", "core", "deliver", "keys"):
        assert (home.path / name).stat().st_mode & 0o077 == 0
    assert (home.path / "keys" / "master.key").stat().st_mode & 0o077 == 0


def test_a_transaction_is_all_or_nothing(home: Home) -> None:
    with pytest.raises(RuntimeError), home.transaction() as session:
        home.keyring.make(session, "one", home.circumstances.entropy, home.circumstances.now())
        raise RuntimeError
    with home.transaction() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(WrappedKey)) == 0


def test_a_long_reading_keeps_no_writer_waiting_and_sees_one_state(home: Home) -> None:
    with home.reading() as view:
        assert view.scalar(sa.select(sa.func.count()).select_from(WrappedKey)) == 0
        with home.transaction() as session:
            home.keyring.make(session, "one", home.circumstances.entropy, home.circumstances.now())
        assert view.scalar(sa.select(sa.func.count()).select_from(WrappedKey)) == 0
    with home.reading() as view:
        assert view.scalar(sa.select(sa.func.count()).select_from(WrappedKey)) == 1


def test_what_a_reading_writes_is_not_kept(home: Home) -> None:
    with home.reading() as view:
        home.keyring.make(view, "one", home.circumstances.entropy, home.circumstances.now())
    with home.reading() as view:
        assert view.scalar(sa.select(sa.func.count()).select_from(WrappedKey)) == 0


def test_a_moment_without_zone_is_a_bug(home: Home) -> None:
    with pytest.raises(StatementError, match="time zone"), home.transaction() as session:
        session.add(WrappedKey(name="one", wrapped=b"", created_at=datetime(2026, 1, 1)))  # noqa: DTZ001 - the fault under test
        session.flush()


def test_a_moment_comes_back_in_utc(home: Home) -> None:
    at = datetime(2026, 11, 21, 9, 0, tzinfo=JAPAN)
    with home.transaction() as session:
        home.keyring.make(session, "one", home.circumstances.entropy, at)
    with home.transaction() as session:
        found = session.get_one(WrappedKey, "one").created_at
    assert found == at
    assert found.utcoffset() == timedelta(0)


def test_periods_are_counted_by_the_day_in_japan() -> None:
    late = Circumstances(lambda: datetime(2026, 11, 20, 15, 30, tzinfo=UTC), lambda n: bytes(n), "p")
    assert late.today().isoformat() == "2026-11-21"
