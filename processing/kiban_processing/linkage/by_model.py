"""モデルによる判定 (by model): the model's own statements, run on the few registrations that an increment has in hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kiban_processing.linkage import comparisons, evidence, parameters, support
from kiban_processing.linkage.clusters import FIRMER, Edges, Nodes
from kiban_processing.linkage.comparisons import BIRTH_DATE, NAME
from kiban_processing.linkage.frozen import Frozen
from kiban_processing.linkage.parameters import Model
from kiban_processing.linkage.state.kept import Kept, Shape
from kiban_processing.linkage.state.pairs import CODES, LINK, Pairs

SHAPE = Shape(comparisons.BLOCKS, support.HOUSEHOLD)
_DECISIONS = f"CASE decision {' '.join(f'WHEN {code!r} THEN {number}' for code, number in CODES.items())} END"
_BORN_TOGETHER = evidence.level_in(BIRTH_DATE, "equal")
_COULD_BE_ONE = f"""(linkable AND {evidence.level_in(NAME, "equal", "kanji-equal", "kana-equal")} AND {_BORN_TOGETHER})"""
# A pair that may be supported, and one that may support: see `support.strengthen`. `DOUBTFUL` is asked before support is added.
DOUBTFUL = f"(decision = 'review' AND {_COULD_BE_ONE})"
SUPPORTS = f"((decision = 'link' AND {_BORN_TOGETHER}) OR {DOUBTFUL})"
_DOUBTFUL_ONCE = f"({_COULD_BE_ONE} AND (decision = 'review' OR w_support > 0))"
MODEL_PART = "model"
_FLAGS = ("certain", "supports", "doubtful")
_FROZEN_PARTS = ("facts", "surnames", "worn", "held")
_KEYS, _PAIRS, _JUDGED, _SUPPORTED = "linkage_in_hand", "linkage_asked", "linkage_judged_again", "linkage_supported_again"


class ByModel:
    """The judge of `state.judging.Judge` that a model is. `registrations`: how many the frozen counts were counted over."""

    shape = SHAPE

    def __init__(self, con: duckdb.DuckDBPyConnection, model: Model, registrations: int) -> None:
        self._con, self._model, self._registrations = con, model, registrations

    def compare(self, keys: pa.Table, left: Nodes, right: Nodes) -> Pairs:
        with self._judged(keys, left, right):
            return read(self._con, _JUDGED, SUPPORTS, DOUBTFUL)

    def support(self, keys: pa.Table, left: Nodes, right: Nodes) -> Pairs:
        with self._judged(keys, left, right):
            self._con.execute(
                f"CREATE OR REPLACE TEMP TABLE {_JUDGED} AS SELECT *, {SUPPORTS} AS supports, {DOUBTFUL} AS doubtful FROM {_JUDGED}"
            )
            return read(self._con, support.strengthen(self._con, _KEYS, _JUDGED, self._model, _SUPPORTED), "supports", "doubtful")

    def explain(
        self, keys: pa.Table, left: Nodes, right: Nodes, weight: npt.NDArray[np.float64], decision: npt.NDArray[np.uint8],
        settled: npt.NDArray[np.bool_] | None = None, parted: npt.NDArray[np.bool_] | None = None,
    ) -> pa.Table:  # fmt: skip
        """As `state.judging.Judge`, and whether the pair is `notable`. `settled`: pairs whose decision is that of people;
        `parted`: links that would join two persons, all of them unless told."""
        people = np.zeros(len(left), np.bool_) if settled is None else settled
        same = pa.array(decision == LINK, mask=~people)
        with self._judged(keys, left, right):
            asked = pa.table(
                {
                    "left": left,
                    "right": right,
                    "total": weight,
                    "parted": decision == LINK if parted is None else parted,
                    "settled": same,
                    "place": np.arange(len(left)),
                }
            )
            self._con.register("linkage_totals", asked)
            try:
                return self._con.execute(f"""
                    SELECT list_transform(because, lambda reason: reason.code) AS reasons, list_transform(because, lambda reason: reason.weight) AS weights,
                           notable
                    FROM (SELECT place, notable, {evidence.reasons()} AS because
                          FROM (SELECT j.*, t.total - j.weight AS w_support, t.settled, t.parted, t.place FROM linkage_totals t JOIN {_JUDGED} j USING ("left", "right")))
                    ORDER BY place""").to_arrow_table()
            finally:
                self._con.unregister("linkage_totals")

    def edges(self, pairs: Pairs) -> Edges:
        return pairs.edges(self._model.link_weight + FIRMER)

    @contextmanager
    def _judged(self, keys: pa.Table, left: Nodes, right: Nodes) -> Iterator[None]:
        self._con.register(_KEYS, keys)
        self._con.register(_PAIRS, pa.table({"left": left, "right": right}))
        try:
            evidence.judge(self._con, _KEYS, _PAIRS, self._model, self._registrations, _JUDGED)
            yield
        finally:
            for view in (_KEYS, _PAIRS):
                self._con.unregister(view)
            for table in (_JUDGED, _SUPPORTED):
                self._con.execute(f"DROP TABLE IF EXISTS {table}")


def model_of(kept: Kept) -> Model:
    """The model that an earlier run judged by. Refuses: linkage-state-damaged, linkage-model-unusable."""
    return parameters.read(kept.attached(MODEL_PART).decode(), "model.json")


def frozen_of(kept: Kept) -> Frozen:
    """The counts that an earlier run froze."""
    tables: Mapping[str, pa.Table] = {
        part: pa.ipc.open_stream(pa.py_buffer(kept.attached(f"frozen/{part}"))).read_all() for part in _FROZEN_PARTS
    }
    return Frozen.from_tables(tables)


def read(con: duckdb.DuckDBPyConnection, judged: str, supports: str, doubtful: str = _DOUBTFUL_ONCE) -> Pairs:
    """The judged pairs of a table as arrays. `supports`, `doubtful`: the conditions for that (`SUPPORTS` and `DOUBTFUL` before support is
    added; after it, what is doubtful is told by the support it got)."""
    found = con.execute(
        f'SELECT "left", "right", weight, {_DECISIONS}::UTINYINT AS decision, certain, {supports} AS supports, {doubtful} AS doubtful FROM {judged}'
    ).to_arrow_table()
    columns = {"left": np.int64, "right": np.int64, "weight": np.float64, "decision": np.uint8, **dict.fromkeys(_FLAGS, np.bool_)}
    return Pairs(**{column: np.asarray(found.column(column).to_numpy(), dtype) for column, dtype in columns.items()})
