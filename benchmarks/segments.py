"""Time to count a segment of nested rules, against the same question as SQL written by hand.

``python -m benchmarks.segments --contacts 1000000`` makes a throw-away database with 10 messages and 20 events a
contact, asks both ways in turn, warm, and prints what it found. Budget (DESIGN §9): at most 1.2 times the hand-written
SQL and p95 at most 300 ms, at a million contacts.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from campaigns import db
from campaigns.ids import encode_id
from campaigns.segments.compile import select_contact_ids
from campaigns.segments.count import count_matching
from campaigns.segments.moment import load_moment
from cli.database import upgrade
from cli.embedded_postgres import EmbeddedPostgres

BUDGET_RATIO = 1.2
BUDGET_P95_MS = 300.0
SETTINGS_SHOWN = ("fsync", "synchronous_commit", "shared_buffers", "work_mem", "jit", "max_parallel_workers_per_gather")
NOW = datetime.now(UTC)
OPEN_SINCE = NOW - timedelta(days=30)

RULES: dict[str, Any] = {
    "match": "all",
    "rules": [
        {"field": "attributes.country", "operator": "is_any_of", "value": ["DE", "AT"]},
        {"field": "list", "operator": "is_member", "value": encode_id("list", 1)},
        {
            "match": "any",
            "rules": [
                {"field": "opened", "operator": "at_least_once", "days": 30},
                {"field": "engagement", "operator": "at_least", "value": 60},
                {
                    "match": "all",
                    "rules": [
                        {"field": "attributes.orders", "operator": "at_least", "value": 9},
                        {"field": "clicked", "operator": "never"},
                    ],
                },
            ],
        },
    ],
}

BY_HAND = """
SELECT count(*) FROM contact c
WHERE (c.attributes @> '{"1": "DE"}' OR c.attributes @> '{"1": "AT"}')
  AND EXISTS (SELECT FROM membership m WHERE m.contact_id = c.id AND m.list_id = 1 AND m.state = 'confirmed')
  AND (c.id IN (SELECT e.contact_id FROM event e WHERE e.kind = 'open' AND e.verdict = 'person'
                AND e.settled_at IS NOT NULL AND e.occurred_at >= :since AND e.occurred_at <= :now)
    OR c.id IN (SELECT g.contact_id FROM engagement g WHERE g.measured AND g.mass >= :mass)
    OR ((c.attributes ->> '2')::numeric >= 9
        AND NOT EXISTS (SELECT FROM event e WHERE e.contact_id = c.id AND e.kind = 'click'
                        AND e.verdict = 'person' AND e.settled_at IS NOT NULL)))
"""

FILL = (
    """INSERT INTO attribute (id, name, label, kind, created_at) OVERRIDING SYSTEM VALUE
       VALUES (1, 'country', 'Country', 'text', now()), (2, 'orders', 'Orders', 'number', now())""",
    """INSERT INTO sender (from_name, from_email, company, postal_address, language, created_at)
       VALUES ('Fern', 'news@fern.example', 'Fern', 'Lane 1', 'en', now())""",
    """INSERT INTO list (name, description, list_id, tracking_mode, tracking_needs_consent, double_opt_in, created_at)
       SELECT 'List ' || n, '', 'list-' || n, 'individual', false, true, now() FROM generate_series(1, 3) n""",
    """INSERT INTO contact (email, address_key, address_hash, domain, given_name, family_name, language, attributes,
                            sort_key, created_at, updated_at)
       SELECT e, e, sha256(e::bytea), 'example.com', 'Given' || n % 997, 'Family' || n % 4999,
              (ARRAY['en', 'de', 'fi', 'pt'])[1 + n % 4],
              jsonb_build_object('1', (ARRAY['DE', 'AT', 'FR', 'US', 'TW', 'FI', 'BR', 'GB'])[1 + abs(hashint4(n)) % 8],
                                 '2', abs(hashint4(n + 7)) % 12, '3', '2026-01-' || lpad((1 + n % 28)::text, 2, '0')),
              e, now() - n % 1000 * interval '1 day', now()
       FROM (SELECT n, 'c' || n || '@example.com' AS e FROM generate_series(1, :contacts) n) made""",
    """INSERT INTO membership (list_id, contact_id, state, source, created_at, updated_at)
       SELECT 1 + n % 3, n, (ARRAY['confirmed', 'confirmed', 'confirmed', 'unsubscribed'])[1 + abs(hashint4(n)) % 4],
              'bench', now(), now() FROM generate_series(1, :contacts) n""",
    """INSERT INTO campaign (name, list_id, sender_id, state, version, revision, default_language,
                             created_at, updated_at)
       SELECT 'Campaign ' || n, 1, 1, 'sent', 1, 1, 'en', now(), now() FROM generate_series(1, 10) n""",
    """INSERT INTO message (campaign_id, seq, contact_id, email, state, reason, variant, language, provider, revision,
                            sent_at, opened_at)
       SELECT campaign, n, n, 'c' || n || '@example.com', 2, 0, 0, 0, 0, 1, now() - campaign * interval '9 days',
              CASE WHEN abs(hashint4(n * 10 + campaign)) % 5 = 0 THEN now() - campaign * interval '9 days' END
       FROM generate_series(1, 10) campaign, generate_series(1, :contacts) n""",
    """INSERT INTO event (occurred_at, source, source_id, kind, contact_id, campaign_id, seq, verdict, settled_at,
                          features, data, created_at)
       SELECT at, 'bench', n || '-' || part, CASE WHEN part % 4 = 0 THEN 'click' ELSE 'open' END, n, 1 + part % 10, n,
              CASE WHEN abs(hashint4(n * 20 + part)) % 5 = 0 THEN 'person' ELSE 'machine' END, at, '{}', '{}', at
       FROM (SELECT n, part, now() - interval '1 day' * (1 + (part * 10 + n % 10)) AS at
             FROM generate_series(0, 19) part, generate_series(1, :contacts) n) made""",
    """INSERT INTO engagement (contact_id, mass, measured, updated_at)
       SELECT n, abs(hashint4(n)) % 100, n % 10 > 0, now() FROM generate_series(1, :contacts) n""",
)


@dataclass(frozen=True)
class Found:
    """What one run of the benchmark measured; times in milliseconds."""

    contacts: int
    events: int
    matched: int
    ours_median_ms: float
    ours_p95_ms: float
    by_hand_median_ms: float
    by_hand_p95_ms: float
    ratio: float
    settings: dict[str, str]

    @property
    def within_budget(self) -> bool:
        return self.ratio <= BUDGET_RATIO and self.ours_p95_ms <= BUDGET_P95_MS


def fill(engine: Engine, contacts: int) -> None:
    """Make the population: three years of partitions, then every table in one statement each."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for back in range(1, 9):
            end = NOW.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
            for _ in range(back - 1):
                end = (end - timedelta(days=1)).replace(day=1)
            start = (end - timedelta(days=1)).replace(day=1)
            connection.execute(
                text(
                    f"CREATE TABLE event_{start:%Y_%m} PARTITION OF event"
                    f" FOR VALUES FROM ('{start.isoformat()}') TO ('{end.isoformat()}')"
                )
            )
        connection.execute(text("SET maintenance_work_mem = '512MB'"))
        for statement in FILL:
            started = time.perf_counter()
            connection.execute(text(statement), {"contacts": contacts} if ":contacts" in statement else {})
            print(f"  {statement.split()[2]:<12} {time.perf_counter() - started:6.1f} s", flush=True)
        connection.execute(text("VACUUM ANALYZE"))


