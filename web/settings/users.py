"""Users: who may sign in, and as what."""

from flask import Response, current_app, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Redirect
from wtforms import EmailField, SelectField, StringField

from campaigns import clock
from campaigns.accounts import audit, sign_in
from campaigns.accounts import users as engine
from campaigns.db import read_session, transaction
from campaigns.errors import Conflict, InvalidInput
from campaigns.ids import decode_id, encode_id
from campaigns.models.user import Role
from web import confirm, visitor
from web.access import allow
from web.forms import LINE, Form, Needed
from web.settings.blueprint import blueprint, render


class UserForm(Form):
    email = EmailField(_l("Email address"), [Needed(), LINE])
    name = StringField(_l("Name"), [LINE])
    role = SelectField(_l("Role"), default=Role.editor)


def role_words() -> list[tuple[str, str]]:
    return [
        (Role.owner, _("Owner: everything, also users and settings")),
        (Role.editor, _("Editor: contacts, segments, campaigns, sending")),
        (Role.viewer, _("Viewer: looks, changes nothing")),
    ]


def role_names() -> dict[str, str]:
    return {Role.owner: _("Owner"), Role.editor: _("Editor"), Role.viewer: _("Viewer")}


def _read_form(posted: bool) -> UserForm:
    form = UserForm.read() if posted else UserForm()
    form.role.choices = role_words()
    return form


def _page(form: UserForm | None = None, link: str | None = None, link_for: str = "") -> str:
    form = form or _read_form(posted=False)
    with read_session() as session:
        everybody = engine.list_users(session)
        return render("users.html", users=everybody, form=form, link=link, link_for=link_for, role_names=role_names())


@blueprint.get("/users")
@allow("owner")
def users() -> str:
    return _page()


@blueprint.post("/users")
@allow("owner")
def users_create() -> Response | str:
    """Make a user and show their first sign-in link, which only works for 15 minutes."""
    form = _read_form(posted=True)
    if not form.validate():
        return Response(_page(form), 422)
    try:
        with transaction() as session:
            now = clock.now()
            user = engine.create_user(
                session, email=form.email.data, name=form.name.data or "", role=form.role.data, now=now
            )
            token = sign_in.create_link(session, user_id=user.id, now=now)
            _note(session, "user.created", user.id, role=user.role)
    except (InvalidInput, Conflict) as error:
        form.blame(getattr(error, "field", None) or "email", str(error))
        return Response(_page(form), 422)
    return _page(link=_link_url(token), link_for=user.email)


@blueprint.post("/users/<user_id>/link")
@allow("owner")
def users_link(user_id: str) -> str:
    with transaction() as session:
        user = engine.get_user(session, user_id=decode_id("user", user_id))
        token = sign_in.create_link(session, user_id=user.id, now=clock.now())
        _note(session, "user.link_made", user.id)
    return _page(link=_link_url(token), link_for=user.email)


def _link_url(token: str) -> str:
    """The public address is what another person can open; the Host header is not to be trusted with a secret."""
    base: str = current_app.extensions["settings"].effective_public_url
    return base + url_for("sign_in.ask_link", token=token)


@blueprint.post("/users/<user_id>/role")
@allow("owner")
def users_role(user_id: str) -> Redirect:
    with transaction() as session:
        user = engine.change_role(session, user_id=decode_id("user", user_id), role=request.form.get("role", ""))
        _note(session, "user.role_changed", user.id, role=user.role)
    flash(_("The role of %(email)s is changed.", email=user.email), "good")
    return redirect(url_for("settings.users"), 303)


@blueprint.post("/users/<user_id>/disable")
@allow("owner")
def users_disable(user_id: str) -> Response | Redirect:
    if not confirm.is_confirmed():
        return confirm.ask(
            confirm.Question(
                _("Disable this user?"),
                _("Their sessions end at once and they can't sign in. You can enable them again."),
                _("Disable"),
                url_for("settings.users"),
                tone="danger",
            )
        )
    with transaction() as session:
        user = engine.disable_user(session, user_id=decode_id("user", user_id), now=clock.now())
        _note(session, "user.disabled", user.id)
    flash(_("%(email)s can't sign in any more.", email=user.email), "good")
    return redirect(url_for("settings.users"), 303)


@blueprint.post("/users/<user_id>/enable")
@allow("owner")
def users_enable(user_id: str) -> Redirect:
    with transaction() as session:
        user = engine.enable_user(session, user_id=decode_id("user", user_id))
        _note(session, "user.enabled", user.id)
    flash(_("%(email)s may sign in again.", email=user.email), "good")
    return redirect(url_for("settings.users"), 303)


def _note(session: Session, action: str, user_id: int, **detail: str) -> None:
    audit.record(
        session,
        actor=visitor.current_actor(),
        action=action,
        subject=encode_id("user", user_id),
        detail=detail,
        now=clock.now(),
    )
