"""Who may change what of a campaign, and when: found, locked, still as the writer saw it, in a fitting state."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.errors import Conflict, NotFound
from campaigns.models.campaign import Campaign, CampaignState

DRAFTS = (CampaignState.draft,)
CONTENT_EDITABLE = (CampaignState.draft, CampaignState.paused, CampaignState.held)


class NoSuchCampaign(NotFound):
    code = "no_such_campaign"


class StaleVersion(Conflict):
    """Somebody saved since the writer opened the campaign."""

    code = "stale_version"


class NotEditable(Conflict):
    code = "not_editable"


def get_campaign(session: Session, *, campaign_id: int) -> Campaign:
    """Return the campaign; raises :class:`NoSuchCampaign`."""
    campaign = session.get(Campaign, campaign_id)
    if campaign is None:
        raise NoSuchCampaign("There is no such campaign; it may have been deleted.")
    return campaign


def lock_campaign(session: Session, *, campaign_id: int, version: int | None) -> Campaign:
    """Return the campaign, locked: of two savers at once the second waits and then sees the first one's version.

    Raises :class:`NoSuchCampaign`, or :class:`StaleVersion` when ``version`` is given and not the present one.
    """
    campaign = session.scalar(
        select(Campaign).where(Campaign.id == campaign_id).with_for_update().execution_options(populate_existing=True)
    )
    if campaign is None:
        raise NoSuchCampaign("There is no such campaign; it may have been deleted.")
    demand_version(campaign, version=version)
    return campaign


def demand_version(campaign: Campaign, *, version: int | None) -> None:
    """Raise :class:`StaleVersion` unless ``version`` is the campaign's present one, or not given."""
    if version is not None and version != campaign.version:
        raise StaleVersion(
            "This campaign was saved by somebody else, or in another window, after you opened it. "
            "Copy your text, reload the page and put it in again.",
            version=campaign.version,
        )


def demand_state(campaign: Campaign, *, states: Sequence[str], deed: str) -> None:
    """Raise :class:`NotEditable`, saying what would help, unless the campaign is in one of ``states``."""
    if campaign.state in states:
        return
    moving = (CampaignState.starting, CampaignState.sending)
    if campaign.state == CampaignState.scheduled:
        advice = f"This campaign is scheduled. Take it off the schedule to {deed}."
    elif campaign.state in moving and CampaignState.paused in states:
        advice = f"This campaign is being sent. Pause it to {deed}; what was sent stays as it is."
    else:
        advice = f"This campaign was started, so it is too late to {deed}. Make a copy of it instead."
    raise NotEditable(advice, state=campaign.state)


def note_save(session: Session, *, campaign: Campaign, now: datetime) -> Campaign:
    """Give the campaign its next version and return it."""
    campaign.version += 1
    campaign.updated_at = now
    session.flush()
    return campaign
