"""Imports every module with routes of contacts."""

from web.contacts import change, deeds, index, show

__all__ = ["change", "deeds", "index", "show"]
