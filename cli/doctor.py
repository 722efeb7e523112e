"""`tidings doctor`: look at everything an installation needs, and say what to do about what is missing."""

import platform
import shutil
import sys
from collections.abc import Callable

import click

from campaigns.errors import TidingsError
from campaigns.keys import key_path
from campaigns.settings import Settings
from cli.home import HomeUnusable, prepare_home
from cli.reach import DatabaseUnreachable, RedisUnreachable, is_free, postgres_version, redis_version

LEAST_FREE_BYTES = 1_000_000_000


def examine(settings: Settings) -> bool:
    """Print one line for each thing looked at; return whether nothing is in the way."""
    checks: list[tuple[str, Callable[[Settings], str]]] = [
        ("Python", look_at_python),
        ("Data folder", look_at_home),
        ("Disk", look_at_disk),
        ("Key", look_at_key),
        ("Database", look_at_database),
        ("Redis", look_at_redis),
        ("Web port", look_at_port),
        ("Mails", look_at_mail),
    ]
    fine = True
    for name, look in checks:
        try:
            mark, text = "ok", look(settings)
        except TidingsError as error:
            mark, text, fine = "!!", str(error), False
        click.echo(f"{mark} {name}: {text}")
    return fine


def look_at_python(settings: Settings) -> str:
    return f"{platform.python_version()} at {sys.prefix}"


def look_at_home(settings: Settings) -> str:
    prepare_home(settings)
    return f"{settings.home_path} is writable"


def look_at_disk(settings: Settings) -> str:
    free = shutil.disk_usage(settings.home_path).free
    if free < LEAST_FREE_BYTES:
        raise HomeUnusable(
            f"Only {free / 1e6:.0f} MB are free for {settings.home_path}: make room, or move it with TIDINGS_HOME."
        )
    return f"{free / 1e9:.1f} GB free"


def look_at_key(settings: Settings) -> str:
    if settings.secret_key is not None:
        return "from TIDINGS_SECRET_KEY"
    if not settings.uses_embedded_database:
        raise HomeUnusable("TIDINGS_SECRET_KEY is not set: make one with `openssl rand -hex 32`.")
    there = key_path(settings).exists()
    return f"in {key_path(settings)}" if there else "is made at the first `make run`"


def look_at_database(settings: Settings) -> str:
    try:
        return f"PostgreSQL {postgres_version(settings)} answers"
    except DatabaseUnreachable:
        if settings.uses_embedded_database:
            return "the embedded PostgreSQL does not run now; `make run` starts it"
        raise


def look_at_redis(settings: Settings) -> str:
    try:
        major, minor = redis_version(settings)
    except RedisUnreachable:
        if settings.uses_embedded_redis:
            return "the embedded Valkey does not run now; `make run` starts it"
        raise
    return f"answers, compatible with Redis {major}.{minor}"


def look_at_port(settings: Settings) -> str:
    free = is_free(settings.bind, settings.port)
    state = "is free" if free else "is in use: by Tidings, if it runs, else choose another with TIDINGS_PORT"
    return f"{settings.bind}:{settings.port} {state}"


def look_at_mail(settings: Settings) -> str:
    if settings.uses_local_inbox:
        return "stay on this machine, in the local inbox, until TIDINGS_SMTP_URL is set"
    return "leave through TIDINGS_SMTP_URL"
