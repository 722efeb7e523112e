"""People who may sign in."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Identity
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.db import Base


class Role(StrEnum):
    """What somebody may do; each role includes the ones below it."""

    owner = "owner"
    editor = "editor"
    viewer = "viewer"


class User(Base):
    """One person with a sign-in. Raising ``session_epoch`` ends every session of theirs."""

    __tablename__ = "user_account"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    email: Mapped[str]
    email_key: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(default="")
    role: Mapped[str]
    password_hash: Mapped[str | None]
    language: Mapped[str | None]
    time_zone: Mapped[str | None]
    session_epoch: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    last_sign_in_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
