"""All views of the blueprint; importing this module adds them to it."""

from web.campaigns import audience, compose, listing, messages, preview, report, review, running

__all__ = ["audience", "compose", "listing", "messages", "preview", "report", "review", "running"]
