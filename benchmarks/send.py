"""Sending: messages a CPU-second and a second of the whole path, beside Postfix's smtp-source in the same run.

A personal newsletter goes from real rows through the real pump to real SMTP servers: claim, second look, fill, hand
over, mark, with at most one window a worker in doubt. Counted is the CPU of all our processes and of PostgreSQL. The
timer starts before the first claim.
"""

import contextlib
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from sqlalchemy import Engine, select, text

import campaigns.models.all  # noqa: F401 - foreign keys name tables that nothing here imports
from benchmarks.postfix_tools import Yardstick, find_tools, measure_source, running_sinks
from benchmarks.rendering import newsletter
from campaigns import db
from campaigns.db import read_session, transaction
from campaigns.delivery.compile_revision import compile_source, load_source, save_compiled
from campaigns.delivery.freeze import freeze_audience
from campaigns.delivery.progress import campaign_progress
from campaigns.delivery.pump import Pump
from campaigns.delivery.smtp import SmtpTransport
from campaigns.delivery.smtp_address import read_smtp_urls
from campaigns.models.campaign import Campaign, CampaignState, Content, Revision
from campaigns.models.mailing_list import MailingList
from campaigns.models.message import Batch
from campaigns.models.sender import Sender
from campaigns.settings import Settings, get_settings
from campaigns.signing import KeyRing
from cli.database import upgrade
from cli.embedded_postgres import EmbeddedPostgres

SINKS = 4
SECRET = "a key that only the benchmark knows and nobody else"
BUDGET_CPU_SHARE = 0.3
BUDGET_WALL_SHARE = 0.5
FILL = (
    """INSERT INTO contact (email, address_key, address_hash, domain, given_name, family_name, language, time_zone,
        attributes, sort_key, created_at, updated_at)
    SELECT 'reader' || n || '@bench.example', 'reader' || n || '@bench.example', decode(md5(n::text), 'hex'),
        'bench.example', 'Ada' || n, 'Lovelace', 'en', 'Europe/London', '{}', 'lovelace', now(), now()
    FROM generate_series(1, :people) n""",
    """INSERT INTO membership (list_id, contact_id, state, source, created_at, updated_at)
    SELECT 1, id, 'confirmed', 'bench', now(), now() FROM contact""",
    "ANALYZE",
)


@dataclass(frozen=True)
class SendResult:
    """What was measured; None where the yardstick's programs are not to be had."""

    recipients: int
    workers: int
    mail_bytes: int
    freeze_seconds: float
    seconds: float
    messages_per_second: float
    messages_per_cpu_second: float
    our_microseconds: float
    database_microseconds: float
    worker_memory_mb: float
    sent: int
    uncertain: int
    source_per_second: float | None
    source_per_cpu_second: float | None
    sinks_per_second: float | None
    share_of_cpu: float | None
    share_of_wall: float | None
    notes: tuple[str, ...]


def measure(
    *, smtp: Sequence[str] = (), recipients: int = 20_000, size_kb: int = 30, links: int = 10, workers: int = 1
) -> SendResult:
    """Measure sending to ``smtp`` (host:port each), or to sinks of our own when none is given."""
    folder = Path(tempfile.mkdtemp(prefix="tidings-bench-"))
    os.chmod(folder, 0o755)  # smtp-sink runs as nobody
    try:
        return _measure(folder, list(smtp), recipients, size_kb * 1024, links, workers)
    finally:
        db.bind(None)
        get_settings.cache_clear()
        shutil.rmtree(folder, ignore_errors=True)


def _measure(folder: Path, smtp: list[str], recipients: int, size_bytes: int, links: int, workers: int) -> SendResult:
    server = EmbeddedPostgres(folder / "postgres", folder / "run")
    tools = find_tools(folder)
    if not smtp and tools is None:
        raise SystemExit("There is no smtp-sink: install Debian's postfix package, or give --smtp HOST:PORT.")
    server.start()
    try:
        server.create_database("bench")
        settings = _enter(folder, server.url("bench"))
        with contextlib.ExitStack() as stack:
            addresses = smtp or stack.enter_context(running_sinks(tools, SINKS))  # type: ignore[arg-type]
            freeze_seconds = _prepare(settings, recipients, size_bytes, links)
            notes = _describe(db.get_engine(), settings)
            db.get_engine().dispose()
            return _run(settings, server, tools, addresses, recipients, size_bytes, workers, freeze_seconds, notes)
    finally:
        server.stop()


