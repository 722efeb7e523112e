"""One batch of rows into the database: COPY to a temporary table, then one statement per table."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import psycopg
from sqlalchemy import bindparam, select, text, update
from sqlalchemy.orm import Session

from campaigns.contacts.imports.parse import MergeRow
from campaigns.contacts.sorting import make_sort_key
from campaigns.contacts.suppress import apply_short_hashes
from campaigns.models.contact import Contact
from campaigns.models.suppression import SuppressionReason
from campaigns.signing import TOKEN_ADDRESS_BYTES

COLUMNS = (
    ("number", "int4"),
    ("email", "text"),
    ("address_key", 'text COLLATE "C"'),
    ("address_hash", "bytea"),
    ("domain", "text"),
    ("given_name", "text"),
    ("family_name", "text"),
    ("greeting", "text"),
    ("language", "text"),
    ("time_zone", "text"),
    ("attributes", "text"),
    ("sort_key", "text"),
    ("consent_source", "text"),
    ("consent_at", "timestamptz"),
    ("tracking_consent", "bool"),
    ("status", "text"),
)
TYPES = [kind.split()[0] for _, kind in COLUMNS]
MAKE_TABLE = text(
    "CREATE TEMPORARY TABLE import_row (" + ", ".join(f"{name} {kind}" for name, kind in COLUMNS) + ") ON COMMIT DROP"
)
COPY_IN = f"COPY import_row ({', '.join(name for name, _ in COLUMNS)}) FROM STDIN (FORMAT BINARY)"

REFUSE_ERASED = text("""
DELETE FROM import_row AS r USING suppression AS s
WHERE s.address_hash = r.address_hash AND s.reason = 'erased'
RETURNING r.number
""")
"""Nobody brings back by a file who asked to be erased."""

FIND_UNKNOWN = text(f"""
SELECT r.address_hash FROM import_row r
JOIN suppression s ON s.address_hash = substring(r.address_hash FROM 1 FOR {TOKEN_ADDRESS_BYTES})
""")  # noqa: S608

MERGE_CONTACTS = text("""
INSERT INTO contact AS old (email, address_key, address_hash, domain, given_name, family_name, greeting, language,
                            time_zone, attributes, sort_key, created_at, updated_at)
SELECT email, address_key, address_hash, domain, given_name, family_name, greeting, language,
       time_zone, CAST(attributes AS jsonb), sort_key, :now, :now
FROM import_row ORDER BY address_key
ON CONFLICT (address_key) DO UPDATE SET
    given_name = coalesce(nullif(excluded.given_name, ''), old.given_name),
    family_name = coalesce(nullif(excluded.family_name, ''), old.family_name),
    greeting = coalesce(excluded.greeting, old.greeting),
    language = coalesce(excluded.language, old.language),
    time_zone = coalesce(excluded.time_zone, old.time_zone),
    attributes = old.attributes || excluded.attributes,
    updated_at = :now
WHERE (excluded.given_name NOT IN ('', old.given_name))
   OR (excluded.family_name NOT IN ('', old.family_name))
   OR (excluded.greeting IS NOT NULL AND excluded.greeting IS DISTINCT FROM old.greeting)
   OR (excluded.language IS NOT NULL AND excluded.language IS DISTINCT FROM old.language)
   OR (excluded.time_zone IS NOT NULL AND excluded.time_zone IS DISTINCT FROM old.time_zone)
   OR (old.attributes || excluded.attributes) <> old.attributes
RETURNING id, (xmax = 0) AS is_new
""")

MERGE_MEMBERSHIPS = text("""
INSERT INTO membership (list_id, contact_id, state, source, consent_text, consent_at, confirmed_at, unsubscribed_at,
                        unsubscribe_source, tracking_consent, created_at, updated_at)
SELECT :list_id, c.id, r.status, r.consent_source, :consent_text, coalesce(r.consent_at, :now),
       CASE WHEN r.status = 'confirmed' THEN coalesce(r.consent_at, :now) END,
       CASE WHEN r.status = 'unsubscribed' THEN CAST(:now AS timestamptz) END,
       CASE WHEN r.status = 'unsubscribed' THEN 'import' END,
       r.tracking_consent, :now, :now
