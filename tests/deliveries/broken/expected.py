"""What a broken file must lead to: a refusal of the file, rules for some of its records, remarks; all else is accepted."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Broken:
    """`content` as sent; `sent` and `accepted` records (None: not laid down); `rules`: record → rule; `told`: rules told of values.

    `row_rules`: rules of rows lost with their column named.
    """

    content: bytes
    refused: str | None = None
    rules: tuple[tuple[int, str], ...] = ()
    told: tuple[str, ...] = ()
    row_rules: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    sent: int | None = None
    accepted: int | None = None
    name: str | None = None
