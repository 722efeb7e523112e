"""Who may call a route. Every route states its rule with :func:`allow`; one without a rule is refused.

``allow("public")``        anybody; a POST still needs the CSRF token unless ``csrf=False``
``allow("signed_in")``     anybody who is signed in, even before set-up
``allow(Role.viewer)``     and above; likewise editor, owner: signed in, and the installation set up
``allow("api:viewer")``    and above; a bearer token, never a cookie, so no CSRF
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Flask, current_app, g, redirect, request, url_for
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import Forbidden as ForbiddenPage
from werkzeug.exceptions import InternalServerError, Unauthorized
from werkzeug.wrappers import Response

from campaigns.accounts.roles import includes
from campaigns.errors import Forbidden
from campaigns.models.user import Role
from campaigns.settings import Settings
from web.visitor import current_actor, current_house, current_visitor, read_bearer

__all__ = ["Rule", "allow", "current_actor", "may", "register", "rule_of"]

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Rule:
    """Who may call a route, and how its POST is protected."""

    kind: str
    role: Role | None = None
    csrf: bool = True
    before_setup: bool = False
    upload: bool = False


class NotAllowed(Forbidden):
    """Signed in, but with a role that may not do this."""

    code = "not_allowed"


def allow(rule: str, *, csrf: bool = True, before_setup: bool = False, upload: bool = False) -> Callable[[View], View]:
    """State who may call the view: ``"public"``, ``"signed_in"``, a role, or ``"api:<role>"``.

    ``csrf=False`` is for public POSTs only; ``upload`` raises the limit of the body to the setting's.
    """
    stated = _read_rule(rule, csrf=csrf, before_setup=before_setup, upload=upload)

    def state(view: View) -> View:
        view.access_rule = stated  # type: ignore[attr-defined]
        return view

    return state


def _read_rule(rule: str, *, csrf: bool, before_setup: bool, upload: bool) -> Rule:
    if rule in ("public", "signed_in"):
        return Rule(rule, None, csrf, before_setup, upload)
    if rule.startswith("api:"):
        return Rule("api", Role(rule.removeprefix("api:")), False, before_setup, upload)
    return Rule("role", Role(rule), csrf, before_setup, upload)


def rule_of(view: Callable[..., Any]) -> Rule | None:
    """Return the rule that a view states."""
    return getattr(view, "access_rule", None)


def may(role: str) -> bool:
    """Say whether the visitor's role includes ``role``, for showing or hiding a control."""
    visitor = current_visitor()
    return visitor is not None and includes(visitor.role, role)


def register(app: Flask, csrf: CSRFProtect) -> None:
    """Check the rule of every request before its view runs."""

    @app.before_request
    def enforce() -> Response | None:
        if request.endpoint is None:
            return None  # becomes a 404 or 405
        rule = rule_of(app.view_functions[request.endpoint])
        if rule is None:
            raise InternalServerError(f"The route {request.endpoint} states no access rule.")
        if rule.upload:
            settings: Settings = current_app.extensions["settings"]
            request.max_content_length = settings.upload_limit
        answer = _check(rule)
        if answer is None and rule.csrf and request.method not in SAFE_METHODS:
            csrf.protect()
        return answer


def _check(rule: Rule) -> Response | None:
    if rule.kind == "public":
        return None
    if rule.kind == "api":
        _check_bearer(rule)
        return None
    visitor = current_visitor()
    if visitor is None:
        return _ask_to_sign_in()
    if rule.role is not None and not includes(visitor.role, rule.role):
        raise NotAllowed("Your role does not allow this; an owner can change it under Settings.")
    if rule.kind == "role" and not rule.before_setup and not current_house().is_set_up:
        return _ask_to_set_up()
    return None


def _check_bearer(rule: Rule) -> None:
    found = read_bearer()
    if found is None:
        raise Unauthorized("Send a living API token: Authorization: Bearer tid_…")
    actor, role = found
    if rule.role is not None and not includes(role, rule.role):
        raise NotAllowed(f"This API token has the role {role}; {rule.role} is needed.")
    g.actor = actor


def _ask_to_sign_in() -> Response:
    """htmx would put the sign-in page into a corner of the present one, so it is told to go there whole."""
    here = request.full_path.rstrip("?") if request.method == "GET" else None
    if request.headers.get("HX-Request"):
        return Response(status=401, headers={"HX-Redirect": url_for("sign_in.ask")})
    return redirect(url_for("sign_in.ask", next=here if here != "/" else None), 303)


def _ask_to_set_up() -> Response:
    if not may(Role.owner):
        raise ForbiddenPage("An owner must finish setting up first.")
    return redirect(url_for("setup.ask"), 303)
