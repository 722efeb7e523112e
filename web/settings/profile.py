"""One's own name, address, language, time zone and password."""

from flask import Response, flash, redirect, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.exceptions import Unauthorized
from werkzeug.wrappers import Response as Redirect
from wtforms import EmailField, PasswordField, SelectField, StringField

from campaigns import clock
from campaigns.accounts import audit, passwords, users
from campaigns.db import transaction
from campaigns.errors import Conflict, InvalidInput
from web import visitor
from web.access import allow
from web.forms import LINE, Form, Needed
from web.languages import language_names, zone_names
from web.settings.blueprint import blueprint, render


class ProfileForm(Form):
    name = StringField(_l("Name"), [LINE])
    email = EmailField(_l("Email address"), [Needed(), LINE])
    language = SelectField(_l("Language"))
    time_zone = SelectField(_l("Time zone"))


class PasswordForm(Form):
    current = PasswordField(_l("Present password"))
    password = PasswordField(_l("New password"), [Needed()])


def _person() -> visitor.Visitor:
    person = visitor.current_visitor()
    if person is None:
        raise Unauthorized
    return person


def _profile_form(posted: bool) -> ProfileForm:
    person = _person()
    known = {
        "name": person.name,
        "email": person.email,
        "language": person.language or "",
        "time_zone": person.time_zone or "",
    }
    form = ProfileForm.read(**known) if posted else ProfileForm(data=known)
    form.language.choices = [("", _("As the browser says")), *language_names()]
    zones = [(zone, zone.replace("_", " ")) for zone in zone_names()]
    form.time_zone.choices = [("", _("As the organisation: %(zone)s", zone=visitor.current_house().time_zone)), *zones]
    return form


def _page(profile: ProfileForm | None = None, password: PasswordForm | None = None) -> str:
    return render(
        "profile.html",
        form=profile or _profile_form(posted=False),
        password_form=password or PasswordForm(),
        has_password=_person().has_password,
    )


@blueprint.get("/")
@allow("viewer")
def profile() -> str:
    return _page()


@blueprint.post("/")
@allow("viewer")
def profile_save() -> Response | Redirect:
    form, user_id = _profile_form(posted=True), _person().user_id
    if not form.validate():
        return Response(_page(profile=form), 422)
    try:
        with transaction() as session:
            users.change_email(session, user_id=user_id, email=form.email.data)
            users.change_profile(
                session,
                user_id=user_id,
                name=form.name.data,
                language=form.language.data or None,
                time_zone=form.time_zone.data or None,
            )
            _note_address(session, form.email.data)
    except (InvalidInput, Conflict) as error:
        form.blame("email", str(error))
        return Response(_page(profile=form), 422)
    visitor.forget()
    flash(_("Your profile is saved."), "good")
    return redirect(url_for("settings.profile"), 303)


def _note_address(session: Session, email: str) -> None:
    """An address is what one signs in with; the trail keeps the one before, by whoever had it."""
    if email.strip() != _person().email:
        audit.record(session, actor=visitor.current_actor(), action="user.address_changed", now=clock.now())


@blueprint.post("/password")
@allow("viewer")
def profile_password() -> Response | Redirect:
    """The present password is asked for where there is one; every other session of the person ends."""
    form, user_id = PasswordForm.read(), _person().user_id
    with transaction() as session:
        user = users.get_user(session, user_id=user_id)
        if user.password_hash and not passwords.is_password(user, form.current.data or ""):
            form.blame("current", _("This is not your present password."))
        else:
            _set_password(session, form, user_id)
    if form.errors:
        return Response(_page(password=form), 422)
    visitor.sign_in(user)
    flash(_("Your password is changed; all your other sessions have ended."), "good")
    return redirect(url_for("settings.profile"), 303)


def _set_password(session: Session, form: PasswordForm, user_id: int) -> None:
    try:
        passwords.set_password(session, user_id=user_id, password=form.password.data or "")
    except InvalidInput as error:
        form.blame("password", str(error))
        return
    audit.record(session, actor=visitor.current_actor(), action="user.password_changed", now=clock.now())
