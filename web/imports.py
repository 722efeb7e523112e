"""Pages of imports: upload, mapping, progress, report."""

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, stream_with_context, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from campaigns import clock
from campaigns.accounts import audit
from campaigns.contacts import attributes, lists
from campaigns.contacts.imports import read, report, start, upload
from campaigns.contacts.imports.sniff import DELIMITERS, FileFormat
from campaigns.db import read_session, transaction
from campaigns.errors import InvalidInput
from campaigns.ids import decode_id, encode_id
from campaigns.models.contact import AttributeKind
from campaigns.models.contact_import import ContactImport
from campaigns.models.user import Role
from web import confirm, import_words
from web.access import allow
from web.text import read_row_number
from web.visitor import current_actor, current_visitor

blueprint = Blueprint("imports", __name__, url_prefix="/imports")
SAMPLE_ROWS = 5
PROBLEMS_SHOWN = 50


@blueprint.get("/")
@allow(Role.viewer)
def index() -> str:
    before = request.args.get("before")
    before_id = decode_id("import", before) if before else None
    with read_session() as session:
        rows = start.list_imports(session, before_id=before_id, limit=51)
    older = url_for(".index", before=encode_id("import", rows[49].id)) if len(rows) > 50 else None
    newer = url_for(".index") if before else None
    return render_template(
        "imports/list.html", rows=rows[:50], words=import_words, encode_id=encode_id, older_url=older, newer_url=newer
    )


@blueprint.get("/new")
@allow(Role.editor)
def new() -> str:
    return render_template("imports/new.html", error=None)


@blueprint.post("/new")
@allow(Role.editor, upload=True)
def create() -> Response | tuple[str, int]:
    file = request.files.get("file")
    if file is None or not file.filename:
        return render_template("imports/new.html", error=_("Choose a file first.")), 422
    visitor = current_visitor()
    try:
        with transaction() as session:
            row = start.upload(
                session,
                stream=file.stream,
                file_name=file.filename,
                created_by=visitor.user_id if visitor else None,
                now=clock.now(),
            )
    except InvalidInput as error:
        return render_template("imports/new.html", error=str(error)), 422
    return redirect(url_for(".show", import_id=encode_id("import", row.id)), 303)


@blueprint.get("/<import_id>")
@allow(Role.viewer)
def show(import_id: str) -> str | tuple[str, int]:
    """The page of an import is its mapping, then its progress, then its report."""
    number = decode_id("import", import_id)
    with read_session() as session:
        row = start.get_import(session, import_id=number)
    if row.state == "uploaded":
        return _mapping_page(row, 200)
    return render_template("imports/show.html", **_standing(number, import_id))


@blueprint.get("/<import_id>/progress")
@allow(Role.viewer)
def progress(import_id: str) -> str:
    """The live part of the page: the whole of it once the import has ended."""
    return render_template("imports/standing.html", **_standing(decode_id("import", import_id), import_id))


def _standing(number: int, import_id: str) -> dict[str, Any]:
    after = (read_row_number(request.args.get("row")), request.args.get("column", ""))
    with read_session() as session:
        row = start.get_import(session, import_id=number)
        reasons = report.count_reasons(session, import_id=number)
        problems = report.list_problems(session, import_id=number, after=after, limit=PROBLEMS_SHOWN + 1)
        how_far = report.import_progress(session, import_id=number, now=clock.now())
        mailing_list = lists.get_list(session, list_id=row.list_id) if row.list_id else None
    last = problems[PROBLEMS_SHOWN - 1] if len(problems) > PROBLEMS_SHOWN else None
    here = url_for(".show", import_id=import_id)
    return {
        "row": row,
        "public": import_id,
        "reasons": reasons,
        "problems": problems[:PROBLEMS_SHOWN],
        "progress": how_far,
        "mailing_list": mailing_list,
        "list_public": encode_id("list", row.list_id) if row.list_id else None,
        "words": import_words,
        "is_live": row.state in ("waiting", "running"),
        "newer_url": here if any(after) else None,
        "older_url": url_for(".show", import_id=import_id, row=last.row_number, column=last.column) if last else None,
    }


