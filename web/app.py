"""The application factory: pages and API. Subscribers' pages and hits are served beside it (web/server.py)."""

from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, request
from flask_wtf.csrf import CSRFProtect, generate_csrf
from jinja2 import StrictUndefined

from campaigns.ids import encode_id
from campaigns.models.user import Role
from campaigns.settings import Settings
from campaigns.signing import KeyRing
from web import access, errors, headers, languages, rooms, text
from web.forms import page_direction, page_language
from web.static_files import asset_url
from web.theme import THEMES
from web.visitor import SESSION_LIFETIME, current_house, current_visitor

FORM_BYTES = 4_000_000

BLUEPRINTS = (
    "web.static_files",
    "web.theme",
    "web.sign_in",
    "web.setup",
    "web.overview",
    "web.settings",
    "web.campaigns",
    "web.segments",
    "web.contacts",
    "web.lists",
    "web.imports",
    "web.suppressions",
    "web.inbox",
    "web.api",
)


def create_app(settings: Settings, key_ring: KeyRing) -> Flask:
    """Return the application for these settings and keys; it opens nothing until a request asks for it."""
    app = Flask(__name__, static_folder=None)
    app.url_map.strict_slashes = False  # /segments/ is /segments
    configure(app, settings, key_ring)
    app.extensions["settings"], app.extensions["key_ring"] = settings, key_ring
    text.register(app)
    access.register(app, CSRFProtect(app))
    rooms.register(app)
    errors.register(app)
    headers.register(app)
    languages.register(app)
    for name in BLUEPRINTS:
        register_pages(app, name)
    app.jinja_env.globals.update(
        asset_url=asset_url, may=access.may, Role=Role, page_language=page_language, page_direction=page_direction
    )
    app.jinja_env.filters["public_id"] = public_id
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.context_processor(frame_values)
    return app


def configure(app: Flask, settings: Settings, key_ring: KeyRing) -> None:
    """Cookies are told apart by port, since a browser shares them between the ports of a host."""
    is_https = urlsplit(settings.effective_public_url).scheme == "https"
    app.config.update(
        SECRET_KEY=key_ring.session_secret,
        SECRET_KEY_FALLBACKS=[key.derive("session").hex() for key in key_ring.keys[1:]],
        SESSION_COOKIE_NAME=f"{'__Host-' if is_https else ''}tidings_{settings.port}",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=is_https,
        PERMANENT_SESSION_LIFETIME=SESSION_LIFETIME,
        SESSION_REFRESH_EACH_REQUEST=False,
        MAX_CONTENT_LENGTH=FORM_BYTES,
        MAX_FORM_MEMORY_SIZE=FORM_BYTES,
        MAX_FORM_PARTS=5000,
        WTF_CSRF_CHECK_DEFAULT=False,  # access.py checks it, by each route's rule
        WTF_CSRF_TIME_LIMIT=None,
    )


def public_id(number: int, kind: str) -> str:
    """Return a row's public id, for addresses in templates."""
    return encode_id(kind, number)


def register_pages(app: Flask, name: str) -> None:
    """Register the blueprint of a module, or of a package's ``blueprint`` module after its views are imported."""
    module = import_module(name)
    if hasattr(module, "__path__"):
        import_module(f"{name}.views")
        module = import_module(f"{name}.blueprint")
    app.register_blueprint(module.pages if hasattr(module, "pages") else module.blueprint)


def frame_values() -> dict[str, Any]:
    """Return what the frame of every page shows."""
    chosen = request.cookies.get("tidings_theme", "auto")
    return {
        "visitor": current_visitor(),
        "house": current_house(),
        "csrf_token": generate_csrf,
        "theme": chosen if chosen in THEMES else "auto",
        "may_edit": access.may(Role.editor),
        "may_own": access.may(Role.owner),
    }
