"""Runs remember what they were made of, so that they can be made again when their publication is gone."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; runs of older releases have none and cannot be made again."""
    op.add_column("runs", sa.Column("provenance", sa.Text(), nullable=True))


def downgrade() -> None:
    """Forget it again; nothing else is lost."""
    op.drop_column("runs", "provenance")
