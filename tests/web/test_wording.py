"""Every code that the engine can store has words."""

import pytest
from flask import Flask

from campaigns.models.campaign import CampaignState
from campaigns.models.message import MessageState, Reason
from campaigns.preflight import Finding, Severity
from web import wording


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason is not Reason.none])
def test_every_reason_is_a_sentence_of_its_own(app: Flask, reason: Reason) -> None:
    with app.test_request_context():
        said = {other: wording.reason(other) for other in Reason if other is not Reason.none}
    assert said[reason]
    assert reason.name not in said[reason]
    assert [other for other, words in said.items() if words == said[reason]] == [reason]


@pytest.mark.parametrize("state", list(CampaignState))
def test_every_campaign_state_has_a_word(app: Flask, state: CampaignState) -> None:
    with app.test_request_context():
        assert wording.campaign_state(state)


@pytest.mark.parametrize("state", [*(state.name for state in MessageState), "in_hand"])
def test_every_message_state_has_a_word(app: Flask, state: str) -> None:
    with app.test_request_context():
        assert wording.message_state(state)


@pytest.mark.parametrize(
    ("code", "params", "words"),
    [
        ("missing_values", {"field": "contact.given_name", "people": 1}, "1 person has no value"),
        ("missing_values", {"field": "contact.given_name", "people": 1200}, "1,200 people have no value"),
        ("long_subject", {"length": 90}, "The subject has 90 characters"),
        ("content_stray_tag", {"line": 7}, "Line 7: </b> closes nothing."),
        ("nobody", {}, "Nobody would get this mail"),
    ],
)
def test_a_finding_is_worded_by_its_code(app: Flask, code: str, params: dict[str, object], words: str) -> None:
    with app.test_request_context():
        said = wording.finding(Finding(Severity.warning, code, "</b> closes nothing.", params))
    assert said.startswith(words)
