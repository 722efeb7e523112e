"""Signing in: a password or a one-time link, few wrong tries per address and network."""

import hashlib
import secrets
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from campaigns.accounts.passwords import is_password
from campaigns.accounts.users import email_key, find_user, get_user
from campaigns.errors import TidingsError
from campaigns.models.sign_in import SignInAttempt, SignInLink
from campaigns.models.user import User

LINK_LIFETIME = timedelta(minutes=15)
WINDOW = timedelta(minutes=15)
TRIES_PER_ADDRESS = 8
TRIES_PER_NETWORK = 40


class TooManyTries(TidingsError):
    """Too many wrong passwords for this address or from this network."""

    code = "too_many_tries"


def create_link(session: Session, *, user_id: int, now: datetime) -> str:
    """Return the token of a link that signs the user in once within 15 minutes. Only its hash is kept."""
    token = secrets.token_urlsafe(32)
    session.execute(delete(SignInLink).where(SignInLink.expires_at < now - timedelta(days=1)))
    session.add(SignInLink(token_hash=_hash(token), user_id=user_id, created_at=now, expires_at=now + LINK_LIFETIME))
    session.flush()
    return token


def find_link(session: Session, *, token: str, now: datetime) -> User | None:
    """Return whom a link would sign in, without using it; ``None`` when it is unknown, used or too old."""
    return session.scalar(
        select(User)
        .join(SignInLink, SignInLink.user_id == User.id)
        .where(
            SignInLink.token_hash == _hash(token),
            SignInLink.used_at.is_(None),
            SignInLink.expires_at > now,
            User.disabled_at.is_(None),
        )
    )


def use_link(session: Session, *, token: str, now: datetime) -> User | None:
    """Use a link up and return whom it signs in; of two at once only one wins, the other gets ``None``."""
    user_id = session.scalar(
        update(SignInLink)
        .where(SignInLink.token_hash == _hash(token), SignInLink.used_at.is_(None), SignInLink.expires_at > now)
        .values(used_at=now)
        .returning(SignInLink.user_id)
    )
    if user_id is None:
        return None
    user = get_user(session, user_id=user_id)
    return None if user.disabled_at is not None else _signed_in(session, user, now)


def verify_password(session: Session, *, email: str, password: str, client: str, now: datetime) -> User | None:
    """Return the user whose password this is, or ``None`` after noting the wrong try.

    ``client`` is the caller's IP address. A ``None`` must be committed too, or the try does not count.
    Raises :class:`TooManyTries` before looking at the password.
    """
    subjects = {f"address:{email_key(email)[:320]}": TRIES_PER_ADDRESS, network_of(client): TRIES_PER_NETWORK}
    _refuse_too_many(session, subjects, now)
    user = find_user(session, email=email)
    if is_password(user, password) and user is not None and user.disabled_at is None:
        return _signed_in(session, user, now)
    session.add_all([SignInAttempt(subject=subject, at=now) for subject in subjects])
    session.flush()
    return None


def network_of(client: str) -> str:
    """Return the network that wrong tries are counted for: IPv4 /24, IPv6 /56 (what one customer gets)."""
    try:
        address: IPv4Address | IPv6Address = ip_address(client)
    except ValueError:
        return "network:unknown"
    bits = 24 if address.version == 4 else 56
    return f"network:{ip_network((address, bits), strict=False)}"


def _refuse_too_many(session: Session, subjects: dict[str, int], now: datetime) -> None:
    """Tries of one subject queue up behind a lock, so that a burst of them cannot pass the count together."""
    for subject, limit in sorted(subjects.items()):
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(subject, 0))))
        tries = session.scalar(
            select(func.count()).where(SignInAttempt.subject == subject, SignInAttempt.at > now - WINDOW)
        )
        if (tries or 0) >= limit:
            raise TooManyTries("Too many wrong tries. Wait 15 minutes, or sign in with a link from an owner.")


def _signed_in(session: Session, user: User, now: datetime) -> User:
    user.last_sign_in_at = now
    session.execute(delete(SignInAttempt).where(SignInAttempt.subject == f"address:{user.email_key}"))
    session.execute(delete(SignInAttempt).where(SignInAttempt.at < now - timedelta(days=1)))
    session.flush()
    return user


def _hash(token: str) -> bytes:
    """A plain hash is enough: the token is 32 random bytes, nothing that could be guessed."""
    return hashlib.sha256(token.encode()).digest()
