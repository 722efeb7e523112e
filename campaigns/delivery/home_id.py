"""Which data folder this is, told apart from its copies."""

import fcntl
import os
from uuid import UUID, uuid4

from campaigns.settings import Settings

MOST_BYTES = 5000


def home_id(settings: Settings) -> UUID:
    """Return the id of the data folder in this place; a folder that was copied or moved gets a new one.

    The file ``home_id`` says where it was written: a copy has another path or another inode, and would otherwise
    pass for the folder it was copied from.
    """
    path = settings.home_path / "home_id"
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        place = f"{os.fstat(descriptor).st_ino} {path.resolve()}"
        return _read_home_id(descriptor, place) or _write_home_id(descriptor, place)
    finally:
        os.close(descriptor)


def _read_home_id(descriptor: int, place: str) -> UUID | None:
    written, _, rest = os.pread(descriptor, MOST_BYTES, 0).decode(errors="surrogateescape").partition("\n")
    try:
        return UUID(written) if rest == f"{place}\n" else None
    except ValueError:
        return None


def _write_home_id(descriptor: int, place: str) -> UUID:
    made = uuid4()
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{made}\n{place}\n".encode(errors="surrogateescape"), 0)
    os.fsync(descriptor)  # lost in a power cut, it would hold everything afterwards
    return made
