"""Where processes write what they have to say."""

import logging
import sys
from pathlib import Path

ROTATE_AT_BYTES = 5_000_000
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def configure_logging(level: str, file: Path | None = None) -> None:
    """Log from ``level`` (``debug`` … ``error``) on, to standard error or into a file."""
    handler = logging.StreamHandler(sys.stderr) if file is None else logging.FileHandler(file)
    logging.basicConfig(level=level.upper(), format=FORMAT, handlers=[handler], force=True)


def open_log(folder: Path, name: str) -> Path:
    """Return the path of process ``name``'s log; one that has grown too long is set aside as ``name.log.1``."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{name}.log"
    if path.exists() and path.stat().st_size > ROTATE_AT_BYTES:
        path.replace(folder / f"{name}.log.1")
    return path


def last_words(log: Path) -> str:
    """Return the last line of a log and where to read more, to be put at the end of a sentence."""
    try:
        lines = log.read_text(errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return f"{lines[-1] if lines else 'it said nothing'} (see {log})"
