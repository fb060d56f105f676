"""add mediators and what is relayed"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:

    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("actor", sa.String(length=32), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("referral_id", sa.Integer(), nullable=True),
        sa.Column("mediator_id", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_at"), ["at"], unique=False)

    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("holder", sa.String(length=32), nullable=False),
        sa.Column("until", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    with op.batch_alter_table("leases", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_leases_holder"), ["holder"], unique=False)

    op.create_table(
        "mediators",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("is_coordinator", sa.Boolean(), nullable=False),
        sa.Column("languages", sa.JSON(), nullable=False),
        sa.Column("ambiti", sa.JSON(), nullable=False),
        sa.Column("skills", sa.JSON(), nullable=False),
        sa.Column("duty_hours", sa.String(length=256), nullable=True),
        sa.Column("on_duty", sa.Boolean(), nullable=False),
        sa.Column("asked_on_duty_at", sa.DateTime(), nullable=True),
        sa.Column("current_id", sa.Integer(), nullable=True),
        sa.Column("token_hash", sa.String(length=64), nullable=True),
        sa.Column("token_until", sa.DateTime(), nullable=True),
        sa.Column("joined_at", sa.DateTime(), nullable=True),
        sa.Column("removed_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("person_id"),
        sa.UniqueConstraint("token_hash"),
    )
    op.create_table(
        "copies",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("referral_id", sa.Integer(), nullable=False),
        sa.Column("sender_id", sa.Integer(), nullable=True),
        sa.Column("source_message_id", sa.Integer(), nullable=True),
        sa.Column("recipient_id", sa.Integer(), nullable=True),
        sa.Column("message_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("body", sa.JSON(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("sent_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["recipient_id"], ["people.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["referral_id"], ["referrals.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["sender_id"], ["people.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("copies", schema=None) as batch_op:
        batch_op.create_index("ix_copies_copy", ["recipient_id", "message_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_copies_referral_id"), ["referral_id"], unique=False)
        batch_op.create_index("ix_copies_source", ["sender_id", "source_message_id"], unique=False)

    op.create_table(
        "notes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("referral_id", sa.Integer(), nullable=False),
        sa.Column("mediator_id", sa.Integer(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["mediator_id"], ["mediators.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["referral_id"], ["referrals.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("notes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_notes_referral_id"), ["referral_id"], unique=False)

    op.create_table(
        "offers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("referral_id", sa.Integer(), nullable=False),
        sa.Column("mediator_id", sa.Integer(), nullable=False),
        sa.Column("circle", sa.Integer(), nullable=False),
        sa.Column("copy_id", sa.Integer(), nullable=True),
        sa.Column("offered_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["copy_id"], ["copies.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["mediator_id"], ["mediators.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["referral_id"], ["referrals.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("referral_id", "mediator_id"),
    )
    with op.batch_alter_table("inbound", schema=None) as batch_op:
        batch_op.add_column(sa.Column("message_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("reply_to", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("reply_name", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("author", sa.String(length=64), nullable=True))

    with op.batch_alter_table("outbound", schema=None) as batch_op:
        batch_op.add_column(sa.Column("act", sa.String(length=8), server_default="say", nullable=False))
        batch_op.add_column(sa.Column("copy_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("target_id", sa.Integer(), nullable=True))
        batch_op.create_foreign_key("fk_outbound_target", "copies", ["target_id"], ["id"], ondelete="SET NULL")
        batch_op.create_foreign_key("fk_outbound_copy", "copies", ["copy_id"], ["id"], ondelete="SET NULL")

    with op.batch_alter_table("people", schema=None) as batch_op:
        batch_op.add_column(sa.Column("no_mediator_until", sa.DateTime(), nullable=True))

    with op.batch_alter_table("referrals", schema=None) as batch_op:
        batch_op.add_column(sa.Column("pseudonym", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("own_words", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("shown", sa.JSON(), server_default="[]", nullable=False))
        batch_op.add_column(sa.Column("mediator_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("topic_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("circle", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("circle_since", sa.DateTime(), nullable=True))
        batch_op.add_column(sa.Column("leaves_message", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("taken_at", sa.DateTime(), nullable=True))
        batch_op.add_column(sa.Column("first_reply_at", sa.DateTime(), nullable=True))
        batch_op.add_column(sa.Column("person_wrote_at", sa.DateTime(), nullable=True))
        batch_op.add_column(sa.Column("mediator_wrote_at", sa.DateTime(), nullable=True))
        batch_op.add_column(sa.Column("warned_at", sa.DateTime(), nullable=True))
        batch_op.add_column(sa.Column("closed_at", sa.DateTime(), nullable=True))
        batch_op.add_column(sa.Column("outcome", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("satisfaction", sa.String(length=16), nullable=True))
        batch_op.add_column(sa.Column("followed_up_at", sa.DateTime(), nullable=True))
        batch_op.add_column(sa.Column("follow_up", sa.String(length=16), nullable=True))
        batch_op.alter_column("person_key", existing_type=sa.VARCHAR(length=64), nullable=True)
        batch_op.create_index(batch_op.f("ix_referrals_mediator_id"), ["mediator_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_referrals_state"), ["state"], unique=False)
        batch_op.create_index(batch_op.f("ix_referrals_topic_id"), ["topic_id"], unique=False)
        batch_op.create_foreign_key("fk_referrals_mediator", "mediators", ["mediator_id"], ["id"], ondelete="SET NULL")
    op.execute("UPDATE referrals SET pseudonym = 'Argento ' || id")


def downgrade() -> None:
    op.execute("DELETE FROM referrals WHERE person_key IS NULL")

    with op.batch_alter_table("referrals", schema=None) as batch_op:
        batch_op.drop_constraint("fk_referrals_mediator", type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_referrals_topic_id"))
        batch_op.drop_index(batch_op.f("ix_referrals_state"))
        batch_op.drop_index(batch_op.f("ix_referrals_mediator_id"))
        batch_op.alter_column("person_key", existing_type=sa.VARCHAR(length=64), nullable=False)
        batch_op.drop_column("follow_up")
        batch_op.drop_column("followed_up_at")
        batch_op.drop_column("satisfaction")
        batch_op.drop_column("outcome")
        batch_op.drop_column("closed_at")
        batch_op.drop_column("warned_at")
        batch_op.drop_column("mediator_wrote_at")
        batch_op.drop_column("person_wrote_at")
        batch_op.drop_column("first_reply_at")
        batch_op.drop_column("taken_at")
        batch_op.drop_column("leaves_message")
        batch_op.drop_column("circle_since")
        batch_op.drop_column("circle")
        batch_op.drop_column("topic_id")
        batch_op.drop_column("mediator_id")
        batch_op.drop_column("shown")
        batch_op.drop_column("own_words")
        batch_op.drop_column("pseudonym")

    with op.batch_alter_table("people", schema=None) as batch_op:
        batch_op.drop_column("no_mediator_until")

    with op.batch_alter_table("outbound", schema=None) as batch_op:
        batch_op.drop_constraint("fk_outbound_target", type_="foreignkey")
        batch_op.drop_constraint("fk_outbound_copy", type_="foreignkey")
        batch_op.drop_column("target_id")
        batch_op.drop_column("copy_id")
        batch_op.drop_column("act")

    with op.batch_alter_table("inbound", schema=None) as batch_op:
        batch_op.drop_column("author")
        batch_op.drop_column("reply_name")
        batch_op.drop_column("reply_to")
        batch_op.drop_column("message_id")

    op.drop_table("offers")
    with op.batch_alter_table("notes", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_notes_referral_id"))

    op.drop_table("notes")
    with op.batch_alter_table("copies", schema=None) as batch_op:
        batch_op.drop_index("ix_copies_source")
        batch_op.drop_index(batch_op.f("ix_copies_referral_id"))
        batch_op.drop_index("ix_copies_copy")

    op.drop_table("copies")
    op.drop_table("mediators")
    with op.batch_alter_table("leases", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_leases_holder"))

    op.drop_table("leases")
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_audit_at"))

    op.drop_table("audit")
