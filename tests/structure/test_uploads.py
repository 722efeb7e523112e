"""The server lets only the upload routes have large bodies, and it knows all of them."""

from flask import Flask

from campaigns.settings import get_settings
from campaigns.signing import KeyRing
from web.access import rule_of
from web.app import create_app
from web.server import UPLOAD_PATHS


def test_the_server_knows_every_route_that_takes_uploads(key_ring: KeyRing) -> None:
    """A route that it does not know would refuse every file above a few megabytes."""
    app: Flask = create_app(get_settings(), key_ring)
    taking = set()
    for rule in app.url_map.iter_rules():
        stated = rule_of(app.view_functions[rule.endpoint])
        if stated is not None and stated.upload:
            taking.add(str(rule))
    assert taking == set(UPLOAD_PATHS)
