"""Set-up: whose installation this is."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from campaigns.accounts.passwords import set_password
from campaigns.accounts.senders import SenderFields, create_sender
from campaigns.accounts.users import change_email, change_profile, get_user
from campaigns.errors import Conflict
from campaigns.models.installation import Installation
from campaigns.models.sender import Sender
from campaigns.models.user import User


class AlreadySetUp(Conflict):
    code = "already_set_up"


@dataclass(frozen=True)
class SetupAnswers:
    """What set-up asks. ``password`` may be empty for an owner who has one."""

    email: str
    name: str
    password: str
    organisation: str
    language: str
    time_zone: str
    sender: SenderFields


def complete_setup(session: Session, *, user_id: int, answers: SetupAnswers, now: datetime) -> tuple[User, Sender]:
    """Name the installation and its first owner and sender, once, and return the two.

    The first list is made by the caller with the contacts engine, in the same transaction. Raises
    :class:`AlreadySetUp`, ``UnusableAddress``, ``AddressTaken``, ``WeakPassword`` or ``InvalidSender``.
    """
    installation = session.get_one(Installation, 1, with_for_update=True)
    if installation.set_up_at is not None:
        raise AlreadySetUp("This installation is set up already; change things under Settings.")
    user = change_email(session, user_id=user_id, email=answers.email)
    change_profile(session, user_id=user_id, name=answers.name, language=user.language, time_zone=user.time_zone)
    if answers.password or user.password_hash is None:
        user = set_password(session, user_id=user_id, password=answers.password)
    sender = create_sender(session, fields=answers.sender, now=now)
    installation.organisation = answers.organisation.strip()
    installation.language, installation.time_zone = answers.language, answers.time_zone
    installation.set_up_at = now
    session.flush()
    return get_user(session, user_id=user_id), sender


def change_organisation(session: Session, *, organisation: str, language: str, time_zone: str) -> Installation:
    """Set the organisation's name, language and time zone."""
    installation = session.get_one(Installation, 1, with_for_update=True)
    installation.organisation = organisation.strip()
    installation.language, installation.time_zone = language, time_zone
    session.flush()
    return installation
