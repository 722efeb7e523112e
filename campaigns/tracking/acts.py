"""Events made of hits, read back as what a verdict is given on."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from campaigns.tracking.client_address import network_of
from campaigns.tracking.verdicts import Act

HIT_SOURCE = "hit"


def make_features(*, method: str, agent: str, purpose: str, address: str | None, is_from_inbox: bool) -> dict[str, Any]:
    """Return what an event keeps of its hit: everything that a verdict needs, and only the network of the address."""
    return {
        "method": method,
        "agent": agent,
        "purpose": purpose,
        "network": network_of(address) if address else None,
        "inbox": is_from_inbox,
    }


def act_of(*, key: str, kind: str, occurred_at: datetime, link: int | None, features: Mapping[str, Any]) -> Act:
    """Return the act behind an event of source ``hit``, read from its features."""
    return Act(
        key=key,
        kind=kind,
        occurred_at=occurred_at,
        link=link,
        method=features.get("method", "GET"),
        agent=features.get("agent", ""),
        purpose=features.get("purpose", ""),
        network=features.get("network"),
        is_from_inbox=bool(features.get("inbox")),
    )
