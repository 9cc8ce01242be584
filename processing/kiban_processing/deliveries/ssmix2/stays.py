"""入院の始まり (stays): a discharge that does not say its admission takes the day of the admission that its patient's folder holds before it."""

from __future__ import annotations


class Stays:
    """Remembers the open stay of the patient whose folder is being read; folders are read patient by patient and day by day."""

    def __init__(self) -> None:
        self._patient: str | None = None
        self._since = ""

    def open(self, patient: str, day: str) -> None:
        self._patient, self._since = patient, day

    def close(self, patient: str, day: str) -> str:
        """The day on which the stay that ends began, or "" where it is not known: no admission before it, or one that is over already."""
        since = self._since if patient == self._patient and self._since <= day else ""
        self._patient = None
        return since
