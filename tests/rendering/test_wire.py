"""What goes over the wire: the rules of mail, whatever a name, a subject or a value says."""

import itertools
import re
from dataclasses import replace
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.rendering.content import ContentSource
from campaigns.rendering.evaluate import MissingValue
from campaigns.rendering.headers import UnusableAddress
from campaigns.rendering.prepare import prepare
from tests.rendering.mail_rules import broken_rules
from tests.rendering.people import (
    KEY_RING,
    NOW,
    TOKEN,
    campaign,
    compiled,
    filled,
    html_source,
    mjml_source,
    naughty_strings,
    reader,
)
from tests.rendering.slow_composer import SlowComposer, body, read

BODY = (
    '<p title="{{ contact.full_name }}">'
    'Dear {{ contact.given_name }} {{ contact.attributes.city | default("you") }}</p>'
    '<p><a href="https://shop.example/a?x=1&amp;name={{ contact.given_name }}">mine</a> '
    '<a href="https://shop.example/all">all</a></p>'
)


def test_every_naughty_string_keeps_every_rule_in_every_place() -> None:
    prepared = prepare(
        compiled(html_source(BODY, subject="For {{ contact.full_name }}"), city="text"), campaign(), KEY_RING
    )
    for number, text in enumerate(naughty_strings()):
        person = reader(given_name=text or "x", full_name=text, attributes={"city": text})
        if text == "":
            person = reader(given_name="x", full_name="x")
        try:
            mail = prepared.fill(person, seq=number, unsubscribe_token=TOKEN, now=NOW)
        except MissingValue:
            pytest.fail(f"{text!r} was taken for missing")
        assert broken_rules(mail.raw) == [], repr(text)
        assert "<script" not in body(mail.raw, "html").lower(), repr(text)


def test_every_naughty_string_may_be_the_subject_the_senders_name_or_the_lists() -> None:
    for text in naughty_strings():
        subject = "{{ contact.email }} " + text.replace("{", "(").replace("}", ")")
        context = campaign(from_name=text, list_name=text, company=text, postal_address=text, list_header_id=text)
        mail = filled(html_source("<p>x</p>", subject=subject), context=context)
        assert broken_rules(mail.raw) == [], repr(text)


def test_a_name_cannot_inject_a_header_or_end_the_body() -> None:
    evil = "Ada\r\nBcc: victim@example.com\r\n\r\n.\r\n--=_tidings_part--\r\n"
    mail = filled(html_source(BODY), reader(full_name=evil, given_name=evil, attributes={"city": evil}), city="text")
    assert broken_rules(mail.raw) == []
    assert read(mail.raw)["Bcc"] is None
    assert len(list(read(mail.raw).walk())) == 3


def test_the_headers_that_identify_a_mail() -> None:
    mail = filled(html_source(BODY), seq=12, city="text")
    parsed = read(mail.raw)
    token = KEY_RING.return_path_token(7, 12)
    assert parsed["Message-ID"] == mail.message_id == f"<t.{token}@fern.example>"
    assert mail.envelope_from == f"news+b-{token}@fern.example"
    assert parsed["List-Unsubscribe"] == f"<https://mail.fern.example/u/{TOKEN}>"
    assert parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert parsed["List-Id"] == "News <news-1.fern.example>"
    assert parsed["Reply-To"] == "hello@fern.example"
    assert parsed["To"] == "Ada Lovelace <ada@example.com>"
    assert parsedate_to_datetime(parsed["Date"]) == NOW
    assert len(parsed["Feedback-ID"].split(":")) <= 4
    assert parsed["Feedback-ID"] == read(filled(html_source(BODY), seq=13, city="text").raw)["Feedback-ID"]


def test_the_message_id_stays_over_retries_and_differs_between_people() -> None:
    first, again, other = (filled(html_source(BODY), seq=seq, city="text") for seq in (1, 1, 2))
    assert first.message_id == again.message_id != other.message_id


def test_a_long_local_part_makes_room_for_the_return_path_token() -> None:
    mail = filled(html_source("x"), context=campaign(from_email=f"{'n' * 40}@fern.example"))
    local = mail.envelope_from.partition("@")[0]
    assert local == f"b-{KEY_RING.return_path_token(7, 1)}"
    assert len(local) <= 64


