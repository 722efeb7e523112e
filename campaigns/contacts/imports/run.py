"""The work of an import: read, parse and merge in batches, each with its counts in one transaction.

A killed import goes on where its last committed batch ended: the row count on the import is the position in the file.
"""

from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from campaigns import clock, work
from campaigns.contacts.addresses import InvalidAddress
from campaigns.contacts.attributes import list_attributes
from campaigns.contacts.imports.mapping import read_mapping
from campaigns.contacts.imports.merge import merge_batch
from campaigns.contacts.imports.parse import Dropped, MergeRow, RowParser
from campaigns.contacts.imports.read import Row, RowReader, to_json_cells
from campaigns.contacts.imports.repeats import Repeats
from campaigns.contacts.imports.sniff import FileFormat
from campaigns.contacts.imports.upload import format_of, stored_path
from campaigns.contacts.values import Spelling
from campaigns.db import transaction
from campaigns.errors import TidingsError
from campaigns.keys import load_key_ring
from campaigns.models.contact_import import ContactImport, ImportProblem
from campaigns.models.work import Work
from campaigns.settings import get_settings

BATCH_ROWS = 5000
LOOK_AHEAD_ROWS = 50_000
MAX_ATTEMPTS = 5
MAX_VALUE_CHARACTERS = 1000


class ImportFailed(TidingsError):
    """The import cannot go on; the sentence is shown to the person who started it."""

    code = "import_failed"


@dataclass(frozen=True)
class Lease:
    """A held piece of work."""

    work_id: int
    token: UUID
    seconds: float


@dataclass(frozen=True)
class Plan:
    """All that is known of an import before its first row."""

    import_id: int
    path: Path
    file_format: FileFormat
    parser: RowParser
    list_id: int | None
    consent_text: str
    rows_done: int


def run_import(work_id: int) -> None:
    """Do an import, or what is left of it. Nothing happens when another worker holds the work.

    What a person can act on ends the import with a sentence; anything else is raised, and tried again when the lease
    has run out, at most five times. Raises :class:`campaigns.work.LeaseLost` when the work was taken over.
    """
    seconds = get_settings().lease_seconds
    with transaction() as session:
        token = work.claim_work(session, work_id=work_id, lease_seconds=seconds)
    if token is None:
        return
    lease = Lease(work_id, token, seconds)
    try:
        with transaction() as session:
            plan = _make_plan(session, work_id)
        _merge_file(plan, lease)
    except work.LeaseLost:
        raise
    except TidingsError as error:
        with transaction() as session:
            _give_up(session, lease, str(error))


def _make_plan(session: Session, work_id: int) -> Plan:
    claimed = session.get_one(Work, work_id, populate_existing=True)
    row = session.get_one(ContactImport, claimed.subject_id, populate_existing=True)
    if claimed.attempts > MAX_ATTEMPTS:
        raise ImportFailed("The import was broken off again and again; nothing more is tried. Import the file anew.")
    path = stored_path(row)
    if not path.is_file():
        raise ImportFailed("The uploaded file is gone from the data folder. Upload it again.")
    options = row.options
    attributes = list_attributes(session, with_archived=True)
    row.state = "running"
    row.options = {"started_at": clock.now().isoformat(), **options}
    parser = RowParser(
        header=row.header,
        columns=read_mapping(row.mapping, width=len(row.header), attributes=attributes),
        attributes=attributes,
        spelling=Spelling(bool(options.get("day_first", True)), bool(options.get("decimal_comma", False))),
        consent_source=str(options.get("consent_source", "")),
        key_ring=load_key_ring(get_settings()),
    )
    consent_text = str(options.get("consent_text", ""))
    return Plan(row.id, path, format_of(row), parser, row.list_id, consent_text, row.rows)


def _merge_file(plan: Plan, lease: Lease) -> None:
    repeats = _look_ahead(plan, lease)
    with RowReader(plan.path, plan.file_format) as reader:
        rows = iter(reader)
        for _ in islice(rows, plan.rows_done):
            pass
        rows_read = 0
        while batch := list(islice(rows, BATCH_ROWS)):
            rows_read += len(batch)
            parsed = _parse_batch(plan.parser, batch, repeats)
            with transaction() as session:
                _merge(
                    session,
                    plan,
                    lease,
                    parsed,
                    rows_read=rows_read,
                    bytes_done=reader.bytes_read,
                    now=clock.now(),
                )
    with transaction() as session:
        _complete(session, plan, lease, clock.now())
    plan.path.unlink(missing_ok=True)


def _look_ahead(plan: Plan, lease: Lease) -> Repeats:
    """Read the file once for its addresses alone: who comes twice, and how many rows there are."""
    repeats, total = Repeats(), 0
    with RowReader(plan.path, plan.file_format) as reader:
        for total, row in enumerate(reader, start=1):
            key = _read_key(plan.parser, row)
            if key is not None:
                repeats.add(row.number, key)
            if total % LOOK_AHEAD_ROWS == 0:
                _extend(lease)
    _extend(lease, progress_total=total)
    return repeats


