"""Passwords: hashed with Argon2id (RFC 9106), changed by raising the session epoch."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete
from sqlalchemy.orm import Session

from campaigns.accounts.users import get_user
from campaigns.errors import InvalidInput
from campaigns.models.sign_in import SignInLink
from campaigns.models.user import User

MIN_LENGTH = 10
MAX_LENGTH = 1000  # nobody types more, and hashing is not free


class WeakPassword(InvalidInput):
    code = "weak_password"


@cache
def _hasher() -> PasswordHasher:
    """RFC 9106's second recommended option, with 64 MiB cut to OWASP's 19 MiB for machines of 1 GB."""
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


@cache
def _hash_of_nobody() -> str:
    return _hasher().hash("nobody has this password")


def check_strength(password: str, *, email: str) -> None:
    """Refuse what is short, endless, or one's own address; raises :class:`WeakPassword`."""
    if len(password) < MIN_LENGTH:
        raise WeakPassword(f"Use at least {MIN_LENGTH} characters; a few words in a row do well.", field="password")
    if len(password) > MAX_LENGTH:
        raise WeakPassword(f"Use at most {MAX_LENGTH} characters.", field="password")
    if len(set(password)) < 4 or password.lower() in (email.lower(), email.partition("@")[0].lower()):
        raise WeakPassword("That is too easy to guess; a few words in a row do well.", field="password")


def set_password(session: Session, *, user_id: int, password: str) -> User:
    """Set a user's password, end every session and every sign-in link of theirs, and return the user.

    The caller signs the present browser in again with the new epoch. Raises :class:`WeakPassword`.
    """
    user = get_user(session, user_id=user_id)
    check_strength(password, email=user.email)
    user.password_hash = _hasher().hash(password)
    user.session_epoch += 1
    session.execute(delete(SignInLink).where(SignInLink.user_id == user_id))
    session.flush()
    return user


def is_password(user: User | None, password: str) -> bool:
    """Say whether ``password`` is the user's, in the same time when there is no user or no password."""
    stored = user.password_hash if user is not None else None
    try:
        _hasher().verify(stored or _hash_of_nobody(), password[: MAX_LENGTH + 1])
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None
