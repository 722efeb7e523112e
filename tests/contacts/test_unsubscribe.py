"""Unsubscribing by token: at once, for ever, whatever rows are gone (rule L4)."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from campaigns.contacts import membership, suppress, unsubscribe
from campaigns.contacts.membership import Consent, Outcome
from campaigns.models.contact import Contact
from campaigns.models.engagement import ScoreDue
from campaigns.models.event import Event, EventKind
from campaigns.models.mailing_list import MailingList
from campaigns.models.membership import Membership, MembershipState
from campaigns.models.suppression import SuppressionReason
from campaigns.signing import KeyRing, UnsubscribeRef
from tests.builders import make_contact, make_list, make_member

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def make_ref(key_ring: KeyRing, contact: Contact, mailing_list: MailingList) -> UnsubscribeRef:
    token = key_ring.unsubscribe_token(
        list_id=mailing_list.id, contact_id=contact.id, address_hash=contact.address_hash, campaign_id=3, seq=7
    )
    return key_ring.read_unsubscribe_token(token)


def state_of(session: Session, contact: Contact, mailing_list: MailingList) -> str | None:
    wanted = select(Membership.state).where(Membership.contact_id == contact.id, Membership.list_id == mailing_list.id)
    return session.scalar(wanted)


def events_of(session: Session, contact: Contact) -> list[str]:
    return list(session.scalars(select(Event.kind).where(Event.contact_id == contact.id).order_by(Event.occurred_at)))


def test_one_list_is_left_and_the_others_stay(session: Session, key_ring: KeyRing) -> None:
    left, kept = make_list(session), make_list(session)
    ada, noise = make_member(session, mailing_list=left), make_member(session, mailing_list=left)
    membership.subscribe(session, contact_id=ada.id, list_id=kept.id, consent=Consent("form"), now=NOW)

    done = unsubscribe.unsubscribe(session, ref=make_ref(key_ring, ada, left), source="one-click", now=NOW)

    assert (done.list_name, done.already, done.contact_exists) == (left.name, False, True)
    assert done.masked_address == "c…@example.com"
    assert state_of(session, ada, left) == "unsubscribed"
    assert state_of(session, ada, kept) == state_of(session, noise, left) == "confirmed"
    assert events_of(session, ada) == [EventKind.unsubscribe]
    assert list(session.scalars(select(ScoreDue.contact_id))) == [ada.id]


def test_asking_twice_changes_nothing_more(session: Session, key_ring: KeyRing) -> None:
    news = make_list(session)
    ada = make_member(session, mailing_list=news)
    ref = make_ref(key_ring, ada, news)
    unsubscribe.unsubscribe(session, ref=ref, source="page", now=NOW)
    again = unsubscribe.unsubscribe(session, ref=ref, source="page", now=NOW + timedelta(days=1))
    assert again.already
    assert events_of(session, ada) == [EventKind.unsubscribe]


def test_undo_brings_the_consent_back_as_it_was(session: Session, key_ring: KeyRing) -> None:
    news = make_list(session)
    ada = make_member(session, mailing_list=news)
    ref = make_ref(key_ring, ada, news)
    unsubscribe.unsubscribe(session, ref=ref, source="page", now=NOW)
    undone = unsubscribe.undo(session, ref=ref, now=NOW + timedelta(minutes=1))
    assert not undone.already
    row = session.scalars(select(Membership).where(Membership.contact_id == ada.id)).one()
    assert (row.state, row.source, row.unsubscribed_at) == (MembershipState.confirmed, "test", None)
    assert events_of(session, ada) == [EventKind.unsubscribe, EventKind.resubscribe]
    assert unsubscribe.undo(session, ref=ref, now=NOW + timedelta(minutes=2)).already


def test_a_lost_membership_row_still_records_the_wish(session: Session, key_ring: KeyRing) -> None:
    news = make_list(session)
    ada = make_contact(session)
    done = unsubscribe.unsubscribe(session, ref=make_ref(key_ring, ada, news), source="page", now=NOW)
    assert not done.already
    assert state_of(session, ada, news) == "unsubscribed"


def test_with_the_contact_gone_the_address_itself_is_suppressed(session: Session, key_ring: KeyRing) -> None:
    news = make_list(session)
    ada, noise = make_member(session, mailing_list=news), make_member(session, mailing_list=news)
    ref, whole = make_ref(key_ring, ada, news), ada.address_hash
    session.execute(delete(Contact).where(Contact.id == ada.id))
    session.expire_all()

    done = unsubscribe.unsubscribe(session, ref=ref, source="page", now=NOW)
    assert (done.contact_exists, done.already, done.masked_address) == (False, False, "")
    assert suppress.is_suppressed(session, address_hash=whole)
    assert not suppress.is_suppressed(session, address_hash=noise.address_hash)
    assert unsubscribe.unsubscribe(session, ref=ref, source="page", now=NOW).already

    suppress.apply_short_hashes(session, address_hashes=[noise.address_hash, whole])
    found = suppress.list_suppressions(session).rows
    assert [(row.address_hash, row.source) for row in found] == [(whole, "unsubscribe")]
    assert not unsubscribe.undo(session, ref=ref, now=NOW).already
    assert not suppress.is_suppressed(session, address_hash=whole)


def test_a_number_that_now_names_somebody_else_touches_only_the_address(session: Session, key_ring: KeyRing) -> None:
    news = make_list(session)
    stranger, ada = make_member(session, mailing_list=news), make_member(session, mailing_list=news)
    ref = UnsubscribeRef(news.id, stranger.id, ada.address_hash[:10], 0, 0)
    unsubscribe.unsubscribe(session, ref=ref, source="page", now=NOW)
    assert state_of(session, stranger, news) == "confirmed"
    assert state_of(session, ada, news) == "unsubscribed"


def test_looking_changes_nothing(session: Session, key_ring: KeyRing) -> None:
    news = make_list(session)
    ada = make_member(session, mailing_list=news)
    standing = unsubscribe.look_up(session, ref=make_ref(key_ring, ada, news))
    assert (standing.list_name, standing.state, standing.suppressed) == (news.name, "confirmed", False)
    assert session.scalar(select(func.count()).select_from(Event)) == 0


def test_an_undo_lifts_no_complaint(session: Session, key_ring: KeyRing) -> None:
    news = make_list(session)
    ada = make_member(session, mailing_list=news)
    reason = SuppressionReason.complaint
    suppress.suppress(session, address_hash=ada.address_hash, reason=reason, source="fbl", hint="a…", now=NOW)
    unsubscribe.undo(session, ref=make_ref(key_ring, ada, news), now=NOW)
    assert suppress.is_suppressed(session, address_hash=ada.address_hash)


@pytest.mark.parametrize(
    ("before", "is_own_wish", "outcome", "after"),
    [
        ("unsubscribed", False, Outcome.kept_unsubscribed, "unsubscribed"),
        ("unsubscribed", True, Outcome.resubscribed, "confirmed"),
        ("pending", False, Outcome.confirmed, "confirmed"),
        ("confirmed", False, Outcome.unchanged, "confirmed"),
    ],
)
def test_nobody_is_resubscribed_but_by_their_own_wish(
    session: Session, before: str, is_own_wish: bool, outcome: Outcome, after: str
) -> None:
    news = make_list(session)
    ada = make_member(session, mailing_list=news)
    session.scalars(select(Membership)).one().state = before
    session.flush()
    done = membership.subscribe(
        session, contact_id=ada.id, list_id=news.id, consent=Consent("form"), now=NOW, is_own_wish=is_own_wish
    )
    assert (done, state_of(session, ada, news)) == (outcome, after)


def test_a_stronger_reason_replaces_a_weaker_one_and_never_the_other_way(session: Session) -> None:
    def say(reason: SuppressionReason) -> bool:
        return suppress.suppress(session, address_hash=b"x" * 16, reason=reason, source="", hint="", now=NOW)

    assert say(SuppressionReason.manual)
    assert not say(SuppressionReason.complaint)
    assert not say(SuppressionReason.imported)
    found = suppress.find_suppression(session, address_hash=b"x" * 16)
    assert found is not None
    assert found.reason == "complaint"


@pytest.mark.parametrize("first_byte", [b"\x00", b"\x7f", b"\xff"])
def test_the_short_hash_of_a_token_finds_the_whole_one(session: Session, first_byte: bytes) -> None:
    whole, short = first_byte * 16, first_byte * 10
    reason = SuppressionReason.manual
    suppress.suppress(session, address_hash=whole, reason=reason, source="", hint="", now=NOW)
    assert suppress.is_suppressed(session, address_hash=short)
    assert not suppress.is_suppressed(session, address_hash=b"\x80" * 10)
