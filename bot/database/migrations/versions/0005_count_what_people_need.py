"""count what people need"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "demand",
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("need", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("ambito", sa.String(length=128), nullable=False),
        sa.Column("happened", sa.String(length=16), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("month", "need", "language", "ambito", "happened"),
    )


def downgrade() -> None:
    op.drop_table("demand")
