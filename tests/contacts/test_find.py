"""Finding contacts as people type them, and taking what was found as a file."""

import csv
import io

import pytest
from sqlalchemy.orm import Session

from campaigns.contacts.export_contacts import contacts_csv
from campaigns.contacts.export_csv import BYTE_ORDER_MARK
from campaigns.contacts.find import find_contacts
from campaigns.contacts.sorting import make_sort_key
from campaigns.models.contact import Contact
from campaigns.models.membership import MembershipState
from tests.builders import make_attribute, make_contact, make_list, make_membership


def make_person(session: Session, given: str, family: str) -> Contact:
    key = make_sort_key(given, family)
    return make_contact(session, given_name=given, family_name=family, sort_key=key)


@pytest.mark.parametrize("search", ["林雅婷", "林雅", "雅婷", "林"])
def test_a_name_in_han_is_found_as_it_is_shown(session: Session, search: str) -> None:
    wanted = make_person(session, "雅婷", "林")
    make_person(session, "怡君", "黃")
    assert [row.id for row in find_contacts(session, search=search).contacts] == [wanted.id]


def test_a_latin_family_name_does_not_run_into_the_given_name(session: Session) -> None:
    make_person(session, "Ada", "Berg")
    assert not find_contacts(session, search="bergada").contacts


def test_the_file_holds_what_was_found_with_lists_and_attributes(session: Session) -> None:
    city = make_attribute(session, name="city")
    letters, left = make_list(session, name="Letters"), make_list(session, name="Left")
    wanted = make_person(session, "Ada", "=cmd()")
    wanted.attributes = {str(city.id): "Lisboa"}
    make_membership(session, mailing_list=letters, contact=wanted)
    make_membership(session, mailing_list=left, contact=wanted, state=MembershipState.unsubscribed)
    noise = make_person(session, "Bo", "Other")
    make_membership(session, mailing_list=left, contact=noise)
    written = "".join(contacts_csv(session, list_id=letters.id)).removeprefix(BYTE_ORDER_MARK)
    (row,) = csv.DictReader(io.StringIO(written))
    assert (row["Email"], row["Last name"], row["City"], row["Lists"]) == (wanted.email, "'=cmd()", "Lisboa", "Letters")
