"""What a public address answers when it cannot do what was asked. Never says whether an address exists."""

import logging

from flask import Flask, Response, make_response, render_template
from flask_babel import gettext as _
from werkzeug.exceptions import HTTPException

from campaigns.signing import BadToken

log = logging.getLogger(__name__)


def register(app: Flask) -> None:
    """Answer every error with a small page in the reader's language."""
    app.register_error_handler(BadToken, _say_bad_link)
    app.register_error_handler(HTTPException, _say_http_error)
    app.register_error_handler(Exception, _say_failure)


def _page(status: int, title: str, text: str) -> Response:
    return make_response(render_template("error.html", title=title, text=text), status)


def _say_bad_link(error: Exception) -> Response:
    return _page(
        404,
        _("This link does not work"),
        _("It may have been cut off on its way. Open it from the mail itself, or copy all of it."),
    )


def _say_http_error(error: HTTPException) -> Response:
    if error.code == 404:
        return _say_bad_link(error)
    answer = _page(error.code or 500, _("This did not work"), _("Please go back and try it again."))
    answer.headers.extend([pair for pair in error.get_headers() if pair[0] in ("Allow", "Retry-After")])
    return answer


def _say_failure(error: Exception) -> Response:
    log.exception("A public page failed", exc_info=error)
    return _page(500, _("Something went wrong on our side"), _("Please try it again in a few minutes."))
