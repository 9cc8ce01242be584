"""What a reader says it may give is what it gives, and the catalogue declares it; the gate relies on it."""

from __future__ import annotations

from pathlib import Path

import pytest
from data_examples import checkup_world, fhir_world

from kiban_processing.catalogue.tables import TABLES
from kiban_processing.deliveries import readers
from kiban_processing.deliveries.pieces import PLACE
from kiban_processing.deliveries.readers import Format, Options
from tests.deliveries.broken import separated


@pytest.mark.parametrize("kind", [Format.FHIR, Format.CHECKUP, Format.CSV])
def test_rows_hold_only_the_items_that_are_told(kind: Format, tmp_path: Path) -> None:
    path = tmp_path / "d"
    options = Options()
    if kind is Format.FHIR:
        fhir_world.write_bulk(path, 3)
    elif kind is Format.CHECKUP:
        checkup_world.write(tmp_path / "d.zip", 3)
        path, options = tmp_path / "d.zip", Options(identifiers=tmp_path / "d.csv")
    else:
        path.mkdir()
        (path / "deaths.csv").write_text(separated.SOUND, "utf-8")
    delivery = readers.open_delivery(path, kind, options)
    told = delivery.items
    assert all(name in TABLES[table] for table, names in told.items() for name in names)
    place = {name for name, _ in PLACE}
    seen = 0
    for piece in delivery.pieces():
        for table, rows in piece.rows.items():
            sent = {name for name in rows.column_names if name not in place and rows.column(name).null_count < rows.num_rows}
            assert sent <= set(told[table])
            seen += 1
    assert seen
