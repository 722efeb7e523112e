"""A campaign as one contact would get it, and what is wrong with its content."""

from sqlalchemy.orm import Session

from campaigns.delivery.audience import get_campaign
from campaigns.delivery.compile_revision import attribute_kinds, content_source
from campaigns.delivery.mail_context import load_context
from campaigns.delivery.recipients import load_recipient
from campaigns.errors import NotFound
from campaigns.models.campaign import Content
from campaigns.rendering import sandbox
from campaigns.rendering.content import ContentSource, Preview, Recipient
from campaigns.rendering.problems import ContentProblem
from campaigns.settings import get_settings


class NothingWritten(NotFound):
    """The campaign says nothing in the language asked for."""

    code = "nothing_written"


def preview_campaign(
    session: Session, *, campaign_id: int, as_contact_id: int | None, language: str | None = None
) -> Preview:
    """Return the campaign's present content as the contact would see it, without any valid token in it.

    Without ``as_contact_id`` an invented reader stands in. A content with errors comes back without HTML. Raises
    ``NoSuchCampaign``, ``NoSuchContact`` or :class:`NothingWritten`.
    """
    source = find_source(session, campaign_id=campaign_id, language=language)
    if as_contact_id is None:
        recipient = invented_recipient(source.language)
    else:
        recipient = load_recipient(session, contact_id=as_contact_id, language=source.language)
    context = load_context(session, campaign_id=campaign_id, public_url=get_settings().effective_public_url)
    return sandbox.preview(source, recipient, context, attributes=attribute_kinds(session))


def check_words(session: Session, *, source: ContentSource) -> list[ContentProblem]:
    """Return what is wrong with words that are being written, errors first; nothing is saved."""
    return sandbox.check_in_child(source, attributes=attribute_kinds(session))


def invented_recipient(language: str) -> Recipient:
    """Return a reader who does not exist, for a list that has nobody yet."""
    return Recipient(
        contact_id=0,
        email="reader@example.com",
        given_name="Ada",
        family_name="Lovelace",
        full_name="Ada Lovelace",
        greeting="Ada",
        language=language,
        time_zone="UTC",
        attributes={},
    )


def find_source(session: Session, *, campaign_id: int, language: str | None) -> ContentSource:
    """Return what the campaign says now in a language (the default one for None); raises :class:`NothingWritten`."""
    campaign = get_campaign(session, campaign_id=campaign_id)
    wanted = language or campaign.default_language
    content = session.get(Content, (campaign_id, campaign.revision, 0, wanted))
    if content is None:
        raise NothingWritten(f"The campaign says nothing in {wanted} yet: write the mail first.")
    return content_source(content)
