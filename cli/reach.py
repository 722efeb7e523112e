"""Can we reach what we need? Ports to listen on, a database and a Redis new enough."""

import socket
import time

import psycopg
import redis
from sqlalchemy import make_url

from campaigns.errors import TidingsError
from campaigns.settings import Settings

OLDEST_POSTGRES = 15
OLDEST_REDIS = (6, 2)


class PortTaken(TidingsError):
    """Somebody else listens on the port that we need."""

    code = "port_taken"


class DatabaseUnreachable(TidingsError):
    """The database given by TIDINGS_DATABASE_URL cannot be used."""

    code = "database_unreachable"


class RedisUnreachable(TidingsError):
    """The Redis given by TIDINGS_REDIS_URL cannot be used."""

    code = "redis_unreachable"


def is_free(bind: str, port: int) -> bool:
    """Say whether we could listen on ``port`` of ``bind`` now."""
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
            probe.listen(1)
        except PermissionError as error:
            raise PortTaken(
                f"Port {port} needs root: choose one above 1023 with `TIDINGS_PORT=8000 make run`."
            ) from error
        except OSError:
            return False
    return True


def check_web_port(settings: Settings, *, patience_seconds: float = 0.0) -> None:
    """Return when the web port is free; raises :class:`PortTaken`."""
    deadline = time.monotonic() + patience_seconds
    while not is_free(settings.bind, settings.port):
        if time.monotonic() > deadline:
            raise PortTaken(
                f"Port {settings.port} on {settings.bind} is taken by another program: "
                f"choose another with `TIDINGS_PORT={settings.port + 1} make run`."
            )
        time.sleep(0.1)


def next_free_port(first: int) -> int:
    """Return the first port of 127.0.0.1 from ``first`` on that nobody listens on."""
    for port in range(first, min(first + 200, 65536)):
        if is_free("127.0.0.1", port):
            return port
    raise PortTaken(f"No port from {first} on is free for the local inbox: set TIDINGS_INBOX_PORT to a free one.")


def postgres_version(settings: Settings) -> int:
    """Return the database server's major version; raises :class:`DatabaseUnreachable`, also when it is too old."""
    url = make_url(settings.effective_database_url)
    shown = url.set(query={}).render_as_string(hide_password=True)
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        with psycopg.connect(plain, connect_timeout=5) as connection:
            version = connection.info.server_version // 10000
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise DatabaseUnreachable(
            f"The database {shown} cannot be reached ({reason}): check TIDINGS_DATABASE_URL and that it runs, "
            "or unset it to use the embedded one."
        ) from error
    if version < OLDEST_POSTGRES:
        raise DatabaseUnreachable(
            f"The database {shown} is PostgreSQL {version}, and Tidings needs {OLDEST_POSTGRES} or newer: upgrade "
            "it, or unset TIDINGS_DATABASE_URL to use the embedded one."
        )
    return version


def redis_version(settings: Settings) -> tuple[int, int]:
    """Return the Redis protocol version spoken; raises :class:`RedisUnreachable`, also when it is too old."""
    address = settings.effective_redis_url.rpartition("@")[2]
    client = redis.Redis.from_url(
        settings.effective_redis_url, socket_connect_timeout=5, socket_timeout=5, decode_responses=True, retry=None
    )
    try:
        info: dict[str, str] = client.info("server")
    except redis.RedisError as error:
        raise RedisUnreachable(
            f"Redis at {address} cannot be reached ({error}): check TIDINGS_REDIS_URL and that it runs, "
            "or unset it to use the embedded Valkey."
        ) from error
    finally:
        client.close()
    major, minor, *_ = (int(part) for part in info["redis_version"].split("."))
    if (major, minor) < OLDEST_REDIS:
        raise RedisUnreachable(
            f"Redis at {address} is version {major}.{minor}, and Tidings needs 6.2 or newer: upgrade it, or unset "
            "TIDINGS_REDIS_URL to use the embedded Valkey."
        )
    return major, minor
