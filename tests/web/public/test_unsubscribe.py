"""Unsubscribing: by one click of a mail program or by a page, for ever, whatever is away (rules L2 to L6)."""

import socket
import time
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, create_engine, delete, select
from sqlalchemy.orm import Session

from campaigns import db
from campaigns.contacts.spooled_unsubscribes import apply_spooled, pending_unsubscribes, read_spooled
from campaigns.contacts.suppress import is_suppressed
from campaigns.models.contact import Contact
from campaigns.models.event import Event
from campaigns.models.mailing_list import MailingList
from campaigns.models.membership import Membership, MembershipState
from campaigns.settings import Settings
from campaigns.signing import KeyRing
from tests import builders
from tests.web.public.conftest import NO_DATABASE

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def mailing_list(session: Session) -> MailingList:
    return builders.make_list(session, name="Garden <letter>")


@pytest.fixture
def member(session: Session, mailing_list: MailingList) -> Contact:
    builders.make_member(session, mailing_list=mailing_list, email="noise@example.com")
    return builders.make_member(session, mailing_list=mailing_list, email="june@example.com")


@pytest.fixture
def token(key_ring: KeyRing, mailing_list: MailingList, member: Contact) -> str:
    return key_ring.unsubscribe_token(list_id=mailing_list.id, contact_id=member.id, address_hash=member.address_hash)


@pytest.fixture
def database_away() -> Engine:
    """From here on every connection is refused."""
    engine = create_engine(NO_DATABASE.replace("postgresql", "postgresql+psycopg"))
    db.bind(engine)
    return engine


def states(session: Session) -> dict[str, str]:
    session.expire_all()
    found = select(Contact.email, Membership.state).join(Membership, Membership.contact_id == Contact.id)
    return dict(session.execute(found).all())  # type: ignore[arg-type]


def test_looking_changes_nothing(session: Session, reader: FlaskClient, token: str) -> None:
    for method in ("GET", "HEAD", "OPTIONS"):
        assert reader.open(f"/u/{token}", method=method).status_code == 200
    assert set(states(session).values()) == {MembershipState.confirmed}


def test_the_page_masks_the_address_and_offers_one_button(reader: FlaskClient, token: str) -> None:
    page = reader.get(f"/u/{token}").text
    assert "j…@example.com" in page
    assert "june@example.com" not in page
    assert "Garden &lt;letter&gt;" in page
    assert page.count("<h1") == 1
    assert page.count("<button") == 1


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_one_click_post_takes_both_encodings_and_only_this_person_off(
    session: Session, reader: FlaskClient, token: str, content_type: str
) -> None:
    for _ in range(2):
        answer = reader.post(f"/u/{token}", data=ONE_CLICK, content_type=content_type)
        assert (answer.status_code, answer.headers.get("Location")) == (200, None)
        assert "Set-Cookie" not in answer.headers
    assert states(session) == {
        "june@example.com": MembershipState.unsubscribed,
        "noise@example.com": MembershipState.confirmed,
    }
    assert [event.kind for event in session.scalars(select(Event))] == ["unsubscribe"]


def test_a_post_without_any_body_unsubscribes_too(session: Session, reader: FlaskClient, token: str) -> None:
    assert reader.post(f"/u/{token}").status_code == 200
    assert states(session)["june@example.com"] == MembershipState.unsubscribed


def test_the_button_answers_with_a_status_and_an_undo_that_works(
    session: Session, reader: FlaskClient, token: str
) -> None:
    page = reader.post(f"/u/{token}", data={"action": "unsubscribe"}).text
    assert 'role="status"' in page
    assert 'value="undo"' in page
    assert 'value="undo"' in reader.get(f"/u/{token}").text
    assert 'role="status"' in reader.post(f"/u/{token}", data={"action": "undo"}).text
    assert states(session)["june@example.com"] == MembershipState.confirmed


def test_a_forged_token_is_404_and_does_not_say_whether_the_address_exists(
    session: Session, reader: FlaskClient, key_ring: KeyRing, member: Contact, mailing_list: MailingList
) -> None:
    stranger = KeyRing.from_text("another key that is long enough to be one")
    known = stranger.unsubscribe_token(list_id=mailing_list.id, contact_id=member.id, address_hash=member.address_hash)
    unknown = stranger.unsubscribe_token(list_id=999, contact_id=999, address_hash=b"\0" * 16)
    message = key_ring.message_token(1, 1)
    answers = [
        answer
        for token in (known, unknown, message, "x", "%00", known[:-1])
        for answer in (reader.get(f"/u/{token}"), reader.post(f"/u/{token}", data=ONE_CLICK))
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    assert set(states(session).values()) == {MembershipState.confirmed}


def test_the_token_outlives_its_rows(
    session: Session, reader: FlaskClient, token: str, member: Contact, mailing_list: MailingList
) -> None:
    session.execute(delete(Membership))
    session.execute(delete(Contact).where(Contact.id == member.id))
    assert reader.get(f"/u/{token}").status_code == 200
    assert reader.post(f"/u/{token}", data=ONE_CLICK).status_code == 200
    assert is_suppressed(session, address_hash=member.address_hash)


def test_without_the_database_it_is_kept_answered_and_applied_later(
    session: Session,
    reader: FlaskClient,
    token: str,
    settings: Settings,
    key_ring: KeyRing,
    database_away: Engine,
) -> None:
    assert reader.get(f"/u/{token}").status_code == 200
    assert not pending_unsubscribes(settings)
    answer = reader.post(f"/u/{token}", data=ONE_CLICK)
    assert answer.status_code == 200
    assert "You are unsubscribed" in answer.text
    assert pending_unsubscribes(settings)
    assert reader.post(f"/u/{token}", data={"action": "undo"}).status_code == 503

    for spooled in read_spooled(settings):
        assert apply_spooled(session, spooled=spooled, key_ring=key_ring) == 1
    assert not pending_unsubscribes(settings)
    assert states(session)["june@example.com"] == MembershipState.unsubscribed
    row = session.scalars(select(Membership).where(Membership.state == MembershipState.unsubscribed)).one()
    assert row.unsubscribed_at is not None
    assert row.unsubscribed_at < datetime.now(UTC)
    assert row.unsubscribe_source == "one_click"


def test_what_could_not_be_applied_stays_pending(
    reader: FlaskClient, token: str, settings: Settings, database_away: Engine
) -> None:
    reader.post(f"/u/{token}", data=ONE_CLICK)
    read = read_spooled(settings)
    next(read)
    read.close()
    assert pending_unsubscribes(settings)


def test_a_database_that_says_nothing_keeps_nobody_waiting(reader: FlaskClient, token: str, settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        db.bind(db.make_engine(f"postgresql+psycopg://nobody@127.0.0.1:{silent.getsockname()[1]}/none"))
        began_at = time.monotonic()
        for _ in range(20):
            assert reader.post(f"/u/{token}", data=ONE_CLICK).status_code == 200
        assert time.monotonic() - began_at < 10
    assert pending_unsubscribes(settings)
