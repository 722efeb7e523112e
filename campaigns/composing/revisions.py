"""Revisions and their contents: what a campaign says, numbered, the frozen ones for ever the same."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns.models.campaign import Campaign, Content, Revision


@dataclass(frozen=True)
class Words:
    """What a mail says in one language."""

    subject: str
    preheader: str
    body_format: str
    body: str


def add_first_revision(session: Session, *, campaign: Campaign, now: datetime) -> None:
    """Put a new campaign and its empty revision 1 in the database."""
    session.add(campaign)
    session.flush()
    session.add(Revision(campaign_id=campaign.id, number=1, created_at=now))
    session.flush()


def open_revision(session: Session, *, campaign: Campaign, now: datetime) -> None:
    """Make the campaign's current revision one that may be changed: a frozen one is copied into the next."""
    current = session.get_one(Revision, (campaign.id, campaign.revision))
    if current.frozen_at is None:
        return
    following = campaign.revision + 1
    session.add(Revision(campaign_id=campaign.id, number=following, created_at=now))
    session.flush()
    copy_contents(session, source=campaign, target=campaign, revision=following, now=now)
    campaign.revision = following


def copy_contents(session: Session, *, source: Campaign, target: Campaign, revision: int, now: datetime) -> None:
    """Copy all contents of the source's current revision into the target's ``revision``."""
    query = select(Content).where(Content.campaign_id == source.id, Content.revision == source.revision)
    session.add_all(
        Content(
            campaign_id=target.id,
            revision=revision,
            variant=content.variant,
            language=content.language,
            language_code=content.language_code,
            subject=content.subject,
            preheader=content.preheader,
            body_format=content.body_format,
            body=content.body,
            updated_at=now,
        )
        for content in session.scalars(query).all()
    )
    session.flush()


def put_content(session: Session, *, campaign: Campaign, language: str, words: Words, now: datetime) -> Content:
    """Write the content of one language into the campaign's current revision and return it."""
    content = session.get(Content, (campaign.id, campaign.revision, 0, language))
    if content is None:
        code = _language_code(session, campaign.id, language)
        content = Content(
            campaign_id=campaign.id, revision=campaign.revision, variant=0, language=language, language_code=code
        )
        session.add(content)
    content.subject, content.preheader = words.subject, words.preheader
    content.body_format, content.body = words.body_format, words.body
    content.updated_at = now
    session.flush()
    return content


def says_already(session: Session, *, campaign: Campaign, language: str, words: Words) -> bool:
    """Say whether the campaign's current revision has exactly these words in this language."""
    content = session.get(Content, (campaign.id, campaign.revision, 0, language))
    if content is None:
        return False
    return words == Words(content.subject, content.preheader, content.body_format, content.body)


def _language_code(session: Session, campaign_id: int, language: str) -> int:
    """A language keeps its number over all revisions: message rows hold the number."""
    known = session.scalar(
        select(Content.language_code).where(Content.campaign_id == campaign_id, Content.language == language).limit(1)
    )
    if known is not None:
        return known
    highest = session.scalar(select(func.max(Content.language_code)).where(Content.campaign_id == campaign_id))
    return 0 if highest is None else highest + 1
