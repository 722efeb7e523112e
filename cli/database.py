"""Bring the database to the schema of this code."""

from pathlib import Path

import click
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

import migrations


def alembic_config() -> Config:
    """Return Alembic's configuration, without needing pyproject.toml beside us."""
    assert migrations.__file__ is not None
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent).replace("%", "%%"))
    return config


def upgrade(engine: Engine, *, revision: str = "head") -> None:
    """Run every migration that ``engine``'s database has not seen; harmless when there is none.

    Several processes may call it at once: an advisory lock lets one through at a time (migrations/env.py).
    """
    config = alembic_config()
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


@click.group("db")
def database_commands() -> None:
    """Look after the database."""


@database_commands.command("upgrade")
def upgrade_command() -> None:
    """Run all migrations that the database has not seen."""
    from campaigns.db import get_engine

    upgrade(get_engine())
    click.echo("The database is up to date.")
