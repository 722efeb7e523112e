"""One contact: all that is known."""

from typing import Any

from flask import Response, jsonify, render_template, request

from campaigns import clock
from campaigns.contacts import attributes, export_contact, lists, membership, save, suppress
from campaigns.contacts.names import full_name, greeting
from campaigns.db import read_session
from campaigns.ids import decode_id, encode_id
from campaigns.models.contact import Attribute, AttributeKind, Contact
from campaigns.models.user import Role
from campaigns.reporting import timeline
from campaigns.scoring.explain import explain_score
from web.access import allow
from web.contacts import words
from web.contacts.blueprint import blueprint

SHOWN_STEPS = 8
SHOWN_ITEMS = 30


@blueprint.get("/<contact_id>")
@allow(Role.viewer)
def show(contact_id: str) -> str:
    number, now = decode_id("contact", contact_id), clock.now()
    before = request.args.get("before") or None
    with read_session() as session:
        row = save.get_contact(session, contact_id=number)
        memberships = membership.list_memberships(session, contact_id=number)
        on_lists = {one.membership.list_id for one in memberships}
        items = timeline.contact_timeline(session, contact_id=number, before=before, limit=SHOWN_ITEMS)
        score = explain_score(session, contact_id=number, now=now)
        return render_template(
            "contacts/show.html",
            row=row,
            public=contact_id,
            name=full_name(row.given_name, row.family_name),
            greeting=greeting(row.given_name, row.family_name, row.language or "en", row.greeting),
            values=list_values(row, attributes.list_attributes(session, with_archived=True)),
            memberships=memberships,
            other_lists=[one for one in lists.list_lists(session) if one.id not in on_lists],
            suppression=suppress.find_suppression(session, address_hash=row.address_hash),
            score=score,
            steps=score.steps[-SHOWN_STEPS:][::-1],
            items=items,
            older=items[-1].cursor if len(items) == SHOWN_ITEMS else None,
            before=before,
            words=words,
            encode_id=encode_id,
        )


def list_values(row: Contact, known: list[Attribute]) -> list[tuple[str, Any, str]]:
    """Return label, value and kind of every attribute in use and of each that the contact has a value for."""
    return [
        (one.label, row.attributes.get(str(one.id)), AttributeKind(one.kind).value)
        for one in known
        if one.archived_at is None or str(one.id) in row.attributes
    ]


@blueprint.get("/<contact_id>/export")
@allow(Role.editor)
def export(contact_id: str) -> Response:
    with read_session() as session:
        answer = jsonify(export_contact.export_contact(session, contact_id=decode_id("contact", contact_id)))
    answer.headers["Content-Disposition"] = f'attachment; filename="{contact_id}.json"'
    return answer
