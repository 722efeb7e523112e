"""Campaigns being written: made, copied, changed, thrown away.

A campaign's content lives in numbered revisions. The current revision is changed in place until it is frozen (the
campaign started); an edit while the campaign is paused copies it into the next one, which is for what is unsent.
A frozen revision never changes, so that every message can be shown as it was sent.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from campaigns.composing.editing import (
    CONTENT_EDITABLE,
    DRAFTS,
    demand_state,
    demand_version,
    get_campaign,
    lock_campaign,
    note_save,
)
from campaigns.composing.parts import demand_segments, usable_list, usable_sender
from campaigns.composing.revisions import (
    Words,
    add_first_revision,
    copy_contents,
    open_revision,
    put_content,
    says_already,
)
from campaigns.composing.starters import DEFAULT_STARTER, fill_starter
from campaigns.composing.text import clean_body, clean_language, clean_line, clean_name
from campaigns.errors import InvalidInput
from campaigns.models.campaign import Campaign, CampaignSegment, Content
from campaigns.models.segment import Segment

BODY_FORMATS = ("mjml", "html", "text")


class UnknownFormat(InvalidInput):
    code = "unknown_format"


def create_campaign(
    session: Session,
    *,
    name: str,
    list_id: int,
    sender_id: int,
    now: datetime,
    created_by: int | None = None,
    starter: str = DEFAULT_STARTER,
) -> Campaign:
    """Return a new draft on behalf of a list, filled from a starter in the sender's language.

    Raises ``MissingText``, ``TextTooLong``, ``NoSuchPart`` or ``UnknownStarter``.
    """
    shown_name = clean_name(name)
    mailing_list, sender = usable_list(session, list_id=list_id), usable_sender(session, sender_id=sender_id)
    filled = fill_starter(starter, language=sender.language)
    campaign = Campaign(
        name=shown_name,
        list_id=mailing_list.id,
        sender_id=sender.id,
        default_language=sender.language,
        created_by=created_by,
        created_at=now,
        updated_at=now,
    )
    add_first_revision(session, campaign=campaign, now=now)
    words = Words(filled.subject, filled.preheader, "mjml", filled.body)
    put_content(session, campaign=campaign, language=sender.language, words=words, now=now)
    return campaign


def duplicate(
    session: Session,
    *,
    campaign_id: int,
    name: str,
    now: datetime,
    created_by: int | None = None,
    list_id: int | None = None,
    sender_id: int | None = None,
) -> Campaign:
    """Return a new draft with the list, sender, segments and last contents of another campaign.

    A list or sender that is given takes the place of the original's.

    Raises ``NoSuchCampaign``, ``MissingText`` or ``NoSuchPart`` (its list or sender is archived).
    """
    original = get_campaign(session, campaign_id=campaign_id)
    copy = Campaign(
        name=clean_name(name),
        list_id=usable_list(session, list_id=list_id or original.list_id).id,
        sender_id=usable_sender(session, sender_id=sender_id or original.sender_id).id,
        default_language=original.default_language,
        created_by=created_by,
        created_at=now,
        updated_at=now,
    )
    add_first_revision(session, campaign=copy, now=now)
    copy_contents(session, source=original, target=copy, revision=1, now=now)
    session.add_all(
        CampaignSegment(campaign_id=copy.id, segment_id=row.segment_id, excluded=row.excluded)
        for row in session.scalars(
            select(CampaignSegment)
            .join(Segment, Segment.id == CampaignSegment.segment_id)
            .where(CampaignSegment.campaign_id == original.id, Segment.archived_at.is_(None))
        )
    )
    session.flush()
    return copy


def save_details(
    session: Session, *, campaign_id: int, name: str, sender_id: int, version: int | None, now: datetime
) -> Campaign:
    """Change the name (at any time) and the sender (of a draft), and return the campaign.

    Raises ``StaleVersion``, ``NotEditable``, ``NoSuchPart``, ``MissingText`` or ``TextTooLong``.
    """
    campaign = lock_campaign(session, campaign_id=campaign_id, version=version)
    if sender_id != campaign.sender_id:
        demand_state(campaign, states=DRAFTS, deed="change its sender")
        campaign.sender_id = usable_sender(session, sender_id=sender_id).id
    campaign.name = clean_name(name)
    return note_save(session, campaign=campaign, now=now)


def save_content(
    session: Session,
    *,
    campaign_id: int,
    language: str | None = None,
    subject: str,
    preheader: str,
    body_format: str,
    body: str,
    version: int | None,
    now: datetime,
) -> Campaign:
    """Save what the campaign says in one language (the default one for ``None``), and return the campaign.

    ``version`` is the campaign's version that the writer started from; ``None`` overwrites. Saving what is saved
    already changes nothing, so that a save and an autosave that cross do not blame each other. While the campaign is
    paused the first save makes a new revision for what is unsent. Raises ``StaleVersion``,
    ``NotEditable``, :class:`UnknownFormat` or ``TextTooLong``.
    """
    campaign = lock_campaign(session, campaign_id=campaign_id, version=None)
    demand_state(campaign, states=CONTENT_EDITABLE, deed="edit it")
    if body_format not in BODY_FORMATS:
        raise UnknownFormat(f"There is no format {body_format[:40]!r}; use mjml, html or text.", field="body_format")
    words = Words(
        clean_line(subject, field="subject"), clean_line(preheader, field="preheader"), body_format, clean_body(body)
    )
    tag = clean_language(language or campaign.default_language)
    if says_already(session, campaign=campaign, language=tag, words=words):
        return campaign
    demand_version(campaign, version=version)
    open_revision(session, campaign=campaign, now=now)
    put_content(session, campaign=campaign, language=tag, words=words, now=now)
    return note_save(session, campaign=campaign, now=now)


def save_audience(
    session: Session,
    *,
    campaign_id: int,
    list_id: int,
    include_segment_ids: Sequence[int],
    exclude_segment_ids: Sequence[int],
    now: datetime,
    version: int | None = None,
) -> Campaign:
    """Choose a draft's list and the segments to take in (any of them) and to leave out, and return the campaign.

    A segment named on both sides is left out. Raises ``StaleVersion``, ``NotEditable`` or
    ``NoSuchPart``.
    """
    campaign = lock_campaign(session, campaign_id=campaign_id, version=version)
    demand_state(campaign, states=DRAFTS, deed="change its audience")
    campaign.list_id = usable_list(session, list_id=list_id).id
    excluded = set(exclude_segment_ids)
    included = set(include_segment_ids) - excluded
    demand_segments(session, segment_ids=included | excluded)
    session.execute(delete(CampaignSegment).where(CampaignSegment.campaign_id == campaign.id))
    session.add_all(
        CampaignSegment(campaign_id=campaign.id, segment_id=segment_id, excluded=segment_id in excluded)
        for segment_id in sorted(included | excluded)
    )
    return note_save(session, campaign=campaign, now=now)


def delete_draft(session: Session, *, campaign_id: int) -> None:
    """Throw a draft away; raises ``NotEditable`` for anything that was ever started or is planned."""
    campaign = lock_campaign(session, campaign_id=campaign_id, version=None)
    demand_state(campaign, states=DRAFTS, deed="delete it")
    session.delete(campaign)
    session.flush()


def current_contents(session: Session, *, campaign_id: int, revision: int | None = None) -> list[Content]:
    """Return the contents of the campaign's current revision (or the given one), the default language first."""
    campaign = get_campaign(session, campaign_id=campaign_id)
    query = (
        select(Content)
        .where(Content.campaign_id == campaign.id, Content.revision == (revision or campaign.revision))
        .order_by(Content.language != campaign.default_language, Content.variant, Content.language_code)
    )
    return list(session.scalars(query))


def chosen_segments(session: Session, *, campaign_id: int) -> list[tuple[Segment, bool]]:
    """Return the campaign's segments by name, each with whether it is left out."""
    rows = session.execute(
        select(Segment, CampaignSegment.excluded)
        .join(CampaignSegment, CampaignSegment.segment_id == Segment.id)
        .where(CampaignSegment.campaign_id == campaign_id)
        .order_by(Segment.name, Segment.id)
    )
    return [(segment, excluded) for segment, excluded in rows]
