"""Before a start: the numbers first, then what must be fixed, then what had better be."""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, func, literal, or_, select
from sqlalchemy.orm import Session

from campaigns.delivery.audience import AudienceCounts, count_audience, disposed_people, get_campaign
from campaigns.delivery.compile_revision import attribute_kinds, content_source
from campaigns.delivery.mail_context import load_context
from campaigns.delivery.preview_campaign import invented_recipient
from campaigns.delivery.smtp_address import read_smtp_urls
from campaigns.errors import InvalidInput
from campaigns.models.campaign import Campaign, Content
from campaigns.models.contact import Attribute, Contact
from campaigns.models.installation import Installation
from campaigns.models.message import Reason
from campaigns.models.sender import Sender
from campaigns.rendering.content import CompiledContent
from campaigns.rendering.evaluate import Scope
from campaigns.rendering.parts import expressions_in, fields_of
from campaigns.rendering.problems import ContentErrors, ContentProblem
from campaigns.rendering.problems import Severity as ContentSeverity
from campaigns.rendering.sandbox import compile_in_child
from campaigns.rendering.specialise import NO_LINKS
from campaigns.rendering.view import write_plainly
from campaigns.settings import Settings, get_settings

LONG_SUBJECT = 78


class Severity(StrEnum):
    """``must_fix`` keeps a campaign from starting; a ``warning`` had better be looked at; ``advice`` is a hint."""

    must_fix = "must_fix"
    warning = "warning"
    advice = "advice"


@dataclass(frozen=True)
class Finding:
    """One thing found. ``code`` is stable; ``params`` fill the wording; ``message`` is the English sentence."""

    severity: Severity
    code: str
    message: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Preflight:
    """What a start would do now, and what stands in its way."""

    counts: AudienceCounts
    findings: tuple[Finding, ...]

    @property
    def must_fix(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity is Severity.must_fix)

    @property
    def may_start(self) -> bool:
        return not self.must_fix


class PreflightFailed(InvalidInput):
    """Something must be fixed before the campaign may start. ``findings`` holds everything."""

    code = "preflight_failed"

    def __init__(self, findings: Sequence[Finding]) -> None:
        what = " ".join(finding.message for finding in findings if finding.severity is Severity.must_fix)
        super().__init__(f"The campaign cannot start yet. {what}")
        self.findings = tuple(findings)


def check(session: Session, *, campaign_id: int, now: datetime) -> Preflight:
    """Return how many people the campaign would reach, and all findings, those that must be fixed first.

    Compiles every content in its child process. Raises ``NoSuchCampaign``.
    """
    settings = get_settings()
    campaign = get_campaign(session, campaign_id=campaign_id)
    counts = count_audience(session, campaign_id=campaign_id, now=now)
    findings = [
        *_check_people(counts),
        *_check_sender(session, campaign),
        *_check_contents(session, campaign, now),
        *_check_way_out(session, settings),
    ]
    order = list(Severity)
    return Preflight(counts, tuple(sorted(findings, key=lambda finding: order.index(finding.severity))))


def _must(code: str, message: str, **params: Any) -> Finding:
    return Finding(Severity.must_fix, code, message, params)


def _check_people(counts: AudienceCounts) -> list[Finding]:
    if counts.will_get == 0:
        return [_must("nobody", "Nobody would get this mail: choose another list or other segments.")]
    return []


def _check_sender(session: Session, campaign: Campaign) -> list[Finding]:
    """Company and postal address are demanded by law in many countries (rule G3)."""
    sender = session.get(Sender, campaign.sender_id)
    if sender is None or sender.archived_at is not None:
        return [_must("no_sender", "The sender is gone: choose another one.")]
    findings = []
    if not sender.from_email.strip() or "@" not in sender.from_email:
        findings.append(_must("no_from", "The sender has no From address: write one.", sender=sender.from_name))
    if not sender.company.strip():
        findings.append(_must("no_company", "The sender has no company: write its name.", sender=sender.from_name))
    if not sender.postal_address.strip():
        message = "The sender has no postal address, which a mailing must show: write one."
        findings.append(_must("no_postal_address", message, sender=sender.from_name))
    return findings


def _check_contents(session: Session, campaign: Campaign, now: datetime) -> list[Finding]:
    query = (
        select(Content)
        .where(Content.campaign_id == campaign.id, Content.revision == campaign.revision)
        .order_by(Content.language != campaign.default_language, Content.variant, Content.language)
    )
    contents = session.scalars(query).all()
    if not any(content.language == campaign.default_language for content in contents):
        return [_must("no_content", "The campaign says nothing yet: write the mail.")]
    attributes = attribute_kinds(session)
    findings = []
    for content in contents:
        if not content.subject.strip():
            findings.append(_must("no_subject", "The subject is empty: write one.", language=content.language))
        try:
            compiled = compile_in_child(content_source(content), attributes=attributes)
        except ContentErrors as error:
            findings += [_of_content(problem, content.language) for problem in error.problems]
            continue
        findings += _check_subject(session, campaign, compiled)
        findings += [_of_content(problem, content.language) for problem in compiled.warnings]
        findings += _check_unsubscribe(compiled)
        findings += _check_missing_values(session, campaign, compiled, now)
    return findings


