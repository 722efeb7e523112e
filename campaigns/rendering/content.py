"""What goes into the renderer and what comes out of it. Nothing here touches the database."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from campaigns.rendering.parts import Parts, from_plain, to_plain
from campaigns.rendering.problems import ContentProblem, Severity

FORMAT_VERSION = 1
RIGHT_TO_LEFT = frozenset({"ar", "arc", "ckb", "dv", "fa", "he", "ks", "nqo", "ps", "sd", "syr", "ug", "ur", "yi"})


def direction_of(language: str) -> str:
    """Return ``rtl`` or ``ltr`` for a language tag."""
    return "rtl" if language.replace("_", "-").split("-")[0].lower() in RIGHT_TO_LEFT else "ltr"


@dataclass(frozen=True)
class ContentSource:
    """What an author wrote. ``body_format`` is ``mjml``, ``html`` or ``text``."""

    subject: str
    preheader: str
    body_format: str
    body: str
    language: str


@dataclass(frozen=True)
class Link:
    """A tracked link. ``target_template`` is the URL as written, merge tags included; ``target`` the same, parsed.

    ``personal`` links differ from contact to contact and are signed for each; the others once a revision.
    """

    number: int
    target_template: str
    label: str
    personal: bool
    target: Parts


@dataclass(frozen=True)
class CompiledContent:
    """A content made ready: everything that is needed to fill it, and nothing that needs compiling again.

    ``html`` is None for a plain text mail. ``required_fields`` are the merge tags without a fallback that every
    reader needs; ``size_estimate`` is the HTML part in bytes as a typical reader will get it (rule Z1).
    """

    language: str
    subject: Parts
    html: Parts | None
    text: Parts
    links: tuple[Link, ...]
    required_fields: tuple[str, ...]
    has_logic: bool
    size_estimate: int
    warnings: tuple[ContentProblem, ...]

    def to_json(self) -> bytes:
        """Return the content as JSON bytes, to be kept with its revision."""
        plain = {
            "version": FORMAT_VERSION,
            "language": self.language,
            "subject": to_plain(self.subject),
            "html": to_plain(self.html),
            "text": to_plain(self.text),
            "links": [
                [link.number, link.target_template, link.label, link.personal, to_plain(link.target)]
                for link in self.links
            ],
            "required_fields": self.required_fields,
            "has_logic": self.has_logic,
            "size_estimate": self.size_estimate,
            "warnings": [problem_to_plain(problem) for problem in self.warnings],
        }
        return json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, raw: bytes) -> "CompiledContent":
        """Return the content behind :meth:`to_json`; raises ValueError for another version's."""
        plain = json.loads(raw)
        if plain.pop("version") != FORMAT_VERSION:
            raise ValueError("This content was compiled by another version; compile it again.")
        plain |= {part: from_plain(plain[part]) for part in ("subject", "html", "text")}
        plain["links"] = tuple(Link(link[0], link[1], link[2], link[3], from_plain(link[4])) for link in plain["links"])
        plain["required_fields"] = tuple(plain["required_fields"])
        plain["warnings"] = tuple(map(problem_from_plain, plain["warnings"]))
        return cls(**plain)

    def renumbered(self, known: Mapping[str, int]) -> "CompiledContent":
        """Return the content with its links numbered within a campaign.

        ``known`` maps target templates to the numbers they have in the campaign already; a link that is not
        among them gets the next free number, in order.
        """
        numbers = dict(known)
        for link in self.links:
            numbers.setdefault(link.target_template, max(numbers.values(), default=0) + 1)
        links = tuple(replace(link, number=numbers[link.target_template]) for link in self.links)
        return replace(self, links=links)


def problem_to_plain(problem: ContentProblem) -> list[Any]:
    return [problem.severity.value, problem.code, problem.message, problem.line, problem.column, problem.part]


def problem_from_plain(plain: list[Any]) -> ContentProblem:
    return ContentProblem(Severity(plain[0]), *plain[1:])


@dataclass(frozen=True)
class Recipient:
    """The person a mail is filled for. ``attributes`` maps attribute names to canonical values, or None.

    ``greeting`` is written by :func:`campaigns.contacts.names.greeting` in the content's language.
    """

    contact_id: int
    email: str
    given_name: str
    family_name: str
    full_name: str
    greeting: str
    language: str
    time_zone: str
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class MailContext:
    """What all mails of a campaign have in common.

    ``list_header_id`` is the stable left part of List-Id; ``public_url`` has no slash at its end. ``tracking``
    turns on rewritten links and the pixel.
    """

    campaign_id: int
    campaign_name: str
    list_id: int
    list_name: str
    list_header_id: str
    from_name: str
    from_email: str
    reply_to: str | None
    company: str
    postal_address: str
    public_url: str
    tracking: bool = True


@dataclass(frozen=True)
class FilledMessage:
    """One mail, ready for SMTP: ``raw`` has CRLF line ends and no dot-stuffing.

    ``envelope_to`` has its domain as A-labels; ``needs_smtputf8`` says that its local part is not ASCII, so only
    a server that offers SMTPUTF8 can take it (rule M7). ``message_id`` has its angle brackets.
    """

    raw: bytes
    envelope_from: str
    envelope_to: str
    message_id: str
    subject: str
    needs_smtputf8: bool


@dataclass(frozen=True)
class Preview:
    """A content as one reader would see it, without any valid token, and everything found about it.

    ``html`` is empty for a plain text mail, and when errors keep it from being made.
    """

    html: str
    text: str
    subject: str
    preheader: str
    problems: tuple[ContentProblem, ...]
    size_bytes: int
