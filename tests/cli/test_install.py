"""The installer, as far as it can be tried without installing: what it tells people, and what it may not contain."""

import ast
import json
import platform
import re
import shutil
import sys
from pathlib import Path

import pytest

from cli import environment, install, packages, pages, progress

ROOT = progress.ROOT
LOCKS = [ROOT / "requirements.lock", ROOT / "requirements-dev.lock"]


def test_an_old_python_can_read_it_and_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """A syntax error would be all that its owner sees."""
    for module in (environment, install, packages, pages, progress):
        source = Path(str(module.__file__)).read_text()
        ast.parse(source, feature_version=(3, 7))
        assert "from __future__ import annotations" in source
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(progress.CannotInstall, match=r"needs Python 3\.11 or newer.*apt-get install"):
        environment.use_new_enough_python()


def test_a_system_without_glibc_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    environment.refuse_musl()
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    with pytest.raises(progress.CannotInstall, match="Alpine"):
        environment.refuse_musl()


def test_a_missing_venv_module_names_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(environment, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    with pytest.raises(progress.CannotInstall, match=rf"sudo apt-get install {re.escape(version)}"):
        environment.make_environment()


def test_a_failing_step_shows_the_last_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(progress.CannotInstall, match=r"Trying did not succeed:\n  what went wrong"):
        progress.run([sys.executable, "-c", "print('what went wrong'); raise SystemExit(3)"], "Trying")
    assert "went wrong" not in capsys.readouterr().out


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_locks_pin_hashes_and_name_no_registry(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    assert "index" not in text
    requirements = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert len(requirements) > 50
    for line in requirements:
        assert "--hash=sha256:" in packages.pinned(lock, line.split("==")[0])


def test_both_locks_pin_the_same_versions() -> None:
    pins = [dict(re.findall(r"^([^\s=]+)==(\S+)", lock.read_text(), re.MULTILINE)) for lock in LOCKS]
    assert {name: pins[1].get(name) for name in pins[0]} == pins[0]


def test_page_parts_are_locked_without_addresses() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert len(packages) > 10
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert [name for name, package in packages.items() if name and "integrity" not in package] == []


def test_a_digest_knows_names_and_contents(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(packages, "ROOT", tmp_path)
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("a")
    two.write_text("b")
    before = packages.digest([one, two])
    assert packages.digest([two, one]) == before
    two.write_text("c")
    assert packages.digest([one, two]) != before
    assert packages.digest([one]) != before


def test_an_unpinned_package_is_no_surprise(tmp_path: Path) -> None:
    lock = tmp_path / "some.lock"
    lock.write_text("uv-build==1 \\\n    --hash=sha256:00\nuv==2 \\\n    --hash=sha256:11\n    --hash=sha256:22\n")
    assert packages.pinned(lock, "uv") == "uv==2 \\\n    --hash=sha256:11\n    --hash=sha256:22\n"
    with pytest.raises(progress.CannotInstall, match="make lock"):
        packages.pinned(lock, "pip")
