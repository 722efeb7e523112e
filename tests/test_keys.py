"""The master key: made once, kept privately, and never another one by accident."""

import stat
import threading
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from campaigns.identity import KeyDoesNotFit, check_key
from campaigns.keys import KeyMissing, key_path, load_key_ring
from campaigns.models.installation import Installation
from campaigns.settings import Settings
from campaigns.signing import KeyRing


def embedded(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "embedded", secret_key=None)


def test_the_key_is_made_on_first_use_and_the_same_ever_after(tmp_path: Path) -> None:
    first = load_key_ring(embedded(tmp_path))
    again = load_key_ring(embedded(tmp_path))
    assert first.current.secret == again.current.secret
    assert len(first.current.secret) == 64
    assert stat.S_IMODE(key_path(embedded(tmp_path)).stat().st_mode) == 0o600
    assert [path.name for path in key_path(embedded(tmp_path)).parent.iterdir()] == ["master.key"]


def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: found.append(load_key_ring(embedded(tmp_path)).current.secret))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    load_key_ring(embedded(tmp_path))
    settings = Settings(home=tmp_path / "embedded", secret_key="another key that is long enough")
    assert load_key_ring(settings).current.secret == b"another key that is long enough"


def test_a_database_of_ones_own_requires_the_key(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, secret_key=None, database_url="postgresql://db/tidings")
    with pytest.raises(KeyMissing, match="openssl rand -hex 32"):
        load_key_ring(settings)
    assert not key_path(settings).exists()


def test_a_key_that_is_too_short_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyMissing, match="at least 16 characters"):
        load_key_ring(Settings(home=tmp_path, secret_key="short"))


def test_a_key_file_that_cannot_be_read_names_itself(tmp_path: Path) -> None:
    key_path(embedded(tmp_path)).mkdir(parents=True)
    with pytest.raises(KeyMissing, match=r"master\.key"):
        load_key_ring(embedded(tmp_path))


NEW, OLD, OTHER = "the new key is long enough", "the old key is long enough", "a stranger's key is long enough"


def remembered(session: Session) -> str | None:
    return session.scalar(select(Installation.key_fingerprint))


def test_the_database_remembers_the_first_key_and_refuses_others(session: Session) -> None:
    session.execute(update(Installation).values(key_fingerprint=None))
    check_key(session, key_ring=KeyRing.from_text(OLD))
    check_key(session, key_ring=KeyRing.from_text(OLD))
    with pytest.raises(KeyDoesNotFit, match="TIDINGS_SECRET_KEY"):
        check_key(session, key_ring=KeyRing.from_text(OTHER))
    assert remembered(session) == KeyRing.from_text(OLD).current.fingerprint


def test_a_rotated_key_is_accepted_and_remembered(session: Session) -> None:
    session.execute(update(Installation).values(key_fingerprint=KeyRing.from_text(OLD).current.fingerprint))
    check_key(session, key_ring=KeyRing.from_text(f"{NEW},{OLD}"))
    assert remembered(session) == KeyRing.from_text(NEW).current.fingerprint
    with pytest.raises(KeyDoesNotFit):
        check_key(session, key_ring=KeyRing.from_text(OLD))
