"""One-time sign-in links and the attempts that the rate limit counts."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.db import Base
from campaigns.models.user import User


class SignInLink(Base):
    """A link that signs a user in once; only its hash is kept."""

    __tablename__ = "sign_in_link"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class SignInAttempt(Base):
    """One failed try, counted per address and per network."""

    __tablename__ = "sign_in_attempt"
    __table_args__ = (Index(None, "subject", "at"), Index(None, "at"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    subject: Mapped[str]
    at: Mapped[datetime]
