"""第二号 個人識別符号 (identification codes): none at all, as a column or as a value (Reg 18(ii)).

Compliance must read every change of this file.
"""

from __future__ import annotations

from kiban_processing.catalogue.items import Kind
from kiban_processing.evidence import Standard, Verdict
from kiban_processing.language import Text
from kiban_processing.standards import columns, leaks
from kiban_processing.standards.finished import VALUES, Finished
from kiban_processing.statutes import REG_18_II


def judge(finished: Finished) -> list[Verdict]:
    """Kinds of column; values of every code that the source holds."""
    verdicts = [
        Verdict(
            Standard.IDENTIFICATION_CODES,
            REG_18_II,
            "identification-code-column",
            Text("個人識別符号の列がない", "no column is an individual identification code"),
            "",
            len(finished.columns),
            len(columns.forbidden(finished, Kind.IDENTIFICATION_CODE)),
            0,
        )
    ]
    texts = finished.number(f"SELECT count(*) FROM {VALUES}")
    for table, item in leaks.items_of(finished, Kind.IDENTIFICATION_CODE):
        verdicts.append(
            Verdict(
                Standard.IDENTIFICATION_CODES,
                REG_18_II,
                "identification-code-value",
                Text("元の個人識別符号の値が文字列の列に現れない", "no value of the source's identification code occurs in a text column"),
                f"{table}.{item.name}",
                texts,
                leaks.leaked(finished, table, item),
                0,
            )
        )
    return verdicts
