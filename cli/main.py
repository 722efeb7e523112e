"""The `tidings` command. Every command imports what it needs when it runs, so that help and errors come at once."""

from importlib import import_module
from typing import Any

import click

from campaigns.errors import TidingsError
from campaigns.settings import get_settings

LAZY_GROUPS = {"bench": "cli.bench:bench", "users": "cli.users:user_commands", "tokens": "cli.users:token_commands"}


class Commands(click.Group):
    """Says our errors in one sentence, without a traceback; groups in files of their own come when called."""

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted([*super().list_commands(context), *LAZY_GROUPS])

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in LAZY_GROUPS:
            return super().get_command(context, name)
        module, _, attribute = LAZY_GROUPS[name].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except TidingsError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Tidings: segmented campaigns out, opens and clicks back, engagement scores moving."""


@main.command()
@click.option("--steps-before", default=0, hidden=True, help="How many numbered steps came before.")
def up(steps_before: int) -> None:
    """Start everything on this machine: what `make run` does when all is installed."""
    from cli.children import end_with_parent
    from cli.show import Steps

    if steps_before:
        end_with_parent()
    steps = Steps(done=steps_before, total=steps_before + 4)
    with steps.step("Loading the program"):
        from cli.up import run_everything
    run_everything(steps)


@main.command()
@click.option("--public-only", is_flag=True, help="Serve only tracking, unsubscribing and other public pages.")
def web(public_only: bool) -> None:
    """Serve pages, API and tracking."""
    from cli.parts import run_web

    _check_key()
    run_web(public_only=public_only)


@main.command()
@click.argument("queue", type=click.Choice(["send", "events", "bulk"]))
def worker(queue: str) -> None:
    """Work on one queue."""
    from cli.parts import run_worker

    _check_key()
    run_worker(queue)


@main.command()
def scheduler() -> None:
    """Wake whatever is due; any number may run."""
    from cli.parts import run_scheduler

    _check_key()
    run_scheduler()


@main.command()
def inbox() -> None:
    """Take the mails that stay on this machine."""
    from cli.parts import run_inbox

    run_inbox()


@main.command()
def doctor() -> None:
    """Look at what an installation needs and say what is missing."""
    from cli.doctor import examine

    if not examine(get_settings()):
        raise SystemExit(1)


@main.command()
@click.argument("file", type=click.Path(dir_okay=False))
def backup(file: str) -> None:
    """Write database, media and keys into FILE."""
    from pathlib import Path

    from cli.backup import write_backup

    click.echo(write_backup(get_settings(), file=Path(file)))


@main.command()
@click.argument("file", type=click.Path(dir_okay=False, exists=True))
@click.option("--force", is_flag=True, help="Replace what the database holds.")
def restore(file: str, force: bool) -> None:
    """Bring back what `tidings backup` wrote; nothing is sent until a person releases it."""
    from pathlib import Path

    from cli.restore import restore_backup

    click.echo(restore_backup(get_settings(), file=Path(file), force=force))


@main.command("pause-all")
def pause_all() -> None:
    """Pause every campaign that is sending, from the next window on."""
    from campaigns import clock, db, lifecycle
    from cli.database import running_database

    with running_database(get_settings()), db.transaction() as session:
        count = lifecycle.pause_all(session, now=clock.now())
    click.echo(f"{count} campaigns paused." if count != 1 else "1 campaign paused.")


@main.group("db")
def database() -> None:
    """Look after the database."""


@database.command("upgrade")
def upgrade_command() -> None:
    """Run all migrations that the database has not seen."""
    from cli.database import running_database

    with running_database(get_settings()):
        pass
    click.echo("The database is up to date.")


def _check_key() -> None:
    """Refuse to start with a key that is not the database's; a database that is away is waited for by others."""
    from campaigns import db
    from campaigns.identity import check_key
    from campaigns.keys import load_key_ring
    from cli.reach import DatabaseUnreachable, postgres_version

    key_ring = load_key_ring(get_settings())
    try:
        postgres_version(get_settings())
    except DatabaseUnreachable as error:
        click.echo(str(error), err=True)
        return
    with db.transaction() as session:
        check_key(session, key_ring=key_ring)
    db.get_engine().dispose()


if __name__ == "__main__":
    main()
