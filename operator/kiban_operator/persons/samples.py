"""標本 (samples): links that the model made by itself, drawn by weight for blind review, so that people's answers tell how precise it is.

They stand in the same queue as doubts and are shown alike, so that nobody knows which is which before answering. What two people settle
about a sample acts like any settlement: a wrong link found is undone at the next run.
"""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from kiban_operator import people, workshop
from kiban_operator.database import Base, Moment
from kiban_operator.home import Home
from kiban_operator.persons import doubts, history, links, register, settlement
from kiban_operator.persons.doubts import DOUBT, STANDING, Answer, Doubt, Kind
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_18

NOTHING_TO_DRAW = Ground(
    "sample-empty", Family.STATE, ACT_18,
    Text("抽出できる組がありません。", "There is no link to draw."),
    Text("先に `kiban link` で名寄せを行い、層ごとの件数(--each)を1以上にしてください。",
         "Link first with `kiban link`, and ask for at least one per stratum (--each)."),
)  # fmt: skip

STRATA = {"link-low": 4.0, "link-middle": 12.0, "link-high": None}
"""Strata of links: each up to so many bits above the weight from which the run linked; the names are those of the quality report."""

ANSWERED = pa.schema(
    [("left", pa.string()), ("right", pa.string()), ("weight", pa.float64()), ("stratum", pa.string()), ("same", pa.bool_())]
)


class SampleStratum(Base):
    """層: one stratum of one drawing: how many links it held and how many were drawn, which the estimate weighs answers by."""

    __tablename__ = "sample_strata"
    sample: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    stratum: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    linkage: Mapped[str] = mapped_column(sa.String(40))
    seed: Mapped[int]
    links: Mapped[int]
    drawn: Mapped[int]
    at: Mapped[datetime] = mapped_column(Moment)


def draw(home: Home, each: int, seed: int) -> list[SampleStratum]:
    """Draw `each` links (or as many as there are) from every stratum of the newest run, and put them into the queue.

    The same run and seed draw the same links; a link that is in the queue or settled already is not drawn again.
    Refuses: move-not-allowed, sample-empty.
    """
    circumstances = home.circumstances
    sample = circumstances.token("S")
    with (
        workshop.open_workshop(home.core / "engine", home.settings.memory_limit, home.settings.threads) as con,
        links.readable(home, con) as pairs,
    ):
        with home.reading() as session:
            run = register.last_run(session)
            known = [doubt.registrations for doubt in doubts.every(session) if doubt.kind != Kind.SPLIT]
        if run is None or "thresholds" not in run.report:
            raise NOTHING_TO_DRAW.refuse()
        con.register("drawn_before", pa.table({"pair": pa.array(["/".join(sorted(pair)) for pair in known], pa.string())}))
        con.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE ranked AS
            SELECT "left", "right", weight, reasons, weights, {_stratum()} AS stratum,
                   least("left", "right") || '/' || greatest("left", "right") AS pair
            FROM {pairs} WHERE decision = 'link'
            """,
            {"threshold": run.report["thresholds"]["link"]},
        )
        strata = con.execute("SELECT stratum, count(*) FROM ranked GROUP BY stratum ORDER BY stratum").fetchall()
        chosen = con.execute(
            """
            SELECT "left", "right", weight, reasons, weights, stratum FROM ranked ANTI JOIN drawn_before USING (pair)
            QUALIFY row_number() OVER (PARTITION BY stratum ORDER BY sha256($seed || '/' || pair)) <= $each ORDER BY sha256($seed || pair)
            """,
            {"seed": str(seed), "each": each},
        ).fetchall()
    if not chosen:
        raise NOTHING_TO_DRAW.refuse()
    with home.transaction() as session:
        persons = history.now(session, [row[0] for row in chosen])
        for left, right, weight, reasons, weights, stratum in chosen:
            doubt = settlement.blank(circumstances, Kind.SAMPLE, sorted((left, right)), persons[left] or "", 1.0)
            doubt.weight, doubt.reasons, doubt.weights, doubt.sample, doubt.stratum = weight, reasons, weights, sample, stratum
            doubt.linkage = run.id
            people.begin(session, circumstances, DOUBT, doubt, "draw").finish(content={"sample": sample})
        rows = [
            SampleStratum(
                sample=sample, stratum=stratum, linkage=run.id, seed=seed, links=number,
                drawn=sum(row[5] == stratum for row in chosen), at=circumstances.now(),
            )
            for stratum, number in strata
        ]  # fmt: skip
        session.add_all(rows)
    return rows


def _stratum() -> str:
    arms = " ".join(f"WHEN weight < $threshold + {bits!r} THEN '{name}'" for name, bits in STRATA.items() if bits is not None)
    return f"CASE {arms} ELSE 'link-high' END"


def strata(session: Session, sample: str | None = None) -> list[SampleStratum]:
    """The strata of one drawing, or of all."""
    query = sa.select(SampleStratum).order_by(SampleStratum.at, SampleStratum.stratum)
    return list(session.scalars(query if sample is None else query.where(SampleStratum.sample == sample)))


def answered(session: Session, sample: str | None = None) -> pa.Table:
    """What people settled about samples: left, right, weight (log2 odds), stratum, same; None where it cannot be told.

    Only settled ones: of a sample that waits, nothing. `sample`: one drawing, else all.
    """
    query = sa.select(Doubt).where(Doubt.kind == Kind.SAMPLE.value, Doubt.state.in_(STANDING)).order_by(Doubt.id)
    found = list(session.scalars(query if sample is None else query.where(Doubt.sample == sample)))
    same = {Answer.SAME.value: True, Answer.DIFFERENT.value: False}
    rows = [(*doubt.registrations, doubt.weight, doubt.stratum, same.get(str(doubt.outcome))) for doubt in found]
    columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in ANSWERED]
    return pa.table(columns, schema=ANSWERED)
