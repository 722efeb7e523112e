"""Where mail is handed over, read from ``TIDINGS_SMTP_URL``."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qs, unquote, urlsplit

from campaigns.errors import InvalidInput

MAILS_PER_CONNECTION = 1000
UNREADABLE = (
    "TIDINGS_SMTP_URL cannot be read: write smtp://user:password@host:port, with / # ? @ and : in user or password "
    "percent-encoded."
)


class BadSmtpUrl(InvalidInput):
    """The address of the mail server cannot be read."""

    code = "bad_smtp_url"


class StartTls(StrEnum):
    """``auto`` uses STARTTLS where it is offered, ``required`` insists, ``no`` never asks."""

    auto = "auto"
    required = "required"
    no = "no"


@dataclass(frozen=True)
class SmtpAddress:
    """One server and how to talk to it. ``verify`` checks its certificate by name (rule S3)."""

    host: str
    port: int
    implicit_tls: bool = False
    starttls: StartTls = StartTls.auto
    verify: bool = True
    user: str | None = None
    password: str | None = None
    mails_per_connection: int = MAILS_PER_CONNECTION

    def __repr__(self) -> str:
        return f"SmtpAddress({self.host}:{self.port})"  # never the password: this may end up in a log


def read_smtp_urls(text: str) -> Sequence[SmtpAddress]:
    """Return the servers of a setting: one URL, or several of equal rank separated by commas.

    ``smtp://user:password@host:port?starttls=auto|required|no&verify=yes|no`` or ``smtps://…``. With a user name,
    STARTTLS is required unless the URL says otherwise. Raises :class:`BadSmtpUrl`.
    """
    addresses = [_read_one(part.strip()) for part in text.split(",") if part.strip()]
    if not addresses:
        raise BadSmtpUrl("TIDINGS_SMTP_URL is empty: write smtp://host:port, or leave it unset for the local inbox.")
    return addresses


def _read_one(text: str) -> SmtpAddress:
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:  # its words quote the URL, and with it the password
        raise BadSmtpUrl(UNREADABLE) from None
    if url.scheme not in ("smtp", "smtps") or not url.hostname:
        raise BadSmtpUrl("TIDINGS_SMTP_URL must begin with smtp:// or smtps:// and name a host.")
    options = {name: values[-1] for name, values in parse_qs(url.query).items()}
    most = options.get("max", str(MAILS_PER_CONNECTION))
    if not most.isascii() or not most.isdigit() or not int(most[:9]):
        raise BadSmtpUrl("max= in TIDINGS_SMTP_URL is how many mails go over one connection: a number from 1 on.")
    return SmtpAddress(
        host=url.hostname,
        port=port or (465 if url.scheme == "smtps" else 25),
        implicit_tls=url.scheme == "smtps",
        starttls=_read_starttls(options.get("starttls"), has_user=url.username is not None),
        verify=options.get("verify", "yes") not in ("no", "0", "false"),
        user=None if url.username is None else unquote(url.username),
        password=None if url.password is None else unquote(url.password),
        mails_per_connection=int(most[:9]),
    )


def _read_starttls(option: str | None, *, has_user: bool) -> StartTls:
    """A password never goes over the wire in the clear by accident."""
    if option is None:
        return StartTls.required if has_user else StartTls.auto
    known = {"yes": StartTls.required, "1": StartTls.required, "0": StartTls.no, "off": StartTls.no}
    try:
        return known.get(option) or StartTls(option)
    except ValueError as error:
        raise BadSmtpUrl(f"starttls={option} is not known: write auto, required or no.") from error
