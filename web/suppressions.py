"""Pages of suppressed addresses: whom nobody may write to, and why."""

from datetime import datetime

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response
from wtforms import EmailField

from campaigns import clock
from campaigns.accounts import audit
from campaigns.contacts import addresses, suppress
from campaigns.db import read_session, transaction
from campaigns.errors import InvalidInput
from campaigns.models.suppression import SuppressionReason
from campaigns.models.user import Role
from web import confirm
from web.access import allow
from web.forms import LINE, Form, Needed
from web.visitor import current_actor

blueprint = Blueprint("suppressions", __name__, url_prefix="/suppressions")


class SuppressForm(Form):
    email = EmailField(_l("Email address"), [Needed(), LINE])


def reason_words(reason: str) -> str:
    """Return why an address is suppressed, in words."""
    return {
        "complaint": _("Marked a mail as spam"),
        "hard_bounce": _("The address does not exist any more"),
        "manual": _("Asked not to be written to"),
        "erased": _("Asked to be erased"),
        "imported": _("Came in with an import"),
    }.get(reason, reason)


def _hash_of(email: str) -> bytes | None:
    try:
        key = addresses.normalise(email).key
    except addresses.InvalidAddress:
        return None
    found: bytes = current_app.extensions["key_ring"].address_hash(key)
    return found


def _read_after(text: str) -> tuple[datetime, bytes] | None:
    at, _dash, digest = text.partition("~")
    try:
        moment = datetime.fromisoformat(at)
        return (moment, bytes.fromhex(digest)) if moment.tzinfo else None
    except ValueError:
        return None


@blueprint.get("/")
@allow(Role.viewer)
def index() -> str:
    return _show(SuppressForm())


def _show(form: SuppressForm) -> str:
    search = request.args.get("q", "").strip()
    reason = request.args.get("reason", "")
    chosen = SuppressionReason(reason) if reason in list(SuppressionReason) else None
    address_hash = (_hash_of(search) or b"-") if search else None
    after = _read_after(request.args.get("after", ""))
    with read_session() as session:
        page = suppress.list_suppressions(session, address_hash=address_hash, reason=chosen, after=after)
        counts = suppress.count_by_reason(session)
    last = page.next_after
    older = (
        url_for(".index", q=search or None, reason=reason or None, after=f"{last[0].isoformat()}~{last[1].hex()}")
        if last
        else None
    )
    return render_template(
        "suppressions/list.html",
        page=page,
        counts=counts,
        reasons=list(SuppressionReason),
        words=reason_words,
        search=search,
        reason=reason,
        form=form,
        older_url=older,
        newer_url=url_for(".index", q=search or None, reason=reason or None) if after else None,
    )


@blueprint.post("/")
@allow(Role.editor)
def add() -> Response | tuple[str, int]:
    form, now = SuppressForm.read(), clock.now()
    if form.validate():
        try:
            with transaction() as session:
                is_new = suppress.suppress_address(
                    session,
                    email=form.email.data or "",
                    reason=SuppressionReason.manual,
                    source=current_actor().name,
                    key_ring=current_app.extensions["key_ring"],
                    now=now,
                )
                audit.record(session, actor=current_actor(), action="suppression.added", now=now)
            flash(
                _("Nobody will write to this address any more.") if is_new else _("It was suppressed already."), "good"
            )
            return redirect(url_for(".index"), 303)
        except InvalidInput as error:
            form.blame(error.field, str(error))
    return _show(form), 422


@blueprint.post("/<digest>/remove")
@allow(Role.editor)
def remove(digest: str) -> Response:
    if not confirm.is_confirmed():
        text = _("Mails go to this address again. Do this only when the person asked for it.")
        question = confirm.Question(_("Lift this suppression?"), text, _("Lift it"), url_for(".index"), "danger")
        return confirm.ask(question)
    try:
        address_hash = bytes.fromhex(digest)
    except ValueError:
        raise NotFound from None
    with transaction() as session:
        row = suppress.remove_suppression(session, address_hash=address_hash)
        detail = {"reason": row.reason, "hint": row.hint}
        audit.record(session, actor=current_actor(), action="suppression.lifted", now=clock.now(), detail=detail)
    flash(_("The suppression is lifted."), "good")
    return redirect(url_for(".index"), 303)