def _enter(folder: Path, url: str) -> Settings:
    values = {
        "HOME": str(folder),
        "DATABASE_URL": url,
        "SECRET_KEY": SECRET,
        "PUBLIC_URL": "https://mail.bench.example",
    }
    os.environ.update({f"TIDINGS_{name}": value for name, value in values.items()})
    os.environ["TIDINGS_PUMP_SECONDS"] = "100000"
    get_settings.cache_clear()
    db.bind(db.make_engine(url))
    upgrade(db.get_engine())
    return get_settings()


def _prepare(settings: Settings, recipients: int, size_bytes: int, links: int) -> float:
    """Fill the database, compile and freeze; return the seconds that freezing took."""
    now = datetime.now(UTC)
    source = newsletter(size_bytes=size_bytes, links=links)
    with transaction() as session:
        session.add(
            Sender(
                from_name="Bench",
                from_email="news@bench.example",
                company="Bench",
                postal_address="1 Road",
                created_at=now,
            )
        )
        session.flush()
        session.add(MailingList(name="Bench", list_id="bench", sender_id=1, created_at=now))
        session.flush()
        session.add(
            Campaign(
                name="Bench",
                list_id=1,
                sender_id=1,
                state=CampaignState.sending,
                default_language="en",
                created_at=now,
                updated_at=now,
            )
        )
        session.flush()
        session.add(Revision(campaign_id=1, number=1, created_at=now))
        session.flush()
        words = {"subject": source.subject, "preheader": "", "body_format": source.body_format, "body": source.body}
        session.add(
            Content(campaign_id=1, revision=1, variant=0, language="en", language_code=0, updated_at=now, **words)
        )
    for statement in FILL:
        with transaction() as session:
            session.execute(text(statement), {"people": recipients} if ":people" in statement else {})
    with read_session() as session:
        contents = compile_source(load_source(session, campaign_id=1))
    began = time.monotonic()
    with transaction() as session:
        save_compiled(session, campaign_id=1, contents=contents, now=now)
        freeze_audience(session, campaign_id=1, batch_size=settings.batch_size, now=now)
    freeze_seconds = time.monotonic() - began
    with transaction() as session:
        session.execute(text("ANALYZE message"))
    return freeze_seconds


def _describe(engine: Engine, settings: Settings) -> tuple[str, ...]:
    with engine.connect() as connection:
        shown = {name: connection.scalar(text(f"SHOW {name}")) for name in ("fsync", "synchronous_commit")}
        version = connection.scalar(text("SHOW server_version"))
    return (
        f"{os.cpu_count()} CPUs",
        f"PostgreSQL {version}",
        *[f"{name}={value}" for name, value in shown.items()],
        f"window={settings.window_size}",
        f"batch={settings.batch_size}",
        "unsigned",
    )


