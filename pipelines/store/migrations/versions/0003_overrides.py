"""People's overrides of forecasts are kept: who, why, where, from when to when, and by how much."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; ledgers of older releases had no overrides."""
    op.create_table(
        "forecast_overrides",
        sa.Column("seq", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("override_id", sa.String(20), nullable=False, unique=True),
        sa.Column("author", sa.String(120), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("location_id", sa.String(40), nullable=False),
        sa.Column("item_id", sa.String(60), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("value", sa.Float(53), nullable=False),
        sa.Column("start_date", sa.Date(), nullable=False),
        sa.Column("end_date", sa.Date(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("decided_at", sa.String(40), nullable=False),
        sa.CheckConstraint("value >= 0 AND start_date <= end_date", name="forecast_overrides_sound"),
    )


def downgrade() -> None:
    """Forget them again; nothing else is lost."""
    op.drop_table("forecast_overrides")
