"""Errors as answers: the one table from engine errors to HTTP, pages for people, problem details for programs."""

import logging
from typing import Any

from flask import Flask, Response, jsonify, render_template, request
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from campaigns.accounts.sign_in import TooManyTries
from campaigns.errors import Conflict, Forbidden, InvalidInput, NotFound, TidingsError

log = logging.getLogger(__name__)

STATUS_OF: tuple[tuple[type[TidingsError], int], ...] = (
    (TooManyTries, 429),
    (InvalidInput, 422),
    (NotFound, 404),
    (Conflict, 409),
    (Forbidden, 403),
    (TidingsError, 400),
)
KEPT_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")


def status_of(error: TidingsError) -> int:
    """Return the HTTP status of an engine error."""
    return next(status for kind, status in STATUS_OF if isinstance(error, kind))


def register(app: Flask) -> None:
    """Answer every error with a page, or with problem details (RFC 9457) under /api and to JSON callers."""
    app.register_error_handler(TidingsError, _answer_engine)
    app.register_error_handler(CSRFError, _answer_stale_form)
    app.register_error_handler(HTTPException, _answer_http)
    app.register_error_handler(OperationalError, _answer_no_database)
    app.register_error_handler(Exception, _answer_failure)


def wants_problem() -> bool:
    """Say whether the caller is a program: under /api, or one that takes JSON rather than HTML."""
    accepts = request.accept_mimetypes
    return request.path.startswith("/api/") or (accepts["application/json"] > accepts["text/html"])


def _answer_engine(error: TidingsError) -> Response:
    members: dict[str, Any] = {"code": error.code}
    field = getattr(error, "field", None)
    if field:
        members["field"] = field
    if "errors" in error.params:
        members["errors"] = error.params["errors"]
    return _answer(status_of(error), str(error), **members)


def _answer_stale_form(error: CSRFError) -> Response:
    return _answer(400, _("This page was open for too long, or in two windows. Go back, reload it and try again."))


def _answer_http(error: HTTPException) -> Response:
    status = error.code or 500
    detail = error.description if wants_problem() or status == 403 else None
    response = _answer(status, detail or "")
    for name, value in error.get_headers():
        if name in KEPT_HEADERS:
            response.headers[name] = value
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="tidings"'
    return response


def _answer_no_database(error: OperationalError) -> Response:
    log.error("The database did not answer: %s", error.orig)
    return _answer(503, "")


def _answer_failure(error: Exception) -> Response:
    log.exception("A page failed", exc_info=error)
    return _answer(500, "")


def _answer(status: int, detail: str, **members: Any) -> Response:
    title, advice = _words(status)
    if wants_problem():
        body = {"type": "about:blank", "title": title, "status": status, "detail": detail or advice, **members}
        response = jsonify(body)
        response.content_type = "application/problem+json"
    else:
        response = Response(render_template("error.html", status=status, title=title, text=detail or advice))
    response.status_code = status
    return response


def _words(status: int) -> tuple[str, str]:
    words = {
        400: (_("That request cannot be read"), _("Go back, reload the page and try again.")),
        401: (_("Please sign in"), _("This needs a sign-in or an API token.")),
        403: (_("That is not for your role"), _("An owner can change your role under Settings.")),
        404: (_("There is nothing here"), _("It may have been deleted, or the address was cut off.")),
        405: (_("That does not work here"), _("Go back and use the buttons of the page.")),
        409: (_("That does not fit the present state"), _("Reload the page to see how things stand now.")),
        413: (_("That is too large"), _("Send a smaller file, or split it.")),
        415: (_("That kind of content is not taken here"), _("Go back and use the form of the page.")),
        422: (_("Something is missing or wrong"), _("Go back and look at what you entered.")),
        429: (_("Too many tries"), _("Wait a while and try again.")),
        503: (_("The database does not answer"), _("Nothing is lost. Try again in a minute.")),
    }
    failed = (_("Something went wrong on our side"), _("It was written to the log. Try again in a minute."))
    return words.get(status, failed)
