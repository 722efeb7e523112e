"""The one style sheet of the public pages, and what their base template asks for."""

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, request
from flask_babel import get_locale

blueprint = Blueprint("style", __name__)

SHEET = Path(__file__).parent.parent / "templates" / "public" / "public.css"


@blueprint.get("/public/style.css")
def sheet() -> Response:
    """Return the style sheet."""
    data, tag = _read_sheet()
    response = Response(data, mimetype="text/css", headers={"Cache-Control": "public, max-age=3600"})
    response.set_etag(tag)
    response.make_conditional(request)
    return response


@blueprint.app_context_processor
def _language() -> dict[str, Any]:
    return {"page_language": _page_language, "page_direction": _page_direction}


@cache
def _read_sheet() -> tuple[bytes, str]:
    data = SHEET.read_bytes()
    return data, sha256(data).hexdigest()[:16]


def _page_language() -> str:
    return str(get_locale() or "en").replace("_", "-")


def _page_direction() -> str:
    locale = get_locale()
    return locale.text_direction if locale else "ltr"
