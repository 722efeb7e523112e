"""Imports of contact files and what could not be taken from them."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.db import Base
from campaigns.models.mailing_list import MailingList
from campaigns.models.user import User


class ContactImport(Base):
    """One uploaded file. ``state``: uploaded, waiting, running, done, failed. ``mapping`` is column → field.

    ``rows`` counts data rows read; each is created, updated, unchanged, rejected or a duplicate: one of several rows
    that named a person whom an earlier row of the same file had named (the later row wins).
    """

    __tablename__ = "contact_import"
    __table_args__ = (Index(None, "created_at"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    list_id: Mapped[int | None] = mapped_column(ForeignKey(MailingList.id))
    file_name: Mapped[str]
    stored_as: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    encoding: Mapped[str]
    delimiter: Mapped[str]
    header: Mapped[list[Any]]
    mapping: Mapped[list[Any]]
    options: Mapped[dict[str, Any]]
    state: Mapped[str]
    bytes_done: Mapped[int] = mapped_column(BigInteger, default=0)
    rows: Mapped[int] = mapped_column(default=0)
    created: Mapped[int] = mapped_column(default=0)
    updated: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    rejected: Mapped[int] = mapped_column(default=0)
    duplicates: Mapped[int] = mapped_column(default=0)
    values_dropped: Mapped[int] = mapped_column(default=0)
    subscribed: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None]
    created_by: Mapped[int | None] = mapped_column(ForeignKey(User.id, ondelete="SET NULL"))
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class ImportProblem(Base):
    """A rejected row (``field`` empty) or a dropped value, with its reason as code + parameters."""

    __tablename__ = "import_problem"

    import_id: Mapped[int] = mapped_column(ForeignKey(ContactImport.id, ondelete="CASCADE"), primary_key=True)
    row_number: Mapped[int] = mapped_column(primary_key=True)
    field: Mapped[str] = mapped_column(primary_key=True)
    rejected: Mapped[bool]
    reason: Mapped[str]
    value: Mapped[str]
    row: Mapped[list[Any]]
