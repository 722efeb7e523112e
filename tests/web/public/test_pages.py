"""Preferences, view in browser, languages, and what every public page has in common."""

import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns import clock
from campaigns.models.campaign import Content
from campaigns.models.contact import Contact
from campaigns.models.mailing_list import MailingList
from campaigns.models.membership import Membership, MembershipState
from campaigns.settings import Settings
from campaigns.signing import KeyRing
from tests import builders
from tests.tracking.hits import make_message
from web.public.app import create_public_app
from web.public.languages import LANGUAGES, TRANSLATIONS, match_language

TEMPLATES = Path(__file__).parents[3] / "web" / "templates" / "public"
POSTS = {"/u/<token>", "/p/<token>"}
GETS = {"/u/<token>", "/p/<token>", "/v/<token>", "/healthz", "/metrics", "/public/style.css"}


@pytest.fixture
def mailing_list(session: Session) -> MailingList:
    return builders.make_list(session, name="Garden")


@pytest.fixture
def member(session: Session, mailing_list: MailingList) -> Contact:
    contact = builders.make_member(session, mailing_list=mailing_list, email="june@example.com")
    other = builders.make_list(session, name="Offers")
    builders.make_membership(session, mailing_list=other, contact=contact, state=MembershipState.unsubscribed)
    builders.make_list(session, name="Staff only")
    return contact


@pytest.fixture
def token(key_ring: KeyRing, mailing_list: MailingList, member: Contact) -> str:
    return key_ring.unsubscribe_token(list_id=mailing_list.id, contact_id=member.id, address_hash=member.address_hash)


def memberships(session: Session) -> dict[str, Membership]:
    session.expire_all()
    found = select(MailingList.name, Membership).join(Membership, Membership.list_id == MailingList.id)
    return {name: row for name, row in session.execute(found)}  # noqa: C416 - mypy wants the pairs named


def test_preferences_show_only_lists_the_person_knows(reader: FlaskClient, token: str) -> None:
    page = reader.get(f"/p/{token}").text
    assert "Garden" in page
    assert "Offers" in page
    assert "Staff only" not in page
    assert "june@example.com" not in page


def test_preferences_leave_and_join_lists_and_set_tracking(session: Session, reader: FlaskClient, token: str) -> None:
    rows = memberships(session)
    garden, offers = rows["Garden"].list_id, rows["Offers"].list_id
    form = {"shown": [garden, offers], "list": [offers], "tracking_shown": "1"}
    page = reader.post(f"/p/{token}", data=form).text
    assert 'role="status"' in page
    rows = memberships(session)
    assert (rows["Garden"].state, rows["Offers"].state) == (MembershipState.unsubscribed, MembershipState.confirmed)
    assert rows["Offers"].source == "preferences"
    assert rows["Offers"].consent_text
    assert rows["Garden"].tracking_consent is False
    reader.post(f"/p/{token}", data={**form, "tracking": "1"})
    assert memberships(session)["Offers"].tracking_consent is True


def test_preferences_join_no_list_the_form_may_not_name(session: Session, reader: FlaskClient, token: str) -> None:
    staff = session.scalars(select(MailingList).where(MailingList.name == "Staff only")).one()
    reader.post(f"/p/{token}", data={"shown": [staff.id], "list": [staff.id, "x", "٣"]})
    assert set(memberships(session)) == {"Garden", "Offers"}
    assert memberships(session)["Garden"].state == MembershipState.confirmed


def test_preferences_of_somebody_gone_are_404(
    session: Session, reader: FlaskClient, token: str, member: Contact
) -> None:
    session.delete(member)
    session.flush()
    assert reader.get(f"/p/{token}").status_code == 404
    assert reader.post(f"/p/{token}").status_code == 404


def test_no_page_sets_a_cookie_or_runs_a_script(reader: FlaskClient, token: str) -> None:
    for path in (f"/u/{token}", f"/p/{token}", "/u/x", "/nothing", "/healthz"):
        answer = reader.get(path)
        assert "Set-Cookie" not in answer.headers
        assert "script" not in answer.text
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"


