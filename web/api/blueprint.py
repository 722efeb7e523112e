"""Every operation as a route of /api/v1, and the document that describes them."""

import json
from typing import Any

from flask import Blueprint, Response, current_app
from werkzeug.exceptions import NotFound as NoSuchPage

from campaigns.settings import Settings
from web.access import allow
from web.api import (
    campaigns,
    contacts,
    events,
    imports,
    installation,
    lists,
    segments,
    senders,
    sending,
    suppressions,
    templates,
)
from web.api.dispatch import make_view
from web.api.openapi import describe
from web.api.operation import Operation

VERSION = "1.0.0"
RESOURCES = (
    contacts,
    lists,
    imports,
    segments,
    templates,
    senders,
    campaigns,
    sending,
    events,
    suppressions,
    installation,
)
OPERATIONS: tuple[Operation, ...] = tuple(item for module in RESOURCES for item in module.operations.items)

pages = Blueprint("api", __name__, url_prefix="/api/v1")


def _add(operation: Operation) -> None:
    view = make_view(operation)
    rule = operation.path.replace("{", "<").replace("}", ">")
    guarded = allow(f"api:{operation.role}", upload=operation.upload)(view)
    pages.add_url_rule(rule, endpoint=operation.name, view_func=guarded, methods=[operation.method])


for _operation in OPERATIONS:
    _add(_operation)


@pages.get("/openapi.json")
@allow("public")
def openapi() -> Response:
    """Describe the API; no secret is in it, so no token is needed."""
    settings: Settings = current_app.extensions["settings"]
    document: dict[str, Any] = describe(OPERATIONS, version=VERSION, server=settings.effective_public_url)
    return Response(json.dumps(document, ensure_ascii=False), content_type="application/json; charset=utf-8")


@pages.route("/<path:anything>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
@allow("public", csrf=False)
def nothing_here(anything: str) -> Response:
    """Answer unknown paths with problem details rather than a page."""
    raise NoSuchPage("There is no such address in the API; /api/v1/openapi.json lists all.")
