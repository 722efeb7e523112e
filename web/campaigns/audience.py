"""Whom it is for: the list, segments in and out, and the numbers that follow from them."""

from dataclasses import dataclass
from typing import Any

from flask import redirect, render_template, request, url_for
from sqlalchemy import or_, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from campaigns import clock
from campaigns.composing import drafts
from campaigns.db import read_session, transaction
from campaigns.delivery.audience import count_audience
from campaigns.errors import Conflict, InvalidInput, TidingsError
from campaigns.ids import decode_id
from campaigns.models.campaign import Campaign, CampaignState
from campaigns.models.mailing_list import MailingList
from campaigns.models.message import Reason
from campaigns.models.segment import Segment
from campaigns.models.user import Role
from web.access import allow, may
from web.campaigns.blueprint import find_campaign, pages, render_campaign
from web.text import read_row_number


@dataclass(frozen=True)
class SegmentChoice:
    """A segment and whether the campaign takes it in, leaves it out, or neither (``""``)."""

    segment: Segment
    choice: str


@pages.get("/<campaign_id>/audience")
@allow(Role.viewer)
def audience(campaign_id: str) -> str:
    with read_session() as session:
        return _render(session, find_campaign(session, campaign_id))


@pages.post("/<campaign_id>/audience")
@allow(Role.editor)
def save_audience(campaign_id: str) -> Response | str | tuple[str, int]:
    """Save the choice; a page that stays (htmx) gets the new numbers, any other goes on to see them."""
    is_live, problem = "HX-Request" in request.headers, ""
    try:
        _save(campaign_id)
    except (InvalidInput, Conflict) as error:
        problem = str(error)
    if not is_live and not problem:
        return redirect(url_for("campaigns.audience", campaign_id=campaign_id), 303)
    with read_session() as session:
        campaign = find_campaign(session, campaign_id)
        if not is_live:
            return _render(session, campaign, problem=problem), 409
        counted = {"count_problem": problem} if problem else count_values(session, campaign)
        return render_template("campaigns/counted.html", campaign=campaign, is_swapped=True, **counted)


def _save(public: str) -> None:
    """Each segment posts its public id with ``include``, ``exclude`` or nothing."""
    chosen = {side: [] for side in ("include", "exclude")}  # type: dict[str, list[int]]
    for name, value in request.form.items():
        if name.startswith("seg_") and value in chosen:
            chosen[value].append(decode_id("segment", name))
    with transaction() as session:
        campaign = find_campaign(session, public)
        drafts.save_audience(
            session,
            campaign_id=campaign.id,
            list_id=decode_id("list", request.form.get("list", "")),
            include_segment_ids=chosen["include"],
            exclude_segment_ids=chosen["exclude"],
            version=read_row_number(request.form.get("version")),
            now=clock.now(),
        )


def _render(session: Session, campaign: Campaign, problem: str = "") -> str:
    lists = select(MailingList).where(or_(MailingList.archived_at.is_(None), MailingList.id == campaign.list_id))
    return render_campaign(
        session,
        campaign,
        "campaigns/audience.html",
        "audience",
        problem=problem,
        lists=session.scalars(lists.order_by(MailingList.name)).all(),
        segments=_choices(session, campaign),
        is_editable=campaign.state == CampaignState.draft and may(Role.editor),
        **count_values(session, campaign),
    )


def _choices(session: Session, campaign: Campaign) -> list[SegmentChoice]:
    """The segments in use by this campaign first, archived ones only then."""
    chosen = drafts.chosen_segments(session, campaign_id=campaign.id)
    used = [SegmentChoice(segment, "exclude" if excluded else "include") for segment, excluded in chosen]
    others = (
        select(Segment)
        .where(Segment.archived_at.is_(None), Segment.id.not_in([segment.id for segment, _ in chosen]))
        .order_by(Segment.name, Segment.id)
    )
    return [*used, *(SegmentChoice(segment, "") for segment in session.scalars(others))]


def count_values(session: Session, campaign: Campaign) -> dict[str, Any]:
    """Return what the numbers' card shows: the counts, or why there are none."""
    try:
        counts = count_audience(session, campaign_id=campaign.id, now=clock.now())
    except TidingsError as error:
        return {"count_problem": str(error)}
    return {"count_problem": "", "counts": counts, "less": sort_reasons}


def sort_reasons(skipped: dict[Reason, int]) -> list[tuple[Reason, int]]:
    """Return reasons with how many people they take away, the greatest first."""
    return sorted(((reason, number) for reason, number in skipped.items() if number), key=lambda row: (-row[1], row[0]))
