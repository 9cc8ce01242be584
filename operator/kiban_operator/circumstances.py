"""事情 (circumstances): time, randomness and who acts, handed in from the doors so that the same inputs give the same results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone

JAPAN = timezone(timedelta(hours=9), "JST")


@dataclass(frozen=True)
class Circumstances:
    """`clock` gives an aware time; `entropy(n)` gives n random bytes; `actor` is the ID of the natural person who acts."""

    clock: Callable[[], datetime]
    entropy: Callable[[int], bytes]
    actor: str

    def now(self) -> datetime:
        return self.clock()

    def today(self) -> date:
        """The date in Japan, on which every statutory period is counted."""
        return self.clock().astimezone(JAPAN).date()

    def acting(self, actor: str) -> Circumstances:
        return replace(self, actor=actor)

    def token(self, prefix: str, size: int = 8) -> str:
        """A new identifier that tells nothing: prefix and random hexadecimal digits."""
        return f"{prefix}-{self.entropy(size).hex()}"
