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
from tests.conftest import SECRET_KEY

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
WORKERS = {"send-1": "send", "send-2": "send", "bulk": "bulk", "scheduler": "scheduler"}
ROOT = Path(__file__).parent.parent.parent
PEOPLE = text("""
INSERT INTO contact (email, address_key, address_hash, domain, given_name, family_name, attributes, sort_key,
    created_at, updated_at)
SELECT 'p' || n || '@' || :domain, 'p' || n || '@' || :domain, decode(md5(:domain || n), 'hex'), :domain,
    'Ada', 'Lovelace', '{}', '', now(), now()
FROM generate_series(1, :people) n
""")
MEMBERS = text("""
INSERT INTO membership (list_id, contact_id, state, source, created_at, updated_at)
SELECT :list_id, id, 'confirmed', 'test', now(), now() FROM contact WHERE domain = :domain
""")


class EngineRoom:
    """One room for several tests, each with a campaign of its own. Workers are forked by a process that has
    imported everything already, as the launcher does it; the mail server waits ``delay_seconds`` before each 250."""

    def __init__(self, folder: Path, *, delay_seconds: float) -> None:
        self.folder = folder
        self.variables = dict(SETTINGS)
        self.postgres = EmbeddedPostgres(folder / "postgres", folder / "run")
        self.valkey = EmbeddedValkey(folder / "valkey", folder / "run" / "valkey.sock")
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.workers: dict[str, int] = {}
        self.delay_seconds = delay_seconds
        self.campaign_id = 0
        self.list_id = 0
        self.domain = ""

    # -- processes -------------------------------------------------------------------------------------

    def open(self) -> None:
        self.postgres.start()
        self.postgres.create_database("tidings")
        self.valkey.start()
        self.variables |= {
            "TIDINGS_HOME": str(self.folder),
            "TIDINGS_DATABASE_URL": self.postgres.url("tidings"),
            "TIDINGS_REDIS_URL": self.valkey.url,
            "TIDINGS_SECRET_KEY": SECRET_KEY,
        }
        engine = db.make_engine(self.postgres.url("tidings"))
        upgrade(engine)
        engine.dispose()
        (self.folder / "sink").mkdir()
        self.run("sink", "tests.smtp_sink", str(self.folder / "sink"), "--delay", str(self.delay_seconds))
        self.wait_for(lambda: (self.folder / "sink" / "port").exists(), seconds=20)
        self.variables["TIDINGS_SMTP_URL"] = f"smtp://127.0.0.1:{(self.folder / 'sink' / 'port').read_text()}"
        self.run("forker", "tests.journeys.forker", str(self.folder))

    def run(self, name: str, module: str, *arguments: str) -> None:
        log = (self.folder / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env={**os.environ, **self.variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )

    def enter(self, set_variable: Callable[[str, str], None]) -> None:
        """Let this test's own process use the room's database, with every worker alive."""
        for name, value in self.variables.items():
            set_variable(name, value)
        get_settings.cache_clear()
        queue.connection.cache_clear()
        db.bind(db.make_engine(self.postgres.url("tidings")))
        self.keep_workers_alive()

    def leave(self) -> None:
        db.get_engine().dispose()
        db.bind(None)

    def start_worker(self, name: str) -> None:
        forker = self.processes["forker"]
        assert forker.stdin is not None
        assert forker.stdout is not None
        forker.stdin.write(f"{name} {WORKERS[name]}\n".encode())
        forker.stdin.flush()
        self.workers[name] = int(forker.stdout.readline())

    def close(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()
        self.valkey.stop()
        self.postgres.stop(timeout_seconds=5)

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        send(self.workers[name], number)

    def horses(self) -> list[int]:
        """The processes in which pumps run."""
        parents = [pid for name, pid in self.workers.items() if name.startswith("send")]
        return [child for parent in parents for child in children_of(parent)]

    def keep_workers_alive(self) -> None:
        """What the launcher does: start again whoever ended."""
        for name in WORKERS:
            if name not in self.workers or not is_alive(self.workers[name]):
                self.start_worker(name)

    # -- campaign --------------------------------------------------------------------------------------

    def make_campaign(self, people: int) -> None:
        with transaction() as session:
            sender = make_sender(session)
            mailing_list = make_list(session, sender=sender)
            self.domain = f"shop{mailing_list.id}.example"
            session.execute(PEOPLE, {"people": people, "domain": self.domain})
            session.execute(MEMBERS, {"list_id": mailing_list.id, "domain": self.domain})
            self.list_id = mailing_list.id
            self.campaign_id = make_campaign(session, mailing_list=mailing_list, sender=sender).id

    def start_campaign(self) -> None:
        with transaction() as session:
            lifecycle.start(session, campaign_id=self.campaign_id, now=clock.now())

    def accepted(self) -> Counter[str]:
        """How often each address of this campaign was accepted by the mail server."""
        path = self.folder / "sink" / "accepted"
        lines = path.read_text().split() if path.exists() else []
        return Counter(line for line in lines if line.endswith("@" + self.domain))

    def progress(self) -> Progress:
        with read_session() as session:
            return campaign_progress(session, campaign_id=self.campaign_id, now=clock.now())

    def states(self) -> dict[str, MessageState]:
        with read_session() as session:
            rows = session.execute(select(Message.email, Message.state).where(Message.campaign_id == self.campaign_id))
            return {email: MessageState(state) for email, state in rows}

    # -- waiting ---------------------------------------------------------------------------------------

    def wait_for(self, condition: Callable[[], bool], *, seconds: float = 25) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"Waited {seconds} s in vain. {self.last_words()}")
            time.sleep(0.05)

    def wait_until_accepted(self, people: int) -> None:
        self.wait_for(lambda: sum(self.accepted().values()) >= people)

    def wait_until_sent(self, seconds: float = 40) -> None:
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


def is_alive(pid: int) -> bool:
    """Say whether a process runs; one that its parent has not buried yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
