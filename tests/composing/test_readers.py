"""Whom a preview can be made for."""

import pytest
from sqlalchemy.orm import Session

from campaigns.composing.readers import find_reader, search_readers
from campaigns.models.mailing_list import MailingList
from campaigns.models.membership import MembershipState
from tests.builders import make_contact, make_list, make_member, make_membership


@pytest.fixture
def mailing_list(session: Session) -> MailingList:
    """Beside another list, an unconfirmed member and somebody on no list."""
    chosen = make_list(session)
    make_member(session, mailing_list=make_list(session), email="ann.noise@example.com")
    pending = make_contact(session, email="ann.pending@example.com")
    make_membership(session, mailing_list=chosen, contact=pending, state=MembershipState.pending)
    return chosen


def test_the_first_member_is_shown_when_nobody_is_chosen(session: Session, mailing_list: MailingList) -> None:
    assert find_reader(session, list_id=mailing_list.id) is None
    first = make_member(session, mailing_list=mailing_list, email="b@example.com")
    second = make_member(session, mailing_list=mailing_list, email="a@example.com")
    third = make_member(session, mailing_list=mailing_list, email="c@example.com")
    reader = find_reader(session, list_id=mailing_list.id)
    assert reader is not None
    assert (reader.contact_id, reader.previous_id, reader.next_id) == (first.id, None, second.id)
    middle = find_reader(session, list_id=mailing_list.id, contact_id=second.id)
    assert middle is not None
    assert (middle.previous_id, middle.next_id) == (first.id, third.id)


def test_anybody_can_be_chosen_but_nobody_made_up(session: Session, mailing_list: MailingList) -> None:
    outsider = make_contact(session)
    reader = find_reader(session, list_id=mailing_list.id, contact_id=outsider.id)
    assert reader is not None
    assert reader.email == outsider.email
    assert find_reader(session, list_id=mailing_list.id, contact_id=outsider.id + 999) is None


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("ANN", ["ann@example.com"]),
        ("pe", ["peer@example.com"]),
        ("%", []),
        ("example", []),
        ("a\x00nn", ["ann@example.com"]),
    ],
)
def test_a_search_finds_members_by_how_they_begin(
    session: Session, mailing_list: MailingList, search: str, found: list[str]
) -> None:
    names = {"given_name": "Li", "family_name": "Wu", "sort_key": "wu li"}
    make_member(session, mailing_list=mailing_list, email="ann@example.com", **names)
    make_member(session, mailing_list=mailing_list, email="peer@example.com", **names)
    assert [reader.email for reader in search_readers(session, list_id=mailing_list.id, search=search)] == found


def test_a_search_finds_members_by_name(session: Session, mailing_list: MailingList) -> None:
    make_member(session, mailing_list=mailing_list, email="x@example.com")
    for search in ("Ada", "love"):
        assert len(search_readers(session, list_id=mailing_list.id, search=search)) == 1
