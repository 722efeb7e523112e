"""The embedded servers: started twice, killed in every way, the data is there again."""

import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from cli import children
from cli.embedded_postgres import DatabaseDidNotStart, EmbeddedPostgres
from cli.embedded_valkey import EmbeddedValkey
from tests.cli.test_children import wait_until_dead


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path / "postgres", tmp_path / "run", fsync=False)
    yield server
    server.stop(timeout_seconds=5)


@pytest.fixture
def valkey_of_our_own(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(tmp_path / "valkey", tmp_path / "run" / "valkey.sock")
    yield server
    server.stop(timeout_seconds=5)


def ask(server: EmbeddedPostgres, query: str) -> object:
    with psycopg.connect(host=str(server.socket_folder), user="tidings", dbname="postgres") as connection:
        cursor = connection.execute(query)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def test_data_is_there_again_after_stop_and_kill(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    ask(postgres, "CREATE TABLE kept AS SELECT 42 AS n")
    postgres.stop()
    postgres.start()
    assert postgres.process is not None
    backend = int(str(ask(postgres, "SELECT pg_backend_pid()")))
    os.kill(postgres.process.pid, signal.SIGKILL)
    assert wait_until_dead(backend)
    postgres.start()
    assert ask(postgres, "SELECT n FROM kept") == 42


def test_a_lock_file_whose_process_id_is_somebody_elses_is_no_hindrance(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    pid_file = postgres.data_folder / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    assert postgres.process is not None
    postgres.process.kill()
    postgres.process.wait()
    pid_file.write_text("\n".join([str(os.getppid()), *lines[1:]]) + "\n")
    postgres.start()
    assert ask(postgres, "SELECT 1") == 1


def test_a_server_that_still_works_in_the_folder_is_waited_for_and_then_named(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    assert postgres.process is not None
    second = EmbeddedPostgres(postgres.data_folder, postgres.socket_folder, fsync=False)
    with pytest.raises(DatabaseDidNotStart, match="kill -INT"):
        second.start(timeout_seconds=0.3)
    assert ask(postgres, "SELECT 1") == 1


def test_only_its_owner_reaches_the_server(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    assert ask(postgres, "SHOW listen_addresses") == ""
    assert stat.S_IMODE(postgres.socket_folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(postgres.data_folder.stat().st_mode) == 0o700


def test_the_locale_does_not_depend_on_the_machine(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    assert ask(postgres, "SELECT datlocale FROM pg_database WHERE datname = 'postgres'") == "C.UTF-8"
    assert ask(postgres, "SHOW server_encoding") == "UTF8"
    assert ask(postgres, "SHOW timezone") == "UTC"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to leave root")
def test_root_without_user_namespaces_uses_the_same_data_in_a_closed_folder(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    tmp_path.chmod(0o700)
    postgres.start()
    ask(postgres, "CREATE TABLE kept AS SELECT 42 AS n")
    postgres.stop()
    without = EmbeddedPostgres(postgres.data_folder, postgres.socket_folder, fsync=False)
    without._way_out = children._become_nobody
    without.start()
    try:
        assert ask(without, "SELECT n FROM kept") == 42
        assert postgres.data_folder.stat().st_uid == children.NOBODY
    finally:
        without.stop()
    postgres.start()
    assert ask(postgres, "SELECT n FROM kept") == 42


def test_a_broken_data_folder_says_where_to_look(postgres: EmbeddedPostgres) -> None:
    postgres.data_folder.mkdir(mode=0o700)
    (postgres.data_folder / "PG_VERSION").write_text("12\n")
    with pytest.raises(DatabaseDidNotStart, match=r"did not start: .*postgres\.log"):
        postgres.start()


def test_the_queue_is_there_again_after_a_stop_and_a_kill(valkey_of_our_own: EmbeddedValkey) -> None:
    valkey_of_our_own.start()
    redis.Redis.from_url(valkey_of_our_own.url).set("kept", "yes")
    valkey_of_our_own.stop()
    valkey_of_our_own.start()
    assert isinstance(valkey_of_our_own.process, subprocess.Popen)
    valkey_of_our_own.process.kill()
    valkey_of_our_own.process.wait()
    valkey_of_our_own.start()
    client = redis.Redis.from_url(valkey_of_our_own.url)
    assert client.get("kept") == b"yes"
    assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    assert client.config_get("appendfsync") == {"appendfsync": "everysec"}
    client.close()
