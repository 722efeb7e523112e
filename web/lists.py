"""Pages of lists."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import BooleanField, RadioField, SelectField, StringField, TextAreaField

from campaigns import clock
from campaigns.accounts import audit, senders
from campaigns.contacts import lists
from campaigns.db import read_session, transaction
from campaigns.errors import InvalidInput
from campaigns.ids import decode_id, encode_id
from campaigns.models.mailing_list import MailingList, TrackingMode
from campaigns.models.user import Role
from web import confirm
from web.access import allow
from web.forms import LINE, Form, Needed
from web.visitor import current_actor

blueprint = Blueprint("lists", __name__, url_prefix="/lists")


class ListForm(Form):
    name = StringField(_l("Name"), [Needed(), LINE])
    description = TextAreaField(_l("Description"))
    sender_id = SelectField(_l("Usual sender"), coerce=int)
    double_opt_in = BooleanField(_l("New subscribers confirm by mail (double opt-in)"))
    tracking_mode = RadioField(_l("Opens and clicks"))
    tracking_needs_consent = BooleanField(_l("Only for members who consented to it"))


def _read_form(row: MailingList | None) -> ListForm:
    names = ("name", "description", "double_opt_in", "tracking_mode", "tracking_needs_consent")
    known = {name: getattr(row, name) for name in names} if row else {}
    defaults = {"double_opt_in": True, "tracking_mode": TrackingMode.individual.value}
    form = ListForm.read(**{**defaults, **known, "sender_id": (row.sender_id if row else None) or 0})
    with read_session() as session:
        choices = [(one.id, one.from_name) for one in senders.list_senders(session)]
    form.sender_id.choices = [(0, _("None yet")), *choices]
    form.tracking_mode.choices = [
        ("individual", _("For each member: needed for engagement scores and segments by behaviour")),
        ("aggregate", _("As totals only: nobody sees who opened or clicked")),
        ("none", _("Not at all: no pixel, no rewritten links")),
    ]
    return form


def _fields(form: ListForm) -> lists.ListFields:
    return lists.ListFields(
        name=form.name.data or "",
        description=form.description.data or "",
        sender_id=form.sender_id.data or None,
        tracking_mode=form.tracking_mode.data or TrackingMode.individual,
        tracking_needs_consent=bool(form.tracking_needs_consent.data),
        double_opt_in=bool(form.double_opt_in.data),
    )


@blueprint.get("/")
@allow(Role.viewer)
def index() -> str:
    with read_session() as session:
        rows, counts = lists.list_lists(session, with_archived=True), lists.count_members(session)
    return render_template("lists/list.html", rows=rows, counts=counts, nobody=lists.ListCounts(), encode_id=encode_id)


@blueprint.get("/new")
@allow(Role.editor)
def new() -> str:
    return render_template("lists/edit.html", form=_read_form(None), row=None, title=_("New list"), public=None)


@blueprint.post("/new")
@allow(Role.editor)
def create() -> Response | tuple[str, int]:
    return _save(None)


@blueprint.get("/<list_id>")
@allow(Role.viewer)
def show(list_id: str) -> str:
    number = decode_id("list", list_id)
    with read_session() as session:
        row = lists.get_list(session, list_id=number)
        counts = lists.count_members(session).get(number, lists.ListCounts())
    return render_template("lists/show.html", row=row, counts=counts, public=list_id)


@blueprint.get("/<list_id>/edit")
@allow(Role.editor)
def edit(list_id: str) -> str:
    with read_session() as session:
        row = lists.get_list(session, list_id=decode_id("list", list_id))
    return render_template("lists/edit.html", form=_read_form(row), row=row, title=row.name, public=list_id)


@blueprint.post("/<list_id>/edit")
@allow(Role.editor)
def save(list_id: str) -> Response | tuple[str, int]:
    return _save(list_id)


def _save(list_id: str | None) -> Response | tuple[str, int]:
    form, row = _read_form(None), None
    if form.validate():
        try:
            with transaction() as session:
                row = _write(session, form, list_id)
            flash(_("The list is saved."), "good")
            return redirect(url_for("lists.show", list_id=encode_id("list", row.id)), 303)
        except InvalidInput as error:
            form.blame(error.field, str(error))
    title = _("List") if list_id else _("New list")
    return render_template("lists/edit.html", form=form, row=row, title=title, public=list_id), 422


def _write(session: Session, form: ListForm, list_id: str | None) -> MailingList:
    now = clock.now()
    if list_id is None:
        row = lists.create_list(session, fields=_fields(form), now=now)
    else:
        row = lists.update_list(session, list_id=decode_id("list", list_id), fields=_fields(form))
    action = "list.changed" if list_id else "list.created"
    audit.record(session, actor=current_actor(), action=action, now=now, subject=encode_id("list", row.id))
    return row


@blueprint.post("/<list_id>/archive")
@allow(Role.editor)
def archive(list_id: str) -> Response:
    back = url_for("lists.show", list_id=list_id)
    if not confirm.is_confirmed():
        text = _("It can't be chosen for new campaigns and imports any more. Its members and their consent stay.")
        question = confirm.Question(_("Archive this list?"), text, _("Archive it"), back)
        return confirm.ask(question)
    with transaction() as session:
        now = clock.now()
        lists.archive_list(session, list_id=decode_id("list", list_id), now=now)
        audit.record(session, actor=current_actor(), action="list.archived", now=now, subject=list_id)
    flash(_("The list is archived."), "good")
    return redirect(back, 303)


@blueprint.post("/<list_id>/restore")
@allow(Role.editor)
def restore(list_id: str) -> Response:
    with transaction() as session:
        lists.restore_list(session, list_id=decode_id("list", list_id))
        audit.record(session, actor=current_actor(), action="list.restored", now=clock.now(), subject=list_id)
    flash(_("The list is in use again."), "good")
    return redirect(url_for("lists.show", list_id=list_id), 303)
