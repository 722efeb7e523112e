"""The data folder: each way in which it cannot be used is one sentence with the command to type."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from campaigns.settings import Settings
from cli.home import HomeInUse, HomeUnusable, is_home_locked, lock_home, prepare_home


def test_a_new_home_is_closed_to_others_and_knows_its_format(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "new" / "var")
    prepare_home(settings)
    prepare_home(settings)
    assert stat.S_IMODE(settings.home_path.stat().st_mode) == 0o700
    assert stat.S_IMODE(settings.run_path.stat().st_mode) == 0o700
    assert json.loads((settings.home_path / "version.json").read_text()) == {"format": 1}


@pytest.mark.parametrize("content", ['{"format": 2}', "{}", "[]", "not json"])
def test_a_home_of_another_version_is_left_as_it_is(settings: Settings, content: str) -> None:
    path = settings.home_path / "version.json"
    path.write_text(content)
    with pytest.raises(HomeUnusable, match="another version of Tidings"):
        prepare_home(settings)
    assert path.read_text() == content


def test_data_of_another_postgres_is_not_hidden_behind_an_empty_database(settings: Settings) -> None:
    (settings.home_path / "postgres-17").mkdir()
    with pytest.raises(HomeUnusable, match=r"holds postgres-17.*tidings backup"):
        prepare_home(settings)


def test_a_half_made_cluster_is_no_other_version(settings: Settings) -> None:
    (settings.home_path / "postgres-18.new").mkdir()
    prepare_home(settings)


def test_a_file_in_the_way_names_itself(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("")
    with pytest.raises(HomeUnusable, match="not writable"):
        prepare_home(Settings(home=tmp_path / "var"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_home_says_how_to_make_it_ours(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(HomeUnusable, match="sudo chown"):
        prepare_home(Settings(home=tmp_path / "var"))


def test_a_long_home_keeps_its_sockets_in_a_short_folder(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / ("long" * 30))
    prepare_home(settings)
    assert len(os.fsencode(settings.run_path / ".s.PGSQL.5432")) < 100
    settings.run_path.rmdir()


def test_two_launchers_do_not_share_a_home(settings: Settings) -> None:
    prepare_home(settings)
    with lock_home(settings):
        assert is_home_locked(settings)
        with pytest.raises(HomeInUse, match=f"process {os.getpid()}.*kill {os.getpid()}"), lock_home(settings):
            pass
    assert not is_home_locked(settings)


def test_the_lock_of_a_killed_launcher_is_free(settings: Settings) -> None:
    prepare_home(settings)
    code = """
import os, sys
from campaigns.settings import get_settings
from cli.home import lock_home
with lock_home(get_settings()):
    os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    with lock_home(settings):
        pass
