"""居住地の階層 (residence): municipality → prefecture → region → `*`, cut at the level and population floor of the plan (Reg 18(i))."""

from __future__ import annotations

from dataclasses import dataclass

from kiban_processing.hierarchies import gazetteer
from kiban_processing.hierarchies.hierarchy import Hierarchy, build


@dataclass(frozen=True)
class Residence:
    """The places a release may name: `by_beginning` of an address and `by_code` of a postal code → the place as released."""

    by_beginning: dict[str, str]
    by_code: dict[str, str]
    hierarchy: Hierarchy


def residence(municipalities: bool, population_floor: int, populations: tuple[tuple[str, int], ...]) -> Residence:
    """The places of a plan. A municipality is named only if asked for and its population is known to reach the floor.

    `populations` names a municipality by its five-digit JIS code or by prefecture and city (東京都千代田区).
    """
    known = gazetteer.load()
    known_populations = {gazetteer.simplified(name): population for name, population in populations}
    named: dict[gazetteer.Municipality, str] = {}
    if municipalities:
        for (prefecture, city), code in known.cities.items():
            population = known_populations.get(code, known_populations.get(gazetteer.simplified(prefecture + city)))
            if population is not None and population >= population_floor:
                named[prefecture, city] = prefecture + city

    def released(prefecture: str, city: str | None) -> str:
        return named.get((prefecture, city), prefecture) if city else prefecture

    rows: list[tuple[str, ...]] = [(name, prefecture, gazetteer.REGION_OF[prefecture], "*") for (prefecture, _), name in named.items()]
    rows += [(prefecture, prefecture, region, "*") for prefecture, region in gazetteer.REGION_OF.items()]
    if not municipalities:
        rows = [row[1:] for row in rows]
    return Residence(
        {beginning: released(*place) for beginning, place in gazetteer.beginnings().items()},
        {code: released(*place) for code, place in known.codes.items()},
        build("residence", known.version, rows),
    )
