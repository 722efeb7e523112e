"""Where the master key comes from: the environment, or a file in the data folder made on first start."""

import os
import secrets
from pathlib import Path

from campaigns.errors import TidingsError
from campaigns.settings import Settings
from campaigns.signing import KeyRing


class KeyMissing(TidingsError):
    """There is no master key to sign with, or it cannot be used."""

    code = "key_missing"


def key_path(settings: Settings) -> Path:
    """Return where the master key of an installation with the embedded database lies."""
    return settings.home_path / "keys" / "master.key"


def load_key_ring(settings: Settings) -> KeyRing:
    """Return the installation's keys, the signing one first.

    ``TIDINGS_SECRET_KEY`` wins. Without it, and with the embedded database, the key is read from
    ``keys/master.key`` in the data folder, which is made (mode 0600) when it is not there. With a database of
    one's own the variable is required: several machines must share one key. Raises :class:`KeyMissing`.
    """
    text = settings.secret_key
    if text is None:
        if not settings.uses_embedded_database:
            raise KeyMissing(
                "TIDINGS_SECRET_KEY is not set, and a database of your own needs it: make one with "
                "`openssl rand -hex 32`, keep it safe, and give the same one to every process."
            )
        text = _read_or_make(key_path(settings))
    try:
        return KeyRing.from_text(text)
    except ValueError as error:
        raise KeyMissing(str(error)) from error


def _read_or_make(path: Path) -> str:
    """Read the key file; make it if it is missing. Of several processes that make it, all use the first one's."""
    try:
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
            write_private(draft, secrets.token_hex(32) + "\n")
            try:
                os.link(draft, path)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        return path.read_text().strip()
    except OSError as error:
        raise KeyMissing(f"The key file {path} cannot be read or made: {error.strerror}.") from error


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, and see it on the disk."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
