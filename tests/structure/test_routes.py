"""Every route of every application states who may call it, and every change is protected against forged requests."""

import pytest
from flask import Flask
from werkzeug.routing import Rule as Route

from campaigns.settings import get_settings
from campaigns.signing import KeyRing
from web.access import SAFE_METHODS, rule_of
from web.app import create_app
from web.public.app import create_public_app

# DESIGN: pages of subscribers and machines, protected by the token in their address.
OPEN_POSTS = ("/u/", "/p/", "/f/", "/webhooks/")
OPEN_API = {"/api/v1/openapi.json", "/api/v1/<path:anything>"}  # the description; 404 for what is not there


@pytest.fixture
def app(key_ring: KeyRing) -> Flask:
    return create_app(get_settings(), key_ring)


def changes(route: Route) -> bool:
    return bool((route.methods or set()) - SAFE_METHODS)


def test_every_route_states_its_access_rule(app: Flask) -> None:
    """A page without a rule was once open to everybody, since nobody had thought of it."""
    assert [
        str(route) for route in app.url_map.iter_rules() if rule_of(app.view_functions[route.endpoint]) is None
    ] == []


def test_every_post_needs_the_csrf_token_or_a_bearer(app: Flask) -> None:
    for route in filter(changes, app.url_map.iter_rules()):
        rule = rule_of(app.view_functions[route.endpoint])
        assert rule is not None
        assert rule.csrf or rule.kind == "api" or str(route) in OPEN_API, f"{route} takes a POST from anywhere"


def test_what_is_open_to_strangers_is_known(app: Flask) -> None:
    """Add to this list with care: these pages run for anybody on the network."""
    public = {str(route) for route in app.url_map.iter_rules() if _kind(app, route) == "public"}
    assert public - OPEN_API == {
        "/favicon.ico",
        "/sign-in",
        "/sign-in/<token>",
        "/sign-out",
        "/static/<name>",
        "/theme",
    }


def test_api_routes_take_bearers_only(app: Flask) -> None:
    for route in app.url_map.iter_rules():
        if str(route) not in OPEN_API:
            assert (_kind(app, route) == "api") == str(route).startswith("/api/"), f"{route} takes the wrong proof"


def test_subscribers_change_something_only_at_the_known_addresses(key_ring: KeyRing) -> None:
    public = create_public_app(get_settings(), key_ring)
    posts = [str(route) for route in public.url_map.iter_rules() if changes(route)]
    assert posts
    assert [path for path in posts if not path.startswith(OPEN_POSTS)] == []


def _kind(app: Flask, route: Route) -> str:
    rule = rule_of(app.view_functions[route.endpoint])
    return rule.kind if rule else ""
