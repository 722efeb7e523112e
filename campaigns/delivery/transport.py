"""The way out: what a transport takes, and everything that can come of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Mail:
    """One mail with its envelope. ``raw`` is the whole message with CRLF line ends, not dot-stuffed."""

    envelope_from: str
    to: str
    raw: bytes


@dataclass(frozen=True)
class Sent:
    """The server took the mail."""

    answer: str
    host: str


@dataclass(frozen=True)
class Refused:
    """The server said no to this mail; ``permanent`` decides whether it is tried again.

    ``stage`` is the verb that was refused: ``mail``, ``rcpt``, ``data`` or ``end`` (after the final dot); ``size``,
    ``address`` and ``smtputf8`` are refusals of our own, before anything was said.
    """

    permanent: bool
    code: int
    answer: str
    stage: str
    host: str


@dataclass(frozen=True)
class ConnectionLost:
    """No answer came. After the final dot (``after_data``) nobody knows; before it, the mail was not taken."""

    after_data: bool
    answer: str
    host: str


Result = Sent | Refused | ConnectionLost


class Transport(Protocol):
    """Delivers mails one after the other over a kept connection."""

    def deliver(self, mails: Sequence[Mail]) -> Iterator[Result]:
        """Yield one result a mail, in order.

        Ends early after a :class:`ConnectionLost`, or before the first result when no connection can be had: what
        got no result was certainly not sent. ``trouble`` then holds the last words of the other side.
        """
        ...

    @property
    def trouble(self) -> str:
        """Why the last delivery ended early; empty when it did not."""
        ...

    def close(self) -> None:
        """Say goodbye and close the connection; harmless when there is none."""
        ...


Hurry = Callable[[], bool]
"""Says whether the process was asked to stop, so that a silent server is not waited for to the end."""


def never_hurry() -> bool:
    return False
