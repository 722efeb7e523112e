"""Who is a person and who a machine (rules O1 and O2)."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.models.event import Verdict
from campaigns.tracking.verdicts import Act, Why, judge_alone, judge_message
from tests.tracking.hits import BROWSER, GMAIL_PREFETCH, GOOGLE, YAHOO

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
OUTLOOK = "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; WOW64; ms-office; MSOffice 16)"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"


def act(key: str = "a", after: float = 0, **other: object) -> Act:
    values: dict[str, object] = {
        "kind": "open",
        "link": None,
        "method": "GET",
        "agent": BROWSER,
        "purpose": "",
        "network": "198.51.100.0/24",
        "is_from_inbox": False,
    }
    return Act(key=key, occurred_at=NOON + timedelta(seconds=after), **{**values, **other})  # type: ignore[arg-type]


def click(link: int, after: float, **other: object) -> Act:
    return act(f"{link}-{after}", after, kind="click", link=link, **other)


@pytest.mark.parametrize(
    ("other", "verdict", "why"),
    [
        ({}, Verdict.person, Why.browser),
        ({"agent": GOOGLE}, Verdict.person, Why.mail_proxy),
        ({"agent": YAHOO}, Verdict.person, Why.mail_proxy),
        ({"agent": OUTLOOK}, Verdict.person, Why.browser),
        ({"agent": IPHONE}, Verdict.person, Why.browser),
        ({"agent": "Mozilla/5.0 (Linux; Android 14; CUBOT X18) Chrome/120 Mobile"}, Verdict.person, Why.browser),
        ({"agent": "okhttp/4.9"}, Verdict.person, Why.browser),
        ({"agent": "Mozilla/5.0"}, Verdict.machine, Why.apple_privacy),
        ({"agent": GMAIL_PREFETCH}, Verdict.machine, Why.gmail_prefetch),
        ({"agent": ""}, Verdict.machine, Why.no_agent),
        ({"agent": "  "}, Verdict.machine, Why.no_agent),
        ({"method": "HEAD"}, Verdict.machine, Why.only_looked),
        ({"purpose": "prefetch;prerender"}, Verdict.machine, Why.prefetch),
        ({"purpose": "preview"}, Verdict.machine, Why.prefetch),
        ({"agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"}, Verdict.machine, Why.crawler),
        ({"agent": "Slackbot-LinkExpanding 1.0"}, Verdict.machine, Why.crawler),
        ({"agent": "curl/8.5.0"}, Verdict.machine, Why.program),
        ({"agent": "python-requests/2.31"}, Verdict.machine, Why.program),
        ({"agent": "Mozilla/5.0", "is_from_inbox": True}, Verdict.person, Why.local_inbox),
        ({"agent": GOOGLE, "method": "HEAD"}, Verdict.machine, Why.only_looked),
    ],
)
def test_an_act_by_itself(other: dict[str, object], verdict: Verdict, why: Why) -> None:
    judgement = judge_alone(act(**other))
    assert (judgement.verdict, judgement.why) == (verdict, why)


def whys(acts: list[Act], link_count: int) -> dict[str, Why]:
    return {key: judgement.why for key, judgement in judge_message(acts, link_count=link_count).items()}


def test_a_burst_takes_in_every_click_of_its_window_and_the_pixel_beside_it() -> None:
    acts = [act("pixel", -3), *(click(link, link) for link in range(1, 7)), click(1, 60), act("late", 60)]
    found = whys(acts, 6)
    assert [found[f"{link}-{link}"] for link in range(1, 7)] == [Why.burst] * 6
    assert found["pixel"] is Why.beside_burst
    assert found["1-60"] is Why.browser
    assert found["late"] is Why.browser


@pytest.mark.parametrize(
    ("links", "link_count", "is_burst"),
    [
        ([1, 2], 2, False),  # two links are no burst, though they are all there are
        ([1, 2, 3], 3, True),
        ([1, 2, 3], 5, True),
        ([1, 2, 3], 6, False),  # half of the mail
        ([1, 2, 3, 4], 6, True),
        ([1, 1, 1, 1, 1], 5, False),  # the same link over and over
    ],
)
def test_a_burst_is_three_links_and_three_fifths_of_the_mail(links: list[int], link_count: int, is_burst: bool) -> None:
    acts = [act(str(number), number, kind="click", link=link) for number, link in enumerate(links)]
    assert (Why.burst in whys(acts, link_count).values()) is is_burst


def test_slow_clicks_and_clicks_from_several_networks_are_no_burst() -> None:
    slow = [click(link, link * 5.1) for link in range(1, 7)]
    assert Why.burst not in whys(slow, 6).values()
    scattered = [click(link, link, network=f"198.51.{link}.0/24") for link in range(1, 7)]
    assert Why.burst not in whys(scattered, 6).values()


def test_no_network_evidence_and_the_local_inbox_make_no_burst() -> None:
    assert Why.burst not in whys([click(link, link, network=None) for link in range(1, 7)], 6).values()
    assert Why.burst not in whys([click(link, link, is_from_inbox=True) for link in range(1, 7)], 6).values()


@given(
    st.lists(st.tuples(st.integers(1, 6), st.floats(0, 60), st.sampled_from(["a", "b", None])), max_size=20),
    st.randoms(use_true_random=False),
)
def test_the_order_of_arrival_changes_no_verdict(
    clicks: list[tuple[int, float, str | None]], chance: random.Random
) -> None:
    acts = [
        act(str(number), after, kind="click", link=link, network=network)
        for number, (link, after, network) in enumerate(clicks)
    ]
    shuffled = list(acts)
    chance.shuffle(shuffled)
    assert judge_message(acts, link_count=6) == judge_message(shuffled, link_count=6)


@given(st.lists(st.tuples(st.integers(1, 6), st.floats(0, 30)), max_size=15), st.integers(0, 14))
def test_more_clicks_never_make_a_machine_a_person(clicks: list[tuple[int, float]], cut: int) -> None:
    acts = [act(str(number), after, kind="click", link=link) for number, (link, after) in enumerate(clicks)]
    before = judge_message(acts[:cut], link_count=6)
    after = judge_message(acts, link_count=6)
    for key, judgement in before.items():
        if judgement.verdict is Verdict.machine:
            assert after[key].verdict is Verdict.machine
