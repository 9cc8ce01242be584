"""Keys: wrapped at rest, gone when destroyed; one name for a registration, in Python and in the engine."""

from __future__ import annotations

import secrets

import duckdb
import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from kiban_operator import keys, vault
from kiban_operator.home import Home
from kiban_processing.refusals import Refusal

TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), max_size=40)


def test_a_secret_comes_back_as_it_was_made(home: Home) -> None:
    with home.transaction() as session:
        made = home.keyring.make(session, "one", home.circumstances.entropy, home.circumstances.now())
    with home.transaction() as session:
        assert home.keyring.open(session, "one") == made
        assert home.keyring.obtain(session, "one", home.circumstances.entropy, home.circumstances.now()) == made


def test_the_control_data_hold_no_secret_in_clear(home: Home) -> None:
    with home.transaction() as session:
        made = home.keyring.make(session, "one", home.circumstances.entropy, home.circumstances.now())
    master = (home.path / "keys" / "master.key").read_bytes()
    for path in home.path.glob("control.db*"):
        content = path.read_bytes()
        assert made not in content
        assert master not in content


def test_a_destroyed_secret_cannot_be_opened(home: Home) -> None:
    with home.transaction() as session:
        home.keyring.make(session, "one", home.circumstances.entropy, home.circumstances.now())
        home.keyring.destroy(session, "one", home.circumstances.now())
    with home.transaction() as session, pytest.raises(Refusal) as refused:
        home.keyring.open(session, "one")
    assert refused.value.code == "key-missing"


def test_another_master_key_opens_nothing(home: Home) -> None:
    with home.transaction() as session:
        home.keyring.make(session, "one", home.circumstances.entropy, home.circumstances.now())
        with pytest.raises(Refusal) as refused:
            keys.Keyring(secrets.token_bytes(32)).open(session, "one")
    assert refused.value.code == "key-wrong"


def test_a_name_is_used_once(home: Home) -> None:
    with home.transaction() as session:
        home.keyring.make(session, "one", home.circumstances.entropy, home.circumstances.now())
    with pytest.raises(IntegrityError), home.transaction() as session:
        home.keyring.make(session, "one", home.circumstances.entropy, home.circumstances.now())


def test_a_sealed_value_opens_only_in_its_place(home: Home) -> None:
    sealed = home.keyring.seal("山田".encode(), "stops/1/name", home.circumstances.entropy)
    assert "山田".encode() not in sealed
    assert home.keyring.unseal(sealed, "stops/1/name").decode() == "山田"
    with pytest.raises(InvalidTag):
        home.keyring.unseal(sealed, "stops/2/name")


def test_a_key_file_is_never_overwritten_and_is_its_owner_s_alone(home: Home) -> None:
    path = home.path / "keys" / "people" / "p.key"
    keys.write_private(path, b"a")
    assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(FileExistsError):
        keys.write_private(path, b"b")


@given(secret=st.binary(min_size=32, max_size=32), hospital=TEXTS, local=TEXTS)
def test_the_engine_names_a_registration_as_python_does(secret: bytes, hospital: str, local: str) -> None:
    con = duckdb.connect()
    parameters = {**vault.patient_key_parameters(secret), "hospital": hospital, "local": local}
    ((found,),) = con.execute(f"SELECT {vault.patient_key_sql('$hospital', '$local')}", parameters).fetchall()
    assert found == keys.patient_key(secret, hospital, local)


def test_the_separator_keeps_hospital_and_number_apart() -> None:
    secret = bytes(32)
    assert keys.patient_key(secret, "H1", "23") != keys.patient_key(secret, "H12", "3")
