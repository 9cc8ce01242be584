"""言語 (language): every text a person reads exists in Japanese and English and is chosen at the door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Language = Literal["ja", "en"]
LANGUAGES: tuple[Language, ...] = ("ja", "en")


@dataclass(frozen=True)
class Text:
    """One sentence or term in both languages.

    >>> Text("同意", "consent").read("ja")
    '同意'
    """

    ja: str
    en: str

    def read(self, language: Language) -> str:
        return self.ja if language == "ja" else self.en

    def filled(self, particulars: Mapping[str, object]) -> Text:
        """The text with its `{names}` replaced; a missing name is a bug and raises KeyError."""
        return Text(self.ja.format_map(dict(particulars)), self.en.format_map(dict(particulars)))


def prefer(*candidates: str | None) -> Language:
    """The first candidate that names a language we speak, else Japanese, the language of the Act.

    Candidates are option values, environment values or locale names such as `en_GB.UTF-8`.

    >>> prefer(None, "", "en_GB.UTF-8")
    'en'
    >>> prefer("C.UTF-8")
    'ja'
    """
    for candidate in candidates:
        head = (candidate or "").lower()[:2]
        if head == "ja":
            return "ja"
        if head == "en":
            return "en"
    return "ja"
