"""What became of an import: counts, reasons, progress, and the rows that could not be taken."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns.contacts import addresses, export_csv, values
from campaigns.contacts.imports.read import BROKEN, TOO_MANY_COLUMNS
from campaigns.contacts.imports.start import get_import
from campaigns.models.contact_import import ImportProblem
from campaigns.models.work import Work, WorkKind, WorkState

REASONS = {
    **addresses.MESSAGES,
    BROKEN: "Quotes in this row never close, or its columns do not fit together.",
    TOO_MANY_COLUMNS: "The row has more columns than the header.",
    "erased": "This person asked to be erased and is not brought back by a file.",
    **values.MESSAGES,
}


@dataclass(frozen=True)
class ReasonCount:
    """How many rows were rejected (``column`` empty) or values dropped from ``column``, for one reason."""

    reason: str
    column: str
    rejected: bool
    number: int


@dataclass(frozen=True)
class ImportProgress:
    """How far an import is. ``total_rows`` and what follows are None until they are known."""

    state: str
    rows: int
    total_rows: int | None
    rows_per_second: float | None
    remaining_seconds: float | None


@dataclass(frozen=True)
class Problem:
    """One rejected row or dropped value, with its sentence."""

    row_number: int
    column: str
    rejected: bool
    reason: str
    value: str
    cells: tuple[str, ...]


def count_reasons(session: Session, *, import_id: int) -> list[ReasonCount]:
    """Return the counts by reason, rejected rows first, the most frequent first."""
    number = func.count().label("number")
    wanted = (
        select(ImportProblem.reason, ImportProblem.field, ImportProblem.rejected, number)
        .where(ImportProblem.import_id == import_id)
        .group_by(ImportProblem.reason, ImportProblem.field, ImportProblem.rejected)
        .order_by(ImportProblem.rejected.desc(), number.desc(), ImportProblem.reason, ImportProblem.field)
    )
    return [ReasonCount(*row) for row in session.execute(wanted)]


def import_progress(session: Session, *, import_id: int, now: datetime) -> ImportProgress:
    """Return how far an import is, its rate since it started and the time that this rate leaves."""
    row = get_import(session, import_id=import_id)
    newest = select(Work).where(Work.kind == WorkKind.import_contacts, Work.subject_id == import_id)
    open_work = session.scalar(newest.order_by(Work.id.desc()).limit(1))
    total = open_work.progress_total if open_work else None
    started = row.options.get("started_at")
    rate = remaining = None
    if started and row.rows and open_work and open_work.state == WorkState.running:
        seconds = max(0.001, (now - datetime.fromisoformat(started)).total_seconds())
        rate = row.rows / seconds
        remaining = (total - row.rows) / rate if total is not None else None
    return ImportProgress(row.state, row.rows, total, rate, remaining)


def list_problems(
    session: Session, *, import_id: int, after: tuple[int, str] = (0, ""), limit: int = 50
) -> list[Problem]:
    """Return rejected rows and dropped values in the file's order, from after (row number, column)."""
    wanted = (
        select(ImportProblem)
        .where(ImportProblem.import_id == import_id)
        .where(func.row(ImportProblem.row_number, ImportProblem.field) > func.row(*after))
        .order_by(ImportProblem.row_number, ImportProblem.field)
        .limit(limit)
        .execution_options(populate_existing=True)
    )
    return [
        Problem(row.row_number, row.field, row.rejected, row.reason, row.value, tuple(map(str, row.row)))
        for row in session.scalars(wanted)
    ]


def rejections_csv(session: Session, *, import_id: int) -> Iterator[str]:
    """Yield a CSV of every rejected row as it stood in the file, with its number and its reason, piece by piece."""
    header = get_import(session, import_id=import_id).header
    rows = _walk(session, import_id, rejected=True)
    yield from export_csv.write_csv(
        ["Row", "Reason", "What is wrong", *header],
        ((one.row_number, one.reason, REASONS.get(one.reason, ""), *one.cells) for one in rows),
    )


def dropped_values_csv(session: Session, *, import_id: int) -> Iterator[str]:
    """Yield a CSV of every value that was left out while its contact was kept."""
    rows = _walk(session, import_id, rejected=False)
    yield from export_csv.write_csv(
        ["Row", "Email", "Column", "Value", "Reason", "What is wrong"],
        (
            (one.row_number, "".join(one.cells), one.column, one.value, one.reason, REASONS.get(one.reason, ""))
            for one in rows
        ),
    )


def _walk(session: Session, import_id: int, *, rejected: bool) -> Iterator[Problem]:
    """Walk in pages: a report of millions must not stand in memory."""
    after = (0, "")
    while page := list_problems(session, import_id=import_id, after=after, limit=2000):
        yield from (one for one in page if one.rejected is rejected)
        after = (page[-1].row_number, page[-1].column)
        session.expunge_all()