def _check_subject(session: Session, campaign: Campaign, compiled: CompiledContent) -> list[Finding]:
    """Measure the subject as a reader gets it, not as its merge tags are written."""
    context = load_context(session, campaign_id=campaign.id, public_url=get_settings().effective_public_url)
    scope = Scope(invented_recipient(compiled.language), context, NO_LINKS, missing=lambda field: "")
    length = len(write_plainly(compiled.subject, compiled, context, scope).strip())
    if length <= LONG_SUBJECT:
        return []
    message = f"The subject has {length} characters; most inboxes show the first 40 to 70."
    params = {"length": length, "language": compiled.language}
    return [Finding(Severity.warning, "long_subject", message, params)]


def _of_content(problem: ContentProblem, language: str) -> Finding:
    severity = {
        ContentSeverity.error: Severity.must_fix,
        ContentSeverity.warning: Severity.warning,
    }.get(problem.severity, Severity.advice)
    params = {"part": problem.part, "line": problem.line, "column": problem.column, "language": language}
    return Finding(severity, f"content_{problem.code}", problem.message, params)


def _check_unsubscribe(compiled: CompiledContent) -> list[Finding]:
    """Every mailing carries a visible way out (rules L1, G3)."""
    parts = (compiled.html or ()) if compiled.html is not None else compiled.text
    if any("links.unsubscribe" in fields_of(expression) for expression in expressions_in(parts)):
        return []
    message = "The mail has no unsubscribe link: add {{ links.unsubscribe }} to its footer."
    return [_must("no_unsubscribe_link", message, language=compiled.language)]


def _check_missing_values(
    session: Session, campaign: Campaign, compiled: CompiledContent, now: datetime
) -> list[Finding]:
    """Say how many people would be skipped because a merge tag without a fallback has no value for them."""
    tests = {name: test for name in compiled.required_fields if (test := _is_missing(session, name)) is not None}
    if not tests:
        return []
    people = disposed_people(session, campaign_id=campaign.id, now=now).subquery()
    reached = (
        select(*[func.count().filter(test) for test in tests.values()])
        .select_from(people)
        .join(Contact, Contact.id == people.c.contact_id)
        .where(people.c.reason == Reason.none)
    )
    numbers = session.execute(reached).one()
    return [
        Finding(
            Severity.warning,
            "missing_values",
            f"{number} people have no value for {name} and would be skipped: write {name} | default(…).",
            {"field": name, "people": number},
        )
        for name, number in zip(tests, numbers, strict=True)
        if number
    ]


def _is_missing(session: Session, name: str) -> ColumnElement[bool] | None:
    """Return the condition that a contact has no value for a merge tag; None for those that never lack one."""
    columns = {
        "contact.given_name": Contact.given_name == "",
        "contact.family_name": Contact.family_name == "",
        "contact.full_name": (Contact.given_name == "") & (Contact.family_name == ""),
        "contact.time_zone": func.coalesce(Contact.time_zone, "") == "",
    }
    prefix = "contact.attributes."
    if not name.startswith(prefix):
        return columns.get(name)
    number = session.scalar(select(Attribute.id).where(Attribute.name == name.removeprefix(prefix)))
    value = Contact.attributes[str(number)]
    return or_(value.is_(None), value.astext.is_(None), value.astext.in_(["", "[]"])) if number else literal(True)


def _check_way_out(session: Session, settings: Settings) -> list[Finding]:
    findings = []
    if session.get_one(Installation, 1).held_at is not None:
        message = "Sending is held on this installation: release it first."
        findings.append(Finding(Severity.warning, "installation_held", message))
    if not settings.uses_local_inbox and is_loopback(settings.effective_public_url):
        message = (
            f"Links would point to {settings.effective_public_url}, which readers cannot reach: "
            "set TIDINGS_PUBLIC_URL to the address of this site on the internet."
        )
        # A server on this very machine may be a trap for mails as well as a relay: say it, and let people decide.
        stays_here = all(is_loopback(f"smtp://{server.host}") for server in read_smtp_urls(settings.effective_smtp_url))
        severity = Severity.warning if stays_here else Severity.must_fix
        params = {"url": settings.effective_public_url}
        findings.append(Finding(severity, "public_url_is_loopback", message, params))
    return findings


def is_loopback(url: str) -> bool:
    """Say whether a URL leads to this machine only."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
