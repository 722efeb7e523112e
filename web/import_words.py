"""Codes of imports, worded for people."""

from flask_babel import gettext as _


def state(code: str) -> str:
    return {
        "uploaded": _("Waiting for its columns"),
        "waiting": _("Waiting to start"),
        "running": _("Running"),
        "done": _("Done"),
        "failed": _("Failed"),
    }.get(code, code)


def tone(code: str) -> str:
    return {"uploaded": "warn", "waiting": "info", "running": "info", "done": "good", "failed": "bad"}.get(code, "")


def target(code: str) -> str:
    """Return what a column is taken as."""
    return {
        "ignore": _("Leave out"),
        "email": _("Email address"),
        "given_name": _("First name"),
        "family_name": _("Last name"),
        "full_name": _("Whole name"),
        "greeting": _("Greeting"),
        "language": _("Language"),
        "time_zone": _("Time zone"),
        "consent_source": _("Consent: where from"),
        "consent_at": _("Consent: when"),
        "tracking_consent": _("Consent to tracking"),
        "list_status": _("Status of the subscription"),
    }[code]


TARGETS = (
    "ignore",
    "email",
    "given_name",
    "family_name",
    "full_name",
    "greeting",
    "language",
    "time_zone",
    "consent_source",
    "consent_at",
    "tracking_consent",
    "list_status",
)


def kind(code: str) -> str:
    return {
        "text": _("Text"),
        "number": _("Number"),
        "date": _("Date"),
        "boolean": _("Yes or no"),
        "tags": _("Tags"),
    }[code]


def delimiter(sign: str) -> str:
    return {",": _("Comma"), ";": _("Semicolon"), "\t": _("Tab"), "|": _("Vertical bar")}.get(sign, sign)


def encoding(name: str) -> str:
    """Return an encoding as people know it: ``utf-8-sig`` is UTF-8 with a mark in front."""
    return name.removesuffix("-sig").upper()


def reason(code: str) -> str:
    """Return why a row was rejected or a value left out."""
    return {
        "empty": _("No address"),
        "no_at": _("The address has no @"),
        "space": _("The address has a space inside"),
        "invalid": _("Not an address that mail could be sent to"),
        "broken_row": _("Quotes never close, or the columns do not fit together"),
        "too_many_columns": _("More columns than the header"),
        "erased": _("Asked to be erased, so not brought back"),
        "bad_number": _("Not a number"),
        "bad_date": _("Not a date that exists"),
        "bad_boolean": _("Neither yes nor no"),
        "bad_language": _("Not a language"),
        "bad_time_zone": _("Not a time zone"),
        "bad_status": _("Not a status; taken as not confirmed"),
        "too_long": _("Too long"),
        "too_many_tags": _("Too many tags"),
    }.get(code, code)


def duration(seconds: float) -> str:
    """Return a remaining time, rounded as far as it can be trusted."""
    if seconds < 10:
        return _("a few seconds left")
    if seconds < 90:
        return _("about %(number)s seconds left", number=round(seconds / 10) * 10)
    return _("about %(number)s minutes left", number=round(seconds / 60))