def _run(
    settings: Settings,
    server: EmbeddedPostgres,
    tools: object,
    addresses: list[str],
    recipients: int,
    size_bytes: int,
    workers: int,
    freeze_seconds: float,
    notes: tuple[str, ...],
) -> SendResult:
    assert server.process is not None
    database_before, began = cpu_of_tree(server.process.pid), time.monotonic()
    used = _pump(addresses, workers)
    seconds = time.monotonic() - began
    time.sleep(0.3)  # the backends end and are counted with their parent
    database = cpu_of_tree(server.process.pid) - database_before
    db.bind(db.make_engine(server.url("bench")))
    with read_session() as session:
        progress = campaign_progress(session, campaign_id=1, now=datetime.now(UTC))
        mail_bytes = size_bytes
        open_batches = session.scalars(select(Batch.number).where(Batch.state != "done")).all()
    db.get_engine().dispose()
    if open_batches:
        notes = (*notes, f"{len(open_batches)} batches were not finished")
    ours = sum(cpu for cpu, _ in used)
    yardstick, sinks = _measure_yardstick(tools, addresses, recipients, mail_bytes, workers)
    rate, per_cpu = progress.sent / seconds, progress.sent / (ours + database)
    return SendResult(
        recipients=recipients,
        workers=workers,
        mail_bytes=mail_bytes,
        freeze_seconds=round(freeze_seconds, 3),
        seconds=round(seconds, 3),
        messages_per_second=round(rate, 1),
        messages_per_cpu_second=round(per_cpu, 1),
        our_microseconds=round(ours / max(progress.sent, 1) * 1e6, 1),
        database_microseconds=round(database / max(progress.sent, 1) * 1e6, 1),
        worker_memory_mb=round(max(memory for _, memory in used), 1),
        sent=progress.sent,
        uncertain=progress.uncertain,
        source_per_second=round(yardstick.messages_per_second, 1) if yardstick else None,
        source_per_cpu_second=round(yardstick.messages_per_cpu_second, 1) if yardstick else None,
        sinks_per_second=round(sinks.messages_per_second, 1) if sinks else None,
        share_of_cpu=round(per_cpu / yardstick.messages_per_cpu_second, 3) if yardstick else None,
        share_of_wall=round(rate / yardstick.messages_per_second, 3) if yardstick else None,
        notes=notes,
    )


def _measure_yardstick(
    tools: object, addresses: list[str], messages: int, size_bytes: int, workers: int
) -> tuple[Yardstick | None, Yardstick | None]:
    """smtp-source with as many connections as we had, and what all sinks together take at the most."""
    from benchmarks.postfix_tools import PostfixTools

    if not isinstance(tools, PostfixTools):
        return None, None
    sizes = {"messages": min(messages, 10_000), "size_bytes": size_bytes}
    same = measure_source(tools, addresses, connections=workers, **sizes)
    return same, measure_source(tools, addresses, connections=len(addresses), **sizes)


def _pump(addresses: list[str], workers: int) -> list[tuple[float, float]]:
    """Run the pumps, each in a process of its own; return CPU-seconds and megabytes of each."""
    context = get_context("fork")
    pairs = [context.Pipe(duplex=False) for _ in range(workers)]
    pumps = [
        context.Process(target=_one_pump, args=(addresses[n % len(addresses)], pairs[n][1])) for n in range(workers)
    ]
    for pump in pumps:
        pump.start()
    used = [pair[0].recv() for pair in pairs]
    for pump in pumps:
        pump.join()
    return used


def _one_pump(address: str, answer: Connection) -> None:
    db.forget_connections()
    settings = get_settings()
    before = resource.getrusage(resource.RUSAGE_SELF)
    transport = SmtpTransport(read_smtp_urls(f"smtp://{address}"))
    Pump(settings=settings, key_ring=KeyRing.from_text(SECRET), transport=transport).run()
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    answer.send((cpu, after.ru_maxrss / 1024))


def cpu_of_tree(pid: int) -> float:
    """Return the CPU-seconds of a process, its living children and its buried ones."""
    tick = os.sysconf("SC_CLK_TCK")
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    total = 0
    for number in (str(pid), *children):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
            total += sum(int(field) for field in fields[11:15])
    return total / tick


def as_table(result: SendResult) -> str:
    """Return the result as lines for people."""
    lines = [f"{name.replace('_', ' '):<26} {value}" for name, value in asdict(result).items() if name != "notes"]
    if result.share_of_cpu is None or result.share_of_wall is None:
        lines.append("No yardstick: Postfix's smtp-source is not to be had here.")
    else:
        cpu, wall = result.share_of_cpu >= BUDGET_CPU_SHARE, result.share_of_wall >= BUDGET_WALL_SHARE
        lines.append(f"budget: CPU ≥ {BUDGET_CPU_SHARE} {'met' if cpu else 'missed'}")
        lines.append(f"budget: wall ≥ {BUDGET_WALL_SHARE} {'met' if wall else 'missed'} (one worker)")
    return "\n".join([*lines, ", ".join(result.notes)])
