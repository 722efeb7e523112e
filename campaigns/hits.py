"""Segment files: append, seal and read what must survive a kill before it is answered. No Redis, no SQL.

A spool is a folder of segment files. One process owns its open segment (named by its own random id); records are
JSON lines, appended in groups with one ``fdatasync`` before any of the group is answered. A segment is sealed by
renaming ``*.open`` to ``*.sealed``; its owner holds a lock on it until then, so that the segments of a dead process
are known. A torn last line is what was never answered, so it is left out.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

SEAL_BYTES = 8_000_000
SEAL_SECONDS = 60.0


def make_id(now_ms: int | None = None) -> UUID:
    """Return a new UUIDv7 (RFC 9562): its first 48 bits are Unix milliseconds, so a hit's time never changes."""
    milliseconds = int(time.time() * 1000) if now_ms is None else now_ms
    noise = int.from_bytes(os.urandom(10), "big")
    high, low = (noise >> 62) & 0xFFF, noise & ((1 << 62) - 1)
    return UUID(int=(milliseconds << 80) | (7 << 76) | (high << 64) | (2 << 62) | low)


def id_milliseconds(hit_id: UUID) -> int:
    """Return the Unix milliseconds inside a UUIDv7."""
    return hit_id.int >> 80


class SpoolFull(OSError):
    """The disk took no more; nothing of the group was kept."""


class SpoolWriter:
    """Appends groups of records to this process's open segment."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._file_descriptor = -1
        self._path = folder
        self._size = 0
        self._opened = 0.0

    def append(self, records: Sequence[dict[str, Any]]) -> None:
        """Keep ``records`` on disk, all or none, before returning; raises :class:`SpoolFull` when that failed."""
        data = b"".join(json.dumps(record, separators=(",", ":")).encode() + b"\n" for record in records)
        try:
            if self._file_descriptor < 0:
                self._open()
            self._write(data)
        except OSError as error:
            self._undo()
            raise SpoolFull(error.errno, f"The hit spool {self._folder} took no more: {error}") from error
        if self._size >= SEAL_BYTES:
            self.seal()

    def seal_if_old(self) -> None:
        """Seal a segment that has stood open for a minute, so that files stay small."""
        if self._size and time.monotonic() - self._opened > SEAL_SECONDS:
            self.seal()

    def seal(self) -> None:
        """Close the open segment; its reader may delete it once it is shipped."""
        if self._file_descriptor < 0:
            return
        if self._size:
            self._path.rename(self._path.with_suffix(".sealed"))
        else:
            self._path.unlink(missing_ok=True)
        os.close(self._file_descriptor)
        self._file_descriptor = -1
        self._size = 0

    def _open(self) -> None:
        """Begin a segment. It gets its real name once it is locked, so that no reader takes it for an orphan."""
        draft = self._folder / f"{make_id()}.new"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            draft.rename(draft.with_suffix(".open"))
            _sync_folder(self._folder)
        except OSError:
            os.close(descriptor)
            draft.unlink(missing_ok=True)
            raise
        self._file_descriptor = descriptor
        self._path = draft.with_suffix(".open")
        self._size = 0
        self._opened = time.monotonic()

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._file_descriptor, view) :]
        os.fdatasync(self._file_descriptor)
        self._size += len(data)

    def _undo(self) -> None:
        """Cut off a half-written group, so that the next one begins on a line of its own."""
        if self._file_descriptor >= 0:
            os.ftruncate(self._file_descriptor, self._size)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True)
class Chunk:
    """Records read from one segment: where they begin and where the next reading goes on. Lines that are no
    records are passed over, so ``records`` may be empty."""

    path: Path
    records: list[dict[str, Any]]
    offset: int
    next_offset: int
    finished: bool


class SpoolReader:
    """Reads a spool's segments from where it stopped. One reader a spool; the records carry ids, so that reading
    twice after a kill is harmless."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._offsets: dict[str, int] = {}

    def chunks(self, limit: int = 5000) -> Iterator[Chunk]:
        """Yield unread records, oldest segment first, at most ``limit`` a chunk; call :meth:`done` after each."""
        for path in sorted(self._folder.glob("*.*")):
            if path.suffix not in (".open", ".sealed"):
                continue
            chunk = self._read(path, limit)
            while chunk is not None and chunk.next_offset > chunk.offset:
                yield chunk
                if self._offsets.get(path.stem, 0) < chunk.next_offset:
                    break  # not stored: the rest of this segment waits with it
                chunk = self._read(path, limit)
            if chunk is not None and chunk.finished:
                path.unlink(missing_ok=True)
                self._offsets.pop(path.stem, None)

    def done(self, chunk: Chunk) -> None:
        """Remember that ``chunk`` is stored for good."""
        self._offsets[chunk.path.stem] = chunk.next_offset

    def is_empty(self) -> bool:
        """Say whether every kept record has been read and stored."""
        for path in self._folder.glob("*.*"):
            chunk = self._read(path, limit=1) if path.suffix in (".open", ".sealed") else None
            if chunk is not None and chunk.next_offset > chunk.offset:
                return False
        return True

    def _read(self, path: Path, limit: int) -> Chunk | None:
        offset = self._offsets.get(path.stem, 0)
        is_over = path.suffix == ".sealed" or _is_orphan(path)  # asked before reading, or its last words are lost
        try:
            with path.open("rb") as file:
                file.seek(offset)
                lines = list(islice(file, limit))
        except FileNotFoundError:
            return None  # sealed between listing and reading; the next round finds it under its new name
        if lines and not lines[-1].endswith(b"\n"):
            lines.pop()
        next_offset = offset + sum(len(line) for line in lines)
        records = [record for line in lines if (record := _parse(line))]
        return Chunk(path, records, offset, next_offset, finished=is_over and not lines)


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _is_orphan(path: Path) -> bool:
    """Say whether the process that owned an open segment is gone: it held a lock on it while it lived."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except FileNotFoundError:
        return False  # sealed in the meantime
    return True
