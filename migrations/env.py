"""How Alembic reaches the database: one migrator at a time, and none that waits for ever.

Rules: an upgrade expands, a later release contracts; schema and data changes go apart; migrations never
import models; big indexes are built CONCURRENTLY in an ``autocommit_block``; a landed migration is never edited.
"""

from typing import Any

from alembic import context
from sqlalchemy import Connection, MetaData, text

ADVISORY_LOCK = 0x7469_6469_6E67  # "tiding"
LOCK_TIMEOUT = "10s"
STATEMENT_TIMEOUT = "15min"


def target_metadata() -> MetaData:
    """Return the models' metadata: only ``alembic check`` and ``revision --autogenerate`` compare with it."""
    import campaigns.models.all  # noqa: F401
    from campaigns.db import Base

    return Base.metadata


def include_object(item: Any, name: str | None, kind: str, reflected: bool, compare_to: Any) -> bool:
    """Leave the monthly partitions out of comparisons: they are made by the clock, not by a model."""
    return not (kind == "table" and reflected and compare_to is None and (name or "").startswith("event_"))


def migrate(connection: Connection) -> None:
    """Run the migrations on ``connection`` under the advisory lock."""
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ADVISORY_LOCK})
    connection.commit()
    try:
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.execute(text(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'"))
        connection.commit()
        compares = getattr(context.config.cmd_opts, "autogenerate", False) or context.config.attributes.get("compare")
        context.configure(
            connection=connection,
            target_metadata=target_metadata() if compares else None,
            include_object=include_object,
            transaction_per_migration=True,
            compare_server_default=False,
        )
        with context.begin_transaction():
            context.run_migrations()
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": ADVISORY_LOCK})
        connection.execute(text("RESET lock_timeout"))
        connection.execute(text("RESET statement_timeout"))
        connection.commit()


def main() -> None:
    given = context.config.attributes.get("connection")
    if given is not None:
        migrate(given)
        return
    from campaigns.db import get_engine

    with get_engine().connect() as connection:
        migrate(connection)


main()
