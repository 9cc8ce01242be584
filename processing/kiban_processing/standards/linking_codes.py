"""第三号 連結符号 (linking codes): no code, number or order of rows that leads back to the source, or to another release (Reg 18(iii)).

Compliance must read every change of this file.
"""

from __future__ import annotations

from kiban_processing import outcome
from kiban_processing.catalogue.items import Kind
from kiban_processing.dialect import quoted
from kiban_processing.evidence import Standard, Verdict
from kiban_processing.language import Text
from kiban_processing.standards import columns, leaks
from kiban_processing.standards.finished import VALUES, Finished
from kiban_processing.statutes import REG_18_III

# Fewer persons can stand in the source's order by chance (2 in n! orders).
_ORDER_TELLS_FROM = 8


def judge(finished: Finished, earlier_pseudonyms: str | None) -> list[Verdict]:
    """Kinds of column; values of every code of the source, in texts and in released keys; pseudonyms new to this release; order.

    `earlier_pseudonyms`: relation with a column `pseudonym` of all earlier releases, None where there was none.
    """
    linking = leaks.items_of(finished, Kind.LINKING_CODE)
    verdicts = [
        _verdict(
            "linking-code-column",
            Text("連結符号の列がない", "no column is a linking code"),
            "",
            len(finished.columns),
            len(columns.forbidden(finished, Kind.LINKING_CODE)),
        )
    ]
    texts = finished.number(f"SELECT count(*) FROM {VALUES}")
    text = Text("元の連結符号の値が文字列の列に現れない", "no value of the source's linking code occurs in a text column")
    verdicts += [
        _verdict("linking-code-value", text, f"{table}.{item.name}", texts, leaks.leaked(finished, table, item)) for table, item in linking
    ]
    leaks.gather_codes(finished)
    keys = [(column.table, column.name) for column in finished.keys]
    people = [(table, "person") for table in finished.outcome.tables]
    text = Text("提供される符号が元のどの連結符号とも異なる", "every released key differs from every linking code of the source")
    for table, name in (*people, *keys):
        verdicts.append(
            _verdict("released-key", text, f"{table}.{name}", finished.rows[table], leaks.same_as_source(finished, table, name))
        )
    verdicts.append(_earlier(finished, earlier_pseudonyms))
    verdicts.append(_order(finished))
    return verdicts


def _verdict(code: str, text: Text, subject: str, examined: int, found: float, bound: float = 0) -> Verdict:
    return Verdict(Standard.LINKING_CODES, REG_18_III, code, text, subject, examined, found, bound)


def _earlier(finished: Finished, earlier_pseudonyms: str | None) -> Verdict:
    text = Text("仮IDが過去の提供の仮IDと重ならない", "no pseudonym occurs in an earlier release")
    if earlier_pseudonyms is None:
        return _verdict("pseudonym-reused", text, "", 0, 0)
    earlier = quoted(earlier_pseudonyms)
    people = " UNION ".join(f"SELECT person FROM {quoted(outcome.released(table))}" for table in finished.outcome.tables)
    found = finished.number(f"SELECT count(*) FROM ({people}) WHERE person IN (SELECT pseudonym FROM {earlier})")
    return _verdict("pseudonym-reused", text, "", finished.number(f"SELECT count(*) FROM {earlier}"), found)


def _order(finished: Finished) -> Verdict:
    """Pseudonyms must not rise (or fall) with the numbers they stand for: sorting would then give the source's order back."""
    rising, falling, persons = finished.row(
        "SELECT count(*) FILTER (pseudonym > before), count(*) FILTER (pseudonym < before), count(*) FROM "
        f"(SELECT pseudonym, lag(pseudonym) OVER (ORDER BY person) AS before FROM {quoted(outcome.SECRET_PERSONS)})"
    )
    same = persons >= _ORDER_TELLS_FROM and persons - 1 in (rising, falling)
    text = Text("並び順が元の並び順を示さない", "the order of the rows does not give the source's order")
    return _verdict("row-order", text, "", persons, int(same))
