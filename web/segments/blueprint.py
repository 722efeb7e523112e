"""The blueprint of segments, and what its templates know."""

from typing import Any

from flask import Blueprint
from sqlalchemy.orm import Session

from campaigns import clock
from campaigns.accounts import audit
from campaigns.contacts.names import full_name
from campaigns.ids import decode_id, encode_id
from web import wording
from web.segments import words
from web.segments.draft import DraftGroup
from web.visitor import current_actor

blueprint = Blueprint("segments", __name__, url_prefix="/segments")


@blueprint.app_template_test("a_group")
def is_group(node: object) -> bool:
    return isinstance(node, DraftGroup)


@blueprint.context_processor
def what_templates_know() -> dict[str, Any]:
    return {
        "encode_id": encode_id,
        "campaign_state": wording.campaign_state,
        "full_name": full_name,
        "field_label": words.field_label,
        "operator_label": words.operator_label,
    }


def read_id(text: str) -> int:
    """Return the row number behind a segment's public id; raises ``NotFound``."""
    return decode_id("segment", text)


def note(session: Session, action: str, segment_id: int) -> None:
    """Put a deed into the audit trail."""
    subject = encode_id("segment", segment_id)
    audit.record(session, actor=current_actor(), action=action, subject=subject, now=clock.now())
