"""Drafts: made, saved under a version, copied, thrown away; frozen revisions stay as they were."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.composing import drafts
from campaigns.composing.editing import NoSuchCampaign, NotEditable, StaleVersion, get_campaign
from campaigns.composing.parts import NoSuchPart
from campaigns.composing.starters import UnknownStarter
from campaigns.composing.text import MissingText, TextTooLong
from campaigns.models.campaign import Campaign, CampaignSegment, CampaignState, Content, Revision
from tests.builders import make_campaign, make_list, make_segment, make_sender

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
LATER = datetime(2026, 11, 22, 10, tzinfo=UTC)
RULES: dict[str, Any] = {"match": "all", "rules": []}


@pytest.fixture
def campaign(session: Session) -> Campaign:
    sender = make_sender(session)
    make_campaign(session, mailing_list=make_list(session), sender=sender, name="Noise", subject="Noise")
    return make_campaign(session, mailing_list=make_list(session), sender=sender)


def save(session: Session, campaign: Campaign, **changes: Any) -> Campaign:
    values = {"subject": "New subject", "preheader": "New preheader", "body_format": "mjml", "body": "<mjml></mjml>"}
    return drafts.save_content(
        session, campaign_id=campaign.id, **{**values, "version": campaign.version, "now": LATER, **changes}
    )


def freeze(session: Session, campaign: Campaign, state: str) -> None:
    session.get_one(Revision, (campaign.id, campaign.revision)).frozen_at = NOW
    campaign.state = state
    session.flush()


def test_a_new_campaign_speaks_the_senders_language_and_begins_with_the_starter(session: Session) -> None:
    sender = make_sender(session, language="de")
    made = drafts.create_campaign(
        session, name="  Herbst\nbrief ", list_id=make_list(session).id, sender_id=sender.id, now=NOW
    )
    (content,) = drafts.current_contents(session, campaign_id=made.id)
    assert (made.name, made.state, made.version, made.default_language) == ("Herbst brief", "draft", 1, "de")
    assert (content.language, content.language_code, content.body_format) == ("de", 0, "mjml")
    assert content.body.startswith('<mjml lang="de" dir="ltr">')
    assert content.subject


@pytest.mark.parametrize("starter", ["nothing", "../campaigns", "", "newsletter/../newsletter", "sign_in"])
def test_an_unknown_starter_is_refused(session: Session, starter: str) -> None:
    with pytest.raises(UnknownStarter):
        drafts.create_campaign(
            session,
            name="A",
            list_id=make_list(session).id,
            sender_id=make_sender(session).id,
            starter=starter,
            now=NOW,
        )


@pytest.mark.parametrize(("name", "error"), [(" \t\n", MissingText), ("x" * 201, TextTooLong), ("\x00", MissingText)])
def test_a_campaign_needs_a_name_of_reasonable_length(session: Session, name: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        drafts.create_campaign(
            session, name=name, list_id=make_list(session).id, sender_id=make_sender(session).id, now=NOW
        )


def test_an_archived_list_or_sender_cannot_be_chosen(session: Session) -> None:
    for archived in ("list", "sender"):
        mailing_list = make_list(session, archived_at=NOW if archived == "list" else None)
        sender = make_sender(session, archived_at=NOW if archived == "sender" else None)
        with pytest.raises(NoSuchPart) as caught:
            drafts.create_campaign(session, name="A", list_id=mailing_list.id, sender_id=sender.id, now=NOW)
        assert caught.value.field == f"{archived}_id"


def test_saving_content_raises_the_version_and_changes_this_campaign_only(session: Session, campaign: Campaign) -> None:
    saved = save(session, campaign)
    assert (saved.version, saved.updated_at) == (2, LATER)
    subjects = dict(session.execute(select(Content.campaign_id, Content.subject)).all())
    assert subjects.pop(campaign.id) == "New subject"
    assert set(subjects.values()) == {"Noise"}


def test_a_save_from_an_older_page_is_refused_and_nothing_is_lost(session: Session, campaign: Campaign) -> None:
    save(session, campaign)
    with pytest.raises(StaleVersion, match="reload the page"):
        save(session, campaign, subject="Too late", version=1)
    assert drafts.current_contents(session, campaign_id=campaign.id)[0].subject == "New subject"


def test_the_same_save_twice_is_one_and_blames_nobody(session: Session, campaign: Campaign) -> None:
    save(session, campaign, version=1)
    assert save(session, campaign, version=1).version == 2


def test_a_save_that_changes_nothing_makes_no_revision(session: Session, campaign: Campaign) -> None:
    freeze(session, campaign, CampaignState.paused)
    content = drafts.current_contents(session, campaign_id=campaign.id)[0]
    save(session, campaign, subject=content.subject, preheader=content.preheader, body=content.body)
    assert (campaign.revision, campaign.version) == (1, 1)


def test_a_subject_can_never_begin_another_header(session: Session, campaign: Campaign) -> None:
    save(session, campaign, subject="Hello\r\nBcc: everyone@example.com\x00\u2028x \ud800")
    assert drafts.current_contents(session, campaign_id=campaign.id)[0].subject == "Hello Bcc: everyone@example.com x"


def test_a_body_keeps_its_lines_and_loses_what_cannot_be_stored(session: Session, campaign: Campaign) -> None:
    save(session, campaign, body="one\r\ntwo\rthree\x00\udfff {{7*7}} <script>")
    assert drafts.current_contents(session, campaign_id=campaign.id)[0].body == "one\ntwo\nthree {{7*7}} <script>"


def test_a_body_beyond_the_limit_is_refused(session: Session, campaign: Campaign) -> None:
    with pytest.raises(TextTooLong, match="512 KB"):
        save(session, campaign, body="ä" * (300 * 1024))


def test_an_edit_while_paused_makes_the_next_revision_once(session: Session, campaign: Campaign) -> None:
    freeze(session, campaign, CampaignState.paused)
    save(session, campaign, subject="Second")
    save(session, campaign, subject="Second, corrected")
    assert campaign.revision == 2
    sent = drafts.current_contents(session, campaign_id=campaign.id, revision=1)
    unsent = drafts.current_contents(session, campaign_id=campaign.id)
    assert [c.subject for c in sent] == ["Autumn letter"]
    assert [c.subject for c in unsent] == ["Second, corrected"]


def test_the_next_revision_takes_every_language_along(session: Session, campaign: Campaign) -> None:
    save(session, campaign, language="de", subject="Herbstbrief")
    freeze(session, campaign, CampaignState.paused)
    save(session, campaign, subject="Second")
    contents = drafts.current_contents(session, campaign_id=campaign.id)
    assert [(c.revision, c.language, c.language_code, c.subject) for c in contents] == [
        (2, "en", 0, "Second"),
        (2, "de", 1, "Herbstbrief"),
    ]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (CampaignState.scheduled, "off the schedule"),
        (CampaignState.starting, "Pause it"),
        (CampaignState.sending, "Pause it"),
        (CampaignState.sent, "Make a copy"),
        (CampaignState.cancelled, "Make a copy"),
    ],
)
def test_content_that_cannot_be_edited_says_what_to_do(
    session: Session, campaign: Campaign, state: str, words: str
) -> None:
    campaign.state = state
    with pytest.raises(NotEditable, match=words):
        save(session, campaign)


def test_the_audience_is_changed_by_whole_choices(session: Session, campaign: Campaign) -> None:
    first, second, third = (make_segment(session, rules=RULES, name=name) for name in "ABC")
    for include, exclude in ([first.id], [third.id]), ([first.id, second.id], [second.id]):
        drafts.save_audience(
            session,
            campaign_id=campaign.id,
            list_id=campaign.list_id,
            include_segment_ids=include,
            exclude_segment_ids=exclude,
            now=LATER,
        )
    chosen = drafts.chosen_segments(session, campaign_id=campaign.id)
    assert [(segment.name, excluded) for segment, excluded in chosen] == [("A", False), ("B", True)]
    assert campaign.version == 3


def test_a_segment_that_is_gone_cannot_be_chosen(session: Session, campaign: Campaign) -> None:
    archived = make_segment(session, rules=RULES)
    archived.archived_at = NOW
    session.flush()
    with pytest.raises(NoSuchPart):
        drafts.save_audience(
            session,
            campaign_id=campaign.id,
            list_id=campaign.list_id,
            include_segment_ids=[],
            exclude_segment_ids=[archived.id],
            now=LATER,
        )


def test_the_audience_of_a_paused_campaign_stands(session: Session, campaign: Campaign) -> None:
    campaign.state = CampaignState.paused
    with pytest.raises(NotEditable, match="Make a copy"):
        drafts.save_audience(
            session,
            campaign_id=campaign.id,
            list_id=campaign.list_id,
            include_segment_ids=[],
            exclude_segment_ids=[],
            now=LATER,
        )


def test_a_name_can_change_at_any_time_and_the_sender_before_the_start(session: Session, campaign: Campaign) -> None:
    other = make_sender(session, from_name="Other")
    change: Callable[..., Campaign] = lambda **v: drafts.save_details(  # noqa: E731
        session, campaign_id=campaign.id, **{"name": "Renamed", "version": None, "now": LATER, **v}
    )
    assert change(sender_id=other.id).sender_id == other.id
    campaign.state = CampaignState.sent
    assert change(sender_id=other.id, name="Again").name == "Again"
    with pytest.raises(NotEditable):
        change(sender_id=make_sender(session).id)


def test_a_copy_takes_words_and_audience_of_the_last_revision_but_no_history(
    session: Session, campaign: Campaign
) -> None:
    segment = make_segment(session, rules=RULES)
    session.add(CampaignSegment(campaign_id=campaign.id, segment_id=segment.id, excluded=True))
    freeze(session, campaign, CampaignState.paused)
    save(session, campaign, subject="Second")
    campaign.state, campaign.candidates = CampaignState.sent, 7
    copy = drafts.duplicate(session, campaign_id=campaign.id, name="Winter letter", now=LATER)
    assert (copy.name, copy.state, copy.revision, copy.candidates) == ("Winter letter", "draft", 1, None)
    assert [c.subject for c in drafts.current_contents(session, campaign_id=copy.id)] == ["Second"]
    assert [(s.id, out) for s, out in drafts.chosen_segments(session, campaign_id=copy.id)] == [(segment.id, True)]
    save(session, copy, subject="Third")
    assert [c.subject for c in drafts.current_contents(session, campaign_id=campaign.id)] == ["Second"]


def test_a_copy_can_go_to_another_list_from_another_sender(session: Session, campaign: Campaign) -> None:
    other_list, other_sender = make_list(session), make_sender(session)
    copy = drafts.duplicate(
        session,
        campaign_id=campaign.id,
        name="Copy",
        list_id=other_list.id,
        sender_id=other_sender.id,
        now=LATER,
    )
    assert (copy.list_id, copy.sender_id) == (other_list.id, other_sender.id)


def test_only_a_draft_can_be_thrown_away(session: Session, campaign: Campaign) -> None:
    campaign.state = CampaignState.scheduled
    with pytest.raises(NotEditable, match="off the schedule"):
        drafts.delete_draft(session, campaign_id=campaign.id)
    campaign.state = CampaignState.draft
    drafts.delete_draft(session, campaign_id=campaign.id)
    with pytest.raises(NoSuchCampaign):
        get_campaign(session, campaign_id=campaign.id)
    assert session.scalars(select(Content.subject)).all() == ["Noise"]
