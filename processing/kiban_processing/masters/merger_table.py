"""合併のマスターから名寄せへ (merger table): the master of mergers in the form the linkage takes with `--mergers`."""

from __future__ import annotations

import csv
import io

from kiban_processing.linkage import municipalities
from kiban_processing.masters.layouts import MERGERS
from kiban_processing.masters.versions import Master


def written(master: Master) -> bytes:
    """The CSV (UTF-8) that `municipalities.read_mergers` reads; equal masters give equal bytes, hence one digest in the linkage's state."""
    assert master.kind is MERGERS
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(municipalities.COLUMNS)
    rows.writerows(sorted((row["prefecture"], row["old"], row["new"], row["in_force"].isoformat()) for row in master.rows.to_pylist()))
    return text.getvalue().encode()
