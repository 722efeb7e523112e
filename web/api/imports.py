"""Imports of contact files."""

from datetime import datetime
from typing import Any

from flask import Response, request
from pydantic import Field
from sqlalchemy.orm import Session

from campaigns.accounts.audit import Actor
from campaigns.contacts.imports import report, start
from campaigns.contacts.imports.mapping import InvalidMapping
from campaigns.errors import InvalidInput
from campaigns.ids import decode_id, encode_id
from campaigns.models.contact_import import ContactImport
from web.api.operation import Operations
from web.api.paging import PageQuery, make_cursor, read_cursor
from web.api.reading import read_json
from web.api.shape import Answer, Input, Instant

operations = Operations("imports")


class ImportIn(Input):
    """A file (part `file`) and how to take it. What is left out is recognised or guessed."""

    list: str | None = Field(None, description="The list that everybody in the file joins.")
    mapping: str | None = Field(
        None,
        description=(
            "JSON: column header → field, such as email, given_name, family_name, full_name, greeting, language, "
            "time_zone, consent_source, consent_at, list_status, ignore, or attributes.NAME. Columns left out are "
            "guessed."
        ),
    )
    consent_source: str | None = Field(None, description="Where everybody agreed, unless a column says it.")
    consent_text: str = ""
    day_first: bool | None = None
    decimal_comma: bool | None = None
    start: bool = Field(True, description="False only uploads and guesses; POST …/start then begins.")


class StartIn(Input):
    """How to take an uploaded file."""

    list: str | None = None
    mapping: dict[str, str] | None = None
    consent_source: str | None = None
    consent_text: str = ""
    day_first: bool | None = None
    decimal_comma: bool | None = None


class ColumnOut(Answer):
    header: str
    field: str
    kind: str | None


class ImportReasonOut(Answer):
    reason: str
    column: str
    rejected: bool
    count: int


Columns = list[ColumnOut]
Reasons = list[ImportReasonOut]


class ImportOut(Answer):
    """rows = created + updated + unchanged + rejected; `duplicates` of them named somebody an earlier row had named."""

    id: str
    state: str = Field(description="uploaded, waiting, running, done or failed.")
    file_name: str
    encoding: str
    delimiter: str
    list: str | None
    columns: Columns
    rows: int
    created: int
    updated: int
    unchanged: int
    rejected: int
    duplicates: int
    values_dropped: int
    subscribed: int
    total_rows: int | None
    rows_per_second: float | None
    remaining_seconds: float | None
    reasons: Reasons
    error: str | None
    created_at: Instant
    finished_at: Instant | None


class ImportsOut(Answer):
    items: list[ImportOut]
    next_cursor: str | None


class ImportProblemOut(Answer):
    row_number: int
    column: str
    rejected: bool
    reason: str
    value: str
    cells: list[str]


class ImportProblemsOut(Answer):
    items: list[ImportProblemOut]
    next_cursor: str | None


@operations.post("/imports", status=202, upload=True, idempotent=True)
def create_import(session: Session, *, actor: Actor, body: ImportIn, now: datetime) -> ImportOut:
    """Upload a contact file and start its import."""
    file = request.files.get("file")
    if file is None:
        raise InvalidInput("Send the file as the part `file` of a multipart/form-data body.", field="file")
    row = start.upload(session, stream=file.stream, file_name=file.filename or "", created_by=actor.user_id, now=now)
    if body.start:
        wanted = body.model_dump(exclude={"start", "mapping"})
        _start(session, row, StartIn(**wanted, mapping=_read_mapping(body.mapping)), now)
    return _show(session, row, now)


@operations.post("/imports/{import_id}/start", status=202, idempotent=True)
def start_import(session: Session, *, import_id: str, body: StartIn, now: datetime) -> ImportOut:
    """Start an uploaded import."""
    row = start.get_import(session, import_id=decode_id("import", import_id))
    _start(session, row, body, now)
    return _show(session, row, now)


@operations.get("/imports")
def list_imports(session: Session, *, query: PageQuery, now: datetime) -> ImportsOut:
    """List imports, the newest first."""
    position = read_cursor(query.cursor, int)
    found = start.list_imports(session, before_id=position[0] if position else None, limit=query.limit + 1)
    more = make_cursor(found[query.limit - 1].id) if len(found) > query.limit else None
    return ImportsOut(items=[_show(session, row, now) for row in found[: query.limit]], next_cursor=more)


