"""人の判定 (decisions): what two people have settled, as pairs that must or must not be one person; they win over the model at every run.

A decision acts only while both its registrations may be used: of whoever has left, the key is kept and nothing follows from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.orm import Session

from kiban_operator.persons.doubts import STANDING, Answer, Doubt, Kind
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_18

SCHEMA = pa.schema([("left", pa.string()), ("right", pa.string()), ("same", pa.bool_())])

CONTRADICTION = Ground(
    "doubt-contradicts", Family.STATE, ACT_18,
    Text("この判定は、確定済みの判定({others})と両立しません。同じ人とした組をたどると、別人とした二つの登録が一人になります。",
         "This answer cannot stand beside settled ones ({others}): following the pairs held to be one person, two registrations held to be two would be one."),
    Text("示した判定を `kiban doubt show` で見直し、誤りのあるものを二人で取り消す(`kiban doubt question`、`kiban doubt revoke`)か、この組を判定し直してください。"
         "この判定は記録されていません。",
         "Look at them with `kiban doubt show`; let two people revoke what is wrong (`kiban doubt question`, `kiban doubt revoke`), or answer this one anew. "
         "This answer was not recorded."),
)  # fmt: skip


@dataclass(frozen=True)
class Edge:
    """Two registrations that are of one person (`same`) or of two, because the doubt was settled so."""

    left: str
    right: str
    same: bool
    doubt: str


def edges(doubt: str, kind: str, registrations: Sequence[str], outcome: str | None, apart: Iterable[str]) -> list[Edge]:
    """The pairs that one settled doubt fixes: of a split, everybody who is somebody else against everybody else.

    >>> [(edge.left, edge.right, edge.same) for edge in edges("D-1", "split", ["a", "b", "c"], "different", ["c"])]
    [('a', 'c', False), ('b', 'c', False)]
    """
    if outcome == Answer.SAME:
        return [Edge(registrations[0], other, True, doubt) for other in registrations[1:]]
    if outcome != Answer.DIFFERENT:
        return []
    others = sorted(apart) if kind == Kind.SPLIT else [registrations[1]]
    return [Edge(one, other, False, doubt) for one in registrations if one not in others for other in others]


def in_force(session: Session, besides: str | None = None) -> list[Edge]:
    """Every pair fixed by a decision that stands; `besides`: a doubt to leave out."""
    query = sa.select(Doubt.id, Doubt.kind, Doubt.registrations, Doubt.outcome, Doubt.apart).where(Doubt.state.in_(STANDING))
    return [edge for row in session.execute(query.order_by(Doubt.id)) if row[0] != besides for edge in edges(*row)]


def acting(fixed: Iterable[Edge], present: frozenset[str]) -> list[Edge]:
    """Those whose registrations may both be used."""
    return [edge for edge in fixed if edge.left in present and edge.right in present]


def table(fixed: Sequence[Edge]) -> pa.Table:
    """As `model.link` takes them: left, right, same."""
    return pa.table([[e.left for e in fixed], [e.right for e in fixed], [e.same for e in fixed]], schema=SCHEMA)


def contradicted(fixed: Iterable[Edge], new: Sequence[Edge]) -> list[str]:
    """The doubts beside which the new edges cannot stand, in order; empty if all can stand together.

    A contradiction is a pair held to be two persons within one chain of pairs held to be one.

    >>> same, apart = Edge("a", "b", True, "D-1"), Edge("a", "c", False, "D-2")
    >>> contradicted([same, apart], [Edge("b", "c", True, "D-3")])
    ['D-1', 'D-2']
    """
    together = [*fixed, *new]
    neighbours: dict[str, list[Edge]] = {}
    for edge in together:
        if edge.same:
            neighbours.setdefault(edge.left, []).append(edge)
            neighbours.setdefault(edge.right, []).append(edge)
    own = {edge.doubt for edge in new}
    found: set[str] = set()
    for edge in together:
        if not edge.same:
            chain = _chain(neighbours, edge.left, edge.right)
            if chain is not None and own & {edge.doubt, *chain}:
                found |= {edge.doubt, *chain} - own
    return sorted(found)


def _chain(neighbours: dict[str, list[Edge]], start: str, end: str) -> list[str] | None:
    """The doubts along a shortest way from one registration to another over pairs held to be one person."""
    reached: dict[str, list[str]] = {start: []}
    frontier = [start]
    while frontier:
        further = []
        for at in frontier:
            for edge in neighbours.get(at, ()):
                other = edge.right if edge.left == at else edge.left
                if other not in reached:
                    reached[other] = [*reached[at], edge.doubt]
                    further.append(other)
        if end in reached:
            return reached[end]
        frontier = further
    return None
