"""判定 (judgement): the transfer guard for one registration, in plain Python: the meaning that the engine's form must agree with."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from kiban_operator.guard import rules
from kiban_operator.guard.standing import Case, NoticeGiven, Ruling, Standing

ELIGIBLE = len(rules.RULES)
WAITING = next(step for step, rule in enumerate(rules.RULES) if rule.ground is rules.WAITING)


def judge(standing: Standing, today: date, items: Iterable[str], stored: bool = False) -> Ruling:
    """Whether these items of this registration may be received or used today; unknown is no.

    Of several notices the best counts: one that makes eligible (the version filed last), else the one that comes furthest. `items` are
    qualified names, `table.column`. `stored`: the question is about using what is held already, so clauses on receipt alone are left out.
    Stops and programme are those of the standing's own hospital and regime.
    Source: Act 52, 56(1), 57; Reg 48; Basic Policy.
    """
    wanted = frozenset(items)
    cases = [Case(standing, notice, wanted, today) for notice in standing.notices or (None,)]
    best = max(cases, key=lambda case: _rank(case, stored))
    step = _first_obstacle(best, stored)
    if step < WAITING or best.notice is None:
        rule = rules.RULES[step]
        return Ruling(False, rule.ground, curable=rule.curable)
    eligible_on = _elapses(standing, best.notice)
    if step == WAITING:
        return Ruling(False, rules.WAITING, eligible_on, best.notice.version)
    return Ruling(True, None, eligible_on, best.notice.version)


def _first_obstacle(case: Case, stored: bool) -> int:
    clauses = ((step, rule) for step, rule in enumerate(rules.RULES) if not (stored and rule.on_receipt))
    return next((step for step, rule in clauses if rule.obstructs(case)), ELIGIBLE)


def _rank(case: Case, stored: bool) -> tuple[int, int, str, int]:
    step = _first_obstacle(case, stored)
    if case.notice is None:
        return step, 0, "", 0
    elapses = _elapses(case.standing, case.notice).toordinal()
    order = 0
    if step == ELIGIBLE and case.notice.filed_on is not None:
        order = case.notice.filed_on.toordinal()
    elif step == WAITING:
        order = -elapses
    return step, order, case.notice.version, -elapses


def _elapses(standing: Standing, notice: NoticeGiven) -> date:
    complete = rules.complete_on(standing, notice)
    return complete + timedelta(days=min(notice.wait_days, (date.max - complete).days))
