"""Contacts and their user-defined attributes."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.db import Base


class AttributeKind(StrEnum):
    """How an attribute's values are kept in JSONB: text, number and date as canonical JSON, tags as a list."""

    text = "text"
    number = "number"
    date = "date"
    boolean = "boolean"
    tags = "tags"


class Attribute(Base):
    """One user-defined field. ``name`` is the merge tag's (``contact.attributes.NAME``)."""

    __tablename__ = "attribute"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    label: Mapped[str]
    kind: Mapped[str]
    created_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]


class Contact(Base):
    """A person, known by one normalised address.

    ``address_key`` is folded in Python only (contacts/addresses.py) and compared byte by byte; ``address_hash``
    is its keyed hash; ``attributes`` maps attribute ids (as text) to canonical values; ``sort_key`` is made by
    Python from the names. Nothing that changes with every mail stands on this row.
    """

    __tablename__ = "contact"
    __table_args__ = (
        Index(None, "attributes", postgresql_using="gin", postgresql_ops={"attributes": "jsonb_path_ops"}),
        Index(None, "sort_key", "id"),
        Index(None, "address_hash"),
        Index(None, "created_at", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    email: Mapped[str]
    address_key: Mapped[str] = mapped_column(Text(collation="C"), unique=True)
    address_hash: Mapped[bytes] = mapped_column(LargeBinary)
    domain: Mapped[str] = mapped_column(Text(collation="C"))
    given_name: Mapped[str] = mapped_column(default="")
    family_name: Mapped[str] = mapped_column(default="")
    greeting: Mapped[str | None]
    language: Mapped[str | None]
    time_zone: Mapped[str | None]
    attributes: Mapped[dict[str, Any]] = mapped_column(default=dict)
    sort_key: Mapped[str] = mapped_column(Text(collation="C"), default="")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