@operations.get("/imports/{import_id}")
def get_import(session: Session, *, import_id: str, now: datetime) -> ImportOut:
    """Show an import's progress and, once it is done, its counts and reasons."""
    return _show(session, start.get_import(session, import_id=decode_id("import", import_id)), now)


@operations.get("/imports/{import_id}/problems")
def list_import_problems(session: Session, *, import_id: str, query: PageQuery) -> ImportProblemsOut:
    """List rejected rows and dropped values."""
    row = start.get_import(session, import_id=decode_id("import", import_id))
    position = read_cursor(query.cursor, int, str)
    after = (position[0], position[1]) if position else (0, "")
    found = report.list_problems(session, import_id=row.id, after=after, limit=query.limit + 1)
    last = found[query.limit - 1] if len(found) > query.limit else None
    more = make_cursor(last.row_number, last.column) if last else None
    shown = [ImportProblemOut.model_validate(problem) for problem in found[: query.limit]]
    return ImportProblemsOut(items=shown, next_cursor=more)


@operations.get("/imports/{import_id}/rejected.csv", media_type="text/csv")
def download_rejected(session: Session, *, import_id: str) -> Response:
    """Download every rejected row with its reason, safe to open in a spreadsheet."""
    row = start.get_import(session, import_id=decode_id("import", import_id))
    text = "".join(report.rejections_csv(session, import_id=row.id))
    headers = {"Content-Disposition": f'attachment; filename="rejected-{import_id}.csv"'}
    return Response(text, headers=headers, content_type="text/csv; charset=utf-8")


def _start(session: Session, row: ContactImport, wanted: StartIn, now: datetime) -> None:
    start.confirm(
        session,
        import_id=row.id,
        mapping=_columns(row, wanted.mapping) if wanted.mapping is not None else None,
        list_id=decode_id("list", wanted.list) if wanted.list else None,
        consent_source=wanted.consent_source,
        options=start.ImportOptions(wanted.day_first, wanted.decimal_comma, wanted.consent_text),
        now=now,
    )


def _read_mapping(text: str | None) -> dict[str, str] | None:
    if text is None:
        return None
    mapping = read_json(text, field="mapping")
    if not isinstance(mapping, dict) or not all(isinstance(value, str) for value in mapping.values()):
        raise InvalidMapping("The mapping is a JSON object: column header → field.", field="mapping")
    return mapping


def _columns(row: ContactImport, mapping: dict[str, str]) -> list[dict[str, Any]]:
    """Return the whole mapping: what is named as named, the rest as guessed."""
    unknown = [header for header in mapping if header not in row.header]
    if unknown:
        raise InvalidMapping(f"The file has no column {unknown[0]!r}.", field="mapping")
    named = {header: _target(header, field) for header, field in mapping.items()}
    taken = {column["target"] for column in named.values()} - {"attribute", "ignore"}
    return [
        named[header] if header in named else {"target": "ignore"} if guessed.get("target") in taken else guessed
        for header, guessed in zip(row.header, row.mapping, strict=True)
    ]


def _target(header: str, field: str) -> dict[str, Any]:
    kind, dot, name = field.partition(".")
    return {"target": "attribute", "name": name} if dot and kind == "attributes" else {"target": field, "label": header}


def _show(session: Session, row: ContactImport, now: datetime) -> ImportOut:
    progress = report.import_progress(session, import_id=row.id, now=now)
    same = ("state", "file_name", "encoding", "delimiter", "rows", "created", "updated", "unchanged", "rejected")
    more = ("duplicates", "values_dropped", "subscribed", "error", "created_at", "finished_at")
    return ImportOut(
        **{name: getattr(row, name) for name in (*same, *more)},
        id=encode_id("import", row.id),
        list=encode_id("list", row.list_id) if row.list_id else None,
        columns=[_column(header, column) for header, column in zip(row.header, row.mapping, strict=False)],
        total_rows=progress.total_rows,
        rows_per_second=progress.rows_per_second,
        remaining_seconds=progress.remaining_seconds,
        reasons=[
            ImportReasonOut(reason=item.reason, column=item.column, rejected=item.rejected, count=item.number)
            for item in report.count_reasons(session, import_id=row.id)
        ],
    )


def _column(header: str, column: dict[str, Any]) -> ColumnOut:
    target = column["target"]
    shown = f"attributes.{column.get('name') or column.get('label')}" if "attribute" in target else target
    return ColumnOut(header=header, field=shown, kind=column.get("kind"))
