"""Every page of the settings, imported so that each registers its routes."""

from web.settings import organisation, profile, senders, tokens, trail, users

__all__ = ["organisation", "profile", "senders", "tokens", "trail", "users"]
