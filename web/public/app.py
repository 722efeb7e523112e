"""The public application: what subscribers, mail systems and monitors see. No login, no cookies, no session."""

from typing import TYPE_CHECKING

from flask import Flask, Response

from campaigns.settings import Settings
from campaigns.signing import KeyRing
from web.public import errors, health, languages, preferences, style, unsubscribe, view
from web.public.hurry import Hurry

if TYPE_CHECKING:
    from web.public.tracking import HitKeeper

MODULES = (health, style, unsubscribe, preferences, view)
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
}


def create_public_app(settings: Settings, key_ring: KeyRing, keeper: "HitKeeper | None" = None) -> Flask:
    """Return the public application; ``keeper`` is whose counts ``/metrics`` shows."""
    app = Flask(__name__, template_folder="../templates/public", static_folder=None)
    app.config.update(TIDINGS_SETTINGS=settings, TIDINGS_KEY_RING=key_ring, TIDINGS_KEEPER=keeper)
    languages.register(app)
    app.after_request(_add_headers)
    errors.register(app)
    for module in MODULES:
        app.register_blueprint(module.blueprint)
    app.wsgi_app = Hurry(app.wsgi_app)  # type: ignore[method-assign]
    return app


def _add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
