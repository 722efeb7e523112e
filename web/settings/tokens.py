"""API tokens: made once shown once, revoked at once."""

from datetime import timedelta

from flask import Response, flash, redirect, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response as Redirect
from wtforms import SelectField, StringField

from campaigns import clock
from campaigns.accounts import audit
from campaigns.accounts import tokens as engine
from campaigns.db import read_session, transaction
from campaigns.ids import decode_id, encode_id
from campaigns.models.user import Role
from web import confirm, visitor
from web.access import allow
from web.forms import LINE, Form, Needed
from web.settings.blueprint import blueprint, render
from web.settings.users import role_names, role_words


class TokenForm(Form):
    name = StringField(_l("Name"), [Needed(), LINE])
    role = SelectField(_l("Role"), default=Role.editor)
    days = SelectField(_l("Ends"), default="365")


def _read_form(posted: bool) -> TokenForm:
    form = TokenForm.read() if posted else TokenForm()
    form.role.choices = role_words()
    form.days.choices = [
        ("30", _("in 30 days")),
        ("90", _("in 90 days")),
        ("365", _("in a year")),
        ("0", _("never")),
    ]
    return form


def _page(form: TokenForm | None = None, plain: str | None = None) -> str:
    form = form or _read_form(posted=False)
    with read_session() as session:
        living = engine.list_tokens(session)
        return render("tokens.html", tokens=living, form=form, plain=plain, role_names=role_names(), now=clock.now())


@blueprint.get("/tokens")
@allow("owner")
def tokens() -> str:
    return _page()


@blueprint.post("/tokens")
@allow("owner")
def tokens_create() -> Response | str:
    """Make a token and show its plain text, for the only time."""
    form = _read_form(posted=True)
    if not form.validate():
        return Response(_page(form), 422)
    now, days, actor = clock.now(), int(form.days.data), visitor.current_actor()
    with transaction() as session:
        token, plain = engine.create_token(
            session,
            name=form.name.data,
            role=form.role.data,
            now=now,
            created_by=actor.user_id,
            expires_at=now + timedelta(days=days) if days else None,
        )
        subject = encode_id("token", token.id)
        audit.record(session, actor=actor, action="token.created", subject=subject, now=now)
    return _page(plain=plain)


@blueprint.post("/tokens/<token_id>/revoke")
@allow("owner")
def tokens_revoke(token_id: str) -> Response | Redirect:
    if not confirm.is_confirmed():
        return confirm.ask(
            confirm.Question(
                _("Revoke this token?"),
                _("Programs that use it are refused at once. This can't be undone."),
                _("Revoke"),
                url_for("settings.tokens"),
                tone="danger",
            )
        )
    with transaction() as session:
        engine.revoke_token(session, token_id=decode_id("token", token_id), now=clock.now())
        actor = visitor.current_actor()
        audit.record(session, actor=actor, action="token.revoked", subject=token_id, now=clock.now())
    flash(_("The token is revoked."), "good")
    return redirect(url_for("settings.tokens"), 303)
