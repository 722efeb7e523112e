"""Adding and changing a contact by form."""

from collections.abc import Mapping
from typing import Any

from flask import current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response
from wtforms import EmailField, SelectField, StringField

from campaigns import clock
from campaigns.accounts import audit
from campaigns.contacts import attributes, lists, membership, save
from campaigns.contacts.save import ContactFields
from campaigns.db import read_session, transaction
from campaigns.errors import InvalidInput
from campaigns.ids import decode_id, encode_id
from campaigns.models.contact import Attribute, Contact
from campaigns.models.user import Role
from web.access import allow
from web.contacts.blueprint import blueprint
from web.forms import LINE, Form, Needed
from web.visitor import current_actor

PREFIX = "attributes."


class ContactForm(Form):
    email = EmailField(_l("Email address"), [Needed(), LINE])
    given_name = StringField(_l("First name"), [LINE])
    family_name = StringField(_l("Last name"), [LINE])
    greeting = StringField(_l("Greeting of their own"), [LINE])
    language = StringField(_l("Language"), [LINE])
    time_zone = StringField(_l("Time zone"), [LINE])
    list_id = SelectField(_l("Put on a list"), validate_choice=False)
    consent_source = StringField(_l("Where the consent comes from"), [LINE])


NAMES = ("email", "given_name", "family_name", "greeting", "language", "time_zone")


def _read_form(row: Contact | None) -> ContactForm:
    form = ContactForm.read(**({name: getattr(row, name) or "" for name in NAMES} if row else {}))
    with read_session() as session:
        rows = lists.list_lists(session)
    form.list_id.choices = [("", _("On none")), *((encode_id("list", one.id), one.name) for one in rows)]
    return form


def _typed_values(known: list[Attribute], row: Contact | None) -> dict[str, str]:
    """Return each attribute's value as it stands in its input."""
    if request.method == "POST":
        return {one.name: request.form.get(PREFIX + one.name, "") for one in known}
    kept: Mapping[str, Any] = row.attributes if row else {}
    return {one.name: _as_text(kept.get(str(one.id))) for one in known}


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "; ".join(map(str, value))
    return "" if value is None else str(value)


def _page(form: ContactForm, row: Contact | None, wrong: Mapping[str, str], status: int) -> tuple[str, int]:
    with read_session() as session:
        known = attributes.list_attributes(session)
    return (
        render_template(
            "contacts/edit.html",
            form=form,
            known=known,
            values=_typed_values(known, row),
            wrong=wrong,
            prefix=PREFIX,
            public=encode_id("contact", row.id) if row else None,
        ),
        status,
    )


@blueprint.get("/new")
@allow(Role.editor)
def new() -> tuple[str, int]:
    return _page(_read_form(None), None, {}, 200)


@blueprint.post("/new")
@allow(Role.editor)
def create() -> Response | tuple[str, int]:
    return _save(None)


@blueprint.get("/<contact_id>/edit")
@allow(Role.editor)
def edit(contact_id: str) -> tuple[str, int]:
    row = _find(contact_id)
    return _page(_read_form(row), row, {}, 200)


@blueprint.post("/<contact_id>/edit")
@allow(Role.editor)
def change(contact_id: str) -> Response | tuple[str, int]:
    return _save(_find(contact_id))


def _find(contact_id: str) -> Contact:
    with read_session() as session:
        return save.get_contact(session, contact_id=decode_id("contact", contact_id))


def _save(row: Contact | None) -> Response | tuple[str, int]:
    form = _read_form(row)
    wrong: dict[str, str] = {}
    if form.validate():
        try:
            saved = _write(form, row)
            flash(_("The contact is saved."), "good")
            return redirect(url_for(".show", contact_id=encode_id("contact", saved.contact_id)), 303)
        except InvalidInput as error:
            if (error.field or "").startswith(PREFIX):
                wrong[(error.field or "").removeprefix(PREFIX)] = str(error)
            else:
                form.blame(error.field, str(error))
        except save.AddressTaken as error:
            form.blame("email", str(error))
    return _page(form, row, wrong, 422)


def _write(form: ContactForm, row: Contact | None) -> save.Saved:
    now, actor = clock.now(), current_actor()
    given = {name: getattr(form, name).data or "" for name in NAMES}
    with transaction() as session:
        known = attributes.list_attributes(session)
        if row is None and save.find_by_email(session, email=given["email"]) is not None:
            raise AlreadyThere("A contact with this address is here already; search for it and edit it there.")
        typed = {one.name: request.form.get(PREFIX + one.name, "").strip() or None for one in known}
        saved = save.save_contact(
            session,
            fields=ContactFields(**given, attributes=typed),
            key_ring=current_app.extensions["key_ring"],
            now=now,
            contact_id=row.id if row else None,
        )
        if row is None and form.list_id.data:
            consent = membership.Consent(form.consent_source.data or "")
            list_id = decode_id("list", form.list_id.data)
            membership.subscribe(session, contact_id=saved.contact_id, list_id=list_id, consent=consent, now=now)
        subject = encode_id("contact", saved.contact_id)
        audit.record(session, actor=actor, action=f"contact.{saved.outcome.value}", now=now, subject=subject)
    return saved


class AlreadyThere(InvalidInput):
    """The form for a new contact names one that exists."""

    def __init__(self, message: str) -> None:
        super().__init__(message, field="email")
