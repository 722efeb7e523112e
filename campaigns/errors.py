"""Base errors. Each concrete error is a class beside the function that raises it."""

from collections.abc import Mapping
from typing import Any


class TidingsError(Exception):
    """Something a person can understand and act on.

    ``code`` is stable and machine-readable; ``params`` fill the wording; ``str(error)`` is the English
    sentence that says what is wrong, where, and what to do.
    """

    code = "error"

    def __init__(self, message: str, **params: Any) -> None:
        super().__init__(message)
        self.params: Mapping[str, Any] = params


class InvalidInput(TidingsError):
    """The caller sent something that cannot be used (HTTP 422). ``field`` names where, when known."""

    code = "invalid_input"

    def __init__(self, message: str, *, field: str | None = None, **params: Any) -> None:
        super().__init__(message, **params)
        self.field = field


class NotFound(TidingsError):
    """What was asked for does not exist (HTTP 404)."""

    code = "not_found"


class Conflict(TidingsError):
    """The request does not fit the present state (HTTP 409)."""

    code = "conflict"


class Forbidden(TidingsError):
    """The caller is known but not allowed to do this (HTTP 403)."""

    code = "forbidden"
