"""How long one reader's mail takes: `.venv/bin/python -m benchmarks.rendering`."""

import time
from datetime import UTC, datetime

from campaigns.rendering.compile import compile_content
from campaigns.rendering.content import ContentSource, MailContext, Recipient
from campaigns.rendering.prepare import PreparedContent, prepare
from campaigns.signing import KeyRing

SIZE_BYTES = 30 * 1024
PERSONAL_LINKS = 2
LINKS = 10
SENTENCE = "<p>Twelve short words that somebody in a garden might like to read.</p>\n"
CONTEXT = MailContext(
    1,
    "Bench",
    1,
    "Bench news",
    "bench",
    "Bench",
    "news@bench.example",
    None,
    "Bench Ltd",
    "1 Road",
    "https://b.example",
)
KEY_RING = KeyRing.from_text("a key that only the benchmark knows and nobody else")


def newsletter(*, size_bytes: int = SIZE_BYTES, links: int = LINKS, logic: bool = False) -> ContentSource:
    """Return an HTML newsletter of about ``size_bytes`` with ``links`` tracked links, two of them personal."""
    urls = [f"https://shop.example/page/{number}?from=mail" for number in range(links - PERSONAL_LINKS)]
    urls += [f"https://shop.example/me/{number}?who={{{{ contact.email }}}}" for number in range(PERSONAL_LINKS)]
    anchors = "".join(f'<p><a href="{url}">Read page {number}</a></p>\n' for number, url in enumerate(urls))
    foot = '<p>{{ sender.postal_address }} <a href="{{ links.unsubscribe }}">Unsubscribe</a></p>'
    greeting = '<p>Dear {{ contact.given_name | default("friend") }} {{ contact.family_name | default("") }},</p>'
    if logic:
        greeting += "{% if contact.language == 'de' %}<p>Guten Tag</p>{% else %}<p>Good day</p>{% endif %}"
    filling = SENTENCE * ((size_bytes - 2 * len(anchors) - 1500) // len(SENTENCE) // 2)
    return ContentSource(
        "News for {{ contact.given_name | default('you') }}", "", "html", greeting + filling + anchors + foot, "en"
    )


def microseconds_per_message(prepared: PreparedContent, *, messages: int) -> float:
    """Return the CPU time of one :meth:`PreparedContent.fill`."""
    readers = [
        Recipient(n, f"reader{n}@example.com", f"Ada{n}", "Lovelace", f"Ada{n} Lovelace", "Hello", "en", "UTC", {})
        for n in range(1000)
    ]
    now, token = datetime.now(UTC), "u" * 62
    began = time.process_time()
    for seq in range(messages):
        prepared.fill(readers[seq % 1000], seq=seq, unsubscribe_token=token, now=now)
    return (time.process_time() - began) / messages * 1e6


def main() -> None:
    for logic in (False, True):
        prepared = prepare(compile_content(newsletter(logic=logic), attributes={}), CONTEXT, KEY_RING)
        reader = Recipient(1, "r@example.com", "Ada", "L", "Ada L", "Hello", "en", "UTC", {})
        size = len(prepared.fill(reader, seq=1, unsubscribe_token="u" * 62, now=datetime.now(UTC)).raw)
        cost = microseconds_per_message(prepared, messages=20_000)
        print(f"{'with' if logic else 'without'} logic: {size:,} bytes, {cost:.1f} µs a message")


if __name__ == "__main__":
    main()
