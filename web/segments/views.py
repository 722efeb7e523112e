"""Imports every module that adds routes to the blueprint."""

from web.segments import editing, pages

MODULES = (editing, pages)
