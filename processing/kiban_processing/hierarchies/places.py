"""所在地の階層 (places): postal code → municipality → prefecture → region → `*`, from the gazetteer, for a column of a table of one's own."""

from __future__ import annotations

from collections.abc import Iterable

from kiban_processing.hierarchies import gazetteer, organisations
from kiban_processing.hierarchies.hierarchy import Hierarchy, build
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import REG_18_V

PLACE_UNKNOWN = Ground(
    "hierarchy-place-unknown",
    Family.INPUT,
    REG_18_V,
    Text(
        "列「{column}」の異なる値のうち{values}種類は地名辞書にありません。",
        "{values} distinct values of column “{column}” are not in the gazetteer.",
    ),
    Text(
        "郵便番号7桁、または「都道府県+市区町村」に直すか、空欄にしてください。",
        "Write seven-digit postal codes, or prefecture and municipality together, or empty those cells.",
    ),
)


def postal_codes(name: str, values: Iterable[str]) -> Hierarchy:
    """Postal code (seven digits, a hyphen is allowed), municipality, prefecture, region, `*`.

    Refuses: hierarchy-organisation, hierarchy-place-unknown.

    A code that lies in several municipalities of one prefecture goes to the prefecture at once.

    >>> tree = postal_codes("home", ["100-0001", "0600001"])
    >>> [tree.label("100-0001", level) for level in range(tree.levels)]
    ['100-0001', '東京都千代田区', '東京都', '関東地方', '*']
    """
    known = gazetteer.load().codes
    found = {value: known.get(value.replace("-", "")) for value in dict.fromkeys(values)}
    if offices := organisations.naming([value for value, place in found.items() if place is None]):
        raise organisations.ORGANISATION.refuse(column=name, values=len(offices))
    _covered(name, found.values())
    rows = []
    for value, place in found.items():
        if place is not None:
            prefecture, city = place
            rows.append((value, prefecture + city if city else prefecture, prefecture, gazetteer.REGION_OF[prefecture], "*"))
    return build(name, gazetteer.load().version, rows)


def municipalities(name: str, values: Iterable[str]) -> Hierarchy:
    """Prefecture and municipality written together, prefecture, region, `*`. Refuses: hierarchy-place-unknown."""
    known = {gazetteer.simplified(prefecture + city): (prefecture, city) for prefecture, city in gazetteer.load().cities}
    known |= {prefecture: (prefecture, prefecture) for prefecture in gazetteer.REGION_OF}
    found = {value: known.get(gazetteer.simplified(value)) for value in dict.fromkeys(values)}
    _covered(name, found.values())
    rows = [(value, place[0], gazetteer.REGION_OF[place[0]], "*") for value, place in found.items() if place]
    return build(name, gazetteer.load().version, rows)


def _covered(name: str, places: Iterable[object]) -> None:
    unknown = sum(1 for place in places if place is None)
    if unknown:
        raise PLACE_UNKNOWN.refuse(column=name, values=unknown)
