"""Hand one window to SMTP: write the mails, deliver them in order, and say what came of each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns.delivery.mail_kit import MailKit
from campaigns.delivery.outcome import Blame, Outcome, judge
from campaigns.delivery.transport import ConnectionLost, Mail, Transport
from campaigns.delivery.window import Addressee


@dataclass(frozen=True)
class Handover:
    """The outcomes of a window, and the people whose mail was certainly not sent because the way out was closed.

    ``slow_down``: the server asked us to go slower, or cannot be reached.
    """

    outcomes: tuple[Outcome, ...]
    unsent: tuple[Addressee, ...]
    slow_down: bool


def hand_over(
    addressees: Sequence[Addressee],
    *,
    kit: MailKit,
    transport: Transport,
    may_go_on: Callable[[], bool],
    now: datetime,
) -> Handover:
    """Deliver a window. Mails are written before the first one goes out, so that the server never waits for us."""
    written = [(addressee, kit.write(addressee, now=now)) for addressee in addressees]
    outcomes = [mail for _, mail in written if isinstance(mail, Outcome)]
    ready = [(addressee, mail) for addressee, mail in written if isinstance(mail, Mail)]
    results = transport.deliver([mail for _, mail in ready])
    delivered = 0
    while delivered < len(ready) and may_go_on():
        result = next(results, None)
        if result is None or (isinstance(result, ConnectionLost) and not result.after_data):
            break
        outcomes.append(judge(ready[delivered][0].person, result))
        delivered += 1
    unsent = tuple(addressee for addressee, _ in ready[delivered:])
    asked = any(outcome.blame is Blame.transport for outcome in outcomes)
    return Handover(tuple(outcomes), unsent, asked or bool(unsent))
