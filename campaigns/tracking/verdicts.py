"""Who caused a hit: a person or a machine. A pure, versioned function over stored features (rules O1, O2, O3).

Mail proxies of Google and Yahoo fetch a picture when a person opens the mail, so they count as that person, whatever
crawler lists say of them. Apple's and Gmail's prefetching loads it whether anybody reads or not.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from campaigns.models.event import EventKind, Verdict

VERSION = 1

BURST_SECONDS = 10.0
BURST_LINKS = 3
BURST_SHARE = 0.6

MAIL_PROXIES = re.compile(r"GoogleImageProxy|YahooMailProxy|YahooCacheSystem", re.IGNORECASE)
APPLE_MPP = re.compile(r"Mozilla/5\.0\s*")
GMAIL_PREFETCH = re.compile(r"Chrome/42\.[\d.]+ .*Edge/12\.246 Mozilla/5\.0")
CRAWLERS = re.compile(
    r"(?<!cu)bot\b|crawl|spider|slurp|preview|headless|phantomjs|facebookexternalhit|whatsapp|telegram|scan(?:ner)?\b"
    r"|barracuda|mimecast|proofpoint|forcepoint|trendmicro|symantec|fireeye|zscaler|cloudmark",
    re.IGNORECASE,
)
# Not here: okhttp, Dalvik, Java and CFNetwork, which mail programs on telephones fetch pictures with.
PROGRAMS = re.compile(
    r"^(?:curl|wget|python|aiohttp|httpx|go-http-client|apache-httpclient|libwww|lwp|ruby|perl|php|axios|node|undici"
    r"|guzzle|postman|insomnia|winhttp)\b",
    re.IGNORECASE,
)


class Why(StrEnum):
    """The reason of a verdict, as a code; worded where it is shown."""

    local_inbox = "local_inbox"
    mail_proxy = "mail_proxy"
    browser = "browser"
    only_looked = "only_looked"  # HEAD
    prefetch = "prefetch"
    no_agent = "no_agent"
    apple_privacy = "apple_privacy"
    gmail_prefetch = "gmail_prefetch"
    crawler = "crawler"
    program = "program"
    burst = "burst"
    beside_burst = "beside_burst"


@dataclass(frozen=True)
class Judgement:
    """A verdict with its reason and what fills the reason's wording."""

    verdict: Verdict
    why: Why
    params: Mapping[str, Any] = field(default_factory=dict)
    version: int = VERSION


@dataclass(frozen=True)
class Act:
    """One hit as it is judged. ``network`` is None where there is no evidence of one."""

    key: str
    kind: str
    occurred_at: datetime
    link: int | None
    method: str
    agent: str
    purpose: str
    network: str | None
    is_from_inbox: bool


def judge_alone(act: Act) -> Judgement:
    """Return the verdict on an act by itself: what is shown while it settles."""
    if act.is_from_inbox:
        return Judgement(Verdict.person, Why.local_inbox)
    machine = _machine_signs(act)
    if machine is not None:
        return Judgement(Verdict.machine, machine)
    return Judgement(Verdict.person, Why.mail_proxy if MAIL_PROXIES.search(act.agent) else Why.browser)


def judge_message(acts: Sequence[Act], *, link_count: int) -> dict[str, Judgement]:
    """Return the verdict on each act of one message by its ``key``, looking at all of them together.

    At least three distinct links and at least 60 % of the message's ``link_count`` within ten seconds from one
    network are a scanner; what else that network fetched within ten seconds of it is the scanner's too.
    """
    judgements = {act.key: judge_alone(act) for act in acts}
    by_network: dict[str, list[Act]] = {}
    for act in sorted(acts, key=lambda act: (act.occurred_at, act.key)):
        if act.network is not None and not act.is_from_inbox:
            by_network.setdefault(act.network, []).append(act)
    for theirs in by_network.values():
        bursts = _find_bursts([act for act in theirs if act.kind == EventKind.click], link_count)
        for act in theirs:
            found = next((burst for burst in bursts if burst.touches(act)), None)
            if found is not None and judgements[act.key].verdict is Verdict.person:
                judgements[act.key] = found.judge(act, link_count)
    return judgements


@dataclass(frozen=True)
class _Burst:
    first_at: datetime
    last_at: datetime
    links: int

    def touches(self, act: Act) -> bool:
        margin = timedelta(0) if act.kind == EventKind.click else timedelta(seconds=BURST_SECONDS)
        return self.first_at - margin <= act.occurred_at <= self.last_at + margin

    def judge(self, act: Act, link_count: int) -> Judgement:
        seconds = round((self.last_at - self.first_at).total_seconds(), 1)
        why = Why.burst if act.kind == EventKind.click else Why.beside_burst
        return Judgement(Verdict.machine, why, {"links": self.links, "of": link_count, "seconds": seconds})


def _find_bursts(clicks: Sequence[Act], link_count: int) -> list[_Burst]:
    """Slide a window of ten seconds over one network's clicks, which come sorted by time."""
    needed = max(BURST_LINKS, BURST_SHARE * link_count)
    bursts = []
    first = 0
    for last, click in enumerate(clicks):
        while click.occurred_at - clicks[first].occurred_at > timedelta(seconds=BURST_SECONDS):
            first += 1
        links = {act.link for act in clicks[first : last + 1]}
        if len(links) >= needed:
            bursts.append(_Burst(clicks[first].occurred_at, click.occurred_at, len(links)))
    return bursts


def _machine_signs(act: Act) -> Why | None:
    if act.method != "GET":
        return Why.only_looked
    if "prefetch" in act.purpose.lower() or "preview" in act.purpose.lower():
        return Why.prefetch
    if not act.agent.strip():
        return Why.no_agent
    if MAIL_PROXIES.search(act.agent):
        return None
    if APPLE_MPP.fullmatch(act.agent):
        return Why.apple_privacy
    if GMAIL_PREFETCH.search(act.agent):
        return Why.gmail_prefetch
    if CRAWLERS.search(act.agent):
        return Why.crawler
    return Why.program if PROGRAMS.match(act.agent) else None
