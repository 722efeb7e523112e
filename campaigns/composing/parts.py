"""The list, sender and segments that a campaign is made of, demanded to exist and to be in use."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.errors import InvalidInput
from campaigns.models.mailing_list import MailingList
from campaigns.models.segment import Segment
from campaigns.models.sender import Sender


class NoSuchPart(InvalidInput):
    """A list, sender or segment that does not exist or is archived."""

    code = "no_such_part"


def usable_list(session: Session, *, list_id: int) -> MailingList:
    """Return the list; raises :class:`NoSuchPart`."""
    mailing_list = session.get(MailingList, list_id)
    if mailing_list is None or mailing_list.archived_at is not None:
        raise NoSuchPart("Choose a list that exists and is not archived.", field="list_id")
    return mailing_list


def usable_sender(session: Session, *, sender_id: int) -> Sender:
    """Return the sender; raises :class:`NoSuchPart`."""
    sender = session.get(Sender, sender_id)
    if sender is None or sender.archived_at is not None:
        raise NoSuchPart("Choose a sender that exists and is not archived.", field="sender_id")
    return sender


def demand_segments(session: Session, *, segment_ids: Collection[int]) -> None:
    """Raise :class:`NoSuchPart` unless every segment exists and is not archived."""
    wanted = set(segment_ids)
    found = session.scalars(select(Segment.id).where(Segment.id.in_(wanted), Segment.archived_at.is_(None)))
    if wanted - set(found):
        raise NoSuchPart("One of the segments does not exist any more. Choose again.", field="segments")
