"""What a marketer sees first: what needs a look, and the list of campaigns with its numbers."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from campaigns.models.campaign import CampaignState
from campaigns.models.message import Batch, MessageState
from campaigns.reporting import campaign_list
from campaigns.reporting.campaign_list import count_by_state, list_campaigns
from campaigns.reporting.overview import latest_sent, what_needs_me
from tests.reporting.sent_campaign import START, at, message, sent_campaign

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


def draft(session: Session, name: str, state: str = CampaignState.draft, **columns: object) -> int:
    return sent_campaign(session, name=name, state=state, started_at=None, frozen_at=None, **columns).id


def uncertain_batch(session: Session, campaign_id: int, count: int) -> None:
    numbers = {"first_seq": 1, "last_seq": 9, "handed_seq": 9, "marked_seq": 9, "due_at": START}
    session.add(Batch(campaign_id=campaign_id, number=1, state="done", uncertain=count, **numbers))
    session.flush()


def test_what_stands_still_comes_first_and_what_is_well_is_left_out(session: Session) -> None:
    draft(session, "Planned", CampaignState.scheduled, due_at=NOW + timedelta(days=1))
    draft(session, "Held", CampaignState.held)
    draft(session, "Archived", CampaignState.held, archived_at=NOW)
    sent_campaign(session, name="Paused", state=CampaignState.paused)
    well, doubtful = sent_campaign(session, name="Well"), sent_campaign(session, name="Doubtful")
    uncertain_batch(session, well.id, 0)
    uncertain_batch(session, doubtful.id, 3)
    old = sent_campaign(session, name="Old", started_at=NOW - timedelta(days=30))
    uncertain_batch(session, old.id, 3)
    needs = what_needs_me(session, now=NOW)
    assert [(need.kind, need.campaign_name, need.count) for need in needs] == [
        ("held", "Held", 0),
        ("uncertain", "Doubtful", 3),
        ("paused", "Paused", 0),
        ("scheduled", "Planned", 0),
    ]


def test_only_the_latest_drafts_are_shown(session: Session) -> None:
    for day in range(5):
        draft(session, f"Draft {day}", updated_at=START + timedelta(days=day))
    assert [need.campaign_name for need in what_needs_me(session, now=NOW, drafts=2)] == ["Draft 3", "Draft 4"]


def test_the_latest_sent_campaign_is_the_one_started_last(session: Session) -> None:
    assert latest_sent(session) is None
    latest = sent_campaign(session, started_at=at(60))
    sent_campaign(session, started_at=at(0))
    draft(session, "Draft")
    assert latest_sent(session) == latest.id


def test_the_list_pages_through_every_campaign_once(session: Session) -> None:
    for day in (3, 1, 2, 2, 2):
        draft(session, f"Day {day}", created_at=START + timedelta(days=day))
    draft(session, "Archived", archived_at=NOW)
    names: list[str] = []
    before = None
    while True:
        page = list_campaigns(session, before_id=before, limit=2)
        names += [row.name for row in page.rows]
        before = page.next_id
        if before is None:
            break
    assert names == ["Day 3", "Day 2", "Day 2", "Day 2", "Day 1"]


@pytest.mark.parametrize(("search", "found"), [("100%", ["100% wool"]), ("WOOL", ["wool", "100% wool"]), ("_", [])])
def test_a_search_finds_a_part_of_a_name_literally(session: Session, search: str, found: list[str]) -> None:
    for name in ("100% wool", "wool", "Garden"):
        draft(session, name)
    assert [row.name for row in list_campaigns(session, search=search).rows] == found


def test_states_filter_and_are_counted(session: Session) -> None:
    draft(session, "A")
    draft(session, "B")
    sent_campaign(session, name="C")
    assert count_by_state(session) == {CampaignState.draft: 2, CampaignState.sent: 1}
    assert [row.name for row in list_campaigns(session, states=["sent"]).rows] == ["C"]


def test_the_numbers_of_a_small_campaign_are_exact(session: Session) -> None:
    campaign, noise = sent_campaign(session, candidates=4), sent_campaign(session, candidates=1)
    message(session, noise, 1, opened_at=at(1))
    message(session, campaign, 1, opened_at=at(1), clicked_at=at(2))
    message(session, campaign, 2, opened_at=at(1))
    message(session, campaign, 3)
    message(session, campaign, 4, state=MessageState.skipped)
    row = next(row for row in list_campaigns(session).rows if row.campaign_id == campaign.id)
    assert row.numbers == campaign_list.CampaignNumbers(3, 2, 1, is_estimate=False)
    assert row.numbers.share(row.numbers.opened) == pytest.approx(2 / 3)


def test_the_numbers_of_a_large_campaign_are_said_to_be_an_estimate(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaign_list, "SAMPLED_MESSAGES", 5)
    campaign = sent_campaign(session, candidates=20)
    for seq in range(1, 21):
        message(session, campaign, seq, opened_at=at(1) if seq <= 10 else None)
    (row,) = list_campaigns(session).rows
    assert row.numbers is not None
    assert row.numbers.is_estimate
    assert row.numbers.handed_over == 20
    assert abs(row.numbers.opened - 10) <= 4


def test_a_draft_has_no_numbers(session: Session) -> None:
    draft(session, "Draft")
    assert list_campaigns(session).rows[0].numbers is None
