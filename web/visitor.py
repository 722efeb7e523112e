"""Who is calling: the signed-in user or the API token behind a request, read once."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import g, request, session
from sqlalchemy import select

from campaigns import clock
from campaigns.accounts import tokens
from campaigns.accounts.audit import Actor
from campaigns.db import read_session, transaction
from campaigns.models.installation import Installation
from campaigns.models.user import User

SESSION_LIFETIME = timedelta(days=14)


@dataclass(frozen=True)
class Visitor:
    """A signed-in person."""

    user_id: int
    email: str
    name: str
    role: str
    language: str | None
    time_zone: str | None
    has_password: bool

    @property
    def shown_name(self) -> str:
        return self.name or self.email


@dataclass(frozen=True)
class House:
    """What every page needs to know of the installation."""

    organisation: str = ""
    language: str = "en"
    time_zone: str = "UTC"
    is_set_up: bool = False
    held_at: datetime | None = None
    hold_reason: str | None = None


def sign_in(user: User) -> None:
    """Begin a browser session for a user; everything of an earlier one is dropped."""
    session.clear()
    session["user"], session["epoch"] = user.id, user.session_epoch
    session["until"] = int((clock.now() + SESSION_LIFETIME).timestamp())
    session.permanent = True


def sign_out() -> None:
    session.clear()


def current_visitor() -> Visitor | None:
    """Return the signed-in person of this request, if there is one."""
    _load()
    visitor: Visitor | None = g.visitor
    return visitor


def current_house() -> House:
    """Return what pages need to know of the installation."""
    _load()
    house: House = g.house
    return house


def current_actor() -> Actor:
    """Return who acts, for the audit trail: the user of a page, the token of an API call."""
    token_actor: Actor | None = g.get("actor")
    if token_actor is not None:
        return token_actor
    visitor = current_visitor()
    if visitor is None:
        return Actor("nobody", network=client())
    return Actor(visitor.email, user_id=visitor.user_id, network=client())


def client() -> str:
    """Return the caller's IP address; a declared proxy's word for it was taken before Flask."""
    return request.remote_addr or ""


def forget() -> None:
    """Read visitor and installation again when next asked, after this request changed them."""
    g.pop("visitor", None)
    g.pop("house", None)


def _load() -> None:
    """One query: the installation, and the user of the session while their epoch still stands."""
    if "house" in g:
        return
    user_id, until = session.get("user"), session.get("until", 0)
    living = user_id if clock.now().timestamp() < until else None
    query = select(Installation, User).outerjoin(
        User,
        (User.id == living) & (User.session_epoch == session.get("epoch")) & User.disabled_at.is_(None),
    )
    with read_session() as database:
        row = database.execute(query).first()
        g.house = _house(row[0]) if row else House()
        g.visitor = _visitor(row[1]) if row and row[1] is not None else None


def _house(installation: Installation) -> House:
    return House(
        organisation=installation.organisation,
        language=installation.language,
        time_zone=installation.time_zone,
        is_set_up=installation.set_up_at is not None,
        held_at=installation.held_at,
        hold_reason=installation.hold_reason,
    )


def _visitor(user: User) -> Visitor:
    return Visitor(
        user_id=user.id,
        email=user.email,
        name=user.name,
        role=user.role,
        language=user.language,
        time_zone=user.time_zone,
        has_password=user.password_hash is not None,
    )


def read_bearer() -> tuple[Actor, str] | None:
    """Return actor and role of the request's bearer token, or ``None``; notes its use at most once a minute."""
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not bearer:
        return None
    now = clock.now()
    with read_session() as database:
        token = tokens.find_by_bearer(database, bearer=bearer.strip(), now=now)
        if token is None:
            return None
        found = Actor(f"{token.name} (tid_{token.prefix})", token_id=token.id, network=client()), token.role
        is_due, token_id = tokens.needs_touch(token, now=now), token.id
    if is_due:
        with transaction() as database:
            tokens.touch(database, token_id=token_id, now=now)
    return found