def test_names_outside_ascii_become_encoded_words_and_domains_a_labels() -> None:
    mail = filled(
        html_source("x"),
        reader(full_name="Zoë Ångström-Ольга, with a very long name 山田太郎 " * 3, email="zoe@bücher.example"),
        campaign(from_name="Grün & Söhne", from_email="post@grün.example"),
    )
    assert broken_rules(mail.raw) == []
    assert mail.envelope_to == "zoe@xn--bcher-kva.example"
    assert mail.envelope_from.endswith("@xn--grn-ioa.example")
    assert not mail.needs_smtputf8
    assert read(mail.raw)["From"].addresses[0].display_name == "Grün & Söhne"


def test_a_local_part_outside_ascii_asks_for_smtputf8() -> None:
    mail = filled(html_source("x"), reader(email="zoë@example.com"))
    assert mail.needs_smtputf8
    assert broken_rules(mail.raw, has_smtputf8=True) == []
    assert b"zo\xc3\xab@example.com" in mail.raw


@pytest.mark.parametrize(
    "address",
    ["", "ada", "@example.com", "ada@", "a b@example.com", "ada@exa mple.com", "ada>@example.com", "a\r\nb@example.com",
     "ada@example.com\nBcc: x@y.z", "a,b@example.com", "ada@-", "a\u2028@example.com", "a\0@example.com"],
)  # fmt: skip
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(UnusableAddress):
        filled(html_source("x"), reader(email=address))


def test_han_goes_as_base64_and_latin_as_quoted_printable() -> None:
    han = filled(html_source("<p>" + "春天来了,花园里的花都开了。" * 40 + "</p>"))
    latin = filled(html_source("<p>" + "spring has come. " * 40 + "</p>"))
    assert read(han.raw).get_body(("html",))["Content-Transfer-Encoding"] == "base64"
    assert read(latin.raw).get_body(("html",))["Content-Transfer-Encoding"] == "quoted-printable"
    assert "花园" in body(han.raw, "html")
    assert broken_rules(han.raw) == []


def test_a_text_content_is_one_text_part() -> None:
    source = ContentSource("Hi", "", "text", "Hello {{ contact.given_name }}\n\n{{ links.unsubscribe }}", "en")
    mail = filled(source)
    assert broken_rules(mail.raw) == []
    assert read(mail.raw).get_content_type() == "text/plain"
    assert body(mail.raw, "plain") == f"Hello Ada\n\nhttps://mail.fern.example/u/{TOKEN}\n"


def test_without_an_unsubscribe_token_there_is_no_unsubscribe_header() -> None:
    prepared = prepare(compiled(html_source("x")), campaign(), KEY_RING)
    mail = prepared.fill(reader(), seq=1, unsubscribe_token=None, now=NOW)
    assert read(mail.raw)["List-Unsubscribe"] is None
    assert "/u/" not in body(mail.raw, "html")


def test_a_missing_value_without_a_fallback_names_its_field() -> None:
    prepared = prepare(compiled(html_source("{{ contact.attributes.city }}"), city="text"), campaign(), KEY_RING)
    for empty in ({}, {"city": ""}, {"city": None}):
        with pytest.raises(MissingValue) as caught:
            prepared.fill(reader(attributes=empty), seq=1, unsubscribe_token=TOKEN, now=NOW)
        assert caught.value.field == "contact.attributes.city"


def test_every_link_and_the_pixel_carry_the_one_token_of_the_message() -> None:
    html = body(filled(html_source(BODY), seq=9, city="text").raw, "html")
    token = KEY_RING.message_token(7, 9)
    clicks = re.findall(r'href="https://mail\.fern\.example/c/([^"]+)"', html)
    assert [KEY_RING.read_click_token(click)[0].seq for click in clicks] == [9, 9]
    targets = [KEY_RING.read_click_token(click)[1].target for click in clicks]
    assert targets == ["https://shop.example/a?x=1&name=Ada", "https://shop.example/all"]
    assert html.count(f"/o/{token}.gif") == 1
    assert html.index(".gif") < len(html) / 2


def test_without_tracking_links_are_plain_and_there_is_no_pixel() -> None:
    html = body(filled(html_source(BODY), context=campaign(tracking=False), city="text").raw, "html")
    assert 'href="https://shop.example/a?x=1&amp;name=Ada"' in html
    assert "/c/" not in html
    assert "/o/" not in html


def test_an_injected_url_value_stays_one_piece_of_its_url() -> None:
    evil = '"><script>@evil.example/?a=b&c=#x'
    html = body(filled(html_source(BODY), reader(given_name=evil), city="text").raw, "html")
    target = next(KEY_RING.read_click_token(c)[1].target for c in re.findall(r'/c/([^"]+)"', html))
    assert target.startswith("https://shop.example/a?x=1&name=%22%3E%3Cscript")
    assert "&c=" not in target