def _read_key(parser: RowParser, row: Row) -> str | None:
    if row.problem is not None:
        return None
    try:
        return parser.read_address(row.cells).key
    except InvalidAddress:
        return None


def _extend(lease: Lease, **progress: int) -> None:
    with transaction() as session:
        work.extend(session, work_id=lease.work_id, token=lease.token, lease_seconds=lease.seconds, **progress)


@dataclass
class Parsed:
    """A batch after parsing."""

    total: int
    rows: list[MergeRow]
    problems: list[dict[str, Any]]
    rejected: int
    duplicates: int
    values_dropped: int


def _parse_batch(parser: RowParser, batch: list[Row], repeats: Repeats) -> Parsed:
    parsed = Parsed(len(batch), [], [], 0, 0, 0)
    for row in batch:
        try:
            if row.problem is not None:
                parsed.rejected += 1
                parsed.problems.append(_rejection(row.number, row.cells, row.problem))
                continue
            address = parser.read_address(row.cells)
        except InvalidAddress as error:
            parsed.rejected += 1
            parsed.problems.append(_rejection(row.number, row.cells, error.code))
            continue
        if repeats.is_superseded(row.number, address.key):
            parsed.duplicates += 1
            continue
        merge_row, dropped = parser.parse(row.number, row.cells, address)
        parsed.rows.append(merge_row)
        if dropped:
            parsed.values_dropped += len(dropped)
            parsed.problems.extend(_drop(merge_row, value) for value in dropped)
    return parsed


def _rejection(number: int, cells: list[str], reason: str) -> dict[str, Any]:
    return {
        "row_number": number,
        "field": "",
        "rejected": True,
        "reason": reason,
        "value": "",
        "row": to_json_cells(cells),
    }


def _drop(row: MergeRow, value: Dropped) -> dict[str, Any]:
    kept = str(to_json_cells([value.value])[0])[:MAX_VALUE_CHARACTERS]
    return {
        "row_number": row.number,
        "field": value.column,
        "rejected": False,
        "reason": value.reason,
        "value": kept,
        "row": [row.email],
    }


def _merge(
    session: Session, plan: Plan, lease: Lease, parsed: Parsed, *, rows_read: int, bytes_done: int, now: datetime
) -> None:
    """Write one batch with its counts. Locking the work row first keeps every other worker out until the commit."""
    work.extend(
        session,
        work_id=lease.work_id,
        token=lease.token,
        lease_seconds=lease.seconds,
        progress_done=plan.rows_done + rows_read,
    )
    merged = merge_batch(session, rows=parsed.rows, list_id=plan.list_id, consent_text=plan.consent_text, now=now)
    if merged.erased:
        _reject_erased(parsed, merged.erased)
    if parsed.problems:
        problems = [{**problem, "import_id": plan.import_id} for problem in parsed.problems]
        session.connection().execute(insert(ImportProblem).on_conflict_do_nothing(), problems)
    counts = {
        "rows": parsed.total,
        "created": merged.created,
        "updated": merged.updated,
        "unchanged": merged.unchanged,
        "rejected": parsed.rejected,
        "duplicates": parsed.duplicates,
        "values_dropped": parsed.values_dropped,
        "subscribed": merged.subscribed,
    }
    grown = {name: getattr(ContactImport, name) + number for name, number in counts.items()}
    session.execute(
        update(ContactImport).where(ContactImport.id == plan.import_id).values(**grown, bytes_done=bytes_done)
    )


def _reject_erased(parsed: Parsed, refused: frozenset[int]) -> None:
    """Report rows of erased people, keeping nothing of what the file says about them."""
    kept = [problem for problem in parsed.problems if problem["row_number"] not in refused]
    parsed.values_dropped -= len(parsed.problems) - len(kept)
    parsed.problems = kept + [_rejection(number, [], "erased") for number in sorted(refused)]
    parsed.rejected += len(refused)


def _complete(session: Session, plan: Plan, lease: Lease, now: datetime) -> None:
    work.finish(session, work_id=lease.work_id, token=lease.token, now=now)
    done = update(ContactImport).where(ContactImport.id == plan.import_id)
    session.execute(done.values(state="done", finished_at=now, bytes_done=ContactImport.size_bytes))


def _give_up(session: Session, lease: Lease, error: str) -> None:
    now = clock.now()
    work.fail(session, work_id=lease.work_id, token=lease.token, error=error, now=now)
    import_id = session.get_one(Work, lease.work_id).subject_id
    failed = update(ContactImport).where(ContactImport.id == import_id)
    session.execute(failed.values(state="failed", error=error, finished_at=now))
