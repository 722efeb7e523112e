"""Codes about contacts, worded for people."""

from datetime import date

from flask_babel import format_date
from flask_babel import gettext as _

from campaigns.reporting.timeline import TimelineItem
from web import wording
from web.suppressions import reason_words

__all__ = [
    "day",
    "event",
    "membership_state",
    "membership_tone",
    "moved",
    "note",
    "reason_words",
    "source",
    "source_name",
]


def membership_state(state: str) -> str:
    return {
        "pending": _("Not confirmed yet"),
        "confirmed": _("Confirmed"),
        "unsubscribed": _("Unsubscribed"),
    }.get(state, state)


def membership_tone(state: str) -> str:
    return {"pending": "warn", "confirmed": "good"}.get(state, "")


def event(item: TimelineItem) -> str:
    """Return what happened, in a few words."""
    if item.kind == "message" and item.state is not None:
        return wording.message_state(item.state.name)
    return {
        "open": _("Opened"),
        "click": _("Clicked"),
        "bounce": _("Bounced"),
        "complaint": _("Marked it as spam"),
        "unsubscribe": _("Unsubscribed"),
        "resubscribe": _("Subscribed again"),
        "left": _("Unsubscribed"),
        "reply": _("Replied"),
        "purchase": _("Bought something"),
        "page_view": _("Looked at a page"),
        "custom": _("Did something of your own"),
        "created": _("Became a contact"),
        "subscribed": _("Subscribed"),
        "subscribe": _("Subscribed"),
        "confirmed": _("Confirmed the subscription"),
        "ignored": _("Did not react"),
    }.get(item.kind, item.kind.replace("_", " "))


def moved(kind: str) -> str:
    """Return why a score moved."""
    return {
        "open": _("opened a mail"),
        "click": _("clicked a link"),
        "bounce": _("a mail bounced"),
        "complaint": _("marked a mail as spam"),
        "unsubscribe": _("unsubscribed"),
        "reply": _("replied"),
        "ignored": _("did not react to a mail"),
        "purchase": _("bought something"),
    }.get(kind, kind.replace("_", " "))


def note(item: TimelineItem) -> str:
    """Return what is worth knowing beside an event: why, by whom, whether it may still change."""
    if item.kind == "message":
        return wording.reason(item.reason, item.reason_detail) if item.reason else ""
    if not item.is_settled:
        return _("Settling: it may still turn out to be a machine")
    if item.verdict == "machine":
        return wording.verdict_reason(item.verdict_reason or "", item.verdict_params)
    return ""


def source(item: TimelineItem) -> str:
    """Return where an event comes from, unless its own name says it already."""
    return "" if item.source in ("", "hit", item.kind) else source_name(item.source)


def source_name(code: str) -> str:
    """Return a source in words; what people or their programs wrote stays as they wrote it."""
    return {
        "one_click": _("by the button of the mail program"),
        "page": _("on the unsubscribe page"),
        "preferences": _("on the page of choices"),
        "import": _("by an import"),
        "api": _("through the API"),
        "user": _("by a colleague"),
    }.get(code, code)


def day(value: str) -> str:
    """Return a date attribute as the reader writes dates."""
    try:
        return format_date(date.fromisoformat(value), "medium", rebase=False)
    except ValueError:
        return value
