"""The migrations make the schema that the models describe, and stand in one line."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from campaigns.models.all import metadata

ROOT = Path(__file__).parent.parent.parent


def is_ours(item: object, name: str | None, kind: str, reflected: bool, compare_to: object) -> bool:
    """Partitions are made by the clock, not by a model."""
    return not (kind == "table" and reflected and (name or "").startswith(("event_", "hit_")))


def test_the_migrated_schema_is_the_models(worker_engine: Engine) -> None:
    """A column that only the models know fails in production, not in a test that makes its tables from them."""
    with worker_engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": is_ours, "compare_type": True})
        differences = compare_metadata(context, metadata)
    assert differences == []


def test_migrations_stand_in_one_line() -> None:
    """Two heads stop an upgrade half-way."""
    scripts = ScriptDirectory.from_config(Config(toml_file=ROOT / "pyproject.toml"))
    assert len(scripts.get_heads()) == 1
    assert len(scripts.get_bases()) == 1
