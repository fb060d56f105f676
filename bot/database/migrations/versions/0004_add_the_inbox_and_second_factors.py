"""add the console's inbox and second factors"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "recovery_codes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.String(length=256), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("recovery_codes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_recovery_codes_account_id"), ["account_id"], unique=False)

    op.add_column("copies", sa.Column("text", sa.Text(), nullable=True))

    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.alter_column("actor", existing_type=sa.String(length=32), type_=sa.String(length=80))

    # Added in place: a table that SQLite writes anew takes the sessions that refer to it along.
    op.execute("ALTER TABLE accounts ADD COLUMN mediator_id INTEGER REFERENCES mediators (id)")
    op.create_index("ix_accounts_mediator_id", "accounts", ["mediator_id"], unique=True)
    op.add_column("accounts", sa.Column("totp_secret", sa.String(length=64), nullable=True))
    op.add_column("accounts", sa.Column("totp_since", sa.DateTime(), nullable=True))
    op.add_column("accounts", sa.Column("totp_last_step", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_index("ix_accounts_mediator_id", "accounts")
    with op.batch_alter_table("accounts", schema=None) as batch_op:  # on SQLite this ends everybody's session
        for column in ("totp_last_step", "totp_since", "totp_secret", "mediator_id"):
            batch_op.drop_column(column)
    op.execute("UPDATE audit SET actor = substr(actor, 1, 32)")
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.alter_column("actor", existing_type=sa.String(length=80), type_=sa.String(length=32))

    with op.batch_alter_table("copies", schema=None) as batch_op:
        batch_op.drop_column("text")

    op.drop_table("recovery_codes")
