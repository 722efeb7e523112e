from threading import Barrier, Thread

import pytest
from sqlalchemy.orm import Session

from campaigns import clock
from campaigns.accounts import passwords, users
from campaigns.db import transaction
from campaigns.errors import TidingsError
from campaigns.models.user import Role
from tests.builders import make_user


def test_the_first_owner_is_made_once(session: Session) -> None:
    first = users.ensure_first_owner(session, now=clock.now())
    assert first.email == users.PLACEHOLDER_EMAIL
    assert first.role == Role.owner
    assert users.ensure_first_owner(session, now=clock.now()).id == first.id


def test_the_first_owner_is_nobody_with_a_lower_role_or_disabled(session: Session) -> None:
    make_user(session, email="editor@example.com", role=Role.editor)
    make_user(session, email="gone@example.com", disabled_at=clock.now())
    owner = make_user(session, email="ada@example.com")
    assert users.ensure_first_owner(session, now=clock.now()).id == owner.id


def test_an_address_is_one_user_in_any_letter_case(session: Session) -> None:
    user = users.create_user(session, email="Ada@Example.com", role="editor", now=clock.now())
    make_user(session, email="adah@example.com")
    assert users.find_user(session, email=" ada@example.COM ") is user
    with pytest.raises(users.AddressTaken):
        users.create_user(session, email="ADA@example.com", role="viewer", now=clock.now())


@pytest.mark.parametrize("email", ["", "ada", "ada@", "@example.com", "a b@example.com", "ada@example.com\nBcc: x@y.z"])
def test_what_is_no_address_is_refused(session: Session, email: str) -> None:
    with pytest.raises(users.UnusableAddress):
        users.create_user(session, email=email, role="editor", now=clock.now())


def test_the_last_owner_stays_one(session: Session) -> None:
    owner = make_user(session, email="ada@example.com")
    make_user(session, email="editor@example.com", role=Role.editor)
    make_user(session, email="gone@example.com", disabled_at=clock.now())
    with pytest.raises(users.LastOwner):
        users.change_role(session, user_id=owner.id, role="editor")
    with pytest.raises(users.LastOwner):
        users.disable_user(session, user_id=owner.id, now=clock.now())
    other = make_user(session, email="grace@example.com")
    assert users.change_role(session, user_id=owner.id, role="editor").role == Role.editor
    with pytest.raises(users.LastOwner):
        users.disable_user(session, user_id=other.id, now=clock.now())


def test_two_owners_cannot_step_down_at_once(committed_database: str) -> None:
    with transaction() as session:
        pair = [make_user(session, email=f"{name}@example.com").id for name in ("ada", "grace")]
    barrier, refused = Barrier(2), []

    def step_down(user_id: int) -> None:
        barrier.wait()
        try:
            with transaction() as session:
                users.change_role(session, user_id=user_id, role="viewer")
        except TidingsError as error:
            refused.append(error)

    threads = [Thread(target=step_down, args=(user_id,)) for user_id in pair]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [type(error) for error in refused] == [users.LastOwner]


def test_a_new_password_ends_all_sessions(session: Session) -> None:
    user = make_user(session, email="ada@example.com")
    epoch = user.session_epoch
    passwords.set_password(session, user_id=user.id, password="three quiet jobs")
    assert user.session_epoch == epoch + 1
    assert passwords.is_password(user, "three quiet jobs")
    assert not passwords.is_password(user, "three quiet job")
    assert user.password_hash is not None
    assert "three quiet jobs" not in user.password_hash


def test_nobody_and_a_user_without_a_password_have_none(session: Session) -> None:
    user = make_user(session, email="ada@example.com")
    for password in ("", "nobody has this password"):
        assert not passwords.is_password(user, password)
        assert not passwords.is_password(None, password)


@pytest.mark.parametrize("password", ["", "short", "x" * 9, "aaaaaaaaaaaa", "ada@example.com", "x" * 1001])
def test_a_weak_password_is_refused(session: Session, password: str) -> None:
    user = make_user(session, email="ada@example.com")
    with pytest.raises(passwords.WeakPassword):
        passwords.set_password(session, user_id=user.id, password=password)
    assert user.password_hash is None
