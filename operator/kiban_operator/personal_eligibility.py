"""本人ごとの可否 (personal eligibility): whether the items of one registration may be received on a day, clause by clause, in words.

For the desk and the hospital: it answers "why not, and from when". Nothing but days is told; what the records hold is not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from kiban_operator import guard, people, roles, sorting, submissions, vault, workshop
from kiban_operator.guard import coverage, rules
from kiban_operator.guard.standing import Case, NoticeGiven, Standing
from kiban_operator.home import Home
from kiban_processing.catalogue.tables import TABLES, UNDECLARED_ITEM
from kiban_processing.language import Language, Text


@dataclass(frozen=True)
class Clause:
    """One clause of the transfer guard as it stands for this registration: `holds` where it does not stand in the way."""

    code: str
    holds: bool
    article: str
    what: Text
    remedy: Text

    def as_json(self, language: Language) -> dict[str, Any]:
        told = {} if self.holds else {"what": self.what.read(language), "remedy": self.remedy.read(language)}
        return {"code": self.code, "holds": self.holds, "article": self.article, **told}


@dataclass(frozen=True)
class Answer:
    """The ruling on one registration and table on a day, and every clause for the notice that comes closest."""

    hospital: str
    regime: str
    table: str
    on: date
    eligible: bool
    eligible_on: date | None
    version: str | None
    notices: tuple[NoticeGiven, ...]
    clauses: tuple[Clause, ...]

    def sentence(self, language: Language) -> str:
        """The answer in one sentence."""
        first = next((clause for clause in self.clauses if not clause.holds), None)
        label = TABLES[self.table].label.read(language)
        if self.eligible:
            return (
                Text(
                    "{day}現在、{table}を受け入れることができます(通知の版 {version})。",
                    "On {day}, {table} may be received (notice version {version}).",
                )
                .filled({"day": self.on, "table": label, "version": self.version})
                .read(language)
            )
        if first is not None and first.code == rules.WAITING.code and self.eligible_on is not None:
            return (
                Text(
                    "{table}は{until}から受け入れることができます(通知の版 {version})。",
                    "{table} may be received from {until} on (notice version {version}).",
                )
                .filled({"table": label, "until": self.eligible_on, "version": self.version})
                .read(language)
            )
        reason = first.what.read(language) if first else ""
        return (
            Text("{day}現在、{table}を受け入れることはできません。{reason}", "On {day}, {table} may not be received. {reason}")
            .filled({"day": self.on, "table": label, "reason": reason})
            .read(language)
        )

    def as_json(self, language: Language) -> dict[str, Any]:
        return {
            "hospital": self.hospital, "regime": self.regime, "table": self.table, "on": self.on, "eligible": self.eligible,
            "eligible_on": self.eligible_on, "notice_version": self.version, "answer": self.sentence(language),
            "clauses": [clause.as_json(language) for clause in self.clauses],
            "notices": [{"version": one.version, "given_on": one.given_on, "guardian_given_on": one.guardian_given_on} for one in self.notices],
        }  # fmt: skip


def ask(home: Home, hospital: str, regime: str, local_id: str, table: str = "patients", on: date | None = None) -> Answer:
    """The answer for one registration on a day (today, or a day ahead if nothing else happens), for the items of a table that the hospital has sent so far, else all.

    Refuses: act-not-allowed, undeclared-item, regime-unknown, register-id-missing.
    """
    if table not in TABLES:
        raise UNDECLARED_ITEM.refuse(item=table)
    day = on or home.circumstances.today()
    with (
        workshop.open_workshop(home.receive / "engine", home.settings.memory_limit, home.settings.threads) as con,
        home.transaction() as session,
    ):
        people.require(session, home.circumstances, roles.Act.TAKE_STOP)
        (key,) = vault.local_patient_keys(session, home, hospital, [local_id])
        sorting.lay_out_stored(con, session, home, hospital)
        sorting.know(con)
        known = con.execute("SELECT birth_date, death_date FROM known WHERE patient_key = ?", [key]).fetchall()
        birth, death = known[0] if known else (None, None)
        sent = submissions.items_brought(session, hospital, regime)
        brought = {item for (_, named), items in sent.items() if named == table for item in items}
        standing = guard.standing_of(session, hospital, regime, key, day, birth, death, registered=bool(known))
    items = coverage.qualified(table, sorted(brought) or TABLES[table].columns)
    ruling = guard.judge(standing, day, items)
    return Answer(
        hospital, regime, table, day, ruling.eligible, ruling.eligible_on, ruling.version, standing.notices,
        tuple(_clauses(standing, ruling.version, items, day)),
    )  # fmt: skip


def _clauses(standing: Standing, version: str | None, items: frozenset[str], day: date) -> Iterator[Clause]:
    """Every clause for the notice the ruling rests on; where it rests on none, for the one whose first obstacle comes last."""
    cases = [Case(standing, notice, items, day) for notice in standing.notices] or [Case(standing, None, items, day)]
    named = [case for case in cases if case.notice is not None and case.notice.version == version]
    case = max(
        named or cases, key=lambda one: next((step for step, rule in enumerate(rules.RULES) if rule.obstructs(one)), len(rules.RULES))
    )
    for rule in rules.RULES:
        yield Clause(rule.ground.code, not rule.obstructs(case), rule.article.citation, rule.ground.what, rule.ground.remedy)
