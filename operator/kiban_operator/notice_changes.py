"""通知事項の変更 (notice changes): what differs between two notice versions, and what the law asks before the change takes effect (Act 52(2)).

A change of what is provided, how it was acquired, how it is provided, how requests are received, how data are updated or when provision starts is
notified to each person and filed *before* it; a change of name, address or representative without delay *after* it. That data go to an
operator, and that provision stops on request, cannot be changed at all: that would be another programme.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kiban_operator import notices, programmes
from kiban_operator.notice_register import Notice
from kiban_operator.notices import NoticeVersion
from kiban_operator.programmes import Regime
from kiban_processing.language import Language, Text


class Requirement(StrEnum):
    """What a change asks for."""

    BEFORE = "notify-and-file-before"
    AFTER = "notify-and-file-after"
    NEVER = "not-changeable"


REQUIREMENTS: dict[Requirement, Text] = {
    Requirement.BEFORE: Text("変更の前に、一人ひとりに通知し、届け出る", "notify each person and file before the change"),
    Requirement.AFTER: Text("変更の後、遅滞なく通知し、届け出る", "notify and file without delay after the change"),
    Requirement.NEVER: Text("変更できない(新たな提供事業とする)", "cannot be changed; it would be another programme"),
}

# The entry → its item of Act 52(1) and what a change of it asks for. Reg 48(1) has the period follow the same rule as the notice that sets it.
ITEMS: dict[str, tuple[int, Requirement]] = {
    "institution": (1, Requirement.AFTER),
    "purpose": (2, Requirement.NEVER),
    "items": (3, Requirement.BEFORE),
    "covers": (3, Requirement.BEFORE),
    "acquisition": (4, Requirement.BEFORE),
    "provision": (5, Requirement.BEFORE),
    "stopping": (6, Requirement.NEVER),
    "receiving": (7, Requirement.BEFORE),
    "updating": (8, Requirement.BEFORE),
    "starting": (8, Requirement.BEFORE),
    "wait_days": (8, Requirement.BEFORE),
}
NAMES: dict[str, Text] = {
    **notices.ENTRY_NAMES,
    "covers": Text("対象のデータ項目", "data items covered"),
    "wait_days": Text("停止の求めに必要な期間", "period needed to request the stop"),
}


@dataclass(frozen=True)
class Change:
    """One entry that differs: its item number in Act 52(1) and what the change asks for."""

    entry: str
    item: int
    requirement: Requirement


@dataclass(frozen=True)
class Changes:
    """What differs from the older to the newer version. `to_notify`: persons with a notice of the older and none of the newer version."""

    older: str
    newer: str
    changes: tuple[Change, ...]
    items_added: tuple[str, ...]
    items_removed: tuple[str, ...]
    to_notify: int

    @property
    def needs_notice_before(self) -> bool:
        return any(change.requirement is Requirement.BEFORE for change in self.changes)

    def as_json(self, language: Language) -> dict[str, Any]:
        return {
            "older": self.older, "newer": self.newer, "items_added": self.items_added, "items_removed": self.items_removed,
            "needs_notice_before": self.needs_notice_before, "persons_to_notify": self.to_notify,
            "changes": [
                {"entry": change.entry, "name": NAMES[change.entry].read(language), "item": change.item,
                 "requirement": change.requirement.value, "what": REQUIREMENTS[change.requirement].read(language)}
                for change in self.changes
            ],
        }  # fmt: skip


def compare(session: Session, hospital: str, regime: Regime | str, older: str, newer: str) -> Changes:
    """What a newer version changes. Refuses: notice-version-unknown, regime-unknown."""
    first, second = notices.get(session, hospital, regime, older), notices.get(session, hospital, regime, newer)
    given = sa.select(Notice.patient_key).where(Notice.hospital == hospital, Notice.regime == programmes.regime_named(regime).value)
    with_older = given.where(Notice.version == older).distinct().subquery()
    with_newer = given.where(Notice.version == newer)
    number = session.scalar(sa.select(sa.func.count()).select_from(with_older).where(with_older.c.patient_key.not_in(with_newer)))
    before, after = set(first.covers), set(second.covers)
    return Changes(older, newer, differing(first, second), tuple(sorted(after - before)), tuple(sorted(before - after)), int(number or 0))


def differing(first: NoticeVersion, second: NoticeVersion) -> tuple[Change, ...]:
    """The entries that differ, by item; blanks at the ends of a text are no difference."""
    found = [name for name in notices.ENTRY_NAMES if first.entries.get(name, "").strip() != second.entries.get(name, "").strip()]
    found += ["covers"] if set(first.covers) != set(second.covers) else []
    found += ["wait_days"] if first.wait_days != second.wait_days else []
    return tuple(sorted((Change(name, *ITEMS[name]) for name in found), key=lambda change: (change.item, change.entry)))
