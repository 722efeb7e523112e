"""Creating and changing one contact."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns.contacts import attributes, save, suppress
from campaigns.contacts.addresses import InvalidAddress
from campaigns.contacts.save import AddressTaken, ContactFields, Outcome, save_contact
from campaigns.contacts.values import InvalidValue
from campaigns.models.contact import Contact
from campaigns.models.suppression import SuppressionReason
from campaigns.signing import KeyRing
from tests.builders import make_attribute, make_contact

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def test_a_new_address_creates_and_the_same_again_changes_nothing(session: Session, key_ring: KeyRing) -> None:
    colour = make_attribute(session, name="colour")
    fields = ContactFields(
        email=" Ada@Example.com", given_name="Ada", family_name="Łovelace", language="EN", attributes={"colour": "red"}
    )
    first = save_contact(session, fields=fields, key_ring=key_ring, now=NOW)
    again = save_contact(session, fields=fields, key_ring=key_ring, now=NOW + timedelta(days=1))
    assert (first.outcome, again.outcome) == (Outcome.created, Outcome.unchanged)
    row = save.get_contact(session, contact_id=first.contact_id)
    assert (row.email, row.domain, row.language) == ("ada@example.com", "example.com", "en")
    assert row.attributes == {str(colour.id): "red"}
    assert row.address_hash == key_ring.address_hash("ada@example.com")
    assert row.updated_at == NOW


def test_only_what_is_named_changes(session: Session, key_ring: KeyRing) -> None:
    colour, size = make_attribute(session, name="colour"), make_attribute(session, name="size", kind="number")
    ada, noise = make_contact(session, attributes={str(colour.id): "red", str(size.id): 3}), make_contact(session)
    fields = ContactFields(given_name="", attributes={"colour": None, "size": "4"})
    saved = save_contact(session, fields=fields, key_ring=key_ring, now=NOW, contact_id=ada.id)
    assert saved.outcome is Outcome.updated
    assert (ada.given_name, ada.family_name, ada.attributes) == ("", "Lovelace", {str(size.id): 4})
    assert ada.sort_key == "lovelace"
    assert noise.given_name == "Ada"


def test_an_address_moves_only_where_nobody_is(session: Session, key_ring: KeyRing) -> None:
    ada, other = make_contact(session), make_contact(session)
    with pytest.raises(AddressTaken):
        save_contact(session, fields=ContactFields(email=other.email), key_ring=key_ring, now=NOW, contact_id=ada.id)
    fields = ContactFields(email="new@example.org")
    save_contact(session, fields=fields, key_ring=key_ring, now=NOW, contact_id=ada.id)
    assert (ada.email, ada.domain) == ("new@example.org", "example.org")
    assert ada.address_hash == key_ring.address_hash("new@example.org")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        (ContactFields(email="x@example.com", language="xx"), "language"),
        (ContactFields(email="x@example.com", time_zone="Mars/Phobos"), "time_zone"),
        (ContactFields(email="x@example.com", attributes={"born": "2024-02-30"}), "attributes.born"),
    ],
)
def test_a_bad_value_is_refused_with_its_field(
    session: Session, key_ring: KeyRing, fields: ContactFields, field: str
) -> None:
    make_attribute(session, name="born", kind="date")
    with pytest.raises(InvalidValue) as caught:
        save_contact(session, fields=fields, key_ring=key_ring, now=NOW)
    assert caught.value.field == field
    assert session.scalar(select(func.count()).select_from(Contact)) == 0


def test_without_an_address_nothing_is_made(session: Session, key_ring: KeyRing) -> None:
    with pytest.raises(InvalidAddress):
        save_contact(session, fields=ContactFields(given_name="Ada"), key_ring=key_ring, now=NOW)
    fields = ContactFields(email="a@example.com", attributes={"nonsense": 1})
    with pytest.raises(save.UnknownAttribute):
        save_contact(session, fields=fields, key_ring=key_ring, now=NOW)


def test_who_unsubscribed_while_unknown_stays_unmailed_when_they_come_back(session: Session, key_ring: KeyRing) -> None:
    whole = key_ring.address_hash("ada@example.com")
    reason = SuppressionReason.manual
    suppress.suppress(session, address_hash=whole[:10], reason=reason, source="unsubscribe", hint="", now=NOW)
    save_contact(session, fields=ContactFields(email="ada@example.com"), key_ring=key_ring, now=NOW)
    assert [row.address_hash for row in suppress.list_suppressions(session).rows] == [whole]


def test_naughty_strings_are_kept_in_every_field(session: Session, key_ring: KeyRing, shared_data: Path) -> None:
    note = make_attribute(session, name="note")
    strings = json.loads((shared_data / "corpora" / "naughty-strings.json").read_text())
    for number, text in enumerate([*strings, "\ufdfa" * 300, "\ud800", "a\x00b"]):
        fields = ContactFields(
            email=f"n{number}@example.com", given_name=text, family_name=text, greeting=text, attributes={"note": text}
        )
        saved = save_contact(session, fields=fields, key_ring=key_ring, now=NOW)
        row = save.get_contact(session, contact_id=saved.contact_id)
        assert "\n" not in row.given_name
        kept = row.attributes.get(str(note.id), "")
        assert kept == text.strip() or "\ud800" in text or "\x00" in text


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Total spent (€)", "total_spent"),
        ("Größe", "grosse"),
        ("會員等級", "field"),
        ("2nd name", "field_2nd_name"),
        ("class", "field_class"),
        ("Çok satan", "cok_satan"),
    ],
)
def test_a_label_becomes_a_merge_tag(session: Session, label: str, name: str) -> None:
    first = attributes.create_attribute(session, label=label, kind="text", now=NOW)
    second = attributes.create_attribute(session, label=label, kind="text", now=NOW)
    assert (first.name, second.name) == (name, f"{name}_2")
