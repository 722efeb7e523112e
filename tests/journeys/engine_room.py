"""Everything that sends, as real processes that a test may kill: database, queue, workers, scheduler, server."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select, text

from campaigns import clock, db, lifecycle, queue
from campaigns.db import read_session, transaction
from campaigns.delivery.progress import Progress, campaign_progress
from campaigns.models.message import Message, MessageState
from campaigns.settings import get_settings
from cli.database import upgrade
from cli.embedded_postgres import EmbeddedPostgres
from cli.embedded_valkey import EmbeddedValkey
from tests.builders import make_campaign, make_list, make_sender

SETTINGS = {
    "TIDINGS_LEASE_SECONDS": "2",
    "TIDINGS_TICK_SECONDS": "0.2",
    "TIDINGS_PUMP_SECONDS": "20",
    "TIDINGS_RETRY_SECONDS": "1",
    "TIDINGS_BATCH_SIZE": "100",
    "TIDINGS_WINDOW_SIZE": "32",
    "TIDINGS_SEND_WORKERS": "2",
    "TIDINGS_PUBLIC_URL": "https://mail.fernandfield.example",
}
WORKERS = {"send-1": ("worker", "send"), "send-2": ("worker", "send"), "bulk": ("worker", "bulk")}
PEOPLE = text("""
INSERT INTO contact (email, address_key, address_hash, domain, given_name, family_name, attributes, sort_key,
    created_at, updated_at)
SELECT 'p' || n || '@shop.example', 'p' || n || '@shop.example', decode(md5(n::text), 'hex'), 'shop.example',
    'Ada', 'Lovelace', '{}', '', now(), now()
FROM generate_series(1, :people) n
""")
MEMBERS = text("""
INSERT INTO membership (list_id, contact_id, state, source, created_at, updated_at)
SELECT :list_id, id, 'confirmed', 'test', now(), now() FROM contact
""")


class EngineRoom:
    """``set_variable`` sets an environment variable for the test and all processes started after it."""

    def __init__(self, folder: Path, set_variable: Callable[[str, str], None], *, delay_seconds: float) -> None:
        self.folder = folder
        self.set_variable = set_variable
        self.postgres = EmbeddedPostgres(folder / "postgres", folder / "run")
        self.valkey = EmbeddedValkey(folder / "valkey", folder / "run" / "valkey.sock")
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.delay_seconds = delay_seconds
        self.campaign_id = 0
        self.list_id = 0

    # -- processes -------------------------------------------------------------------------------------

    def open(self) -> None:
        self.postgres.start()
        self.postgres.create_database("tidings")
        self.valkey.start()
        for name, value in SETTINGS.items():
            self.set_variable(name, value)
        self.set_variable("TIDINGS_HOME", str(self.folder))
        self.set_variable("TIDINGS_DATABASE_URL", self.postgres.url("tidings"))
        self.set_variable("TIDINGS_REDIS_URL", self.valkey.url)
        (self.folder / "sink").mkdir()
        self.run(
            "sink",
            sys.executable,
            "-m",
            "tests.smtp_sink",
            str(self.folder / "sink"),
            "--delay",
            str(self.delay_seconds),
        )
        self.wait_for(lambda: (self.folder / "sink" / "port").exists(), seconds=10)
        port = (self.folder / "sink" / "port").read_text()
        self.set_variable("TIDINGS_SMTP_URL", f"smtp://127.0.0.1:{port}")
        get_settings.cache_clear()
        queue.connection.cache_clear()
        db.bind(db.make_engine(self.postgres.url("tidings")))
        upgrade(db.get_engine())
        for name in WORKERS:
            self.start_worker(name)
        self.start_scheduler()

    def run(self, name: str, *command: str) -> None:
        log = (self.folder / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen(
            command, cwd=Path(__file__).parent.parent.parent, stdout=log, stderr=log, start_new_session=True
        )

    def start_worker(self, name: str) -> None:
        self.run(name, sys.executable, "-m", "cli.main", *WORKERS[name])

    def start_scheduler(self) -> None:
        self.run("scheduler", sys.executable, "-m", "cli.main", "scheduler")

    def close(self) -> None:
        for process in self.processes.values():
            for number in (process.pid, *children_of(process.pid)):
                send(number, signal.SIGKILL)
            process.wait()
        db.get_engine().dispose()
        db.bind(None)
        self.valkey.stop()
        self.postgres.stop(timeout_seconds=5)

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        self.processes[name].send_signal(number)

    def horses(self) -> list[int]:
        """The processes in which pumps run."""
        parents = [process.pid for name, process in self.processes.items() if name.startswith("send")]
        return [child for parent in parents for child in children_of(parent)]

    def keep_workers_alive(self) -> None:
        """What the launcher does: start again whoever ended."""
        for name in [*WORKERS, "scheduler"]:
            if self.processes[name].poll() is not None:
                self.start_scheduler() if name == "scheduler" else self.start_worker(name)

    # -- campaign --------------------------------------------------------------------------------------

    def make_campaign(self, people: int) -> None:
        with transaction() as session:
            sender = make_sender(session)
            mailing_list = make_list(session, sender=sender)
            session.execute(PEOPLE, {"people": people})
            session.execute(MEMBERS, {"list_id": mailing_list.id})
            self.list_id = mailing_list.id
            self.campaign_id = make_campaign(session, mailing_list=mailing_list, sender=sender).id

    def start_campaign(self) -> None:
        with transaction() as session:
            lifecycle.start(session, campaign_id=self.campaign_id, now=clock.now())

    def accepted(self) -> Counter[str]:
        """How often each address was accepted by the mail server."""
        path = self.folder / "sink" / "accepted"
        return Counter(path.read_text().split()) if path.exists() else Counter()

    def progress(self) -> Progress:
        with read_session() as session:
            return campaign_progress(session, campaign_id=self.campaign_id, now=clock.now())

    def states(self) -> dict[str, MessageState]:
        with read_session() as session:
            rows = session.execute(select(Message.email, Message.state).where(Message.campaign_id == self.campaign_id))
            return {email: MessageState(state) for email, state in rows}

    # -- waiting ---------------------------------------------------------------------------------------

    def wait_for(self, condition: Callable[[], bool], *, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"Waited {seconds} s in vain. {self.last_words()}")
            time.sleep(0.05)

    def wait_until_accepted(self, people: int) -> None:
        self.wait_for(lambda: sum(self.accepted().values()) >= people)

    def wait_until_sent(self, seconds: float = 90) -> None:
        def is_sent() -> bool:
            self.keep_workers_alive()
            return self.progress().state == "sent"

        self.wait_for(is_sent, seconds=seconds)

    def last_words(self) -> str:
        logs = sorted(self.folder.glob("*.log"))
        return "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')[-1500:]}" for log in logs)


def children_of(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
