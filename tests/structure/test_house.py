"""Rules of the house. Each says what goes wrong without it."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from campaigns.settings import Settings

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("campaigns", "cli", "web", "workers", "migrations", "templates_email")
CATCH_ALLS = {"utils", "util", "helpers", "helper", "common", "misc", "service", "services", "manager", "base"}


def source_files() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def test_no_file_is_a_catch_all() -> None:
    """Names that mean nothing gather everything."""
    assert [path for path in source_files() if path.stem in CATCH_ALLS] == []


def test_package_files_hold_a_docstring_and_no_code() -> None:
    """Code in an __init__ runs on every import and hides where names come from."""
    for path in source_files():
        if path.name == "__init__.py":
            body = ast.parse(path.read_text()).body
            assert len(body) == 1, f"{path} holds more than its docstring"
            assert ast.get_docstring(ast.parse(path.read_text())), f"{path} has no docstring"


def test_one_place_commits() -> None:
    """A commit in the middle of a unit of work keeps half of it when the rest fails."""
    commits = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in source_files()
        if path.parts[-2] != "migrations"
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(r"\.commit\(\)", line) and "sqlite" not in path.read_text()
    ]
    assert len(commits) == 1
    assert commits[0].startswith("campaigns/db.py:")


def test_only_settings_reads_the_environment() -> None:
    """A variable read elsewhere is a setting that nobody finds. The launcher may hand an environment to children."""
    allowed = {"campaigns/settings.py"}
    for path in source_files():
        name = str(path.relative_to(ROOT))
        if name in allowed:
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            reads = re.search(r"os\.getenv|os\.environ\.get\(|os\.environ\[", line)
            assert not reads or "TIDINGS" not in line, f"{name}:{number} reads a setting of its own"


@pytest.mark.parametrize("module", ["campaigns.tracking.record", "web.public.tracking"])
def test_the_hot_path_loads_neither_sqlalchemy_nor_redis(module: str) -> None:
    """A hit must be answered and kept while the database and Redis are away."""
    code = f"import sys, {module}; print([m for m in ('sqlalchemy', 'redis', 'rq', 'flask') if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_every_setting_is_documented() -> None:
    """A setting without a sentence is one that an operator can't use."""
    documented = (ROOT / "docs" / "settings.md").read_text()
    missing = [name for name in Settings.model_fields if f"`TIDINGS_{name.upper()}`" not in documented]
    assert missing == []


def test_no_broad_except_swallows_an_error() -> None:
    """A broad except without a log line hid a broken job once; only process borders may have one."""
    for path in source_files():
        lines = path.read_text().splitlines()
        for number, line in enumerate(lines):
            if re.match(r"\s*except (Exception|BaseException)\b", line) or re.match(r"\s*except:\s*$", line):
                following = "\n".join(lines[number + 1 : number + 8])
                assert re.search(r"log\.|raise", following), f"{path.relative_to(ROOT)}:{number + 1} is silent"
