"""`tidings users` and `tidings tokens`: who may sign in, and with what a program calls the API."""

import click

from campaigns import clock, db
from campaigns.accounts import sign_in, tokens, users
from campaigns.errors import NotFound
from campaigns.settings import get_settings
from cli.database import running_database

ROLES = click.Choice(["owner", "editor", "viewer"])


class NobodyByThatAddress(NotFound):
    """No user has this address."""

    code = "nobody_by_that_address"


@click.group("users")
def user_commands() -> None:
    """People who may sign in."""


@user_commands.command("create")
@click.argument("email")
@click.option("--role", type=ROLES, default="viewer", show_default=True)
def create_command(email: str, role: str) -> None:
    """Make a user; the last line printed is a link that signs them in once."""
    with running_database(get_settings()), db.transaction() as session:
        user = users.create_user(session, email=email, role=role, now=clock.now())
        token = sign_in.create_link(session, user_id=user.id, now=clock.now())
        shown = user.email
    click.echo(f"{shown} may now sign in as {role}. This link does it, once, within 15 minutes:")
    click.echo(_link(token))


@user_commands.command("link")
@click.argument("email")
def link_command(email: str) -> None:
    """Print a link that signs EMAIL in once, within 15 minutes."""
    with running_database(get_settings()), db.transaction() as session:
        user = users.find_user(session, email=email)
        if user is None or user.disabled_at is not None:
            raise NobodyByThatAddress(
                f"Nobody may sign in as {email}: make a user with `.venv/bin/tidings users create {email}`."
            )
        token = sign_in.create_link(session, user_id=user.id, now=clock.now())
    click.echo(_link(token))


@click.group("tokens")
def token_commands() -> None:
    """Tokens with which programs call the API."""


@token_commands.command("create")
@click.argument("name")
@click.option("--role", type=ROLES, default="editor", show_default=True)
def create_token_command(name: str, role: str) -> None:
    """Make an API token; it is the last line printed and never shown again."""
    with running_database(get_settings()), db.transaction() as session:
        row, secret = tokens.create_token(session, name=name, role=role, now=clock.now())
        prefix = row.prefix
    click.echo(f"The token {name!r} ({role}, shown as {prefix}… in the settings) is:")
    click.echo(secret)


def _link(token: str) -> str:
    return f"{get_settings().effective_public_url}/sign-in/{token}"
