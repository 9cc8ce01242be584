"""日次の処理 (daily clock): what the passing of a day brings about; running it again on the same day changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kiban_operator import admission, stop_matches, stop_papers, vault
from kiban_operator.admission import Admission
from kiban_operator.home import Home


@dataclass(frozen=True)
class Day:
    """What one run did: rows moved, registrations stopped anew for open matches, copies of papers erased."""

    admission: Admission
    stopped_anew: int
    copies_erased: int

    def as_json(self) -> dict[str, Any]:
        return {**self.admission.as_json(), "stopped_anew": self.stopped_anew, "copies_erased": self.copies_erased}


def run(home: Home, progress: vault.Progress = vault.silent) -> Day:
    """Stops first, so that nobody who may be meant by an open request is let in. Refuses: act-not-allowed, stopped-meanwhile."""
    stopped = stop_matches.seek_again(home)
    admitted = admission.admit_held(home, progress)
    with home.transaction() as session:
        erased = stop_papers.clear_expired(session, home.circumstances.today())
    return Day(admitted, stopped, erased)
