"""Freeze the audience: every candidate becomes one message row, and the sendable ones are cut into batches."""

from datetime import datetime

from sqlalchemy import Integer, Text, case, column, func, insert, literal, select, update, values
from sqlalchemy.orm import Session

from campaigns.delivery.audience import content_languages, disposed_people, language_code_column
from campaigns.delivery.providers import OTHER, PROVIDER_OF_DOMAIN
from campaigns.models.campaign import Campaign
from campaigns.models.contact import Contact
from campaigns.models.mailing_list import MailingList
from campaigns.models.message import Batch, BatchState, Message, MessageState, Reason


def freeze_audience(session: Session, *, campaign_id: int, batch_size: int, now: datetime) -> int:
    """Write the campaign's messages and batches, and return how many people will get the mail.

    All in the caller's transaction, by INSERT … SELECT; a campaign that is frozen already stays as it is. Those
    who get the mail have seq 1…N ordered by provider, so that a batch speaks to one provider; those left out
    follow with their reason.
    """
    campaign = session.scalars(select(Campaign).where(Campaign.id == campaign_id).with_for_update()).one()
    if campaign.frozen_at is None:
        _insert_messages(session, campaign, now)
        _insert_batches(session, campaign_id, batch_size, now)
        campaign.tracking_mode = session.get_one(MailingList, campaign.list_id).tracking_mode
        campaign.candidates, campaign.skipped = _count(session, campaign_id)
        campaign.frozen_at = now
        session.flush()
    skipped = sum(int(number) for number in (campaign.skipped or {}).values())
    return (campaign.candidates or 0) - skipped


def _insert_messages(session: Session, campaign: Campaign, now: datetime) -> None:
    people = disposed_people(session, campaign_id=campaign.id, now=now).subquery()
    domains = values(column("domain", Text(collation="C")), column("provider", Integer), name="provider_of")
    known = domains.data(list(PROVIDER_OF_DOMAIN.items()))
    provider = func.coalesce(known.c.provider, OTHER)
    is_out = people.c.reason != Reason.none
    languages = content_languages(session, campaign=campaign)
    rows = (
        select(
            literal(campaign.id, Integer),
            func.row_number().over(order_by=(is_out, provider, people.c.contact_id)),
            people.c.contact_id,
            Contact.email,
            case((is_out, MessageState.skipped), else_=MessageState.waiting),
            people.c.reason,
            literal(0, Integer),
            language_code_column(languages, Contact.language),
            provider,
            literal(campaign.revision, Integer),
        )
        .join(Contact, Contact.id == people.c.contact_id)
        .outerjoin(known, known.c.domain == Contact.domain)
    )
    names = ["campaign_id", "seq", "contact_id", "email", "state", "reason", "variant", "language", "provider"]
    session.execute(insert(Message).from_select([*names, "revision"], rows, include_defaults=False))


def _insert_batches(session: Session, campaign_id: int, batch_size: int, now: datetime) -> None:
    """Cut each provider's run of seqs into pieces of ``batch_size``."""
    place = func.row_number().over(partition_by=Message.provider, order_by=Message.seq) - 1
    placed = (
        select(Message.seq, Message.provider, (place // batch_size).label("piece"))
        .where(Message.campaign_id == campaign_id, Message.state == MessageState.waiting)
        .subquery()
    )
    first, last = func.min(placed.c.seq), func.max(placed.c.seq)
    zero = literal(0, Integer)
    cut = select(
        literal(campaign_id, Integer),
        func.row_number().over(order_by=first),
        first,
        last,
        first - 1,
        first - 1,
        literal(BatchState.waiting, Text),
        literal(now),
        placed.c.provider,
        zero,
        *[zero] * 5,
    ).group_by(placed.c.provider, placed.c.piece)
    names = ["campaign_id", "number", "first_seq", "last_seq", "handed_seq", "marked_seq", "state", "due_at"]
    counters = ["sent", "failed", "deferred", "uncertain", "skipped"]
    session.execute(insert(Batch).from_select([*names, "provider", "variant", *counters], cut, include_defaults=False))


def _count(session: Session, campaign_id: int) -> tuple[int, dict[str, int]]:
    """Return all candidates, and those left out by the number of their reason."""
    query = select(Message.reason, func.count()).where(Message.campaign_id == campaign_id).group_by(Message.reason)
    counts = {Reason(reason): number for reason, number in session.execute(query)}
    total = sum(counts.values())
    counts.pop(Reason.none, None)
    return total, {str(int(reason)): number for reason, number in counts.items()}


def wake_campaign(session: Session, *, campaign_id: int, now: datetime) -> None:
    """Make every batch of the campaign due now: whatever it waited for is over."""
    open_batches = (Batch.campaign_id == campaign_id, Batch.state == BatchState.waiting, Batch.due_at > now)
    session.execute(update(Batch).where(*open_batches).values(due_at=now))
