"""Every format of the list has a reader with all that a delivery promises."""

import importlib
import inspect
import typing

import pytest

from kiban_processing.catalogue.tables import TABLES
from kiban_processing.deliveries import pieces, readers


@pytest.mark.parametrize("kind", list(readers.Format))
def test_a_reader_keeps_the_whole_promise(kind: readers.Format) -> None:
    module = importlib.import_module(f"kiban_processing.deliveries.{readers.MODULES[kind]}")
    made = typing.get_type_hints(module.open_delivery)["return"]
    promised = [name for name, _ in inspect.getmembers(pieces.Delivery) if not name.startswith("_")]
    assert promised and [name for name in promised if not hasattr(made, name)] == []


@pytest.mark.parametrize("kind", [kind for kind in readers.Format if kind is not readers.Format.CSV])
def test_what_a_format_may_give_is_of_the_catalogue(kind: readers.Format, tmp_path: typing.Any) -> None:
    delivery = readers.open_delivery(tmp_path, kind, readers.Options(is_trial=True))
    assert delivery.items
    for table, items in delivery.items.items():
        assert set(items) <= set(TABLES[table].columns) and set(TABLES[table].required) <= set(items), table
