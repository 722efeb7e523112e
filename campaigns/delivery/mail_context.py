"""What all mails of a campaign have in common, read from its rows."""

from sqlalchemy.orm import Session

from campaigns.delivery.audience import get_campaign
from campaigns.models.mailing_list import MailingList, TrackingMode
from campaigns.models.sender import Sender
from campaigns.rendering.content import MailContext


def load_context(session: Session, *, campaign_id: int, public_url: str) -> MailContext:
    """Return the campaign's mail context; ``tracking`` says what the list allows in general."""
    campaign = get_campaign(session, campaign_id=campaign_id)
    mailing_list = session.get_one(MailingList, campaign.list_id)
    sender = session.get_one(Sender, campaign.sender_id)
    mode = campaign.tracking_mode or mailing_list.tracking_mode
    return MailContext(
        campaign_id=campaign.id,
        campaign_name=campaign.name,
        list_id=mailing_list.id,
        list_name=mailing_list.name,
        list_header_id=mailing_list.list_id,
        from_name=sender.from_name,
        from_email=sender.from_email,
        reply_to=sender.reply_to,
        company=sender.company,
        postal_address=sender.postal_address,
        public_url=public_url,
        tracking=mode != TrackingMode.none,
    )
