"""The data folder: ours alone, writable, and of a version that we understand."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from campaigns.errors import TidingsError
from campaigns.settings import Settings
from cli.embedded_postgres import MAJOR

FORMAT = 1


class HomeUnusable(TidingsError):
    """The data folder cannot be used."""

    code = "home_unusable"


class HomeInUse(TidingsError):
    """Another launcher works in this data folder."""

    code = "home_in_use"


def prepare_home(settings: Settings) -> None:
    """Make the data folder and check that we may write there and that we understand what is in it.

    Raises :class:`HomeUnusable`.
    """
    home = settings.home_path
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings.run_path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_owner(settings.run_path)
        (home / "log").mkdir(mode=0o700, exist_ok=True)
        _check_version(home)
    except OSError as error:
        raise HomeUnusable(
            f"The data folder {home} is not writable ({error.strerror}: {error.filename}): make it yours with "
            f'`sudo chown -R "$(id -un)" {home}`, or choose another with `TIDINGS_HOME=/some/folder make run`.'
        ) from error


def _check_owner(run: Path) -> None:
    """A folder in /tmp that somebody else made first would give them our sockets."""
    if os.geteuid() != 0 and run.stat().st_uid != os.geteuid():
        raise HomeUnusable(f"The folder for sockets {run} belongs to somebody else: remove it and start again.")


def _check_version(home: Path) -> None:
    path = home / "version.json"
    others = [f.name for f in home.glob("postgres-*") if f.is_dir() and f.suffix != ".new"]
    strange = [name for name in others if name != f"postgres-{MAJOR}"]
    if strange and f"postgres-{MAJOR}" not in others:
        raise HomeUnusable(
            f"The data folder {home} holds {strange[0]}, and this version needs postgres-{MAJOR}: make a backup "
            "with the version that wrote it (`tidings backup FILE`), then `tidings restore FILE` with this one."
        )
    if not path.exists():
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps({"format": FORMAT}) + "\n")
        draft.replace(path)
        return
    try:
        found = json.loads(path.read_text())["format"]
    except (ValueError, KeyError, TypeError):
        found = "unreadable"
    if found != FORMAT:
        raise HomeUnusable(
            f"The data folder {home} is of another version of Tidings (its format is {found}, ours is {FORMAT}): "
            "start the version that wrote it, or choose another folder with `TIDINGS_HOME=/some/folder make run`."
        )


@contextmanager
def lock_home(settings: Settings, *, patience_seconds: float = 0.0) -> Iterator[int]:
    """Hold the data folder for this launcher; yields the lock's descriptor, which no child may keep.

    A short command may hold it for a moment, so a launcher is patient. Raises :class:`HomeInUse`.
    """
    descriptor = os.open(settings.home_path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + patience_seconds
        while not _try_lock(descriptor):
            if time.monotonic() < deadline:
                time.sleep(0.1)
                continue
            holder = os.pread(descriptor, 20, 0).decode().strip() or "unknown"
            raise HomeInUse(
                f"Tidings already runs on {settings.home_path} (process {holder}): stop it with `kill {holder}`, "
                "or give this one a folder of its own with `TIDINGS_HOME=/some/folder TIDINGS_PORT=8001 make run`."
            )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_home_locked(settings: Settings) -> bool:
    """Say whether a launcher works in the data folder now."""
    try:
        with lock_home(settings):
            return False
    except HomeInUse:
        return True
    except OSError:
        return False
