"""第一号 識別記述等 (identifiers): no name, address, telephone, hospital or free text, as a column or as a value (Reg 18(i)).

Compliance must read every change of this file.
"""

from __future__ import annotations

from kiban_processing.catalogue.items import Kind
from kiban_processing.evidence import Standard, Verdict
from kiban_processing.hierarchies import gazetteer
from kiban_processing.language import Text
from kiban_processing.permitted import Treatment
from kiban_processing.plan import PlaceLevel
from kiban_processing.standards import columns, leaks
from kiban_processing.standards.finished import VALUES, Finished
from kiban_processing.statutes import REG_18_I

_FORBIDDEN = (Kind.DIRECT_IDENTIFIER, Kind.FREE_TEXT)
_COMPARED = (Kind.DIRECT_IDENTIFIER, Kind.PLACE)

# What only a place below the prefecture has in its name; no prefecture or region has one of these.
_BELOW_PREFECTURE = "[0-9０-９市区町村郡番号丁目]"


def judge(finished: Finished) -> list[Verdict]:
    """Kinds of column; values of every identifier of the source, names in every writing; level of the places."""
    verdicts = [
        Verdict(
            Standard.IDENTIFIERS,
            REG_18_I,
            "identifier-column",
            Text("識別記述等又は自由記載の列がない", "no column is a direct identifier or free text"),
            "",
            len(finished.columns),
            len(columns.forbidden(finished, *_FORBIDDEN)),
            0,
        )
    ]
    texts = finished.number(f"SELECT count(*) FROM {VALUES}")
    for table, item in leaks.items_of(finished, *_COMPARED):
        verdicts.append(
            Verdict(
                Standard.IDENTIFIERS,
                REG_18_I,
                "identifier-value",
                Text("元の識別記述等の値が文字列の列に現れない", "no value of the source's identifier occurs in a text column"),
                f"{table}.{item.name}",
                texts,
                leaks.leaked(finished, table, item),
                0,
            )
        )
    return [*verdicts, *_places(finished)]


def _places(finished: Finished) -> list[Verdict]:
    verdicts = []
    for column in finished.of(Treatment.PLACE):
        values = [
            str(row[0])
            for row in finished.con.execute(f"SELECT value FROM {VALUES} WHERE place = ? ORDER BY id", [column.place]).fetchall()
        ]
        allowed = _municipalities(finished)
        below = finished.con.execute(
            f"SELECT value FROM {VALUES} WHERE place = ? AND regexp_matches(value, '{_BELOW_PREFECTURE}')", [column.place]
        ).fetchall()
        verdicts.append(
            Verdict(
                Standard.IDENTIFIERS,
                REG_18_I,
                "place-level",
                Text("住所が計画の水準より細かくない", "no place is narrower than the plan's level"),
                column.place,
                len(values),
                sum(1 for (value,) in below if value not in allowed),
                0,
            )
        )
    return verdicts


def _municipalities(finished: Finished) -> frozenset[str]:
    """Municipalities large enough to be named; none at the level of prefectures."""
    place = finished.plan.place
    if place.level is not PlaceLevel.MUNICIPALITY:
        return frozenset()
    large = {gazetteer.simplified(name) for name, population in place.populations if population >= place.population_floor}
    return frozenset(
        prefecture + city
        for (prefecture, city), code in gazetteer.load().cities.items()
        if code in large or gazetteer.simplified(prefecture + city) in large
    )
