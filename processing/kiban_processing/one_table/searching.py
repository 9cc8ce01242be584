"""方法の選択 (searching): which search carries the plan's method out; whichever it was, classes are formed and counted by our own code."""

from __future__ import annotations

from kiban_processing import anjana_method, anonymity
from kiban_processing.recoding import lattice
from kiban_processing.recoding.classes import Recoding
from kiban_processing.recoding.demands import Demand
from kiban_processing.recoding.losses import Metric
from kiban_processing.recoding.tuples import Tuples
from kiban_processing.table_plan import Effort, Method, OneTablePlan

QUICK_FROM = 1 << 19  # distinct rows: beyond, all starts of the local search take minutes


def choose(tuples: Tuples, plan: OneTablePlan, progress: lattice.Progress) -> Recoding:
    """The recoding by the plan's method. Refuses: anonymity-unattainable."""
    demand = demand_of(plan)
    allowed = anonymity.permitted(tuples.total, plan.suppression_limit)
    match plan.method:
        case Method.GLOBAL:
            found = lattice.search(tuples, demand, allowed, plan.metric, progress)
        case Method.LOCAL:
            found = _local(tuples, demand, allowed, plan, progress)
        case Method.ANJANA:
            found = _anjana(tuples, demand, allowed, plan.metric)
    if found is None or found.suppressed > allowed or found.suppressed >= max(tuples.total, 1):
        raise anonymity.UNATTAINABLE.refuse(persons=tuples.total, allowed=allowed, k=plan.k)
    return found


def is_quick(tuples: Tuples, plan: OneTablePlan) -> bool:
    """Whether the local search is its first start alone."""
    from kiban_processing.recoding import quick  # here and below: only this method needs what is compiled, which takes long to load

    many = len(tuples) > QUICK_FROM
    wanted = plan.effort is Effort.QUICK or (plan.effort is Effort.AUTO and many)
    return plan.method is Method.LOCAL and wanted and quick.possible(tuples, demand_of(plan))


def _local(tuples: Tuples, demand: Demand, allowed: int, plan: OneTablePlan, progress: lattice.Progress) -> Recoding | None:
    from kiban_processing.recoding import local, quick

    if is_quick(tuples, plan):
        return quick.recode(tuples, demand, plan.metric)
    return local.recode(tuples, demand, allowed, plan.metric, progress)


def demand_of(plan: OneTablePlan) -> Demand:
    """What the plan asks of every class besides its sensitive columns."""
    return Demand(plan.k, plan.population.models if plan.population else ())


def _anjana(tuples: Tuples, demand: Demand, allowed: int, metric: Metric) -> Recoding | None:
    node = anjana_method.choose(tuples, demand.k, allowed)
    if node is None:
        return None
    return lattice.of_node(tuples, node, demand, metric, 1, False)
