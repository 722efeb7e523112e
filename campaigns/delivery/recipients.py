"""A contact as the renderer takes it."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.contacts.names import full_name, greeting
from campaigns.errors import NotFound
from campaigns.models.contact import Attribute, Contact
from campaigns.rendering.content import Recipient


class NoSuchContact(NotFound):
    """There is no contact of this number."""

    code = "no_such_contact"


def attribute_names(session: Session) -> dict[str, str]:
    """Return the names of all attributes by their ids as text, as contacts hold them."""
    return {str(number): name for number, name in session.execute(select(Attribute.id, Attribute.name))}


def make_recipient(
    *,
    contact_id: int,
    email: str,
    given_name: str,
    family_name: str,
    own_greeting: str | None,
    language: str,
    time_zone: str | None,
    attributes: Mapping[str, Any],
    names: Mapping[str, str],
) -> Recipient:
    """Return the recipient of a mail in ``language``; ``names`` maps attribute ids to names."""
    return Recipient(
        contact_id=contact_id,
        email=email,
        given_name=given_name,
        family_name=family_name,
        full_name=full_name(given_name, family_name),
        greeting=greeting(given_name, family_name, language, own=own_greeting),
        language=language,
        time_zone=time_zone or "",
        attributes={names[key]: value for key, value in attributes.items() if key in names},
    )


def load_recipient(session: Session, *, contact_id: int, language: str) -> Recipient:
    """Return one contact as the recipient of a mail in ``language``; raises :class:`NoSuchContact`."""
    contact = session.get(Contact, contact_id)
    if contact is None:
        raise NoSuchContact("This contact does not exist any more. Choose another one.")
    return make_recipient(
        contact_id=contact.id,
        email=contact.email,
        given_name=contact.given_name,
        family_name=contact.family_name,
        own_greeting=contact.greeting,
        language=language,
        time_zone=contact.time_zone,
        attributes=contact.attributes,
        names=attribute_names(session),
    )
