"""Set-up on one page: who you are, whose mails these are, the first list."""

from flask import Blueprint, Response, flash, redirect, render_template, url_for
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response as Redirect
from wtforms import EmailField, PasswordField, SelectField, StringField, TextAreaField

from campaigns import clock
from campaigns.accounts import audit
from campaigns.accounts.senders import SenderFields
from campaigns.accounts.setup import SetupAnswers, complete_setup
from campaigns.accounts.users import PLACEHOLDER_EMAIL
from campaigns.contacts.lists import ListFields, create_list
from campaigns.db import transaction
from campaigns.errors import InvalidInput
from campaigns.models.user import Role
from web import visitor
from web.access import allow
from web.forms import LINE, Form, Needed
from web.languages import guess_zone, language_names, zone_names

blueprint = Blueprint("setup", __name__)


class SetupForm(Form):
    name = StringField(_l("Your name"), [LINE])
    email = EmailField(_l("Your email address"), [Needed(), LINE])
    password = PasswordField(_l("Password"))
    language = SelectField(_l("Language"))
    time_zone = SelectField(_l("Time zone"))
    company = StringField(_l("Company or organisation"), [Needed(), LINE])
    postal_address = TextAreaField(_l("Postal address"), [Needed()])
    from_name = StringField(_l("From name"), [Needed(), LINE])
    from_email = EmailField(_l("From address"), [Needed(), LINE])
    reply_to = EmailField(_l("Reply-To address"), [LINE])
    list_name = StringField(_l("Name of the first list"), [Needed(), LINE])


def _read_form() -> SetupForm:
    person = visitor.current_visitor()
    locale = get_locale()
    email = person.email if person and person.email != PLACEHOLDER_EMAIL else ""
    form = SetupForm.read(
        name=person.name if person else "",
        email=email,
        language=locale.language if locale else "en",
        time_zone=guess_zone(locale) if locale else "UTC",
        list_name=_("Newsletter"),
    )
    form.language.choices = language_names()
    form.time_zone.choices = [(zone, zone.replace("_", " ")) for zone in zone_names()]
    return form


@blueprint.get("/setup")
@allow(Role.owner, before_setup=True)
def ask() -> str | Redirect:
    if visitor.current_house().is_set_up:
        return redirect(url_for("overview.show"), 303)
    return render_template("setup/form.html", form=_read_form())


@blueprint.post("/setup")
@allow(Role.owner, before_setup=True)
def save() -> Response | Redirect:
    """The list is made in the same transaction, so that nobody is left half set up."""
    form = _read_form()
    if not _is_complete(form):
        return Response(render_template("setup/form.html", form=form), 422)
    actor = visitor.current_actor()
    try:
        with transaction() as session:
            now = clock.now()
            user, sender = complete_setup(session, user_id=actor.user_id or 0, answers=_answers(form), now=now)
            create_list(session, fields=ListFields(name=form.list_name.data, sender_id=sender.id), now=now)
            audit.record(session, actor=actor, action="installation.set_up", now=now)
    except InvalidInput as error:
        form.blame("list_name" if error.field == "name" else error.field, str(error))
        return Response(render_template("setup/form.html", form=form), 422)
    visitor.sign_in(user)
    flash(_("Everything is ready. Bring in your contacts first."), "good")
    return redirect(url_for("overview.show"), 303)


def _is_complete(form: SetupForm) -> bool:
    """An owner who came by a link has no password yet and needs one now, or is locked out tomorrow."""
    is_valid: bool = form.validate()
    person = visitor.current_visitor()
    if not form.password.data and not (person and person.has_password):
        form.blame("password", _("Please fill this in."))
        return False
    return is_valid


def _answers(form: SetupForm) -> SetupAnswers:
    return SetupAnswers(
        email=form.email.data,
        name=form.name.data,
        password=form.password.data or "",
        organisation=form.company.data,
        language=form.language.data,
        time_zone=form.time_zone.data,
        sender=SenderFields(
            from_name=form.from_name.data,
            from_email=form.from_email.data,
            reply_to=form.reply_to.data or "",
            company=form.company.data,
            postal_address=form.postal_address.data,
            language=form.language.data,
        ),
    )
