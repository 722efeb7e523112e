"""People who may sign in: found, made, changed, disabled."""

import unicodedata
from collections.abc import Sequence
from datetime import datetime

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.accounts.roles import read_role
from campaigns.errors import Conflict, InvalidInput, NotFound
from campaigns.models.user import Role, User

PLACEHOLDER_EMAIL = "owner@localhost"


class UnusableAddress(InvalidInput):
    code = "unusable_address"


class AddressTaken(Conflict):
    code = "address_taken"


class LastOwner(Conflict):
    code = "last_owner"


class NoSuchUser(NotFound):
    code = "no_such_user"


def normalise_email(text: str) -> str:
    """Return a sign-in address as it is shown; raises :class:`UnusableAddress`."""
    text = unicodedata.normalize("NFC", text.strip())
    if text == PLACEHOLDER_EMAIL:
        return text
    try:
        return validate_email(text, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise UnusableAddress(f"{text[:80]!r} is not an email address: {error}", field="email") from error


def email_key(email: str) -> str:
    """Return the key under which an address is unique: folded in Python, never in SQL."""
    return unicodedata.normalize("NFC", email.strip()).lower()


def get_user(session: Session, *, user_id: int) -> User:
    """Return a user; raises :class:`NoSuchUser`."""
    user = session.get(User, user_id)
    if user is None:
        raise NoSuchUser("There is no such user.")
    return user


def find_user(session: Session, *, email: str) -> User | None:
    """Return the user with this address, disabled or not, or ``None``."""
    return session.scalar(select(User).where(User.email_key == email_key(email)))


def list_users(session: Session) -> Sequence[User]:
    """Return all users, the active ones first, by address."""
    return session.scalars(select(User).order_by(User.disabled_at.is_not(None), User.email_key)).all()


def create_user(
    session: Session, *, email: str, role: str, now: datetime, name: str = "", language: str | None = None
) -> User:
    """Make a user without a password and return it.

    Raises :class:`UnusableAddress`, :class:`AddressTaken` or ``UnknownRole``.
    """
    shown = normalise_email(email)
    if find_user(session, email=shown) is not None:
        raise AddressTaken(f"There is a user with the address {shown} already.", field="email")
    user = User(
        email=shown,
        email_key=email_key(shown),
        name=name.strip(),
        role=read_role(role),
        language=language,
        created_at=now,
    )
    session.add(user)
    session.flush()
    return user


def ensure_first_owner(session: Session, *, now: datetime) -> User:
    """Return the oldest active owner, made under a placeholder address where there is none yet."""
    owner = session.scalar(
        select(User).where(User.role == Role.owner, User.disabled_at.is_(None)).order_by(User.id).limit(1)
    )
    if owner is not None:
        return owner
    placeholder = find_user(session, email=PLACEHOLDER_EMAIL)
    if placeholder is None:
        return create_user(session, email=PLACEHOLDER_EMAIL, role=Role.owner, now=now)
    placeholder.role, placeholder.disabled_at = Role.owner, None
    session.flush()
    return placeholder


def change_email(session: Session, *, user_id: int, email: str) -> User:
    """Give a user another address; raises :class:`UnusableAddress` or :class:`AddressTaken`."""
    user, shown = get_user(session, user_id=user_id), normalise_email(email)
    other = find_user(session, email=shown)
    if other is not None and other.id != user.id:
        raise AddressTaken(f"There is a user with the address {shown} already.", field="email")
    user.email, user.email_key = shown, email_key(shown)
    session.flush()
    return user


def change_profile(session: Session, *, user_id: int, name: str, language: str | None, time_zone: str | None) -> User:
    """Set a user's name, language and time zone; ``None`` means as the browser or the organisation says."""
    user = get_user(session, user_id=user_id)
    user.name, user.language, user.time_zone = name.strip(), language, time_zone
    session.flush()
    return user


def change_role(session: Session, *, user_id: int, role: str) -> User:
    """Give a user another role; raises :class:`LastOwner` when no owner would be left."""
    user, wanted = get_user(session, user_id=user_id), read_role(role)
    if wanted != Role.owner:
        _refuse_last_owner(session, user)
    user.role = wanted
    session.flush()
    return user


def disable_user(session: Session, *, user_id: int, now: datetime) -> User:
    """Keep a user from signing in and end their sessions; raises :class:`LastOwner`."""
    user = get_user(session, user_id=user_id)
    _refuse_last_owner(session, user)
    user.disabled_at = user.disabled_at or now
    user.session_epoch += 1
    session.flush()
    return user


def enable_user(session: Session, *, user_id: int) -> User:
    """Let a disabled user sign in again."""
    user = get_user(session, user_id=user_id)
    user.disabled_at = None
    session.flush()
    return user


def _refuse_last_owner(session: Session, user: User) -> None:
    """Owners are locked first, so that two of them cannot take each other's role at once."""
    owners = select(User.id).where(User.role == Role.owner, User.disabled_at.is_(None))
    remaining = set(session.scalars(owners.with_for_update())) - {user.id}
    if user.role == Role.owner and user.disabled_at is None and not remaining:
        raise LastOwner("This is the last owner; make somebody else an owner first.")