def test_the_public_addresses_are_these_and_no_others(settings: Settings, key_ring: KeyRing) -> None:
    rules = list(create_public_app(settings, key_ring).url_map.iter_rules())
    assert {rule.rule for rule in rules if "GET" in (rule.methods or ())} == GETS
    assert {rule.rule for rule in rules if "POST" in (rule.methods or ())} == POSTS


def test_every_page_has_one_heading_and_its_language(reader: FlaskClient, token: str) -> None:
    for answer in (
        reader.get(f"/u/{token}"),
        reader.post(f"/u/{token}"),
        reader.get(f"/u/{token}"),
        reader.post(f"/u/{token}", data={"action": "undo"}),
        reader.get(f"/p/{token}"),
        reader.post(f"/p/{token}"),
        reader.get("/u/forged"),
    ):
        assert len(re.findall("<h1", answer.text)) == 1
        assert '<html lang="en" dir="ltr">' in answer.text
        assert "<title>" in answer.text


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("de", "de"),
        ("de-AT", "de"),
        ("pt-BR", "pt"),
        ("zh-TW", "zh_Hant"),
        ("zh-Hant", "zh_Hant"),
        ("zh-HK", "zh_Hant"),
        ("zh-CN", None),
        ("zh", None),
        ("en-GB", "en"),
        ("fr", None),
        ("", None),
        ("../../etc", None),
        ("xx-nonsense-1234567890", None),
    ],
)
def test_a_language_tag_finds_our_language(tag: str, language: str | None) -> None:
    assert match_language(tag) == language


def test_every_sentence_is_translated_with_the_same_fields(reader: FlaskClient) -> None:
    root = TEMPLATES.parents[1]
    methods = [("**/public/**.html", "jinja2"), ("public/**.py", "python")]
    sentences = {
        str(found[2]) for found in extract_from_dir(root, method_map=methods, keywords={"_": None, "gettext": None})
    }
    assert len(sentences) > 30
    for language in LANGUAGES[1:]:
        with (TRANSLATIONS / language / "LC_MESSAGES" / "public.po").open("rb") as source:
            catalogue = {message.id: message for message in read_po(source, locale=language) if message.id}
        assert set(catalogue) == sentences
        for message in catalogue.values():
            assert message.string
            assert not list(message.check())
            assert sorted(re.findall(r"%\(\w+\)s", message.id)) == sorted(re.findall(r"%\(\w+\)s", message.string))


def test_a_page_is_read_in_german_and_chinese(reader: FlaskClient, token: str) -> None:
    assert "Von Garden abmelden?" in reader.get(f"/u/{token}", headers={"Accept-Language": "de-CH"}).text
    chinese = reader.get(f"/u/{token}", headers={"Accept-Language": "zh-TW"}).text
    assert "要取消訂閱「Garden」嗎？" in chinese
    assert '<html lang="zh-Hant"' in chinese


def test_the_language_asked_for_goes_before_the_browsers(reader: FlaskClient) -> None:
    assert 'lang="fi"' in reader.get("/u/x", headers={"Accept-Language": "fr, fi;q=0.5"}).text
    assert 'lang="tr"' in reader.get("/u/x?lang=tr", headers={"Accept-Language": "fi"}).text


def test_the_language_of_the_message_goes_before_all(
    session: Session, reader: FlaskClient, key_ring: KeyRing, member: Contact, mailing_list: MailingList
) -> None:
    campaign = builders.make_campaign(session, mailing_list=mailing_list, sender=builders.make_sender(session))
    session.scalars(select(Content).where(Content.campaign_id == campaign.id)).one().language = "pt-BR"
    make_message(session, campaign, member, seq=1, sent_at=clock.now())
    token = key_ring.unsubscribe_token(
        list_id=mailing_list.id,
        contact_id=member.id,
        address_hash=member.address_hash,
        campaign_id=campaign.id,
        seq=1,
    )
    assert 'lang="pt"' in reader.get(f"/u/{token}?lang=tr", headers={"Accept-Language": "fi"}).text
