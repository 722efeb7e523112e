from datetime import timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy.orm import Session

from campaigns import clock
from campaigns.accounts import passwords, sign_in
from campaigns.db import transaction
from campaigns.models.sign_in import SignInLink
from campaigns.models.user import User
from tests.builders import make_user

PASSWORD = "three quiet jobs"


@pytest.fixture
def ada(session: Session) -> User:
    user = make_user(session, email="ada@example.com")
    make_user(session, email="grace@example.com")
    return passwords.set_password(session, user_id=user.id, password=PASSWORD)


def attempt(
    session: Session, password: str, *, email: str = "ada@example.com", client: str = "192.0.2.7"
) -> User | None:
    return sign_in.verify_password(session, email=email, password=password, client=client, now=clock.now())


def test_a_link_signs_in_once(session: Session, ada: User) -> None:
    now = clock.now()
    token = sign_in.create_link(session, user_id=ada.id, now=now)
    assert sign_in.find_link(session, token=token, now=now) is ada
    assert sign_in.use_link(session, token=token, now=now) is ada
    assert ada.last_sign_in_at == now
    assert sign_in.use_link(session, token=token, now=now) is None
    assert sign_in.find_link(session, token=token, now=now) is None


def test_a_link_dies_after_fifteen_minutes_and_only_its_hash_was_kept(session: Session, ada: User) -> None:
    now = clock.now()
    token = sign_in.create_link(session, user_id=ada.id, now=now)
    assert all(token.encode() not in link.token_hash for link in session.query(SignInLink))
    assert sign_in.use_link(session, token=token, now=now + timedelta(minutes=15)) is None
    assert sign_in.use_link(session, token=token, now=now + timedelta(minutes=14)) is ada


def test_a_disabled_users_link_and_password_do_not_work(session: Session, ada: User) -> None:
    token = sign_in.create_link(session, user_id=ada.id, now=clock.now())
    ada.disabled_at = clock.now()
    session.flush()
    assert sign_in.find_link(session, token=token, now=clock.now()) is None
    assert sign_in.use_link(session, token=token, now=clock.now()) is None
    assert attempt(session, PASSWORD) is None


def test_of_two_who_use_a_link_at_once_one_wins(committed_database: str) -> None:
    with transaction() as session:
        user_id = make_user(session).id
        token = sign_in.create_link(session, user_id=user_id, now=clock.now())
    barrier, answers = Barrier(4), []

    def use() -> None:
        barrier.wait()
        with transaction() as session:
            answers.append(sign_in.use_link(session, token=token, now=clock.now()) is not None)

    threads = [Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [False, False, False, True]


def test_the_right_password_signs_in_and_the_wrong_one_does_not(session: Session, ada: User) -> None:
    assert attempt(session, "wrong") is None
    assert attempt(session, PASSWORD, email="grace@example.com") is None
    assert attempt(session, PASSWORD, email="ADA@example.com") is ada


def test_wrong_tries_are_counted_per_address(session: Session, ada: User) -> None:
    for number in range(sign_in.TRIES_PER_ADDRESS):
        assert attempt(session, "wrong", client=f"198.51.{number}.1") is None
    with pytest.raises(sign_in.TooManyTries):
        attempt(session, PASSWORD, client="203.0.113.1")
    assert attempt(session, "wrong", email="grace@example.com") is None


def test_wrong_tries_are_counted_per_network(session: Session, ada: User) -> None:
    for number in range(sign_in.TRIES_PER_NETWORK):
        attempt(session, "wrong", email=f"user{number}@example.com", client=f"192.0.2.{number}")
    with pytest.raises(sign_in.TooManyTries):
        attempt(session, PASSWORD, client="192.0.2.200")
    assert attempt(session, PASSWORD, client="192.0.3.1") is ada


def test_tries_are_forgotten_after_a_quarter_of_an_hour_or_a_success(session: Session, ada: User) -> None:
    for number in range(sign_in.TRIES_PER_ADDRESS - 1):
        attempt(session, "wrong", client=f"198.51.{number}.1")
    assert attempt(session, PASSWORD) is ada
    for number in range(sign_in.TRIES_PER_ADDRESS):
        attempt(session, "wrong", client=f"198.51.{number}.1")
    later = clock.now() + sign_in.WINDOW + timedelta(seconds=1)
    answer = sign_in.verify_password(session, email=ada.email, password=PASSWORD, client="192.0.2.7", now=later)
    assert answer is ada


@pytest.mark.parametrize(
    ("client", "network"),
    [
        ("192.0.2.7", "network:192.0.2.0/24"),
        ("2001:db8:1:2ff::1", "network:2001:db8:1:200::/56"),
        ("", "network:unknown"),
        ("'; drop table", "network:unknown"),
    ],
)
def test_a_network_is_what_one_customer_gets(client: str, network: str) -> None:
    assert sign_in.network_of(client) == network
