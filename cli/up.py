"""`tidings up`: everything on one machine, from an empty folder to an address to open."""

import http.client
import logging
import os
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from functools import partial

import click

from campaigns import clock, db
from campaigns.accounts.sign_in import create_link
from campaigns.accounts.users import ensure_first_owner
from campaigns.errors import TidingsError
from campaigns.identity import check_key
from campaigns.keys import load_key_ring
from campaigns.settings import Settings, get_settings
from cli import parts
from cli.children import fork_child
from cli.database import embedded_postgres, upgrade
from cli.embedded_valkey import EmbeddedValkey, data_folder_name
from cli.home import lock_home, prepare_home
from cli.logs import configure_logging, last_words, open_log
from cli.processes import Child, Part, Stopped, Supervisor, end_leftovers
from cli.reach import check_web_port, next_free_port, postgres_version, redis_version
from cli.show import Steps, is_terminal, show_box

log = logging.getLogger(__name__)

GRACE_SECONDS = 20.0
WEB_START_SECONDS = 90.0
PORT_PATIENCE_SECONDS = 3.0
LOCK_PATIENCE_SECONDS = 5.0


class WebDidNotStart(TidingsError):
    """The web process ended, or never answered."""

    code = "web_did_not_start"


def run_everything(steps: Steps) -> None:
    """Start every part, say where it is, and look after it until SIGINT or SIGTERM; then stop in order."""
    settings = get_settings()
    prepare_home(settings)
    with ExitStack() as stack:
        lock = stack.enter_context(lock_home(settings, patience_seconds=LOCK_PATIENCE_SECONDS))
        children_file = settings.run_path / "children.json"
        configure_logging(settings.log, open_log(settings.home_path / "log", "launcher"))
        end_leftovers(children_file)
        check_web_port(settings, patience_seconds=PORT_PATIENCE_SECONDS)
        settings = choose_inbox_port(settings)
        load_key_ring(settings)
        supervisor = Supervisor(say=say_with_time, children_file=children_file)
        supervisor.listen()
        try:
            start_all(settings, supervisor, steps, lock)
            supervisor.run()
        except Stopped:
            pass
        finally:
            click.echo("\nStopping …")
            supervisor.stop()
            click.echo("Stopped. Everything is kept in the data folder.")


def start_all(settings: Settings, supervisor: Supervisor, steps: Steps, lock: int) -> None:
    """Start the parts in the order in which they need each other, then show the address."""
    with steps.step(describe_stores(settings)):
        start_stores(settings, supervisor)
    with steps.step("Bringing the database up to date"):
        token = prepare_database(settings)
    with steps.step("Starting web, workers, scheduler and local inbox"):
        start_processes(settings, supervisor, lock)
        wait_for_web(settings, next(part for part in supervisor.parts if part.name == "web"))
    show_address(settings, token)


def choose_inbox_port(settings: Settings) -> Settings:
    """Return settings whose inbox port is free; child processes are told by the environment."""
    if not settings.uses_local_inbox:
        return settings
    os.environ.update(TIDINGS_INBOX_PORT=str(next_free_port(settings.inbox_port)))
    get_settings.cache_clear()
    return get_settings()


def describe_stores(settings: Settings) -> str:
    database = "Starting PostgreSQL" if settings.uses_embedded_database else "Reaching your PostgreSQL"
    redis = "starting Valkey" if settings.uses_embedded_redis else "reaching your Redis"
    return f"{database}, {redis}"


def start_stores(settings: Settings, supervisor: Supervisor) -> None:
    """Start the embedded database and queue, or check the ones given by URL."""
    logs = settings.home_path / "log"
    if settings.uses_embedded_database:
        postgres = embedded_postgres(settings)
        endings = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0))
        supervisor.start(Part("postgres", partial(_started, postgres.start, postgres), endings, tier=0))
        postgres.create_database("tidings")
    postgres_version(settings)
    if settings.uses_embedded_redis:
        valkey = EmbeddedValkey(
            settings.home_path / data_folder_name(),
            settings.run_path / "valkey.sock",
            log=open_log(logs, "valkey"),
        )
        supervisor.start(Part("valkey", partial(_started, valkey.start, valkey), ((signal.SIGTERM, 30.0),), tier=1))
    redis_version(settings)


def _started(start: Callable[[], None], server: object) -> Child:
    start()
    child: Child = server.process  # type: ignore[attr-defined]
    return child


def prepare_database(settings: Settings) -> str | None:
    """Migrate, compare keys, make a first owner; return a sign-in token while no password is set."""
    upgrade(db.get_engine())
    with db.transaction() as session:
        check_key(session, key_ring=load_key_ring(settings))
        now: datetime = clock.now()
        owner = ensure_first_owner(session, now=now)
        token = None
        if owner.password_hash is None:
            token = create_link(session, user_id=owner.id, now=now) if is_terminal() else owner.email
    # Children are forked from here on: no connection may be shared with them.
    db.get_engine().dispose()
    db.bind(None)
    return token


def start_processes(settings: Settings, supervisor: Supervisor, lock: int) -> None:
    """Fork inbox, scheduler, workers and web from this process, so that they share what is imported."""
    parts.load_heavy_modules()
    private = (lock, *supervisor.private_descriptors)
    ending = ((signal.SIGTERM, GRACE_SECONDS),)

    def start(name: str, run: Callable[[], None], tier: int) -> None:
        log = open_log(settings.home_path / "log", name)
        supervisor.start(Part(name, partial(fork_child, run, name=name, log_file=log, close=private), ending, tier))

    if settings.uses_local_inbox:
        start("inbox", parts.run_inbox, 2)
    start("scheduler", parts.run_scheduler, 3)
    for name, queue in parts.queues_to_work_on():
        start(name, partial(parts.run_worker, queue), 4)
    start("web", parts.run_web, 5)


def wait_for_web(settings: Settings, part: Part) -> None:
    """Return when the web process answers; raises :class:`WebDidNotStart`."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.bind, settings.bind)  # noqa: S104
    deadline = time.monotonic() + WEB_START_SECONDS
    while True:
        connection = http.client.HTTPConnection(host, settings.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            if connection.getresponse().status < 500:
                return
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        died = part.child is not None and part.child.poll() is not None
        if died or time.monotonic() > deadline:
            log = settings.home_path / "log" / "web.log"
            raise WebDidNotStart(f"The web process did not start: {last_words(log)}")
        time.sleep(0.05)


def show_address(settings: Settings, token: str | None) -> None:
    """Print where to go, and how to get in while nobody has a password."""
    lines = [f"Tidings runs: {settings.effective_public_url}"]
    if token is not None and is_terminal():
        lines += ["Sign in (once, within 15 minutes):", f"{settings.effective_public_url}/sign-in/{token}"]
    elif token is not None:
        lines += ["No password is set yet. For a sign-in link type:", f".venv/bin/tidings users link {token}"]
    if settings.uses_local_inbox:
        lines.append("Mails stay on this machine, in the local inbox, until TIDINGS_SMTP_URL is set.")
    lines.append(f"Data and logs are in {settings.home_path}. Ctrl-C stops everything.")
    show_box(lines)


def say_with_time(text: str) -> None:
    """Tell the person at the terminal, and the launcher's log."""
    log.warning(text)
    click.echo(f"{clock.now():%H:%M:%S} {text}")
