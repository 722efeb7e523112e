"""Who got it, who did not, and why: one line a person, and the same as a file."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Response, request, url_for
from sqlalchemy.orm import Session

from campaigns.composing.editing import get_campaign
from campaigns.contacts.export_csv import write_csv
from campaigns.db import read_session
from campaigns.delivery.messages import STATES, MessageRow, list_messages
from campaigns.errors import NotFound
from campaigns.ids import encode_id
from campaigns.models.message import Reason
from campaigns.models.user import Role
from web import wording
from web.access import allow
from web.campaigns.blueprint import BEFORE_START, find_campaign, pages, render_campaign, write_when

PAGE = 50
CHUNK = 1000


@dataclass(frozen=True)
class Filters:
    """Which messages are asked for."""

    state: str | None
    reason: Reason | None
    search: str

    def as_query(self) -> dict[str, Any]:
        reason = self.reason.name if self.reason is not None else None
        return {"state": self.state, "reason": reason, "q": self.search or None}


@dataclass(frozen=True)
class ShownMessage:
    """A message as a line of the page."""

    email: str
    contact_url: str
    state: str
    reason: str
    answer: str
    sent_at: str
    opened_at: str
    clicked_at: str


@pages.get("/<campaign_id>/messages")
@allow(Role.viewer)
def messages(campaign_id: str) -> str:
    filters, after = _read_filters(), request.args.get("after", 0, int)
    with read_session() as session:
        campaign = find_campaign(session, campaign_id)
        found = _list(session, campaign.id, filters, after, PAGE + 1)
        return render_campaign(
            session,
            campaign,
            "campaigns/messages.html",
            "messages",
            rows=[_show(row) for row in found[:PAGE]],
            after=after,
            search=filters.search,
            states=[{"code": state, "label": wording.message_state(state)} for state in STATES],
            reasons=[{"code": r.name, "label": wording.reason(r)} for r in Reason if r],
            chosen_state=filters.state,
            chosen_reason=filters.reason.name if filters.reason is not None else "",
            first_url=url_for("campaigns.messages", campaign_id=campaign_id),
            next_url=_next_url(campaign_id, filters, found),
            export_url=url_for("campaigns.export_messages", campaign_id=campaign_id, **filters.as_query()),
        )


@pages.get("/<campaign_id>/messages.csv")
@allow(Role.viewer)
def export_messages(campaign_id: str) -> Response:
    """The same lines as a file, read in chunks so that a million of them need no memory."""
    filters = _read_filters()
    with read_session() as session:
        campaign = find_campaign(session, campaign_id)
        if campaign.state in BEFORE_START:
            raise NotFound("There are no messages yet: the campaign was not started.")
        lines = _lines(campaign.id, filters)
    header = ["email", "state", "reason", "detail", "attempts", "handed_over_at", "opened_at", "clicked_at"]
    return Response(
        write_csv(header, lines),
        mimetype="text/csv",
        headers={"Content-Disposition": f"attachment; filename={campaign_id}-messages.csv"},
    )


def _lines(campaign_id: int, filters: Filters) -> Iterator[list[Any]]:
    after = 0
    while True:
        with read_session() as session:
            get_campaign(session, campaign_id=campaign_id)
            chunk = _list(session, campaign_id, filters, after, CHUNK)
        for row in chunk:
            times = [moment.isoformat() if moment else "" for moment in (row.sent_at, row.opened_at, row.clicked_at)]
            yield [row.email, row.state, row.reason.name if row.reason else "", row.detail or "", row.attempts, *times]
        if len(chunk) < CHUNK:
            return
        after = chunk[-1].seq


def _read_filters() -> Filters:
    """What is not one of ours filters nothing."""
    state, reason = request.args.get("state", ""), request.args.get("reason", "")
    return Filters(
        state=state if state in STATES else None,
        reason=Reason[reason] if reason in Reason.__members__ and reason != "none" else None,
        search=request.args.get("q", "").replace("\x00", "").strip()[:320],
    )


def _list(session: Session, campaign_id: int, filters: Filters, after: int, limit: int) -> list[MessageRow]:
    return list_messages(
        session,
        campaign_id=campaign_id,
        state=filters.state,
        reason=filters.reason,
        search=filters.search or None,
        after_seq=max(0, min(after, 2**31 - 1)),
        limit=limit,
    )


def _next_url(public: str, filters: Filters, found: list[MessageRow]) -> str:
    if len(found) <= PAGE:
        return ""
    return url_for("campaigns.messages", campaign_id=public, after=found[PAGE - 1].seq, **filters.as_query())


def _show(row: MessageRow) -> ShownMessage:
    """A skip's detail is part of its reason; any other detail is the server's own answer."""
    is_skipped = row.state == "skipped"
    return ShownMessage(
        email=row.email,
        contact_url=url_for("contacts.show", contact_id=encode_id("contact", row.contact_id)) if row.contact_id else "",
        state=row.state,
        reason=wording.reason(row.reason, row.detail if is_skipped else None),
        answer="" if is_skipped else row.detail or "",
        sent_at=_moment(row.sent_at),
        opened_at=_moment(row.opened_at),
        clicked_at=_moment(row.clicked_at),
    )


def _moment(moment: datetime | None) -> str:
    return write_when(moment) if moment else "–"
