"""View in browser: the mail as it was sent, for whoever the reader shows it to (rule L6)."""

import subprocess
import sys

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from campaigns import clock
from campaigns.delivery.compile_revision import compile_source, load_source, save_compiled
from campaigns.models.campaign import Campaign
from campaigns.models.contact import Contact
from campaigns.models.message import Message, MessageState
from campaigns.signing import KeyRing
from tests import builders
from tests.tracking.hits import make_message


@pytest.fixture
def reader_of_it(session: Session) -> Contact:
    return builders.make_contact(session, given_name="<b>June</b>")


@pytest.fixture
def message(session: Session, reader_of_it: Contact) -> Message:
    mailing_list = builders.make_list(session)
    campaign: Campaign = builders.make_campaign(
        session, mailing_list=mailing_list, sender=builders.make_sender(session), started_at=clock.now()
    )
    contents = compile_source(load_source(session, campaign_id=campaign.id))
    save_compiled(session, campaign_id=campaign.id, contents=contents, now=clock.now())
    return make_message(session, campaign, reader_of_it, seq=1, sent_at=clock.now())


@pytest.fixture
def path(message: Message, key_ring: KeyRing) -> str:
    return f"/v/{key_ring.message_token(message.campaign_id, message.seq)}"


def test_the_mail_is_shown_sandboxed_with_plain_links_and_nothing_personal_to_use(
    reader: FlaskClient, path: str, key_ring: KeyRing, message: Message
) -> None:
    answer = reader.get(path)
    assert answer.status_code == 200
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "script-src" not in answer.headers["Content-Security-Policy"]
    assert "&lt;b&gt;June&lt;/b&gt;" in answer.text
    assert "https://shop.example/garden?x=1&amp;y=2" in answer.text
    token = key_ring.message_token(message.campaign_id, message.seq)
    for personal in (token, "/u/", "/p/", "/c/", "/o/"):
        assert personal not in answer.text


def test_what_was_never_sent_or_is_not_kept_is_not_shown(
    session: Session, reader: FlaskClient, path: str, message: Message, reader_of_it: Contact
) -> None:
    message.state = MessageState.skipped
    session.flush()
    assert reader.get(path).status_code == 404
    message.state = MessageState.sent
    session.flush()
    assert reader.get(path).status_code == 200
    session.delete(reader_of_it)
    session.flush()
    assert reader.get(path).status_code == 404


def test_a_forged_token_or_one_for_something_else_shows_nothing(
    reader: FlaskClient, path: str, key_ring: KeyRing
) -> None:
    unsubscribe = key_ring.unsubscribe_token(list_id=1, contact_id=1, address_hash=b"0" * 16)
    for forged in (path[:-1], path + "A", f"/v/{unsubscribe}", f"/v/{key_ring.message_token(9, 9)}"):
        assert reader.get(forged).status_code == 404


def test_the_public_process_loads_no_compiler() -> None:
    """MJML, lxml and premailer cost memory, and a door for strangers needs none of their faults."""
    code = (
        "import sys, web.public.app; "
        "bad = {name.partition('.')[0] for name in sys.modules} & {'mjml', 'lxml', 'premailer', 'cssutils'}; "
        "sys.exit(', '.join(sorted(bad)) or 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
