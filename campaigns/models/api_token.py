"""API tokens and the answers kept for their idempotency keys."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Identity, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.db import Base
from campaigns.models.user import User


class ApiToken(Base):
    """A bearer token: a visible prefix and the hash of the secret."""

    __tablename__ = "api_token"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str]
    prefix: Mapped[str] = mapped_column(unique=True)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)
    role: Mapped[str]
    created_by: Mapped[int | None] = mapped_column(ForeignKey(User.id, ondelete="SET NULL"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class IdempotentAnswer(Base):
    """What a POST with an Idempotency-Key answered, kept in the transaction of its effect."""

    __tablename__ = "idempotent_answer"
    __table_args__ = (Index(None, "created_at"),)

    token_id: Mapped[int] = mapped_column(ForeignKey(ApiToken.id, ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int]
    body: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
