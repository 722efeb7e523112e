"""Make this checkout ready to run, before anything is there: `make` runs it as ``python3 -m cli.install``.

Only the standard library, and nothing that an old Python could not read: telling its owner so is part of the job.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys

from cli.environment import make_environment, refuse_musl, use_new_enough_python
from cli.packages import STAMP, install_packages
from cli.pages import build_pages
from cli.progress import ROOT, CannotInstall, Steps, run, say

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")


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
    steps = Steps(total=7 if purpose == "run" else 4)
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
