"""Unsubscribes that arrive while the database is away: kept on disk, answered, and applied before anything is sent.

Each is a segment file of its own, gone once it is applied; so a folder with a file in it says "do not send yet" to
every process of this machine.
"""

from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.orm import Session

from campaigns.contacts import unsubscribe
from campaigns.hits import Chunk, SpoolReader, SpoolWriter
from campaigns.settings import Settings
from campaigns.signing import KeyRing


@dataclass(frozen=True)
class Spooled:
    """Unsubscribes kept in one file. ``chunk`` is what its reader wants back when they are applied."""

    chunk: Chunk


def spool_folder(settings: Settings) -> Path:
    """Return the folder of kept unsubscribes."""
    return settings.home_path / "spool" / "unsubscribes"


def keep_unsubscribe(settings: Settings, *, token: str, source: str, now: datetime) -> None:
    """Keep a verified token on disk; raises :class:`campaigns.hits.SpoolFull` when the disk takes no more."""
    writer = SpoolWriter(spool_folder(settings))
    writer.append([{"token": token, "source": source, "at": now.isoformat()}])
    writer.seal()


def pending_unsubscribes(settings: Settings) -> bool:
    """Say whether unsubscribes wait to be applied: as long as they do, nothing may be sent from this machine."""
    folder = spool_folder(settings)
    return folder.is_dir() and any(path.suffix in (".sealed", ".open") for path in folder.iterdir())


def read_spooled(settings: Settings) -> Generator[Spooled]:
    """Yield what is kept, oldest first. Apply each in a transaction of its own; its file goes when the next is
    asked for."""
    reader = SpoolReader(spool_folder(settings))
    for chunk in reader.chunks():
        yield Spooled(chunk)
        reader.done(chunk)


def apply_spooled(session: Session, *, spooled: Spooled, key_ring: KeyRing) -> int:
    """Apply kept unsubscribes with the time they came at, and return how many there were. Twice is once."""
    for record in spooled.chunk.records:
        unsubscribe.unsubscribe(
            session,
            ref=key_ring.read_unsubscribe_token(record["token"]),
            source=record["source"],
            now=datetime.fromisoformat(record["at"]).astimezone(UTC),
        )
    return len(spooled.chunk.records)
