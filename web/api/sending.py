"""Campaigns on their way: checked, tried, started, stopped, accounted for."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from pydantic import Field
from sqlalchemy.orm import Session

from campaigns import lifecycle, preflight
from campaigns.composing.editing import get_campaign
from campaigns.delivery import messages, preview_campaign, test_send
from campaigns.delivery.audience import AudienceCounts
from campaigns.delivery.progress import campaign_progress
from campaigns.errors import InvalidInput
from campaigns.ids import decode_id, encode_id
from campaigns.models.campaign import Campaign
from campaigns.models.message import Reason
from campaigns.reporting.campaign_report import CampaignReport, Engaged, campaign_report
from campaigns.reporting.links import link_report
from campaigns.reporting.series import first_hours
from web.api.campaigns import CampaignSummary, summarise
from web.api.keys import key_ring
from web.api.operation import Operations
from web.api.paging import PageQuery, make_cursor, read_cursor
from web.api.shape import Answer, Input, Instant

operations = Operations("campaigns")


class AudienceOut(Answer):
    """matched = the sum of skipped + will_get."""

    matched: int
    skipped: dict[str, int] = Field(description="By reason, such as `unsubscribed`.")
    will_get: int


class FindingOut(Answer):
    severity: str = Field(description="must_fix, warning or advice.")
    code: str
    message: str
    params: dict[str, Any]


class PreflightOut(Answer):
    may_start: bool
    audience: AudienceOut
    findings: list[FindingOut]


class ScheduleIn(Input):
    """A wall time and its zone. A time that a clock change skips comes after the gap; one that comes twice, first."""

    local_time: datetime = Field(description="Without offset, such as 2026-11-30T09:00.")
    time_zone: str = Field(description="An IANA zone, such as Europe/Helsinki.")


class TestIn(Input):
    """A test mail: never tracked, never scored."""

    to: list[str]
    contact: str | None = Field(None, description="Whose data fills the merge tags.")
    language: str | None = None


class TestOut(Answer):
    queued: int


class PreviewQuery(Input):
    contact: str | None = None
    language: str | None = None


class ProblemOut(Answer):
    severity: str
    code: str
    message: str
    line: int | None
    column: int | None
    part: str


class PreviewOut(Answer):
    subject: str
    preheader: str
    html: str | None
    text: str
    size_bytes: int
    problems: list[ProblemOut]


class ProgressOut(Answer):
    """candidates = the sum of skipped, waiting, retry, in_hand, sent, failed, uncertain and cancelled."""

    state: str
    candidates: int | None
    skipped: int
    waiting: int
    retry: int
    in_hand: int
    sent: int
    failed: int
    uncertain: int
    cancelled: int
    rate_per_second: float | None
    remaining_seconds: float | None


class EngagedOut(Answer):
    people: int
    machine_only: int
    settling: int
    total: int


class LinkOut(Answer):
    number: int
    label: str
    target: str
    people: int
    clicks: int
    machine_clicks: int
    settling: int


class HourOut(Answer):
    start: Instant
    opened: int
    clicked: int


class ReasonOut(Answer):
    state: str
    reason: str
    count: int


class ReportOut(Answer):
    state: str
    counted_at: Instant
    started_at: Instant | None
    finished_at: Instant | None
    progress: ProgressOut
    opened: EngagedOut
    clicked: EngagedOut
    unsubscribed: int
    complained: int
    bounced: int
    replied: int
    reasons: list[ReasonOut]
    links: list[LinkOut]
    hours: list[HourOut]


class MessageOut(Answer):
    seq: int
    contact: str
    email: str
    state: str
    reason: str | None
    detail: str | None
    attempts: int
    next_try_at: Instant | None
    sent_at: Instant | None
    opened_at: Instant | None
    clicked_at: Instant | None


class MessagesOut(Answer):
    items: list[MessageOut]
    next_cursor: str | None


class MessageQuery(PageQuery):
    state: str | None = Field(
        None, description="waiting, in_hand, retry, sent, failed, uncertain, skipped or cancelled."
    )
    reason: str | None = None
    search: str | None = None


@operations.get("/campaigns/{campaign_id}/preflight")
def check_campaign(session: Session, *, campaign_id: str, now: datetime) -> PreflightOut:
    """Say how many people will get it, less each reason, and what must be fixed first."""
    checked = preflight.check(session, campaign_id=_number(session, campaign_id), now=now)
    return PreflightOut(
        may_start=checked.may_start,
        audience=_audience(checked.counts),
        findings=[
            FindingOut(severity=item.severity, code=item.code, message=item.message, params=dict(item.params))
            for item in checked.findings
        ],
    )


@operations.get("/campaigns/{campaign_id}/preview")
def preview(session: Session, *, campaign_id: str, query: PreviewQuery) -> PreviewOut:
    """Show the mail as a contact would get it, without any valid token in it."""
    shown = preview_campaign.preview_campaign(
        session,
        campaign_id=_number(session, campaign_id),
        as_contact_id=decode_id("contact", query.contact) if query.contact else None,
        language=query.language,
    )
    return PreviewOut.model_validate(shown)


@operations.post("/campaigns/{campaign_id}/test", status=202, idempotent=True)
def send_test(session: Session, *, campaign_id: str, body: TestIn, now: datetime) -> TestOut:
    """Send a test mail to some addresses."""
    queued = test_send.send_test(
        session,
        campaign_id=_number(session, campaign_id),
        to_emails=body.to,
        as_contact_id=decode_id("contact", body.contact) if body.contact else None,
        language=body.language,
        key_ring=key_ring(),
        now=now,
    )
    return TestOut(queued=queued)


@operations.post("/campaigns/{campaign_id}/start", status=202, idempotent=True)
def start_campaign(session: Session, *, campaign_id: str, now: datetime) -> CampaignSummary:
    """Start sending now. Refused with 422 and the findings where something must be fixed first."""
    return _moved(session, lifecycle.start(session, campaign_id=_number(session, campaign_id), now=now))


@operations.post("/campaigns/{campaign_id}/schedule", idempotent=True)
def schedule_campaign(session: Session, *, campaign_id: str, body: ScheduleIn, now: datetime) -> CampaignSummary:
    """Plan the start for a local time and its zone."""
    number = _number(session, campaign_id)
    local = body.local_time.replace(tzinfo=None)
    return _moved(session, lifecycle.schedule(session, campaign_id=number, local=local, zone=body.time_zone, now=now))


@operations.post("/campaigns/{campaign_id}/unschedule")
def unschedule_campaign(session: Session, *, campaign_id: str, now: datetime) -> CampaignSummary:
    """Take a planned campaign back to the drafts."""
    return _moved(session, lifecycle.unschedule(session, campaign_id=_number(session, campaign_id), now=now))


@operations.post("/campaigns/{campaign_id}/pause", idempotent=True)
def pause_campaign(session: Session, *, campaign_id: str, now: datetime) -> CampaignSummary:
    """Pause: takes effect with the next window of at most 32 mails."""
    return _moved(session, lifecycle.pause(session, campaign_id=_number(session, campaign_id), now=now))


@operations.post("/campaigns/{campaign_id}/resume", idempotent=True)
def resume_campaign(session: Session, *, campaign_id: str, now: datetime) -> CampaignSummary:
    """Go on sending to those who have not got it."""
    return _moved(session, lifecycle.resume(session, campaign_id=_number(session, campaign_id), now=now))


@operations.post("/campaigns/{campaign_id}/cancel", idempotent=True)
def cancel_campaign(session: Session, *, campaign_id: str, now: datetime) -> CampaignSummary:
    """Stop for good; what is out stays out, the rest is never sent."""
    return _moved(session, lifecycle.cancel(session, campaign_id=_number(session, campaign_id), now=now))


@operations.post("/campaigns/{campaign_id}/release", idempotent=True)
def release_campaign(session: Session, *, campaign_id: str, now: datetime) -> CampaignSummary:
    """Let a held campaign go on."""
    return _moved(session, lifecycle.release(session, campaign_id=_number(session, campaign_id), now=now))


@operations.get("/campaigns/{campaign_id}/progress")
def get_progress(session: Session, *, campaign_id: str, now: datetime) -> ProgressOut:
    """Count where everybody stands; cheap enough to poll."""
    return _progress(session, _number(session, campaign_id), now)


@operations.get("/campaigns/{campaign_id}/report")
def get_report(session: Session, *, campaign_id: str, now: datetime) -> ReportOut:
    """Report what happened: people and machines apart, by link and by hour."""
    number = _number(session, campaign_id)
    told = campaign_report(session, campaign_id=number, now=now)
    return ReportOut(
        state=told.state,
        counted_at=told.counted_at,
        started_at=told.started_at,
        finished_at=told.finished_at,
        progress=_progress(session, number, now),
        opened=_engaged(told.opened),
        clicked=_engaged(told.clicked),
        unsubscribed=told.unsubscribed,
        complained=told.complained,
        bounced=told.bounced,
        replied=told.replied,
        reasons=[ReasonOut(state=item.state.name, reason=item.reason.name, count=item.count) for item in told.reasons],
        links=[LinkOut.model_validate(link) for link in link_report(session, campaign_id=number)],
        hours=_hours(session, told, now),
    )


@operations.get("/campaigns/{campaign_id}/messages")
def list_messages(session: Session, *, campaign_id: str, query: MessageQuery) -> MessagesOut:
    """List everybody the campaign could have had, each with a state and a reason."""
    position = read_cursor(query.cursor, int)
    found = messages.list_messages(
        session,
        campaign_id=_number(session, campaign_id),
        state=_state(query.state),
        reason=_reason(query.reason),
        search=query.search,
        after_seq=position[0] if position else 0,
        limit=query.limit + 1,
    )
    more = make_cursor(found[query.limit - 1].seq) if len(found) > query.limit else None
    return MessagesOut(items=[_message(row) for row in found[: query.limit]], next_cursor=more)


def _state(name: str | None) -> str | None:
    if name is not None and name not in messages.STATES:
        raise InvalidInput(f"There is no state {name[:60]!r}; known are {', '.join(messages.STATES)}.", field="state")
    return name


def _reason(name: str | None) -> Reason | None:
    if name is None:
        return None
    try:
        return Reason[name]
    except KeyError as error:
        raise InvalidInput(f"There is no reason {name[:60]!r}.", field="reason") from error


def _number(session: Session, campaign_id: str) -> int:
    return get_campaign(session, campaign_id=decode_id("campaign", campaign_id)).id


def _moved(session: Session, campaign: Campaign) -> CampaignSummary:
    session.flush()
    return summarise(campaign)


def _audience(counts: AudienceCounts) -> AudienceOut:
    skipped = {Reason(reason).name: count for reason, count in counts.skipped.items()}
    return AudienceOut(matched=counts.matched, skipped=skipped, will_get=counts.will_get)


def _progress(session: Session, number: int, now: datetime) -> ProgressOut:
    return ProgressOut(**asdict(campaign_progress(session, campaign_id=number, now=now)))


def _engaged(engaged: Engaged) -> EngagedOut:
    return EngagedOut(**asdict(engaged))


def _hours(session: Session, told: CampaignReport, now: datetime) -> list[HourOut]:
    if told.started_at is None:
        return []
    series = first_hours(session, campaign_id=told.campaign_id, started_at=told.started_at, now=now)
    return [HourOut.model_validate(hour) for hour in series]


def _message(row: messages.MessageRow) -> MessageOut:
    return MessageOut(
        seq=row.seq,
        contact=encode_id("contact", row.contact_id),
        email=row.email,
        state=row.state,
        reason=row.reason.name if row.reason else None,
        detail=row.detail,
        attempts=row.attempts,
        next_try_at=row.next_try_at,
        sent_at=row.sent_at,
        opened_at=row.opened_at,
        clicked_at=row.clicked_at,
    )
