"""Who a campaign is for: every candidate with exactly one disposition, in one SELECT.

Candidates are all members of the campaign's list, in any state of membership, who are in one of the included
segments (all of them when none is chosen). Each is left out for the first reason that applies, or gets the mail.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    case,
    func,
    literal,
    literal_column,
    or_,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from campaigns.errors import NotFound
from campaigns.models.campaign import Campaign, CampaignSegment, Content
from campaigns.models.contact import Contact
from campaigns.models.membership import Membership, MembershipState
from campaigns.models.message import Reason
from campaigns.models.segment import Segment
from campaigns.models.suppression import Suppression, SuppressionReason
from campaigns.segments.compile import select_contact_ids

REASON_OF_SUPPRESSION: Mapping[str, Reason] = {
    SuppressionReason.complaint: Reason.suppressed_complaint,
    SuppressionReason.hard_bounce: Reason.suppressed_hard_bounce,
    SuppressionReason.manual: Reason.suppressed_manual,
    SuppressionReason.erased: Reason.suppressed_erased,
    SuppressionReason.imported: Reason.suppressed_imported,
}


class NoSuchCampaign(NotFound):
    """There is no campaign of this number."""

    code = "no_such_campaign"


@dataclass(frozen=True)
class AudienceCounts:
    """People matched by list and segments, those left out by reason, and those who will get the mail."""

    matched: int
    skipped: Mapping[Reason, int]
    will_get: int


@dataclass(frozen=True)
class ContentLanguage:
    """A language that the campaign speaks, and the number that stands for it in message rows."""

    tag: str
    code: int


def get_campaign(session: Session, *, campaign_id: int) -> Campaign:
    """Return the campaign's row; raises :class:`NoSuchCampaign`."""
    campaign = session.get(Campaign, campaign_id)
    if campaign is None:
        raise NoSuchCampaign("This campaign does not exist.")
    return campaign


def count_audience(session: Session, *, campaign_id: int, now: datetime) -> AudienceCounts:
    """Return how many people the campaign reaches as things stand now, and why others are left out."""
    people = disposed_people(session, campaign_id=campaign_id, now=now).subquery()
    query = select(people.c.reason, func.count()).group_by(people.c.reason)
    counts = {Reason(reason): number for reason, number in session.execute(query)}
    will_get = counts.pop(Reason.none, 0)
    return AudienceCounts(will_get + sum(counts.values()), counts, will_get)


def disposed_people(session: Session, *, campaign_id: int, now: datetime) -> Select[int, int]:
    """Return a SELECT of ``contact_id, reason`` (0: gets the mail) over all candidates."""
    campaign = get_campaign(session, campaign_id=campaign_id)
    included, excluded = _segments(session, campaign_id=campaign_id, now=now)
    query = (
        select(Membership.contact_id, _reason(excluded).label("reason"))
        .join(Contact, Contact.id == Membership.contact_id)
        .outerjoin(Suppression, Suppression.address_hash == Contact.address_hash)
        .where(Membership.list_id == campaign.list_id)
    )
    if included:
        query = query.where(or_(*[Membership.contact_id.in_(ids) for ids in included]))
    return query


def _segments(session: Session, *, campaign_id: int, now: datetime) -> tuple[list[Select[int]], list[Select[int]]]:
    """Return the SELECTs of the included segments and those of the excluded ones."""
    chosen = session.execute(
        select(CampaignSegment.excluded, Segment.rules)
        .join(Segment, Segment.id == CampaignSegment.segment_id)
        .where(CampaignSegment.campaign_id == campaign_id)
        .order_by(Segment.id)
    ).all()
    selects = [(excluded, select_contact_ids(session, rules=rules, now=now)) for excluded, rules in chosen]
    return [ids for out, ids in selects if not out], [ids for out, ids in selects if out]


def _reason(excluded: Sequence[Select[int]]) -> ColumnElement[int]:
    """The first reason that applies: what the person said, then what their address did, then what we chose."""
    whens: list[tuple[ColumnElement[bool], int]] = [
        (Membership.state == MembershipState.unsubscribed, Reason.unsubscribed),
        (Membership.state != MembershipState.confirmed, Reason.not_confirmed),
        *((Suppression.reason == name, reason) for name, reason in REASON_OF_SUPPRESSION.items()),
        (Suppression.reason.is_not(None), Reason.suppressed_manual),
    ]
    if excluded:
        whens.append((or_(*[Membership.contact_id.in_(ids) for ids in excluded]), Reason.left_out_by_segment))
    return case(
        *((test, literal_column(str(int(reason)), Integer)) for test, reason in whens), else_=literal_column("0")
    )


def content_languages(session: Session, *, campaign: Campaign) -> list[ContentLanguage]:
    """Return the languages of the campaign's current revision, the default one first."""
    query = (
        select(Content.language, Content.language_code)
        .where(Content.campaign_id == campaign.id, Content.revision == campaign.revision, Content.variant == 0)
        .order_by(Content.language != campaign.default_language, Content.language)
    )
    return [ContentLanguage(tag, code) for tag, code in session.execute(query)]


def language_code_column(
    languages: Sequence[ContentLanguage], column: InstrumentedAttribute[str | None]
) -> ColumnElement[int]:
    """Return the SQL that gives each contact the nearest language (RFC 4647 look-up: zh-TW → zh → default).

    ``languages`` has the default one first.
    """
    default = literal(languages[0].code, Integer)
    wanted = func.lower(func.replace(column, "_", "-"))
    whens = []
    for language in sorted(languages, key=lambda each: -len(each.tag)):
        tag = language.tag.replace("_", "-").lower()
        whens.append((or_(wanted == tag, wanted.startswith(tag + "-", autoescape=True)), language.code))
    return case(*whens, else_=default) if len(languages) > 1 else default
