"""The audit trail: who did what, when."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.db import Base
from campaigns.models.api_token import ApiToken
from campaigns.models.user import User


class AuditEntry(Base):
    """One deed. ``subject`` is a public id such as ``cmp_…``; ``detail`` never holds a secret."""

    __tablename__ = "audit_entry"
    __table_args__ = (Index(None, "at"), Index(None, "subject"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime]
    user_id: Mapped[int | None] = mapped_column(ForeignKey(User.id, ondelete="SET NULL"))
    token_id: Mapped[int | None] = mapped_column(ForeignKey(ApiToken.id, ondelete="SET NULL"))
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str] = mapped_column(default="")
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    network: Mapped[str | None]
