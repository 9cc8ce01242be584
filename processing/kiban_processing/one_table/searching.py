"""方法の選択 (searching): which search carries the plan's method out; whichever it was, classes are formed and counted by our own code."""

from __future__ import annotations

from kiban_processing import anjana_method, anonymity
from kiban_processing.recoding import classes as grouping
from kiban_processing.recoding import lattice, losses
from kiban_processing.recoding.classes import Recoding
from kiban_processing.recoding.demands import Demand
from kiban_processing.recoding.tuples import Tuples
from kiban_processing.table_plan import Method, OneTablePlan


def choose(tuples: Tuples, plan: OneTablePlan, progress: lattice.Progress) -> Recoding:
    """The recoding by the plan's method. Refuses: anonymity-unattainable, anonymity-lattice-too-large."""
    demand = Demand(plan.k)
    allowed = anonymity.permitted(tuples.total, plan.suppression_limit)
    match plan.method:
        case Method.GLOBAL:
            anonymity.searchable(tuples.hierarchies)
            found = lattice.search(tuples, demand, allowed, plan.metric, progress)
        case Method.LOCAL:
            raise NotImplementedError
        case Method.ANJANA:
            found = _anjana(tuples, demand, allowed)
    if found is None or found.suppressed > allowed or found.suppressed >= max(tuples.total, 1):
        raise anonymity.UNATTAINABLE.refuse(persons=tuples.total, allowed=allowed, k=plan.k)
    return found


def _anjana(tuples: Tuples, demand: Demand, allowed: int) -> Recoding | None:
    node = anjana_method.choose(tuples, demand.k, allowed)
    if node is None:
        return None
    classes = lattice.classify(tuples, node, demand)
    return grouping.of_node(tuples, node, classes, losses.of_node(tuples, node, classes.kept, tuples.total), 1)