PIECES = st.lists(
    st.sampled_from(
        [
            "<p>plain words, a line that is rather longer than seventy-six characters so that it must be broken</p>\n",
            "<p>ünï — 春 = 😀</p>", "From here\n", "trailing  \n", "\n.\n..\n",
            "{{ contact.given_name }}", '{{ contact.family_name | default("nobody") }}', "{{ list.name }}",
            '<i title="{{ contact.full_name }}">{{ contact.full_name }}</i>',
            '<a href="https://a.example/{{ contact.given_name }}?b=1&amp;c=ü">one</a>',
            '<a href="https://a.example/fixed">two</a>', '<a href="{{ links.view }}">view</a>',
            "{% if contact.language == 'de' %}<p>Hallo</p>"
            "{% elif contact.given_name %}{{ contact.given_name }}{% else %}x{% endif %}",
            "{% if not contact.family_name and sender.company %}<a href='https://a.example/q'>q</a>{% endif %}",
            '{% for t in contact.attributes.tags %}<b>{{ t }}</b><a href="https://t.example/{{ t }}">t</a>{% endfor %}',
            '{{ contact.given_name + "-" + contact.email }}',
        ]
    ),
    min_size=1,
    max_size=8,
)  # fmt: skip
WORDS = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cn", "Zl", "Zp"], exclude_characters="\u00ad", max_codepoint=0x58F)
    | st.sampled_from("春夏秋冬😀=.\"<>&'"),
    max_size=90,
).map(lambda text: " ".join(text.split()))  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    pieces=PIECES,
    given_name=WORDS,
    family=WORDS,
    tags=st.lists(WORDS, max_size=3),
    tracking=st.booleans(),
    mjml=st.booleans(),
)
def test_the_fast_path_says_what_the_slow_composer_says(
    pieces: list[str], given_name: str, family: str, tags: list[str], tracking: bool, mjml: bool
) -> None:
    words, subject = "".join(pieces), "S: {{ contact.given_name | default('you') }}"
    source = mjml_source(f"<mj-text>{words}</mj-text>") if mjml else html_source(words)
    source = replace(source, subject=subject, preheader="{{ contact.full_name }}")
    content = compiled(source, tags="tags")
    person = reader(
        given_name=given_name, family_name=family, full_name=f"{given_name} {family}", attributes={"tags": tags}
    )
    context = campaign(tracking=tracking)
    slow = SlowComposer(content, context, KEY_RING, person, 4, TOKEN)
    prepared = prepare(content, context, KEY_RING)
    try:
        expected = (slow.subject(), slow.text(), slow.html())
    except MissingValue:
        with pytest.raises(MissingValue):
            prepared.fill(person, seq=4, unsubscribe_token=TOKEN, now=NOW)
        return
    mail = prepared.fill(person, seq=4, unsubscribe_token=TOKEN, now=NOW)
    assert broken_rules(mail.raw) == []
    subject = " ".join(str(read(mail.raw)["Subject"]).split())
    assert (subject, body(mail.raw, "plain"), body(mail.raw, "html")) == expected


def test_the_fast_path_and_logic_give_the_same_bytes_when_logic_changes_nothing() -> None:
    plain = filled(html_source("<p>one</p><p>{{ contact.given_name }}</p>"))
    logic = filled(html_source("{% if contact.email %}<p>one</p><p>{{ contact.given_name }}</p>{% endif %}"))
    assert body(plain.raw, "html") == body(logic.raw, "html")


def test_lines_hold_whatever_the_length_of_a_value() -> None:
    prepared = prepare(compiled(html_source("<p>" + "y" * 60 + "{{ contact.given_name }}z</p>")), campaign(), KEY_RING)
    for length, letter in itertools.product(range(1, 160, 3), "aé="):
        mail = prepared.fill(reader(given_name=letter * length), seq=1, unsubscribe_token=TOKEN, now=NOW)
        assert broken_rules(mail.raw) == []
        assert f"y{letter * length}z" in body(mail.raw, "html")


def test_footers_are_in_the_text_part_too() -> None:
    text = body(filled(html_source("<p>x</p>")).raw, "plain")
    assert "Unsubscribe [1]" in text
    assert f"[1] https://mail.fern.example/u/{TOKEN}" in text
    assert "1 Garden Lane" in text
