"""What cannot be reached is named, with the command to type."""

import socket
from collections.abc import Iterator

import pytest
import redis

from campaigns.settings import Settings
from cli.reach import (
    DatabaseUnreachable,
    PortTaken,
    RedisUnreachable,
    check_web_port,
    next_free_port,
    postgres_version,
    redis_version,
)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_taken_web_port_suggests_another(taken_port: int) -> None:
    with pytest.raises(PortTaken, match=rf"Port {taken_port} .* `TIDINGS_PORT={taken_port + 1} make run`"):
        check_web_port(Settings(port=taken_port))


def test_the_inbox_takes_the_next_free_port(taken_port: int) -> None:
    port = next_free_port(taken_port)
    assert taken_port < port < taken_port + 200


def test_a_database_that_is_away_is_named_without_its_password() -> None:
    url = "postgresql://somebody:very-secret@127.0.0.1:1/tidings"
    with pytest.raises(DatabaseUnreachable, match="cannot be reached") as caught:
        postgres_version(Settings(database_url=url))
    assert "very-secret" not in str(caught.value)
    assert "127.0.0.1:1/tidings" in str(caught.value)
    assert "TIDINGS_DATABASE_URL" in str(caught.value)


def test_a_database_that_answers_tells_its_version(committed_database: str) -> None:
    assert postgres_version(Settings(database_url=committed_database)) == 18


def test_a_redis_that_is_away_is_named_without_its_password() -> None:
    with pytest.raises(RedisUnreachable, match=r"127\.0\.0\.1:1/0 cannot be reached") as caught:
        redis_version(Settings(redis_url="redis://:very-secret@127.0.0.1:1/0"))
    assert "very-secret" not in str(caught.value)


def test_a_redis_that_answers_is_new_enough(valkey: redis.Redis) -> None:
    assert redis_version(Settings()) >= (6, 2)


@pytest.mark.parametrize(("version", "fine"), [("6.0.16", False), ("5.0.7", False), ("6.2.0", True)])
def test_an_old_redis_is_refused(version: str, fine: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"redis://127.0.0.1:{server.getsockname()[1]}/0?protocol=2"
        answer_as_redis(server, version)
        if fine:
            assert redis_version(Settings(redis_url=url)) == (6, 2)
        else:
            with pytest.raises(RedisUnreachable, match=r"needs 6\.2 or newer"):
                redis_version(Settings(redis_url=url))


def answer_as_redis(server: socket.socket, version: str) -> None:
    """Answer one client like a Redis of that version: INFO with its version, everything else with OK."""
    import threading

    def answer() -> None:
        client, _ = server.accept()
        with client:
            while request := client.recv(4096):
                info = f"redis_version:{version}\r\n".encode()
                for command in request.split(b"*")[1:]:
                    body = b"$%d\r\n%s\r\n" % (len(info), info) if b"INFO" in command else b"+OK\r\n"
                    client.sendall(body)

    threading.Thread(target=answer, daemon=True).start()
