"""API tokens: ``tid_<prefix>_<secret>``, of which the prefix stays visible and only a hash of the rest is kept."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from campaigns.accounts.roles import read_role
from campaigns.errors import InvalidInput, NotFound
from campaigns.models.api_token import ApiToken

PREFIX_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
TOUCH_EVERY = timedelta(minutes=1)


class NoSuchToken(NotFound):
    code = "no_such_token"


class UnnamedToken(InvalidInput):
    code = "unnamed_token"


def create_token(
    session: Session,
    *,
    name: str,
    role: str,
    now: datetime,
    created_by: int | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiToken, str]:
    """Make a token and return its row and the plain text, which nobody can see again.

    Raises :class:`UnnamedToken` or ``UnknownRole``.
    """
    if not name.strip():
        raise UnnamedToken("Give the token a name that says who uses it.", field="name")
    prefix = "".join(secrets.choice(PREFIX_ALPHABET) for _ in range(8))
    secret = secrets.token_urlsafe(32)
    token = ApiToken(
        name=name.strip(),
        prefix=prefix,
        secret_hash=_hash(secret),
        role=read_role(role),
        created_by=created_by,
        created_at=now,
        expires_at=expires_at,
    )
    session.add(token)
    session.flush()
    return token, f"tid_{prefix}_{secret}"


def find_by_bearer(session: Session, *, bearer: str, now: datetime) -> ApiToken | None:
    """Return the living token behind the text of an Authorization header's bearer, or ``None``."""
    mark, _, rest = bearer.partition("_")
    prefix, _, secret = rest.partition("_")
    if mark != "tid" or not prefix or not secret:
        return None
    token = session.scalar(
        select(ApiToken).where(
            ApiToken.prefix == prefix,
            ApiToken.revoked_at.is_(None),
            or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > now),
        )
    )
    if token is None or not hmac.compare_digest(token.secret_hash, _hash(secret)):
        return None
    return token


def needs_touch(token: ApiToken, *, now: datetime) -> bool:
    """Say whether the time of last use is more than a minute behind."""
    return token.last_used_at is None or now - token.last_used_at >= TOUCH_EVERY


def touch(session: Session, *, token_id: int, now: datetime) -> None:
    """Note that a token is in use, at most once a minute."""
    session.execute(
        update(ApiToken)
        .where(
            ApiToken.id == token_id,
            or_(ApiToken.last_used_at.is_(None), ApiToken.last_used_at <= now - TOUCH_EVERY),
        )
        .values(last_used_at=now)
    )


def list_tokens(session: Session) -> Sequence[ApiToken]:
    """Return all tokens that were not revoked, the newest first."""
    return session.scalars(select(ApiToken).where(ApiToken.revoked_at.is_(None)).order_by(ApiToken.id.desc())).all()


def revoke_token(session: Session, *, token_id: int, now: datetime) -> ApiToken:
    """End a token at once; revoking again keeps the first time. Raises :class:`NoSuchToken`."""
    token = session.get(ApiToken, token_id)
    if token is None:
        raise NoSuchToken("There is no such API token.")
    token.revoked_at = token.revoked_at or now
    session.flush()
    return token


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
