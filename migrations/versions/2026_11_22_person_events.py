"""Index the settled events of people, which segments ask about for millions of contacts at once.

Expand here, contract in a later release. No models imported. Schema and data apart. Big indexes CONCURRENTLY.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "person_events"
down_revision: str | Sequence[str] | None = "the_circle"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_index(
        "ix_event_kind_contact_id_occurred_at",
        "event",
        ["kind", "contact_id", "occurred_at"],
        postgresql_where="verdict = 'person' AND settled_at IS NOT NULL",
    )


def downgrade() -> None:
    op.drop_index("ix_event_kind_contact_id_occurred_at", "event")
