"""The Python that runs us, and its virtual environment."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

from cli.progress import VENV, CannotInstall, run

OLDEST_PYTHON = (3, 11)
OLDEST_UV = (0, 8)


def use_new_enough_python() -> None:
    """Go on with a Python that is new enough: this one, or a newer one on PATH."""
    if sys.version_info >= OLDEST_PYTHON:
        return
    for name in ("python3.14", "python3.13", "python3.12", "python3.11"):
        found = shutil.which(name)
        if found and python_works(Path(found)):  # pyenv's shims stand there for versions that are not active
            os.execv(found, [found, "-m", "cli.install", *sys.argv[1:]])  # noqa: S606
    raise CannotInstall(
        f"Tidings needs Python 3.11 or newer, and this is {platform.python_version()}: "
        "install one (`sudo apt-get install python3.11 python3.11-venv`), then `make run PYTHON=python3.11`."
    )


def refuse_musl() -> None:
    if sys.platform == "linux" and platform.libc_ver()[0] != "glibc":
        raise CannotInstall(
            "The embedded PostgreSQL and Valkey are built for glibc, and this system has another C library "
            "(Alpine's musl?): use Debian, Ubuntu or Fedora, for example `docker run -it -p 8000:8000 debian`."
        )


def python_works(path: Path) -> bool:
    """Say whether the virtual environment's Python still runs and is new enough."""
    try:
        done = subprocess.run(
            [str(path), "-c", "import sys; print(sys.version_info >= (3, 11))"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=False,
        )
    except OSError:
        return False
    return done.stdout.strip() == "True"


def make_environment() -> None:
    """Make .venv unless there is one that works."""
    if python_works(VENV / "bin" / "python"):
        return
    uv = uv_on_path()
    if uv:
        run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, VENV], "Making .venv")
        return
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise CannotInstall(
            f"This Python has no venv module: install it with `sudo apt-get install python{version}-venv` "
            "(on Debian and Ubuntu), then `make run` again."
        ) from None
    run([sys.executable, "-m", "venv", "--clear", VENV], "Making .venv")


def uv_on_path() -> str | None:
    """Return a uv on PATH that is new enough, or None."""
    found = shutil.which("uv")
    if not found:
        return None
    text = subprocess.run([found, "--version"], stdout=subprocess.PIPE, text=True, check=False)
    version = re.search(r"(\d+)\.(\d+)", text.stdout)
    return found if version and (int(version[1]), int(version[2])) >= OLDEST_UV else None
