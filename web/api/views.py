"""Importing this imports every operation, as the pages' packages do."""

from web.api.blueprint import OPERATIONS

__all__ = ["OPERATIONS"]
