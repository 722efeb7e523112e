"""Python packages, as the lock files pin them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path

from cli.environment import uv_on_path
from cli.progress import ROOT, VENV, CannotInstall, run

STAMP = VENV / "tidings-installed.json"
LOCKS = {"run": ROOT / "requirements.lock", "test": ROOT / "requirements-dev.lock"}


def pinned(lock: Path, name: str) -> str:
    """Return the lines of ``lock`` that pin one package with its hashes."""
    found = re.search(rf"^{re.escape(name)}==[^\n]*(?:\n[ ]+--hash[^\n]*)*", lock.read_text(), re.MULTILINE)
    if not found:
        raise CannotInstall(f"{lock.name} does not pin {name}: run `make lock`.")
    return found[0] + "\n"


def find_uv(lock: Path) -> str:
    """Return uv, installed into .venv by pip where there is none."""
    ours = VENV / "bin" / "uv"
    if ours.exists():
        return str(ours)
    elsewhere = uv_on_path()
    if elsewhere:
        return elsewhere
    only = VENV / "uv.lock"
    only.write_text(pinned(lock, "uv"))
    python = str(VENV / "bin" / "python")
    run([python, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "-r", str(only)], "Installing uv")
    return str(ours)


def installed() -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads(STAMP.read_text())
        return found
    except (OSError, ValueError):
        return {}


def digest(paths: Iterable[Path]) -> str:
    """Return one hash over names and contents of files."""
    whole = hashlib.sha256()
    for path in sorted(paths):
        whole.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return whole.hexdigest()


def install_packages(purpose: str) -> bool:
    """Install what the lock says; return False when it is there already. Tests' packages are never taken away."""
    if installed().get("purpose") == "test":
        purpose = "test"
    lock = LOCKS[purpose]
    wanted = {"purpose": purpose, "digest": digest([lock, ROOT / "pyproject.toml"])}
    if installed() == wanted:
        return False
    STAMP.unlink(missing_ok=True)
    uv = find_uv(lock)
    python = str(VENV / "bin" / "python")
    sync = [uv, "pip", "sync", "--quiet", "--require-hashes", "--python", python, str(lock)]
    run(sync, "Installing the packages")
    editable = ["--no-deps", "--no-build-isolation", "--editable", str(ROOT)]
    run([uv, "pip", "install", "--quiet", "--python", python, *editable], "Installing Tidings")
    STAMP.write_text(json.dumps(wanted))
    return True
