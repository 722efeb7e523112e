"""Codes of the engine, worded for people: states, reasons, verdicts. The engine stores codes, only pages have words."""

from collections.abc import Mapping
from typing import Any

from flask_babel import format_decimal, ngettext
from flask_babel import gettext as _

from campaigns.models.campaign import CampaignState
from campaigns.models.message import Reason
from campaigns.preflight import Finding


def campaign_state(state: str) -> str:
    """Return a campaign's state as one word or two."""
    words: dict[CampaignState, str] = {
        CampaignState.draft: _("Draft"),
        CampaignState.scheduled: _("Scheduled"),
        CampaignState.starting: _("Starting"),
        CampaignState.sending: _("Sending"),
        CampaignState.paused: _("Paused"),
        CampaignState.held: _("Held"),
        CampaignState.sent: _("Sent"),
        CampaignState.cancelled: _("Cancelled"),
    }
    return words[CampaignState(state)]


def campaign_tone(state: str) -> str:
    """Return the colour of a state's badge: good, warn, bad, info or nothing."""
    return {
        CampaignState.scheduled: "info",
        CampaignState.starting: "info",
        CampaignState.sending: "info",
        CampaignState.paused: "warn",
        CampaignState.held: "bad",
        CampaignState.sent: "good",
    }.get(CampaignState(state), "")


def message_state(state: str) -> str:
    """Return what became of one message, by the name of its state. "Handed over" is all that a sender can know."""
    words: dict[str, str] = {
        "waiting": _("Waiting"),
        "in_hand": _("In hand"),
        "retry": _("To be tried again"),
        "sent": _("Handed over"),
        "failed": _("Failed"),
        "uncertain": _("Uncertain"),
        "skipped": _("Skipped"),
        "cancelled": _("Cancelled"),
    }
    return words[state]


def message_tone(state: str) -> str:
    return {"sent": "good", "failed": "bad", "uncertain": "warn", "retry": "info", "in_hand": "info"}.get(state, "")


def reason(code: int, detail: str | None = None) -> str:
    """Return why a message is in its state; ``detail`` names the merge tag, segment or answer where there is one."""
    words = _skipped_reason(Reason(code), detail or "") or _sending_reason(Reason(code))
    return words or ""


def _skipped_reason(code: Reason, detail: str) -> str | None:
    return {
        Reason.unsubscribed: _("Unsubscribed from this list"),
        Reason.not_confirmed: _("Has not confirmed the subscription"),
        Reason.suppressed_complaint: _("Marked an earlier mail as spam"),
        Reason.suppressed_hard_bounce: _("The address does not exist any more"),
        Reason.suppressed_manual: _("On the suppression list, put there by a colleague"),
        Reason.suppressed_erased: _("Asked to be erased"),
        Reason.suppressed_imported: _("On the suppression list, put there by an import"),
        Reason.left_out_by_segment: _("In a segment that this campaign leaves out"),
        Reason.missing_value: _("No value for %(tag)s and no fallback", tag=detail)
        if detail
        else _("A merge tag has no value and no fallback"),
        Reason.address_needs_smtputf8: _("The mail server cannot take this kind of address"),
        Reason.contact_gone: _("The contact was deleted"),
        Reason.no_language: _("There is no content in a language of this contact"),
    }.get(code)


def _sending_reason(code: Reason) -> str | None:
    return {
        Reason.refused_recipient: _("The mail server refused the address"),
        Reason.refused_content: _("The mail server refused the message"),
        Reason.gave_up_retrying: _("The mail server kept putting us off, so we gave up"),
        Reason.cannot_be_rendered: _("The content could not be made for this contact"),
        Reason.deferred: _("The mail server asked us to come again later"),
        Reason.connection_failed: _("The mail server could not be reached"),
        Reason.connection_lost_after_data: _("The connection broke before the mail server answered"),
        Reason.worker_lost: _("A worker stopped before the mail server's answer was noted"),
    }.get(code)


def verdict_reason(code: str, params: Mapping[str, Any]) -> str:
    """Return why an open or click was judged as it was; an unknown code is shown as it is."""
    words: dict[str, str] = {
        "local_inbox": _("Opened in the local inbox"),
        "mail_proxy": _("A mail service fetched the picture for a reader"),
        "browser": _("A mail program or browser of a person"),
        "only_looked": _("Only asked whether the address answers"),
        "prefetch": _("A program fetched it in advance"),
        "no_agent": _("The program did not say what it is"),
        "apple_privacy": _("Apple Mail fetches pictures by itself"),
        "gmail_prefetch": _("Gmail fetched the picture before anybody looked"),
        "crawler": _("A scanner or another robot"),
        "program": _("A program, not a browser"),
        "beside_burst": _("Fetched by the scanner that followed the links"),
    }
    if code == "burst":
        words["burst"] = _(
            "A scanner: %(links)s of %(of)s links within %(seconds)s seconds",
            links=params.get("links", "?"),
            of=params.get("of", "?"),
            seconds=params.get("seconds", "?"),
        )
    return words.get(code) or code.replace("_", " ")


def finding(found: Finding) -> str:
    """Return what a preflight found, and what to do about it; faults of a source keep their own words."""
    params = found.params
    words = {
        "nobody": _("Nobody would get this mail: choose another list or other segments."),
        "no_sender": _("The sender is gone: choose another one."),
        "no_from": _("The sender has no From address: write one."),
        "no_company": _("The sender has no company: write its name."),
        "no_postal_address": _("The sender has no postal address, which a mailing must show: write one."),
        "no_content": _("The campaign says nothing yet: write the mail."),
        "no_subject": _("The subject is empty: write one."),
        "no_unsubscribe_link": _(
            "The mail has no unsubscribe link: add %(tag)s to its footer.", tag="{{ links.unsubscribe }}"
        ),
        "installation_held": _("Sending is held on this installation: release it first."),
        "public_url_is_loopback": _(
            "Links would point to %(url)s, which readers cannot reach: set %(setting)s to this site's public address.",
            url=params.get("url", ""),
            setting="TIDINGS_PUBLIC_URL",
        ),
        "long_subject": ngettext(
            "The subject has %(num)d character as people read it; most inboxes show the first 40 to 70.",
            "The subject has %(num)d characters as people read it; most inboxes show the first 40 to 70.",
            params.get("length", 0),
        ),
        "missing_values": ngettext(
            "%(people)s person has no value for %(field)s and would be skipped: give it a fallback, %(example)s.",
            "%(people)s people have no value for %(field)s and would be skipped: give it a fallback, %(example)s.",
            params.get("people", 0),
            people=format_decimal(params.get("people", 0)),
            field=params.get("field", ""),
            example=f'{{{{ {params.get("field", "")} | default("…") }}}}',
        ),
    }
    if found.code in words:
        return words[found.code]
    if params.get("line"):
        return _("Line %(line)s: %(what)s", line=params["line"], what=found.message)
    return found.message
