"""符号の組の再計数 (code sets): every code and pair of codes that the released rows show, counted again in persons: k^m (Reg 18(v)).

Pairs are counted over the released labels at the level on which the plan takes them to be known; the queries are its own.
Compliance must read every change of this file.
"""

from __future__ import annotations

import pyarrow as pa

from kiban_processing import outcome
from kiban_processing.catalogue import tables
from kiban_processing.dialect import quoted
from kiban_processing.evidence import Rule, Standard, Verdict
from kiban_processing.hierarchies import codes
from kiban_processing.language import Text
from kiban_processing.plan import CodeSets
from kiban_processing.standards.finished import Finished
from kiban_processing.statutes import REG_18_V

_KNOWN = "gate_known"  # person, item: once per person and item


def judge(finished: Finished) -> list[Verdict]:
    """Fewest persons who share one item, and a pair of items; nothing where the plan asks for no code sets."""
    asked = finished.plan.code_sets
    if asked is None:
        return []
    _known(finished, asked)
    single = f"SELECT count(*) AS n FROM {_KNOWN} GROUP BY item"
    verdicts = [
        _verdict(
            finished, asked, "known-code", Text("知られ得る符号を共有する人数の最小", "persons who share a code that may be known"), single
        )
    ]
    if asked.m > 1:
        text = Text("知られ得る符号二つを共有する人数の最小", "persons who share two codes that may be known")
        pairs = f"SELECT count(*) AS n FROM {_KNOWN} x JOIN {_KNOWN} y ON x.person = y.person AND x.item < y.item GROUP BY x.item, y.item"
        verdicts.append(_verdict(finished, asked, "known-pair", text, pairs))
    finished.con.execute(f"DROP TABLE {_KNOWN}")
    return verdicts


def _verdict(finished: Finished, asked: CodeSets, code: str, text: Text, counts: str) -> Verdict:
    examined, fewest = finished.row(f"SELECT count(*), min(n) FROM ({counts})")
    # Nothing to know is as good as enough.
    found = asked.k if fewest is None else fewest
    return Verdict(Standard.OTHER_MEASURES, REG_18_V, code, text, ", ".join(asked.columns), examined, found, asked.k, Rule.AT_LEAST)


def _known(finished: Finished, asked: CodeSets) -> None:
    parts = []
    for qualified in asked.columns:
        table, column = qualified.split(".", 1)
        name, relation = quoted(column), quoted(outcome.released(table))
        system = tables.named(qualified).code_system
        labels = [
            one
            for (one,) in finished.con.execute(
                f"SELECT DISTINCT {name} FROM {relation} WHERE {name} IS NOT NULL ORDER BY {name}"
            ).fetchall()
        ]
        items = [f"{qualified}={_item(codes.path(system, label), asked.top)}" for label in labels]
        loaded = f"gate_items_{table}_{column}"
        finished.con.register("gate_items", pa.table({"label": pa.array(labels, pa.string()), "item": pa.array(items, pa.string())}))
        finished.con.execute(f"CREATE OR REPLACE TEMP TABLE {loaded} AS SELECT label, item FROM gate_items")
        finished.con.unregister("gate_items")
        parts.append(f"SELECT r.person, i.item FROM {relation} r JOIN {loaded} i ON i.label = r.{name}")
    finished.con.execute(f"CREATE OR REPLACE TEMP TABLE {_KNOWN} AS {' UNION '.join(parts)}")
    for qualified in asked.columns:
        finished.con.execute(f"DROP TABLE gate_items_{qualified.replace('.', '_')}")


def _item(path: tuple[str, ...], top: int) -> str:
    """The group so many steps down from the widest one, or the label itself where it is wider."""
    return path[-top] if 0 < top <= len(path) else path[0]
