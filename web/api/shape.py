"""What all shapes of the API share."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, PlainSerializer


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Instant = Annotated[datetime, PlainSerializer(_iso, return_type=str, when_used="json")]
"""An instant, written in UTC as RFC 3339."""


class Input(BaseModel):
    """What callers send: an unknown field is refused, not ignored, so that a typing error is seen."""

    model_config = ConfigDict(extra="forbid")


class Answer(BaseModel):
    """What callers get."""

    model_config = ConfigDict(from_attributes=True)


def given(body: BaseModel) -> dict[str, Any]:
    """Return the fields that the caller really sent."""
    return {name: getattr(body, name) for name in body.model_fields_set}
