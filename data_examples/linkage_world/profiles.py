"""性格 (profiles): how much a world has of what makes linkage hard, as multiples of the default one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """Multiples of the default: removals, changes of insurer, twins, namesakes, foreign residents, newborns without a name, fields left out.

    `common`: exponent on how common names are; above 1, common names are commoner still. `spaced`: every hospital writes a space between
    surname and given name, so that nobody has to know a rare surname to part them.
    """

    moves: float = 1.0
    insurers: float = 1.0
    twins: float = 1.0
    namesakes: float = 1.0
    foreigners: float = 1.0
    newborns: float = 1.0
    missing: float = 1.0
    common: float = 1.0
    spaced: bool = False


PROFILES: dict[str, Profile] = {
    "default": Profile(),
    "families": Profile(moves=0.7, twins=3.0, newborns=2.0),
    "movers": Profile(moves=1.7, insurers=1.6),
    "namesakes": Profile(namesakes=4.0, common=1.12),
    "sparse": Profile(missing=2.5),
    "abroad": Profile(foreigners=4.0),
    "settled": Profile(moves=0.48, insurers=0.52, missing=0.6, foreigners=0.4, newborns=0.5, spaced=True),
}
