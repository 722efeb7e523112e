"""The local inbox: every mail that stays on this machine, in one SQLite file of the data folder.

Nothing is recognised as a duplicate: a mail accepted twice is shown twice.
"""

import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from campaigns.errors import NotFound
from campaigns.settings import Settings

SCHEMA = """
CREATE TABLE IF NOT EXISTS mail (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at REAL NOT NULL,
    mail_from TEXT NOT NULL,
    rcpt_to TEXT NOT NULL,
    subject TEXT NOT NULL,
    message_id TEXT NOT NULL,
    size INTEGER NOT NULL,
    raw BLOB NOT NULL
)
"""
SUMMARY = "id, received_at, mail_from, rcpt_to, subject, message_id, size"
SEARCH = "(rcpt_to LIKE ? ESCAPE '\\' OR subject LIKE ? ESCAPE '\\' OR mail_from LIKE ? ESCAPE '\\')"
COMPRESSION = 1


class NoSuchMail(NotFound):
    """The local inbox holds no mail of that number (any more)."""

    code = "no_such_mail"


@dataclass(frozen=True)
class ReceivedMail:
    """A mail as the SMTP server took it; ``raw`` without dot-stuffing."""

    received_at: datetime
    mail_from: str
    rcpt_to: Sequence[str]
    subject: str
    message_id: str
    raw: bytes


@dataclass(frozen=True)
class InboxMailSummary:
    """One line of the inbox; ``size`` in bytes, ``subject`` decoded, ``rcpt_to`` the envelope's recipients."""

    id: int
    received_at: datetime
    mail_from: str
    rcpt_to: tuple[str, ...]
    subject: str
    message_id: str
    size: int


@dataclass(frozen=True)
class InboxMail(InboxMailSummary):
    """A whole mail."""

    raw: bytes


def inbox_path(settings: Settings) -> Path:
    """Return where the inbox's file lies."""
    return settings.home_path / "inbox" / "inbox.sqlite"


def open_inbox(path: Path) -> sqlite3.Connection:
    """Open the inbox for writing, made when it is not there."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=30, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(SCHEMA)
    connection.commit()
    return connection


def store_mails(connection: sqlite3.Connection, *, mails: Sequence[ReceivedMail], limit: int) -> None:
    """Keep mails in one commit and let go of all but the ``limit`` newest."""
    rows = [
        (
            mail.received_at.timestamp(),
            mail.mail_from,
            "\n".join(mail.rcpt_to),
            mail.subject,
            mail.message_id,
            len(mail.raw),
            zlib.compress(mail.raw, COMPRESSION),
        )
        for mail in mails
    ]
    with connection:
        connection.executemany(
            "INSERT INTO mail (received_at, mail_from, rcpt_to, subject, message_id, size, raw)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        connection.execute("DELETE FROM mail WHERE id <= (SELECT max(id) FROM mail) - ?", (limit,))


@contextmanager
def _reading(settings: Settings) -> Iterator[sqlite3.Connection | None]:
    """Yield a read-only connection, or None where no mail has ever come."""
    path = inbox_path(settings)
    if not path.exists():
        yield None
        return
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=30)) as connection:
        yield connection


def _pattern(search: str) -> str:
    for special in ("\\", "%", "_"):
        search = search.replace(special, "\\" + special)
    return f"%{search}%"


def _condition(search: str | None, before_id: int | None) -> tuple[str, list[object]]:
    conditions, values = ["1"], list[object]()
    if search:
        conditions.append(SEARCH)
        values += [_pattern(search)] * 3
    if before_id is not None:
        conditions.append("id < ?")
        values.append(before_id)
    return " AND ".join(conditions), values


def _summary(row: Sequence[object]) -> InboxMailSummary:
    number, received_at, mail_from, rcpt_to, subject, message_id, size = row
    return InboxMailSummary(
        id=int(str(number)),
        received_at=datetime.fromtimestamp(float(str(received_at)), UTC),
        mail_from=str(mail_from),
        rcpt_to=tuple(str(rcpt_to).split("\n")),
        subject=str(subject),
        message_id=str(message_id),
        size=int(str(size)),
    )


def list_mails(
    settings: Settings, *, search: str | None = None, before_id: int | None = None, limit: int = 50
) -> list[InboxMailSummary]:
    """Return up to ``limit`` mails, the newest first, older than ``before_id`` where given.

    ``search`` is looked for in recipient, sender and subject, without regard to case in ASCII letters.
    """
    condition, values = _condition(search, before_id)
    with _reading(settings) as connection:
        if connection is None:
            return []
        query = f"SELECT {SUMMARY} FROM mail WHERE {condition} ORDER BY id DESC LIMIT ?"  # noqa: S608
        return [_summary(row) for row in connection.execute(query, [*values, limit])]


def count_mails(settings: Settings, *, search: str | None = None) -> int:
    """Return how many mails the inbox holds, or how many of them match ``search``."""
    condition, values = _condition(search, None)
    with _reading(settings) as connection:
        if connection is None:
            return 0
        query = f"SELECT count(*) FROM mail WHERE {condition}"  # noqa: S608
        return int(connection.execute(query, values).fetchone()[0])


def get_mail(settings: Settings, mail_id: int) -> InboxMail:
    """Return a whole mail; raises :class:`NoSuchMail`."""
    with _reading(settings) as connection:
        query = f"SELECT {SUMMARY}, raw FROM mail WHERE id = ?"  # noqa: S608
        row = connection and connection.execute(query, (min(mail_id, 2**63 - 1),)).fetchone()
    if not row:
        raise NoSuchMail(f"The local inbox holds no mail {mail_id}: it may have been cleared.")
    return InboxMail(**vars(_summary(row[:-1])), raw=zlib.decompress(row[-1]))


def clear(settings: Settings) -> int:
    """Throw every mail away and return how many there were."""
    if not inbox_path(settings).exists():
        return 0
    with closing(open_inbox(inbox_path(settings))) as connection, connection:
        return connection.execute("DELETE FROM mail").rowcount
