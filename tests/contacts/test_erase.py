"""Erasing a person: nothing stays that says who it was."""

import json
from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns.contacts import erase, membership, suppress
from campaigns.contacts.export_contact import export_contact
from campaigns.contacts.imports import report
from campaigns.models.contact import Contact
from campaigns.models.event import Event
from campaigns.models.membership import Membership
from campaigns.models.message import Message
from tests.builders import make_campaign, make_contact, make_list, make_member, make_sender
from tests.contacts.imports.files import import_file

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def test_erasing_keeps_results_and_a_keyed_hash_and_nothing_else(session: Session) -> None:
    news, sender = make_list(session), make_sender(session)
    ada = make_member(session, mailing_list=news, email="ada@example.com")
    noise = make_member(session, mailing_list=news, email="noise@example.com")
    campaign = make_campaign(session, mailing_list=news, sender=sender)
    for seq, contact in enumerate((ada, noise), start=1):
        session.add(Message(campaign_id=campaign.id, seq=seq, contact_id=contact.id, email=contact.email))
        session.flush()
        membership.end_membership(session, contact_id=contact.id, list_id=news.id, source="x", now=NOW)
    number, whole = ada.id, ada.address_hash
    erase.erase_contact(session, contact_id=number, source="form", now=NOW)
    session.expire_all()

    assert list(session.scalars(select(Contact.email))) == ["noise@example.com"]
    assert dict(session.execute(select(Message.contact_id, Message.email)).all()) == {
        number: "",
        noise.id: "noise@example.com",
    }
    assert set(session.scalars(select(Event.contact_id))) == {None, noise.id}
    assert session.scalar(select(func.count()).select_from(Membership)) == 1
    (kept,) = suppress.list_suppressions(session).rows
    assert (kept.address_hash, kept.reason, kept.hint) == (whole, "erased", "")


def test_import_reports_forget_the_erased(session: Session) -> None:
    file = "email,language\nada@example.com,klingon\nnoise@example.com,elvish\n"
    row = import_file(session, file, mapping=[{"target": "email"}, {"target": "language"}])
    assert {one.cells for one in report.list_problems(session, import_id=row.id)} == {
        ("ada@example.com",),
        ("noise@example.com",),
    }
    ada = session.scalars(select(Contact.id).where(Contact.email == "ada@example.com")).one()
    erase.erase_contact(session, contact_id=ada, source="form", now=NOW)
    assert [one.cells for one in report.list_problems(session, import_id=row.id)] == [("noise@example.com",)]


def test_an_export_holds_one_person_and_is_json(session: Session) -> None:
    news = make_list(session, name="News")
    ada = make_member(session, mailing_list=news, email="ada@example.com")
    make_contact(session, email="noise@example.com")
    text = json.dumps(export_contact(session, contact_id=ada.id).__dict__)
    assert "ada@example.com" in text
    assert "noise" not in text
