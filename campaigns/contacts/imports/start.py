"""An import's way from the uploaded file to the work that merges it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns import work
from campaigns.contacts.attributes import create_attribute, list_attributes
from campaigns.contacts.imports.mapping import Column, Target, read_mapping
from campaigns.contacts.imports.sniff import FileFormat
from campaigns.contacts.imports.upload import guess, stored_path, upload
from campaigns.contacts.lists import get_list
from campaigns.contacts.text import clean_line, clean_text
from campaigns.errors import Conflict, InvalidInput, NotFound
from campaigns.models.contact_import import ContactImport
from campaigns.models.work import WorkKind

__all__ = ["ImportOptions", "confirm", "discard", "get_import", "list_imports", "reread", "upload"]


class ImportNotFound(NotFound):
    code = "import_not_found"


class ImportStarted(Conflict):
    code = "import_started"


class ConsentMissing(InvalidInput):
    code = "consent_missing"


@dataclass(frozen=True)
class ImportOptions:
    """How the file is meant. None keeps what was guessed; ``consent_text`` is what the people agreed to."""

    day_first: bool | None = None
    decimal_comma: bool | None = None
    consent_text: str = ""


def get_import(session: Session, *, import_id: int) -> ContactImport:
    """Return one import; raises :class:`ImportNotFound`."""
    row = session.get(ContactImport, import_id, populate_existing=True)
    if row is None:
        raise ImportNotFound("There is no such import.")
    return row


def list_imports(session: Session, *, before_id: int | None = None, limit: int = 50) -> list[ContactImport]:
    """Return imports, the newest first."""
    wanted = select(ContactImport).order_by(ContactImport.id.desc()).limit(limit)
    if before_id is not None:
        wanted = wanted.where(ContactImport.id < before_id)
    return list(session.scalars(wanted))


def reread(session: Session, *, import_id: int, file_format: FileFormat) -> ContactImport:
    """Read an uploaded file anew in another encoding or with another delimiter, and guess its mapping again."""
    row = _lock_uploaded(session, import_id)
    guess(session, row, file_format)
    session.flush()
    return row


def confirm(
    session: Session,
    *,
    import_id: int,
    mapping: Sequence[Mapping[str, Any]] | None,
    list_id: int | None,
    consent_source: str | None,
    now: datetime,
    options: ImportOptions | None = None,
) -> int:
    """Start an uploaded import and return the id of its work; a mapping of None takes the guessed one.

    With a list, everybody in the file becomes a confirmed member of it unless a column says otherwise; that needs a
    consent source, from a column or once for all (rule G1). Raises ``InvalidMapping``, :class:`ConsentMissing`,
    ``ListNotFound``, :class:`ImportStarted` or :class:`ImportNotFound`.
    """
    row = _lock_uploaded(session, import_id)
    known = list_attributes(session)
    columns = read_mapping(mapping if mapping is not None else row.mapping, width=len(row.header), attributes=known)
    source = clean_line(consent_source or "")
    if list_id is not None:
        get_list(session, list_id=list_id)
        if not source and not any(column.target is Target.consent_source for column in columns):
            raise ConsentMissing(
                "Say where these people agreed to get mail: choose a column, or type one source for all of them.",
                field="consent_source",
            )
    row.mapping = [_settle(session, column, now).to_json() for column in columns]
    row.list_id, row.state = list_id, "waiting"
    row.options = {**row.options, **_read_options(options), "consent_source": source}
    work_id = work.open_work(session, kind=WorkKind.import_contacts, subject_id=row.id, params={}, now=now)
    session.flush()
    return work_id


def discard(session: Session, *, import_id: int) -> None:
    """Forget an uploaded file that was not started."""
    row = _lock_uploaded(session, import_id)
    path = stored_path(row)
    session.delete(row)
    session.flush()
    path.unlink(missing_ok=True)


def _lock_uploaded(session: Session, import_id: int) -> ContactImport:
    row = get_import(session, import_id=import_id)
    session.refresh(row, with_for_update=True)
    if row.state != "uploaded":
        raise ImportStarted("This import was started already.")
    return row


def _settle(session: Session, column: Column, now: datetime) -> Column:
    """Make a new attribute real, so that the stored mapping names it."""
    if column.target is not Target.new_attribute:
        return column
    made = create_attribute(session, label=column.label, kind=column.kind, now=now)
    return Column(Target.attribute, name=made.name)


def _read_options(options: ImportOptions | None) -> dict[str, Any]:
    if options is None:
        return {}
    chosen: dict[str, Any] = {"consent_text": clean_text(options.consent_text)[:10_000]}
    if options.day_first is not None:
        chosen["day_first"] = options.day_first
    if options.decimal_comma is not None:
        chosen["decimal_comma"] = options.decimal_comma
    return chosen
