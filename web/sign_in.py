"""Signing in by password or one-time link, and out again."""

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Redirect

from campaigns import clock
from campaigns.accounts import audit, sign_in
from campaigns.db import read_session, transaction
from campaigns.models.user import User
from web import visitor
from web.access import allow

blueprint = Blueprint("sign_in", __name__)


def safe_target(path: str | None) -> str | None:
    """Return ``path`` when it stays on this site, so that a sign-in cannot be made to lead elsewhere."""
    if not path or not path.startswith("/") or path.startswith("//") or "\\" in path or any(c < " " for c in path):
        return None
    return path


@blueprint.get("/sign-in")
@allow("public")
def ask() -> str | Redirect:
    if visitor.current_visitor() is not None:
        return redirect(url_for("overview.show"), 303)
    return render_template(
        "sign_in/password.html", email="", problem=None, target=safe_target(request.args.get("next"))
    )


@blueprint.post("/sign-in")
@allow("public")
def check() -> Response | Redirect:
    """A wrong password and an unknown address answer the same, in the same time."""
    email, target = request.form.get("email", ""), safe_target(request.form.get("next"))
    try:
        with transaction() as session:
            user = sign_in.verify_password(
                session,
                email=email,
                password=request.form.get("password", ""),
                client=visitor.client(),
                now=clock.now(),
            )
            if user is not None:
                _note(session, user, "password")
    except sign_in.TooManyTries:
        return _again(
            email, target, _("Too many wrong tries. Wait 15 minutes, or ask an owner for a sign-in link."), 429
        )
    if user is None:
        return _again(email, target, _("Address or password is wrong."), 422)
    visitor.sign_in(user)
    return redirect(target or url_for("overview.show"), 303)


def _again(email: str, target: str | None, problem: str, status: int) -> Response:
    page = render_template("sign_in/password.html", email=email[:320], problem=problem, target=target)
    return Response(page, status=status)


@blueprint.get("/sign-in/<token>")
@allow("public")
def ask_link(token: str) -> Response:
    """Show a button only: scanners and previews follow links, and a GET changes nothing."""
    with read_session() as session:
        user = sign_in.find_link(session, token=token, now=clock.now())
        page = render_template("sign_in/link.html", user=user, token=token)
    return Response(page, status=200 if user else 404)


@blueprint.post("/sign-in/<token>")
@allow("public")
def use_link(token: str) -> Response | Redirect:
    with transaction() as session:
        user = sign_in.use_link(session, token=token, now=clock.now())
        if user is not None:
            _note(session, user, "link")
    if user is None:
        return Response(render_template("sign_in/link.html", user=None, token=token), status=404)
    visitor.sign_in(user)
    return redirect(url_for("overview.show"), 303)


@blueprint.post("/sign-out")
@allow("public")
def leave() -> Redirect:
    visitor.sign_out()
    flash(_("You are signed out."), "good")
    return redirect(url_for("sign_in.ask"), 303)


def _note(session: Session, user: User, way: str) -> None:
    actor = audit.Actor(user.email, user_id=user.id, network=visitor.client())
    audit.record(session, actor=actor, action="user.signed_in", detail={"way": way}, now=clock.now())
