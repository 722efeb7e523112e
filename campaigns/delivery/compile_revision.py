"""Compile a revision: every content once, its links numbered over the whole campaign, then frozen for ever."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from campaigns.delivery.audience import get_campaign
from campaigns.models.campaign import CampaignLink, CompiledTemplate, Content, Revision
from campaigns.models.contact import Attribute, AttributeKind
from campaigns.rendering.content import CompiledContent, ContentSource
from campaigns.rendering.sandbox import compile_in_child


@dataclass(frozen=True)
class ContentKey:
    """Which content of a campaign."""

    revision: int
    variant: int
    language: str


@dataclass(frozen=True)
class RevisionSource:
    """Everything the compiler needs of a campaign's current revision."""

    campaign_id: int
    revision: int
    contents: Sequence[tuple[ContentKey, ContentSource]]
    attributes: Mapping[str, AttributeKind]
    known_links: Mapping[str, int]


def attribute_kinds(session: Session) -> dict[str, AttributeKind]:
    """Return the names that templates may use as ``contact.attributes.NAME``, with their kinds."""
    query = select(Attribute.name, Attribute.kind).where(Attribute.archived_at.is_(None)).order_by(Attribute.name)
    return {name: AttributeKind(kind) for name, kind in session.execute(query)}


def is_compiled(session: Session, *, campaign_id: int) -> bool:
    """Say whether the campaign's current revision is compiled and frozen."""
    campaign = get_campaign(session, campaign_id=campaign_id)
    revision = session.get_one(Revision, (campaign_id, campaign.revision))
    return revision.frozen_at is not None


def load_source(session: Session, *, campaign_id: int) -> RevisionSource:
    """Return the contents of the campaign's current revision and what compiling them needs."""
    campaign = get_campaign(session, campaign_id=campaign_id)
    query = (
        select(Content)
        .where(Content.campaign_id == campaign_id, Content.revision == campaign.revision)
        .order_by(Content.variant, Content.language)
    )
    contents = [
        (ContentKey(each.revision, each.variant, each.language), content_source(each))
        for each in session.scalars(query)
    ]
    known = select(CampaignLink.target, CampaignLink.number).where(CampaignLink.campaign_id == campaign_id)
    links = {target: number for target, number in session.execute(known)}  # noqa: C416 - rows are no pairs to mypy
    return RevisionSource(campaign_id, campaign.revision, contents, attribute_kinds(session), links)


def content_source(content: Content) -> ContentSource:
    """Return a content row as the renderer takes it."""
    return ContentSource(content.subject, content.preheader, content.body_format, content.body, content.language)


def compile_source(source: RevisionSource) -> list[tuple[ContentKey, CompiledContent]]:
    """Return the compiled contents, each made in a bounded child process, links numbered campaign-wide.

    Raises :class:`campaigns.rendering.problems.ContentErrors`.
    """
    known, compiled_contents = dict(source.known_links), []
    for key, content in source.contents:
        compiled = compile_in_child(content, attributes=source.attributes).renumbered(known)
        known |= {link.target_template: link.number for link in compiled.links}
        compiled_contents.append((key, compiled))
    return compiled_contents


def save_compiled(
    session: Session,
    *,
    campaign_id: int,
    contents: Sequence[tuple[ContentKey, CompiledContent]],
    now: datetime,
) -> None:
    """Keep compiled contents with their links, and freeze their revision; doing so again changes nothing."""
    for key, compiled in contents:
        template = insert(CompiledTemplate).values(
            campaign_id=campaign_id,
            revision=key.revision,
            variant=key.variant,
            language=key.language,
            template=compiled.to_json(),
            compiled_at=now,
        )
        session.execute(template.on_conflict_do_nothing())
        links = [
            {"campaign_id": campaign_id, "number": link.number, "target": link.target_template, "label": link.label}
            for link in compiled.links
        ]
        if links:
            session.execute(insert(CampaignLink).values(links).on_conflict_do_nothing())
    revisions = {key.revision for key, _ in contents}
    freeze = update(Revision).where(Revision.campaign_id == campaign_id, Revision.number.in_(revisions))
    session.execute(freeze.values(frozen_at=func.coalesce(Revision.frozen_at, now)))


def load_compiled(session: Session, *, campaign_id: int, key: ContentKey) -> CompiledContent:
    """Return a compiled content."""
    template = session.get_one(CompiledTemplate, (campaign_id, key.revision, key.variant, key.language))
    return CompiledContent.from_json(template.template)