def timed(work: Callable[[], int]) -> tuple[float, int]:
    started = time.perf_counter()
    result = work()
    return (time.perf_counter() - started) * 1000, result


def measure(engine: Engine, *, contacts: int, rounds: int, explain: bool) -> Found:
    """Ask both ways in turn and compare."""
    with Session(engine) as session:
        settings = {name: str(session.scalars(text(f"SHOW {name}")).one()) for name in SETTINGS_SHOWN}
        mass = load_moment(session, now=NOW).decay.mass_at_score(60, NOW)
        values = {"since": OPEN_SINCE, "now": NOW, "mass": mass}

        def by_hand() -> int:
            return int(session.scalars(text(BY_HAND), values).one())

        def ours() -> int:
            return count_matching(session, rules=RULES, now=NOW, timeout_seconds=600)

        if explain:
            show_plans(session, values)
        assert ours() == by_hand(), "the two ways disagree"
        times: dict[str, list[float]] = {"ours": [], "by_hand": []}
        matched = 0
        for _ in range(rounds):
            for name, work in (("ours", ours), ("by_hand", by_hand)):
                elapsed, matched = timed(work)
                times[name].append(elapsed)
    medians = {name: statistics.median(measured) for name, measured in times.items()}
    tails = {name: sorted(measured)[int(len(measured) * 0.95)] for name, measured in times.items()}
    return Found(
        contacts=contacts,
        events=contacts * 20,
        matched=matched,
        ours_median_ms=round(medians["ours"], 1),
        ours_p95_ms=round(tails["ours"], 1),
        by_hand_median_ms=round(medians["by_hand"], 1),
        by_hand_p95_ms=round(tails["by_hand"], 1),
        ratio=round(medians["ours"] / medians["by_hand"], 3),
        settings=settings,
    )


def show_plans(session: Session, values: dict[str, Any]) -> None:
    query = select_contact_ids(session, rules=RULES, now=NOW)
    compiled = query.compile(session.get_bind(), compile_kwargs={"render_postcompile": True})
    for statement, parameters in ((str(compiled), compiled.params), (BY_HAND, values)):
        explained = f"EXPLAIN (ANALYZE, BUFFERS) {statement}"
        if statement is BY_HAND:
            rows = session.execute(text(explained), parameters)
        else:
            rows = session.connection().exec_driver_sql(explained, parameters)
        print("\n".join(row[0] for row in rows), end="\n\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--explain", action="store_true", help="print both plans")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tidings-bench-") as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres", Path(folder) / "run")
        server.start()
        try:
            server.create_database("bench")
            engine = db.make_engine(server.url("bench"))
            upgrade(engine)
            fill(engine, options.contacts)
            found = measure(engine, contacts=options.contacts, rounds=options.rounds, explain=options.explain)
            engine.dispose()
        finally:
            server.stop()
    report(found, as_json=options.json)


def report(found: Found, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({**asdict(found), "within_budget": found.within_budget}))
        return
    print(f"{found.contacts:,} contacts, {found.events:,} events, {found.matched:,} match; {found.settings}")
    print(f"  ours     median {found.ours_median_ms:8.1f} ms   p95 {found.ours_p95_ms:8.1f} ms")
    print(f"  by hand  median {found.by_hand_median_ms:8.1f} ms   p95 {found.by_hand_p95_ms:8.1f} ms")
    verdict = "within budget" if found.within_budget else "OVER BUDGET"
    print(f"  ratio    {found.ratio:.2f} (budget {BUDGET_RATIO}), p95 budget {BUDGET_P95_MS:g} ms: {verdict}")


if __name__ == "__main__":
    main()
