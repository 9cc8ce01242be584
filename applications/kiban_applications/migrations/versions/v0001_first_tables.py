"""The tables of version 0.1: registers, vault files, persons, applications, contracts, releases, and the insert-only ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from kiban_operator import database
from kiban_operator.ledger import guards

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "case_events",
        sa.Column("aggregate", sa.String(length=80), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("command", sa.String(length=40), nullable=False),
        sa.Column("role", sa.String(length=4), nullable=False),
        sa.Column("state_before", sa.String(length=24), nullable=False),
        sa.Column("state_after", sa.String(length=24), nullable=False),
        sa.Column("actor", sa.String(length=40), nullable=False),
        sa.Column("at", database.Moment(timezone=True), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("aggregate", "version", name=op.f("pk_case_events")),
    )
    op.create_table(
        "condition_rows",
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("parameter", sa.Integer(), nullable=False),
        sa.Column("due", sa.String(length=24), nullable=False),
        sa.Column("evidence", sa.String(length=24), nullable=False),
        sa.Column("checker", sa.String(length=4), nullable=False),
        sa.PrimaryKeyConstraint("digest", "position", name=op.f("pk_condition_rows")),
    )
    op.create_table(
        "deaths_before_notice",
        sa.Column("hospital", sa.String(length=40), nullable=False),
        sa.Column("patient_key", sa.String(length=32), nullable=False),
        sa.Column("told_at", database.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("hospital", "patient_key", name=op.f("pk_deaths_before_notice")),
    )
    op.create_table(
        "doubtful_pairs",
        sa.Column("left", sa.String(length=32), nullable=False),
        sa.Column("right", sa.String(length=32), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("linkage", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("left", "right", name=op.f("pk_doubtful_pairs")),
    )
    op.create_table(
        "hospitals",
        sa.Column("id", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("address", sa.String(length=400), nullable=False),
        sa.Column("representative", sa.String(length=200), nullable=False),
        sa.Column("registered_at", database.Moment(timezone=True), nullable=False),
        sa.Column("registered_by", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hospitals")),
    )
    op.create_table(
        "ledger_checkpoints",
        sa.Column("size", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", database.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_ledger_checkpoints")),
    )
    op.create_table(
        "ledger_entries",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(length=100), nullable=False),
        sa.Column("aggregate", sa.String(length=300), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_ledger_entries")),
    )
    op.create_index(op.f("ix_ledger_entries_aggregate"), "ledger_entries", ["aggregate"], unique=False)
    op.create_index(op.f("ix_ledger_entries_kind"), "ledger_entries", ["kind"], unique=False)
    op.create_table(
        "ledger_nodes",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("idx", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "idx", name=op.f("pk_ledger_nodes")),
    )
    op.create_table(
        "ledger_reveals",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("field", sa.String(length=100), nullable=False),
        sa.Column("commitment", sa.String(length=66), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", "field", name=op.f("pk_ledger_reveals")),
    )
    op.create_table(
        "organisations",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("address", sa.String(length=400), nullable=False),
        sa.Column("identifier", sa.String(length=100), nullable=False),
        sa.Column("age_recipient", sa.String(length=100), nullable=True),
        sa.Column("registered_at", database.Moment(timezone=True), nullable=False),
        sa.Column("verified_by", sa.String(length=40), nullable=True),
        sa.Column("verified_at", database.Moment(timezone=True), nullable=True),
        sa.Column("evidence", sa.String(length=71), nullable=True),
        sa.CheckConstraint("(verified_by IS NULL) = (verified_at IS NULL)", name=op.f("ck_organisations_verified_who_and_when")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisations")),
    )
    op.create_table(
        "person_events",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("linkage", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("person", sa.String(length=40), nullable=False),
        sa.Column("other", sa.String(length=40), nullable=True),
        sa.Column("at", database.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_events")),
    )
    op.create_index(op.f("ix_person_events_linkage"), "person_events", ["linkage"], unique=False)
    op.create_table(
        "registrations",
        sa.Column("patient_key", sa.String(length=32), nullable=False),
        sa.Column("hospital", sa.String(length=40), nullable=False),
        sa.Column("person", sa.String(length=40), nullable=False),
        sa.Column("linkage", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("patient_key", name=op.f("pk_registrations")),
    )
    op.create_index(op.f("ix_registrations_hospital"), "registrations", ["hospital"], unique=False)
    op.create_index(op.f("ix_registrations_person"), "registrations", ["person"], unique=False)
    op.create_table(
        "releases",
        sa.Column("contract_id", sa.String(length=40), nullable=False),
        sa.Column("application_id", sa.String(length=40), nullable=False),
        sa.Column("recipient_id", sa.String(length=40), nullable=False),
        sa.Column("snapshot", sa.JSON(), nullable=False),
        sa.Column("order_digest", sa.String(length=71), nullable=False),
        sa.Column("plan_text", sa.Text(), nullable=False),
        sa.Column("plan_digest", sa.String(length=71), nullable=False),
        sa.Column("preparer", sa.String(length=40), nullable=False),
        sa.Column("planned_at", database.Moment(timezone=True), nullable=False),
        sa.Column("manifest_digest", sa.String(length=71), nullable=True),
        sa.Column("evidence_digest", sa.String(length=71), nullable=True),
        sa.Column("package_path", sa.Text(), nullable=True),
        sa.Column("package_digest", sa.String(length=71), nullable=True),
        sa.Column("produced_at", database.Moment(timezone=True), nullable=True),
        sa.Column("judged_at", database.Moment(timezone=True), nullable=True),
        sa.Column("delivered_on", sa.Date(), nullable=True),
        sa.Column("delivered_by", sa.String(length=40), nullable=True),
        sa.Column("received_on", sa.Date(), nullable=True),
        sa.Column("received_by", sa.String(length=40), nullable=True),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_releases")),
    )
    op.create_index(op.f("ix_releases_contract_id"), "releases", ["contract_id"], unique=False)
    op.create_index(op.f("ix_releases_state"), "releases", ["state"], unique=False)
    op.create_table(
        "submissions",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("hospital", sa.String(length=40), nullable=False),
        sa.Column("regime", sa.String(length=1), nullable=False),
        sa.Column("period_from", sa.Date(), nullable=False),
        sa.Column("period_to", sa.Date(), nullable=False),
        sa.Column("sent_by", sa.String(length=200), nullable=False),
        sa.Column("received_at", database.Moment(timezone=True), nullable=False),
        sa.Column("received_by", sa.String(length=40), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("damaged_files", sa.JSON(), nullable=False),
        sa.Column("confirmed", sa.JSON(), nullable=False),
        sa.Column("items", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submissions")),
        sa.UniqueConstraint("digest", name=op.f("uq_submissions_digest")),
    )
    op.create_index(op.f("ix_submissions_hospital"), "submissions", ["hospital"], unique=False)
    op.create_table(
        "vault_files",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("shelf", sa.String(length=12), nullable=False),
        sa.Column("hospital", sa.String(length=40), nullable=False),
        sa.Column("regime", sa.String(length=1), nullable=False),
        sa.Column("table_name", sa.String(length=40), nullable=False),
        sa.Column("submission", sa.String(length=40), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("path", sa.String(length=200), nullable=False),
        sa.Column("created_at", database.Moment(timezone=True), nullable=False),
        sa.Column("destroyed_at", database.Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vault_files")),
    )
    op.create_index(op.f("ix_vault_files_hospital"), "vault_files", ["hospital"], unique=False)
    op.create_index(op.f("ix_vault_files_shelf"), "vault_files", ["shelf"], unique=False)
    op.create_index(op.f("ix_vault_files_submission"), "vault_files", ["submission"], unique=False)
    op.create_index(op.f("ix_vault_files_table_name"), "vault_files", ["table_name"], unique=False)
    op.create_table(
        "wrapped_keys",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", database.Moment(timezone=True), nullable=False),
        sa.Column("destroyed_at", database.Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_wrapped_keys")),
    )
    op.create_table(
        "applications",
        sa.Column("organisation_id", sa.String(length=40), nullable=False),
        sa.Column("document", sa.String(length=71), nullable=True),
        sa.Column("submitted_at", database.Moment(timezone=True), nullable=True),
        sa.Column("decided_at", database.Moment(timezone=True), nullable=True),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_applications_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_applications")),
    )
    op.create_index(op.f("ix_applications_organisation_id"), "applications", ["organisation_id"], unique=False)
    op.create_index(op.f("ix_applications_state"), "applications", ["state"], unique=False)
    op.create_table(
        "destructions",
        sa.Column("release_id", sa.String(length=40), nullable=False),
        sa.Column("organisation_id", sa.String(length=40), nullable=False),
        sa.Column("copies", sa.JSON(), nullable=False),
        sa.Column("declared_at", database.Moment(timezone=True), nullable=True),
        sa.Column("reconciled_by", sa.String(length=40), nullable=True),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["release_id"], ["releases.id"], name=op.f("fk_destructions_release_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_destructions")),
        sa.UniqueConstraint("release_id", name=op.f("uq_destructions_release_id")),
    )
    op.create_index(op.f("ix_destructions_state"), "destructions", ["state"], unique=False)
    op.create_table(
        "notice_versions",
        sa.Column("hospital", sa.String(length=20), nullable=False),
        sa.Column("regime", sa.String(length=1), nullable=False),
        sa.Column("version", sa.String(length=50), nullable=False),
        sa.Column("entries", sa.JSON(), nullable=False),
        sa.Column("covers", sa.JSON(), nullable=False),
        sa.Column("wait_days", sa.Integer(), nullable=False),
        sa.Column("wait_reason", sa.Text(), nullable=True),
        sa.Column("filed_on", sa.Date(), nullable=True),
        sa.Column("changed_at", database.Moment(timezone=True), nullable=False),
        sa.Column("changed_by", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(["hospital"], ["hospitals.id"], name=op.f("fk_notice_versions_hospital")),
        sa.PrimaryKeyConstraint("hospital", "regime", "version", name=op.f("pk_notice_versions")),
    )
    op.create_table(
        "persons_registered",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("email", sa.String(length=200), nullable=True),
        sa.Column("organisation_id", sa.String(length=40), nullable=False),
        sa.Column("approval_key", sa.LargeBinary(), nullable=False),
        sa.Column("registered_at", database.Moment(timezone=True), nullable=False),
        sa.Column("left_at", database.Moment(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_persons_registered_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_persons_registered")),
    )
    op.create_table(
        "programmes",
        sa.Column("hospital", sa.String(length=20), nullable=False),
        sa.Column("regime", sa.String(length=1), nullable=False),
        sa.Column("contract_on", sa.Date(), nullable=True),
        sa.Column("form43_filed_on", sa.Date(), nullable=True),
        sa.Column("filing_number", sa.String(length=100), nullable=True),
        sa.Column("ministers_published_on", sa.Date(), nullable=True),
        sa.Column("own_published_on", sa.Date(), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("changed_at", database.Moment(timezone=True), nullable=False),
        sa.Column("changed_by", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(["hospital"], ["hospitals.id"], name=op.f("fk_programmes_hospital")),
        sa.PrimaryKeyConstraint("hospital", "regime", name=op.f("pk_programmes")),
    )
    op.create_table(
        "stops",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("hospital", sa.String(length=20), nullable=False),
        sa.Column("patient_key", sa.String(length=32), nullable=False),
        sa.Column("regimes", sa.String(length=4), nullable=False),
        sa.Column("requested_on", sa.Date(), nullable=True),
        sa.Column("channel", sa.String(length=10), nullable=True),
        sa.Column("requester", sa.String(length=11), nullable=True),
        sa.Column("received_at", database.Moment(timezone=True), nullable=False),
        sa.Column("received_by", sa.String(length=100), nullable=False),
        sa.Column("acknowledge_by", sa.Date(), nullable=False),
        sa.Column("acknowledged_on", sa.Date(), nullable=True),
        sa.Column("acknowledgement_form", sa.String(length=10), nullable=True),
        sa.Column("consented_on", sa.Date(), nullable=True),
        sa.Column("withdrawn_on", sa.Date(), nullable=True),
        sa.CheckConstraint("regimes IN ('both', 'A', 'P')", name=op.f("ck_stops_regimes")),
        sa.CheckConstraint("length(patient_key) = 32", name=op.f("ck_stops_patient_key")),
        sa.ForeignKeyConstraint(["hospital"], ["hospitals.id"], name=op.f("fk_stops_hospital")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stops")),
    )
    op.create_index(op.f("ix_stops_hospital_patient_key"), "stops", ["hospital", "patient_key"], unique=False)
    op.create_table(
        "contracts",
        sa.Column("application_id", sa.String(length=40), nullable=False),
        sa.Column("organisation_id", sa.String(length=40), nullable=False),
        sa.Column("conditions", sa.String(length=71), nullable=True),
        sa.Column("term_from", sa.Date(), nullable=True),
        sa.Column("term_to", sa.Date(), nullable=True),
        sa.Column("custodians", sa.JSON(), nullable=True),
        sa.Column("terms", sa.String(length=71), nullable=True),
        sa.Column("drafter", sa.String(length=40), nullable=True),
        sa.Column("signatory_recipient", sa.String(length=40), nullable=True),
        sa.Column("signatory_operator", sa.String(length=40), nullable=True),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["application_id"], ["applications.id"], name=op.f("fk_contracts_application_id")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_contracts_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contracts")),
        sa.UniqueConstraint("application_id", name=op.f("uq_contracts_application_id")),
    )
    op.create_index(op.f("ix_contracts_organisation_id"), "contracts", ["organisation_id"], unique=False)
    op.create_index(op.f("ix_contracts_state"), "contracts", ["state"], unique=False)
    op.create_table(
        "notices",
        sa.Column("hospital", sa.String(length=20), nullable=False),
        sa.Column("regime", sa.String(length=1), nullable=False),
        sa.Column("patient_key", sa.String(length=32), nullable=False),
        sa.Column("version", sa.String(length=50), nullable=False),
        sa.Column("given_on", sa.Date(), nullable=False),
        sa.Column("means", sa.String(length=10), nullable=False),
        sa.Column("guardian_given_on", sa.Date(), nullable=True),
        sa.Column("lacks_capacity", sa.Boolean(), nullable=False),
        sa.Column("recorded_at", database.Moment(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(length=100), nullable=False),
        sa.CheckConstraint("length(patient_key) = 32", name=op.f("ck_notices_patient_key")),
        sa.ForeignKeyConstraint(
            ["hospital", "regime", "version"],
            ["notice_versions.hospital", "notice_versions.regime", "notice_versions.version"],
            name=op.f("fk_notices_hospital_regime_version"),
        ),
        sa.PrimaryKeyConstraint("hospital", "regime", "patient_key", "version", "given_on", name=op.f("pk_notices")),
    )
    op.create_table(
        "release_approvals",
        sa.Column("release_id", sa.String(length=40), nullable=False),
        sa.Column("manifest", sa.String(length=71), nullable=False),
        sa.Column("release_version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("statement", sa.JSON(), nullable=False),
        sa.Column("signature", sa.String(length=120), nullable=False),
        sa.Column("approved_at", database.Moment(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["persons_registered.id"], name=op.f("fk_release_approvals_person_id")),
        sa.ForeignKeyConstraint(["release_id"], ["releases.id"], name=op.f("fk_release_approvals_release_id")),
        sa.PrimaryKeyConstraint("release_id", "manifest", "release_version", name=op.f("pk_release_approvals")),
    )
    op.create_table(
        "role_grants",
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("role", sa.String(length=4), nullable=False),
        sa.Column("proposed_by", sa.String(length=40), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["persons_registered.id"], name=op.f("fk_role_grants_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_grants")),
    )
    op.create_index(op.f("ix_role_grants_person_id"), "role_grants", ["person_id"], unique=False)
    op.create_index(op.f("ix_role_grants_state"), "role_grants", ["state"], unique=False)
    op.create_table(
        "obligations",
        sa.Column("contract_id", sa.String(length=40), nullable=False),
        sa.Column("release_id", sa.String(length=40), nullable=False),
        sa.Column("organisation_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("checker", sa.String(length=4), nullable=False),
        sa.Column("evidence", sa.String(length=71), nullable=True),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["contract_id"], ["contracts.id"], name=op.f("fk_obligations_contract_id")),
        sa.ForeignKeyConstraint(["release_id"], ["releases.id"], name=op.f("fk_obligations_release_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_obligations")),
        sa.UniqueConstraint("release_id", "kind", "due_on", name=op.f("uq_obligations_release_id_kind_due_on")),
    )
    op.create_index(op.f("ix_obligations_contract_id"), "obligations", ["contract_id"], unique=False)
    op.create_index(op.f("ix_obligations_due_on"), "obligations", ["due_on"], unique=False)
    op.create_index(op.f("ix_obligations_state"), "obligations", ["state"], unique=False)
    for statement in guards.TRIGGERS[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    op.drop_index(op.f("ix_obligations_state"), table_name="obligations")
    op.drop_index(op.f("ix_obligations_due_on"), table_name="obligations")
    op.drop_index(op.f("ix_obligations_contract_id"), table_name="obligations")
    op.drop_table("obligations")
    op.drop_index(op.f("ix_role_grants_state"), table_name="role_grants")
    op.drop_index(op.f("ix_role_grants_person_id"), table_name="role_grants")
    op.drop_table("role_grants")
    op.drop_table("release_approvals")
    op.drop_table("notices")
    op.drop_index(op.f("ix_contracts_state"), table_name="contracts")
    op.drop_index(op.f("ix_contracts_organisation_id"), table_name="contracts")
    op.drop_table("contracts")
    op.drop_index(op.f("ix_stops_hospital_patient_key"), table_name="stops")
    op.drop_table("stops")
    op.drop_table("programmes")
    op.drop_table("persons_registered")
    op.drop_table("notice_versions")
    op.drop_index(op.f("ix_destructions_state"), table_name="destructions")
    op.drop_table("destructions")
    op.drop_index(op.f("ix_applications_state"), table_name="applications")
    op.drop_index(op.f("ix_applications_organisation_id"), table_name="applications")
    op.drop_table("applications")
    op.drop_table("wrapped_keys")
    op.drop_index(op.f("ix_vault_files_table_name"), table_name="vault_files")
    op.drop_index(op.f("ix_vault_files_submission"), table_name="vault_files")
    op.drop_index(op.f("ix_vault_files_shelf"), table_name="vault_files")
    op.drop_index(op.f("ix_vault_files_hospital"), table_name="vault_files")
    op.drop_table("vault_files")
    op.drop_index(op.f("ix_submissions_hospital"), table_name="submissions")
    op.drop_table("submissions")
    op.drop_index(op.f("ix_releases_state"), table_name="releases")
    op.drop_index(op.f("ix_releases_contract_id"), table_name="releases")
    op.drop_table("releases")
    op.drop_index(op.f("ix_registrations_person"), table_name="registrations")
    op.drop_index(op.f("ix_registrations_hospital"), table_name="registrations")
    op.drop_table("registrations")
    op.drop_index(op.f("ix_person_events_linkage"), table_name="person_events")
    op.drop_table("person_events")
    op.drop_table("organisations")
    op.drop_table("ledger_reveals")
    op.drop_table("ledger_nodes")
    op.drop_index(op.f("ix_ledger_entries_kind"), table_name="ledger_entries")
    op.drop_index(op.f("ix_ledger_entries_aggregate"), table_name="ledger_entries")
    op.drop_table("ledger_entries")
    op.drop_table("ledger_checkpoints")
    op.drop_table("hospitals")
    op.drop_table("doubtful_pairs")
    op.drop_table("deaths_before_notice")
    op.drop_table("condition_rows")
    op.drop_table("case_events")
