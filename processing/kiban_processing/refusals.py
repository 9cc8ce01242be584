"""拒否 (refusals): a stable code, the article, what happened and what to do now, in both languages.

A per-command outcome is raised as `Refusal`; a per-row outcome is the `Ground` itself, carried as a value beside the row.
Particulars hold places (file, row number, column, byte offset) and counts, never a patient's value.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from kiban_processing.language import Language, Text
from kiban_processing.statutes import Article


class Family(IntEnum):
    """What sort of "no" it is; the number is the command line's exit code."""

    LAW = 10
    INPUT = 11
    STATE = 12
    PERMISSION = 13
    INTEGRITY = 14


@dataclass(frozen=True)
class Ground:
    """拒否事由: why something is refused. Codes never change once released; texts may use `{particulars}`."""

    code: str
    family: Family
    article: Article | None
    what: Text
    remedy: Text

    def refuse(self, **particulars: object) -> Refusal:
        """The exception to raise; `particulars` fill the texts and go to machine-readable output."""
        return Refusal(self, particulars)


class Refusal(Exception):
    """A command that was refused. Not a bug: shown without a traceback, booked where the command changes state."""

    def __init__(self, ground: Ground, particulars: dict[str, object] | None = None) -> None:
        self.ground = ground
        self.particulars = dict(particulars or {})
        super().__init__(self.read("en"))

    @property
    def code(self) -> str:
        return self.ground.code

    def read(self, language: Language) -> str:
        """What happened, the code and article, and the remedy, as one readable text."""
        what = self.ground.what.filled(self.particulars).read(language)
        remedy = self.ground.remedy.filled(self.particulars).read(language)
        return f"{what} [{self.reference(language)}] {remedy}"

    def reference(self, language: Language) -> str:
        article = self.ground.article
        if article is None:
            return self.code
        return f"{self.code}, {article.citation_ja if language == 'ja' else article.citation}"

    def as_json(self, language: Language) -> dict[str, object]:
        article = self.ground.article
        return {
            "code": self.code,
            "article": article.citation if article else None,
            "what": self.ground.what.filled(self.particulars).read(language),
            "remedy": self.ground.remedy.filled(self.particulars).read(language),
            "particulars": {key: str(value) for key, value in self.particulars.items()},
        }
