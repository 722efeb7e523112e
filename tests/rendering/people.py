"""Readers, campaigns and contents for rendering tests; a test names only what it is about."""

import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from campaigns.rendering.compile import compile_content
from campaigns.rendering.content import CompiledContent, ContentSource, FilledMessage, MailContext, Recipient
from campaigns.rendering.prepare import prepare
from campaigns.signing import KeyRing

KEY_RING = KeyRing.from_text("a fixed key that only tests know and long enough")
NOW = datetime(2026, 11, 22, 9, 30, 5, tzinfo=UTC)
NAUGHTY = Path(__file__).parents[2].parent / "shared" / "corpora" / "naughty-strings.json"
TOKEN = "u" * 62
FOOT = '<p>{{ sender.postal_address }} <a href="{{ links.unsubscribe }}">Unsubscribe</a></p>'


def reader(**changes: Any) -> Recipient:
    ada = Recipient(
        contact_id=5,
        email="ada@example.com",
        given_name="Ada",
        family_name="Lovelace",
        full_name="Ada Lovelace",
        greeting="Hello Ada",
        language="en",
        time_zone="Europe/London",
        attributes={},
    )
    return dataclasses.replace(ada, **changes)


def campaign(**changes: Any) -> MailContext:
    spring = MailContext(
        campaign_id=7,
        campaign_name="Spring",
        list_id=3,
        list_name="News",
        list_header_id="news-1",
        from_name="Fern & Field",
        from_email="news@fern.example",
        reply_to="hello@fern.example",
        company="Fern & Field Ltd",
        postal_address="1 Garden Lane\nSpringfield",
        public_url="https://mail.fern.example",
    )
    return dataclasses.replace(spring, **changes)


def html_source(body: str, **changes: Any) -> ContentSource:
    return dataclasses.replace(ContentSource("Hello", "", "html", body + FOOT, "en"), **changes)


def mjml_source(body: str, *, head: str = "", **changes: Any) -> ContentSource:
    """Return an MJML content whose one column holds ``body``."""
    whole = (
        f"<mjml><mj-head>{head}</mj-head><mj-body><mj-section><mj-column>{body}<mj-text>{FOOT}</mj-text>"
        "</mj-column></mj-section></mj-body></mjml>"
    )
    return dataclasses.replace(ContentSource("Hello", "", "mjml", whole, "en"), **changes)


def compiled(source: ContentSource, **attributes: str) -> CompiledContent:
    return compile_content(source, attributes=attributes)


def filled(
    source: ContentSource,
    recipient: Recipient | None = None,
    context: MailContext | None = None,
    *,
    seq: int = 1,
    **attributes: str,
) -> FilledMessage:
    prepared = prepare(compiled(source, **attributes), context or campaign(), KEY_RING)
    return prepared.fill(recipient or reader(), seq=seq, unsubscribe_token=TOKEN, now=NOW)


def naughty_strings() -> list[str]:
    if not NAUGHTY.exists():
        pytest.skip("the corpus of naughty strings is not beside the checkout")
    strings: list[str] = json.loads(NAUGHTY.read_text("utf-8"))
    return strings
