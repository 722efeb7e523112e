"""System mails: no campaign, no tracking, nobody's list. Sign-in links, confirmations, notices."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from campaigns.rendering.compile import compile_content
from campaigns.rendering.content import CompiledContent, ContentSource, FilledMessage, MailContext
from campaigns.rendering.evaluate import Scope
from campaigns.rendering.headers import address_header, ascii_domain, ascii_host, header, text_header, write_date
from campaigns.rendering.parts import Parts
from campaigns.rendering.program import TextBuilder
from campaigns.rendering.specialise import NO_LINKS, NOBODY, plain_link, specialise
from campaigns.rendering.wire import WirePart, between, closing, multipart_headers, opening
from templates_email.load import load_template


@dataclass(frozen=True)
class SystemSender:
    """Who a system mail comes from, and for which list if for one."""

    from_name: str
    from_email: str
    company: str = ""
    postal_address: str = ""
    list_name: str = ""


@lru_cache(maxsize=32)
def _compiled(name: str) -> CompiledContent:
    """Compile one of our own templates: they are trusted, so no child is needed."""
    template = load_template(name)
    source = ContentSource(template.subject, template.preheader, "mjml", template.body, "en")
    return compile_content(source, attributes={}, mail_fields=tuple(template.sample["mail"]))


def write_system_mail(
    name: str,
    *,
    values: Mapping[str, str],
    sender: SystemSender,
    to_email: str,
    idempotency_key: str,
    now: datetime,
    is_confirmation: bool = False,
) -> FilledMessage:
    """Return a system mail made from ``templates_email/<name>``.

    ``values`` fill the ``mail.…`` merge tags; a value of ``…_url`` is a whole link. The Message-ID follows from
    ``idempotency_key``, so a retry has the same. ``is_confirmation`` adds Auto-Submitted (RFC 3834, rule L5).
    Raises :class:`MissingValue` for a value that is not given, and :class:`UnusableAddress`.
    """
    compiled = _compiled(name)
    context = MailContext(
        campaign_id=0, campaign_name="", list_id=0, list_name=sender.list_name, list_header_id="",
        from_name=sender.from_name, from_email=sender.from_email, reply_to=None, company=sender.company,
        postal_address=sender.postal_address, public_url="", tracking=False,
    )  # fmt: skip
    scope = Scope(NOBODY, context, NO_LINKS, mail=values)

    def special(parts: Parts) -> Parts:
        return specialise(
            parts,
            language=compiled.language,
            right_to_left=False,
            context=context,
            write_link=lambda index: plain_link(compiled.links[index]),
            pixel=(),
        )

    scope.subject = TextBuilder(compiled.language).build(special(compiled.subject)).write(scope)
    text = WirePart("plain", special(compiled.text), compiled.language)
    html = WirePart("html", special(compiled.html or ()), compiled.language)
    domain = ascii_host(sender.from_email.rpartition("@")[2])
    message_id = f"<s.{hashlib.sha256(idempotency_key.encode()).hexdigest()[:32]}@{domain}>"
    pieces = [
        address_header("From", sender.from_name, sender.from_email),
        address_header("To", "", to_email),
        text_header("Subject", scope.subject),
        header("Date", write_date(now)),
        header("Message-ID", message_id),
        header("Auto-Submitted", "auto-generated") if is_confirmation else b"",
        multipart_headers() + opening(text),
        *text.run(scope),
        between(html),
        *html.run(scope),
        closing(),
    ]
    envelope_to = ascii_domain(to_email)
    return FilledMessage(
        b"".join(pieces),
        ascii_domain(sender.from_email),
        envelope_to,
        message_id,
        scope.subject,
        not envelope_to.isascii(),
    )
