"""Deeds on one contact: subscribing, unsubscribing, erasing."""

from flask import flash, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from campaigns import clock
from campaigns.accounts import audit
from campaigns.contacts import erase, membership
from campaigns.contacts.membership import Consent, Outcome
from campaigns.db import transaction
from campaigns.errors import InvalidInput
from campaigns.ids import decode_id
from campaigns.models.user import Role
from web import confirm
from web.access import allow
from web.contacts.blueprint import blueprint
from web.visitor import current_actor


@blueprint.post("/<contact_id>/subscribe")
@allow(Role.editor)
def subscribe(contact_id: str) -> Response:
    """Put a contact on a list. Who unsubscribed comes back only with the box ticked that they asked for it."""
    now, public = clock.now(), request.form.get("list_id", "")
    try:
        with transaction() as session:
            outcome = membership.subscribe(
                session,
                contact_id=decode_id("contact", contact_id),
                list_id=decode_id("list", public),
                consent=Consent(request.form.get("consent_source", "")),
                now=now,
                is_own_wish=request.form.get("own_wish") == "yes",
            )
            detail = {"list": public, "outcome": outcome.value}
            audit.record(
                session, actor=current_actor(), action="contact.subscribed", now=now, subject=contact_id, detail=detail
            )
    except InvalidInput as error:
        flash(str(error), "bad")
    else:
        _tell(outcome)
    return redirect(url_for(".show", contact_id=contact_id), 303)


def _tell(outcome: Outcome) -> None:
    if outcome is Outcome.kept_unsubscribed:
        flash(_("This person unsubscribed, and stays so until they ask for it again."), "warn")
    elif outcome is Outcome.unchanged:
        flash(_("This person is on the list already."))
    else:
        flash(_("Subscribed."), "good")


@blueprint.post("/<contact_id>/unsubscribe")
@allow(Role.editor)
def unsubscribe(contact_id: str) -> Response:
    back, public = url_for(".show", contact_id=contact_id), request.form.get("list_id", "")
    if not confirm.is_confirmed():
        text = _("No campaign of this list reaches this person any more, those under way included.")
        return confirm.ask(confirm.Question(_("Unsubscribe this person?"), text, _("Unsubscribe"), back))
    now = clock.now()
    with transaction() as session:
        membership.end_membership(
            session,
            contact_id=decode_id("contact", contact_id),
            list_id=decode_id("list", public),
            source=current_actor().name,
            now=now,
        )
        audit.record(
            session,
            actor=current_actor(),
            action="contact.unsubscribed",
            now=now,
            subject=contact_id,
            detail={"list": public},
        )
    flash(_("Unsubscribed."), "good")
    return redirect(back, 303)


@blueprint.post("/<contact_id>/erase")
@allow(Role.editor)
def erase_person(contact_id: str) -> Response:
    if not confirm.is_confirmed():
        text = _(
            "Name, address, attributes, consent and history go for good. Reports keep their numbers. A fingerprint "
            "of the address stays, so that nobody writes to it again."
        )
        back = url_for(".show", contact_id=contact_id)
        return confirm.ask(confirm.Question(_("Erase this person?"), text, _("Erase for good"), back, "danger"))
    now = clock.now()
    with transaction() as session:
        source = current_actor().name
        erase.erase_contact(session, contact_id=decode_id("contact", contact_id), source=source, now=now)
        audit.record(session, actor=current_actor(), action="contact.erased", now=now, subject=contact_id)
    flash(_("The person is erased."), "good")
    return redirect(url_for(".index"), 303)
