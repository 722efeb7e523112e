"""What a real server keeps arrives in a real database, once, also after the database was away."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

from campaigns import clock
from campaigns.contacts.spooled_unsubscribes import pending_unsubscribes
from campaigns.db import get_engine, make_engine, read_session, transaction
from campaigns.models.hit import Hit
from campaigns.models.membership import Membership
from campaigns.settings import Settings
from campaigns.signing import KeyRing
from tests import builders
from tests.web.public.conftest import Server


def wait_for(what: Callable[[], Any], patience_seconds: float = 40) -> Any:
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.05)
    return what()


def count_hits() -> int:
    with read_session() as session:
        return session.scalar(select(func.count()).select_from(Hit)) or 0


def close_database(name: str, cluster: Any, *, to: bool) -> None:
    """Refuse (or allow) connections to a database and end those there are."""
    engine = make_engine(cluster.server.url("postgres"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {not to}"))
        if to:
            connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"), {"name": name}
            )
    engine.dispose()


def test_hits_reach_the_database_by_themselves(
    committed_database: str, start_server: Callable[..., Server], key_ring: KeyRing
) -> None:
    server = start_server(database_url=committed_database)
    for seq in range(1, 21):
        assert server.client.get(f"/o/{key_ring.message_token(1, seq)}.gif").status_code == 200
    assert wait_for(lambda: count_hits() == 20, 15)


def test_nothing_is_lost_or_doubled_while_the_database_is_away_and_the_server_dies(
    committed_database: str,
    start_server: Callable[..., Server],
    key_ring: KeyRing,
    cluster: Any,
    tmp_path: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with transaction() as session:
        mailing_list = builders.make_list(session)
        member = builders.make_member(session, mailing_list=mailing_list)
    token = key_ring.unsubscribe_token(list_id=mailing_list.id, contact_id=member.id, address_hash=member.address_hash)
    home = settings.home_path
    name = make_engine(committed_database).url.database or ""
    server = start_server(home=home, database_url=committed_database)
    server.client.get(f"/o/{key_ring.message_token(1, 1)}.gif")
    assert wait_for(lambda: count_hits() == 1)

    get_engine().dispose()
    close_database(name, cluster, to=True)
    for seq in range(2, 12):
        assert server.client.get(f"/o/{key_ring.message_token(1, seq)}.gif").status_code == 200
    answer = server.client.post(f"/u/{token}", data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert pending_unsubscribes(settings)
    server.kill()

    close_database(name, cluster, to=False)
    second = start_server(home=home, database_url=committed_database)
    second.client.get(f"/o/{key_ring.message_token(1, 12)}.gif")
    assert wait_for(lambda: count_hits() >= 12)
    assert wait_for(lambda: not pending_unsubscribes(settings))
    with read_session() as session:
        assert sorted(session.scalars(select(Hit.seq))) == list(range(1, 13))
        assert session.scalars(select(Membership.state)).all() == ["unsubscribed"]
        assert (clock.now() - session.scalars(select(Membership.unsubscribed_at)).one()).total_seconds() < 60  # type: ignore[operator]