def _mapping_page(row: ContactImport, status: int, error: str | None = None) -> tuple[str, int]:
    with read_session() as session:
        known = attributes.list_attributes(session)
        choices = lists.list_lists(session)
    _header, sample = read.read_sample(upload.stored_path(row), upload.format_of(row), limit=SAMPLE_ROWS)
    posted = request.form if request.method == "POST" else None
    chosen = _read_columns(row) if posted and "target-0" in posted else row.mapping
    columns = [
        {
            "name": name,
            "sample": [cells[number] for cells in sample if number < len(cells) and cells[number].strip()][:3],
            "target": _choice_of(chosen[number]),
            "label": chosen[number].get("label") or name,
            "kind": chosen[number].get("kind") or AttributeKind.text.value,
        }
        for number, name in enumerate(row.header)
    ]
    page = render_template(
        "imports/mapping.html",
        row=row,
        public=encode_id("import", row.id),
        columns=columns,
        known=known,
        kinds=[kind.value for kind in AttributeKind],
        lists=[(encode_id("list", one.id), one.name) for one in choices],
        chosen_list=(posted.get("list_id") if posted else None)
        or (encode_id("list", choices[0].id) if choices and not posted else ""),
        consent_source=posted.get("consent_source", "") if posted else "",
        consent_text=posted.get("consent_text", "") if posted else "",
        words=import_words,
        encodings=upload.ENCODINGS,
        delimiters=DELIMITERS,
        error=error,
    )
    return page, status


def _choice_of(column: dict[str, Any]) -> str:
    """Return a column's target as the value of its select: an attribute is named after a colon."""
    return f"attribute:{column['name']}" if column.get("target") == "attribute" else str(column.get("target"))


def _read_columns(row: ContactImport) -> list[dict[str, str]]:
    columns = []
    for number, name in enumerate(row.header):
        target, _colon, attribute = request.form.get(f"target-{number}", "ignore").partition(":")
        label = request.form.get(f"label-{number}", "").strip() or name
        kind = request.form.get(f"kind-{number}", "text")
        columns.append({"target": target, "name": attribute, "label": label, "kind": kind})
    return columns


@blueprint.post("/<import_id>/start")
@allow(Role.editor)
def confirm_mapping(import_id: str) -> Response | tuple[str, int]:
    number, now = decode_id("import", import_id), clock.now()
    chosen_list = request.form.get("list_id") or None
    try:
        with transaction() as session:
            row = start.get_import(session, import_id=number)
            start.confirm(
                session,
                import_id=number,
                mapping=_read_columns(row),
                list_id=decode_id("list", chosen_list) if chosen_list else None,
                consent_source=request.form.get("consent_source"),
                now=now,
                options=start.ImportOptions(
                    day_first=request.form.get("day_first", "yes") == "yes",
                    decimal_comma=request.form.get("decimal_comma") == "yes",
                    consent_text=request.form.get("consent_text", ""),
                ),
            )
            audit.record(session, actor=current_actor(), action="import.started", now=now, subject=import_id)
    except InvalidInput as error:
        with read_session() as session:
            row = start.get_import(session, import_id=number)
        return _mapping_page(row, 422, str(error))
    return redirect(url_for(".show", import_id=import_id), 303)


@blueprint.post("/<import_id>/format")
@allow(Role.editor)
def reread(import_id: str) -> Response:
    """Read the file in another encoding or with another delimiter."""
    file_format = FileFormat(
        request.form.get("encoding", ""),
        request.form.get("delimiter", ""),
        has_header=request.form.get("has_header") == "yes",
    )
    try:
        with transaction() as session:
            start.reread(session, import_id=decode_id("import", import_id), file_format=file_format)
    except InvalidInput as error:
        flash(str(error), "bad")
    return redirect(url_for(".show", import_id=import_id), 303)


@blueprint.post("/<import_id>/discard")
@allow(Role.editor)
def discard(import_id: str) -> Response:
    if not confirm.is_confirmed():
        text = _("The uploaded file is deleted; nothing of it was imported.")
        back = url_for(".show", import_id=import_id)
        return confirm.ask(confirm.Question(_("Discard this file?"), text, _("Discard it"), back, "danger"))
    with transaction() as session:
        start.discard(session, import_id=decode_id("import", import_id))
    flash(_("The file is discarded."), "good")
    return redirect(url_for(".index"), 303)


@blueprint.get("/<import_id>/rejected.csv")
@allow(Role.viewer)
def rejected(import_id: str) -> Response:
    return _download(import_id, "rejected")


@blueprint.get("/<import_id>/dropped.csv")
@allow(Role.viewer)
def dropped(import_id: str) -> Response:
    return _download(import_id, "dropped")


def _download(import_id: str, what: str) -> Response:
    number = decode_id("import", import_id)
    with read_session() as session:
        start.get_import(session, import_id=number)

    def lines() -> Iterator[str]:
        write = report.rejections_csv if what == "rejected" else report.dropped_values_csv
        with read_session() as session:
            yield from write(session, import_id=number)

    headers = {"Content-Disposition": f'attachment; filename="{import_id}-{what}.csv"'}
    return Response(stream_with_context(lines()), mimetype="text/csv", headers=headers)
