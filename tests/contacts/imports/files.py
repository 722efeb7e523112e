"""Importing a file in one go, for tests."""

import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from campaigns.contacts.imports import run, start
from campaigns.models.contact_import import ContactImport
from campaigns.models.mailing_list import MailingList

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def start_import(
    session: Session,
    data: bytes | str,
    *,
    mailing_list: MailingList | None = None,
    mapping: Sequence[Mapping[str, Any]] | None = None,
    consent_source: str = "test file",
    options: start.ImportOptions | None = None,
) -> tuple[int, int]:
    """Upload and confirm; return the numbers of the import and of its work."""
    stream = io.BytesIO(data.encode() if isinstance(data, str) else data)
    row = start.upload(session, stream=stream, file_name="people.csv", created_by=None, now=NOW)
    work_id = start.confirm(
        session,
        import_id=row.id,
        mapping=mapping,
        list_id=mailing_list.id if mailing_list else None,
        consent_source=consent_source,
        now=NOW,
        options=options,
    )
    return row.id, work_id


def import_file(session: Session, data: bytes | str, **how: Any) -> ContactImport:
    """Import a file to its end and return what became of it."""
    import_id, work_id = start_import(session, data, **how)
    run.run_import(work_id)
    return start.get_import(session, import_id=import_id)


def counts(row: ContactImport) -> dict[str, int]:
    """The counts that are not zero."""
    names = ["rows", "created", "updated", "unchanged", "rejected", "duplicates", "values_dropped", "subscribed"]
    return {name: getattr(row, name) for name in names if getattr(row, name)}