FROM import_row r JOIN contact c ON c.address_key = r.address_key
WHERE r.status IN ('confirmed', 'pending', 'unsubscribed')
ORDER BY c.id
ON CONFLICT DO NOTHING
RETURNING state
""")

END_MEMBERSHIPS = text("""
UPDATE membership AS m SET state = 'unsubscribed', unsubscribed_at = :now, unsubscribe_source = 'import',
                           updated_at = :now
FROM import_row r JOIN contact c ON c.address_key = r.address_key
WHERE m.contact_id = c.id AND m.list_id = :list_id AND r.status = 'unsubscribed' AND m.state <> 'unsubscribed'
""")

SUPPRESS = text("""
INSERT INTO suppression (address_hash, reason, source, hint, created_at)
SELECT address_hash, 'imported', 'import', left(email, 1) || '…@' || domain, :now
FROM import_row WHERE status = 'imported' ORDER BY address_hash
ON CONFLICT DO NOTHING
""")


@dataclass(frozen=True)
class Merged:
    """What became of a batch; ``erased`` holds the numbers of rows that were refused, see :data:`REFUSE_ERASED`."""

    created: int
    updated: int
    unchanged: int
    subscribed: int
    erased: frozenset[int] = frozenset()


def merge_batch(
    session: Session, *, rows: Sequence[MergeRow], list_id: int | None, consent_text: str, now: datetime
) -> Merged:
    """Merge rows with different addresses and return what became of them.

    Contacts are found by address; only what the file says is changed. Who is on the list already stays as they are,
    above all who unsubscribed; only an unsubscription in the file is taken over.
    """
    if not rows:
        return Merged(0, 0, 0, 0)
    session.execute(text("DROP TABLE IF EXISTS pg_temp.import_row"))
    session.execute(MAKE_TABLE)
    _copy(session, rows)
    session.execute(text("ANALYZE import_row"))
    erased = frozenset(session.scalars(REFUSE_ERASED))
    merged = session.execute(MERGE_CONTACTS, {"now": now}).all()
    updated = [contact_id for contact_id, is_new in merged if not is_new]
    _renew_sort_keys(session, updated)
    if len(updated) < len(merged):
        _apply_unsubscribes_of_the_unknown(session)
    statuses = {row.status for row in rows}
    if SuppressionReason.imported in statuses:
        session.execute(SUPPRESS, {"now": now})
    subscribed = 0
    if list_id is not None:
        where: dict[str, Any] = {"list_id": list_id, "now": now}
        states = session.scalars(MERGE_MEMBERSHIPS, {**where, "consent_text": consent_text or None}).all()
        subscribed = sum(1 for state in states if state == "confirmed")
        if "unsubscribed" in statuses:
            session.execute(END_MEMBERSHIPS, where)
    unchanged = len(rows) - len(erased) - len(merged)
    return Merged(len(merged) - len(updated), len(updated), unchanged, subscribed, erased)


def _copy(session: Session, rows: Sequence[MergeRow]) -> None:
    connection = cast(psycopg.Connection[Any], session.connection().connection.driver_connection)
    with connection.cursor() as cursor, cursor.copy(COPY_IN) as copy:
        copy.set_types(TYPES)
        for row in rows:
            copy.write_row(row)


def _renew_sort_keys(session: Session, contact_ids: list[int]) -> None:
    """Names may come half from the file and half from before, and only Python makes sort keys."""
    if not contact_ids:
        return
    wanted = select(Contact.id, Contact.given_name, Contact.family_name, Contact.sort_key)
    changes = [
        {"contact_id": contact_id, "key": key}
        for contact_id, given, family, before in session.execute(wanted.where(Contact.id.in_(contact_ids)))
        if (key := make_sort_key(given, family)) != before
    ]
    if changes:
        session.connection().execute(
            update(Contact).where(Contact.id == bindparam("contact_id")).values(sort_key=bindparam("key")), changes
        )


def _apply_unsubscribes_of_the_unknown(session: Session) -> None:
    hashes = list(session.scalars(FIND_UNKNOWN))
    if hashes:
        apply_short_hashes(session, address_hashes=hashes)
