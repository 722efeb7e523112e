"""Senders: who the mails are from."""

from flask import Response, flash, redirect, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Redirect
from wtforms import EmailField, SelectField, StringField, TextAreaField

from campaigns import clock
from campaigns.accounts import audit
from campaigns.accounts import senders as engine
from campaigns.db import read_session, transaction
from campaigns.errors import InvalidInput
from campaigns.ids import decode_id, encode_id
from campaigns.models.sender import Sender
from web import confirm, visitor
from web.access import allow
from web.forms import LINE, Form, Needed
from web.languages import language_names
from web.settings.blueprint import blueprint, render


class SenderForm(Form):
    from_name = StringField(_l("From name"), [Needed(), LINE])
    from_email = EmailField(_l("From address"), [Needed(), LINE])
    reply_to = EmailField(_l("Reply-To address"), [LINE])
    company = StringField(_l("Company or organisation"), [Needed(), LINE])
    postal_address = TextAreaField(_l("Postal address"), [Needed()])
    language = SelectField(_l("Language of fixed texts"))


def _read_form(sender: Sender | None = None) -> SenderForm:
    names = ("from_name", "from_email", "reply_to", "company", "postal_address", "language")
    known = {name: getattr(sender, name) or "" for name in names} if sender else {}
    form = SenderForm.read(**known)
    form.language.choices = language_names()
    return form


def _fields(form: SenderForm) -> engine.SenderFields:
    return engine.SenderFields(**{name: value or "" for name, value in form.data.items()})


@blueprint.get("/senders")
@allow("editor")
def senders() -> str:
    with read_session() as session:
        return render("senders.html", senders=engine.list_senders(session, with_archived=True))


@blueprint.get("/senders/new")
@allow("owner")
def senders_new() -> str:
    return render("sender.html", form=_read_form(), title=_("New sender"))


@blueprint.post("/senders/new")
@allow("owner")
def senders_create() -> Response | Redirect:
    return _save(None)


@blueprint.get("/senders/<sender_id>")
@allow("owner")
def senders_edit(sender_id: str) -> str:
    with read_session() as session:
        sender = engine.get_sender(session, sender_id=decode_id("sender", sender_id))
        return render("sender.html", form=_read_form(sender), title=sender.from_name)


@blueprint.post("/senders/<sender_id>")
@allow("owner")
def senders_save(sender_id: str) -> Response | Redirect:
    return _save(decode_id("sender", sender_id))


def _save(sender_id: int | None) -> Response | Redirect:
    form = _read_form()
    title = _("Sender") if sender_id else _("New sender")
    if not form.validate():
        return Response(render("sender.html", form=form, title=title), 422)
    try:
        with transaction() as session:
            if sender_id is None:
                sender = engine.create_sender(session, fields=_fields(form), now=clock.now())
            else:
                sender = engine.change_sender(session, sender_id=sender_id, fields=_fields(form))
            _note(session, "sender.saved", sender.id)
    except InvalidInput as error:
        form.blame(error.field, str(error))
        return Response(render("sender.html", form=form, title=title), 422)
    flash(_("The sender is saved. Campaigns under way keep what they began with."), "good")
    return redirect(url_for("settings.senders"), 303)


@blueprint.post("/senders/<sender_id>/archive")
@allow("owner")
def senders_archive(sender_id: str) -> Response | Redirect:
    if not confirm.is_confirmed():
        return confirm.ask(
            confirm.Question(
                _("Archive this sender?"),
                _("It can't be chosen any more. Earlier campaigns keep it."),
                _("Archive"),
                url_for("settings.senders"),
            )
        )
    with transaction() as session:
        sender = engine.archive_sender(session, sender_id=decode_id("sender", sender_id), now=clock.now())
        _note(session, "sender.archived", sender.id)
    flash(_("The sender is archived."), "good")
    return redirect(url_for("settings.senders"), 303)


@blueprint.post("/senders/<sender_id>/restore")
@allow("owner")
def senders_restore(sender_id: str) -> Redirect:
    with transaction() as session:
        sender = engine.restore_sender(session, sender_id=decode_id("sender", sender_id))
        _note(session, "sender.restored", sender.id)
    flash(_("The sender is in use again."), "good")
    return redirect(url_for("settings.senders"), 303)


def _note(session: Session, action: str, sender_id: int) -> None:
    audit.record(
        session,
        actor=visitor.current_actor(),
        action=action,
        subject=encode_id("sender", sender_id),
        now=clock.now(),
    )
