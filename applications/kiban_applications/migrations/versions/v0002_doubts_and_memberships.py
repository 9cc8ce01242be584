"""Doubts that people settle, and of whom each registration was at every run; doubtful pairs are found again by the next linkage."""

from __future__ import annotations

import json
from datetime import datetime

import sqlalchemy as sa
from alembic import op

from kiban_operator import database

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "doubts",
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("registrations", sa.JSON(), nullable=False),
        sa.Column("left_person", sa.String(length=40), nullable=False),
        sa.Column("right_person", sa.String(length=40), nullable=False),
        sa.Column("evidence", sa.String(length=64), nullable=True),
        sa.Column("weight", sa.Double(), nullable=True),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("weights", sa.JSON(), nullable=False),
        sa.Column("harm", sa.Double(), nullable=False),
        sa.Column("sample", sa.String(length=40), nullable=True),
        sa.Column("stratum", sa.String(length=20), nullable=True),
        sa.Column("raised_by", sa.String(length=40), nullable=False),
        sa.Column("raised_at", database.Moment(timezone=True), nullable=False),
        sa.Column("linkage", sa.String(length=40), nullable=True),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=True),
        sa.Column("apart", sa.JSON(), nullable=False),
        sa.Column("settled_at", database.Moment(timezone=True), nullable=True),
        sa.Column("questioned_by", sa.String(length=40), nullable=True),
        sa.Column("closed_because", sa.String(length=12), nullable=True),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("state NOT IN ('SETTLED', 'QUESTIONED') OR outcome IS NOT NULL", name=op.f("ck_doubts_settled_with_outcome")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_doubts")),
    )
    op.create_index(op.f("ix_doubts_left_person"), "doubts", ["left_person"], unique=False)
    op.create_index(op.f("ix_doubts_right_person"), "doubts", ["right_person"], unique=False)
    op.create_index(op.f("ix_doubts_sample"), "doubts", ["sample"], unique=False)
    op.create_index(op.f("ix_doubts_state"), "doubts", ["state"], unique=False)
    op.create_table(
        "linkage_runs",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("entry", _NUMBER, nullable=False),
        sa.Column("at", database.Moment(timezone=True), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_linkage_runs")),
        sa.UniqueConstraint("entry", name=op.f("uq_linkage_runs_entry")),
    )
    op.create_table(
        "person_memberships",
        sa.Column("patient_key", sa.String(length=32), nullable=False),
        sa.Column("since", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("person", sa.String(length=40), nullable=False),
        sa.Column("until", _NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("patient_key", "since", name=op.f("pk_person_memberships")),
    )
    op.create_index(op.f("ix_person_memberships_person"), "person_memberships", ["person"], unique=False)
    op.create_table(
        "sample_strata",
        sa.Column("sample", sa.String(length=40), nullable=False),
        sa.Column("stratum", sa.String(length=20), nullable=False),
        sa.Column("linkage", sa.String(length=40), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("links", sa.Integer(), nullable=False),
        sa.Column("drawn", sa.Integer(), nullable=False),
        sa.Column("at", database.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sample", "stratum", name=op.f("pk_sample_strata")),
    )
    op.create_table(
        "doubt_answers",
        sa.Column("doubt", sa.String(length=40), nullable=False),
        sa.Column("round", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("person", sa.String(length=40), nullable=False),
        sa.Column("answer", sa.String(length=12), nullable=False),
        sa.Column("apart", sa.JSON(), nullable=False),
        sa.Column("salt", sa.String(length=32), nullable=False),
        sa.Column("at", database.Moment(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["doubt"], ["doubts.id"], name=op.f("fk_doubt_answers_doubt")),
        sa.PrimaryKeyConstraint("doubt", "round", "place", name=op.f("pk_doubt_answers")),
        sa.UniqueConstraint("doubt", "round", "person", name=op.f("uq_doubt_answers_doubt_round_person")),
    )
    op.create_table(
        "doubt_reasons",
        sa.Column("doubt", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("salt", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["doubt"], ["doubts.id"], name=op.f("fk_doubt_reasons_doubt")),
        sa.PrimaryKeyConstraint("doubt", "version", name=op.f("pk_doubt_reasons")),
    )
    op.drop_table("doubtful_pairs")
    with op.batch_alter_table("person_events") as batch:
        batch.add_column(sa.Column("cause", sa.String(length=10), nullable=True))
        batch.add_column(sa.Column("doubt", sa.String(length=40), nullable=True))
    op.execute("UPDATE person_events SET cause = 'linkage'")
    with op.batch_alter_table("person_events") as batch:
        batch.alter_column("cause", existing_type=sa.String(length=10), nullable=False)
    op.create_index(op.f("ix_person_events_other"), "person_events", ["other"], unique=False)
    op.create_index(op.f("ix_person_events_person"), "person_events", ["person"], unique=False)
    _carry_over()


def _carry_over() -> None:
    """The runs stand in the ledger; who was whom before the last run is not known, so everybody's membership begins with the run that made it."""
    connection = op.get_bind()
    runs = sa.table("linkage_runs", sa.column("id"), sa.column("entry"), sa.column("at", database.Moment()), sa.column("report", sa.JSON()))
    booked = connection.execute(sa.text("SELECT seq, body FROM ledger_entries WHERE kind = 'persons.linked' ORDER BY seq")).all()
    bodies = [(seq, json.loads(body)) for seq, body in booked]
    rows = [
        {"id": body["aggregate"].partition("/")[2], "entry": seq, "at": datetime.fromisoformat(body["at"]), "report": {}}
        for seq, body in bodies
    ]
    if rows:
        connection.execute(sa.insert(runs), rows)
    op.execute("""
        INSERT INTO person_memberships (patient_key, since, person)
        SELECT r.patient_key, l.entry, r.person FROM registrations r JOIN linkage_runs l ON l.id = r.linkage
    """)


def downgrade() -> None:
    op.drop_index(op.f("ix_person_events_person"), table_name="person_events")
    op.drop_index(op.f("ix_person_events_other"), table_name="person_events")
    with op.batch_alter_table("person_events") as batch:
        batch.drop_column("doubt")
        batch.drop_column("cause")
    op.create_table(
        "doubtful_pairs",
        sa.Column("left", sa.String(length=32), nullable=False),
        sa.Column("right", sa.String(length=32), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("linkage", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("left", "right", name=op.f("pk_doubtful_pairs")),
    )
    for table in ("doubt_reasons", "doubt_answers", "sample_strata", "person_memberships", "linkage_runs", "doubts"):
        op.drop_table(table)
