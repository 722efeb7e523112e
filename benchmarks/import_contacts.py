"""How quickly a file of contacts comes in, against COPY of the same columns into a table of the same shape.

``python -m benchmarks.import_contacts --rows 1000000 [--json]`` makes a throw-away database and file. The import does
all of its work: reading, checking addresses, typing values, finding who comes twice, merging, subscribing. Budget
(DESIGN §9): at least 0.3 of COPY's rows a second, in flat memory.
"""

import argparse
import csv
import json
import os
import resource
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from sqlalchemy import select, text

from campaigns import db
from campaigns.contacts.imports import run, start
from campaigns.contacts.lists import ListFields, create_list
from campaigns.models import all as _every_table  # noqa: F401
from campaigns.models.work import Work
from campaigns.settings import get_settings
from cli.database import upgrade
from cli.embedded_postgres import EmbeddedPostgres

BUDGET_RATIO = 0.3
SETTINGS_SHOWN = ("fsync", "synchronous_commit", "shared_buffers", "work_mem", "max_wal_size")
COLUMNS = (
    "email, address_key, address_hash, domain, given_name, family_name, greeting, language, time_zone, attributes, "
    "sort_key, created_at, updated_at"
)
HEADER = [
    "Email",
    "First name",
    "Last name",
    "Language",
    "Time zone",
    "Country",
    "Signed up",
    "Orders",
    "Spent",
    "Tags",
]
NAMES = [
    ("Luísa", "Gonçalves", "pt"),
    ("Käthe", "von der Lühe", "de"),
    ("怡君", "歐陽", "zh-TW"),
    ("Anne", "Hill", "en"),
]


@dataclass(frozen=True)
class Result:
    """Both rates in rows a second, the import's CPU time and how much memory grew while it ran."""

    rows: int
    copy_rows_per_second: float
    import_rows_per_second: float
    again_rows_per_second: float
    ratio: float
    import_cpu_seconds: float
    memory_grown_mb: float
    settings: dict[str, str]


def write_file(path: Path, rows: int) -> None:
    """Write a file such as a shop exports: eleven columns, one row in a hundred with a bad date."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            [
                "Email",
                "First name",
                "Last name",
                "Language",
                "Time zone",
                "Country",
                "Signed up",
                "Orders",
                "Spent",
                "Tags",
            ]
        )
        for number in range(rows):
            given, family, language = NAMES[number % 4]
            day = "2024-02-31" if number % 100 == 0 else f"20{number % 9 + 15}-0{number % 9 + 1}-1{number % 9}"
            spent = f"{number % 90000 / 100:.2f}"
            address = f"Person.{number}@mail{number % 50}.example.com"
            line = [address, given, family, language, "Europe/Berlin", "DE", day, str(number % 40), spent, "b2b;vip"]
            writer.writerow(line)


def time_import(path: Path) -> tuple[float, float]:
    """Return wall and CPU seconds of one import, uploaded before the clock starts."""
    now = datetime.now(UTC)
    with db.transaction() as session, path.open("rb") as stream:
        row = start.upload(session, stream=stream, file_name=path.name, created_by=None, now=now)
        mailing_list = create_list(session, fields=ListFields(name="Bench"), now=now)
        start.confirm(session, import_id=row.id, mapping=None, list_id=mailing_list.id, consent_source="bench", now=now)
    with db.read_session() as session:
        work_id = session.scalars(select(Work.id).order_by(Work.id.desc()).limit(1)).one()
    began, cpu_began = time.perf_counter(), time.process_time()
    run.run_import(work_id)
    return time.perf_counter() - began, time.process_time() - cpu_began


def time_copy(url: str, folder: Path) -> float:
    """Return wall seconds of COPY of the imported columns into an empty table of the same shape, indexes included."""
    plain = url.replace("postgresql+psycopg://", "postgresql://")
    dump = folder / "rows.copy"
    with psycopg.connect(plain) as connection, connection.cursor() as cursor:
        with cursor.copy(f"COPY (SELECT {COLUMNS} FROM contact ORDER BY id) TO STDOUT") as out, dump.open("wb") as file:
            for block in out:
                file.write(block)
        cursor.execute("CREATE TABLE yardstick (LIKE contact INCLUDING ALL)")
        connection.commit()
        began = time.perf_counter()
        with cursor.copy(f"COPY yardstick ({COLUMNS}) FROM STDIN") as into, dump.open("rb") as file:
            while block := file.read(1 << 20):
                into.write(block)
        connection.commit()
        return time.perf_counter() - began


def measure(rows: int) -> Result:
    """Run everything once on a fresh database."""
    with tempfile.TemporaryDirectory(prefix="tidings-bench-") as name:
        folder = Path(name)
        os.environ.update(TIDINGS_HOME=str(folder / "home"), TIDINGS_SECRET_KEY="a key only for benchmarks")
        get_settings.cache_clear()
        server = EmbeddedPostgres(folder / "postgres", folder / "run")
        server.start()
        try:
            server.create_database("bench")
            url = server.url("bench")
            db.bind(db.make_engine(url))
            upgrade(db.get_engine())
            path = folder / "people.csv"
            write_file(path, rows)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            seconds, cpu = time_import(path)
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
            copy_seconds = time_copy(url, folder)
            again, _cpu = time_import(path)
            with db.read_session() as session:
                shown = {name: str(session.scalar(text(f"SHOW {name}"))) for name in SETTINGS_SHOWN}
            db.get_engine().dispose()
        finally:
            server.stop()
    rates = (rows / copy_seconds, rows / seconds, rows / again)
    return Result(rows, *rates, rates[1] / rates[0], cpu, grown, shown)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = measure(options.rows)
    if options.json:
        print(json.dumps(asdict(result)))
        return
    print(" ".join(f"{name}={value}" for name, value in result.settings.items()))
    print(f"{result.rows:,} rows, import CPU {result.import_cpu_seconds:.1f} s, grew {result.memory_grown_mb:.0f} MB")
    print(f"COPY         {result.copy_rows_per_second:10,.0f} rows/s")
    print(f"import       {result.import_rows_per_second:10,.0f} rows/s")
    print(f"import again {result.again_rows_per_second:10,.0f} rows/s")
    verdict = "kept" if result.ratio >= BUDGET_RATIO else "missed"
    print(f"ratio        {result.ratio:10.2f} (budget {BUDGET_RATIO}: {verdict})")


if __name__ == "__main__":
    main()
