"""The application's keys, for operations that hash or sign."""

from flask import current_app

from campaigns.signing import KeyRing


def key_ring() -> KeyRing:
    """Return the key ring that the application was made with."""
    ring: KeyRing = current_app.extensions["key_ring"]
    return ring
