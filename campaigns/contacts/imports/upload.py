"""Taking a file in: stored under a name of our own, bounded, looked at, its mapping guessed."""

import os
import secrets
from datetime import datetime
from pathlib import Path
from typing import IO

from sqlalchemy.orm import Session

from campaigns.contacts.attributes import list_attributes
from campaigns.contacts.imports.mapping import guess_mapping, guess_spelling
from campaigns.contacts.imports.read import read_sample
from campaigns.contacts.imports.sniff import DELIMITERS, SAMPLE_BYTES, FileFormat, sniff
from campaigns.contacts.text import clean_line
from campaigns.errors import InvalidInput
from campaigns.models.contact_import import ContactImport
from campaigns.settings import Settings, get_settings

GUESS_ROWS = 500
CHUNK_BYTES = 1 << 20
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "cp1250", "cp1254",
             "cp1251", "cp1253", "iso8859-15", "big5", "gb18030", "cp932", "euc_kr")  # fmt: skip


class UploadTooLarge(InvalidInput):
    code = "upload_too_large"


class UnusableFile(InvalidInput):
    """The file has nothing that could be imported."""

    code = "unusable_file"


def upload(
    session: Session, *, stream: IO[bytes], file_name: str, created_by: int | None, now: datetime
) -> ContactImport:
    """Store a file and return its import in the state ``uploaded``, with a guessed format and mapping.

    Raises :class:`UploadTooLarge` beyond the setting ``upload_limit`` and :class:`UnusableFile` without rows.
    """
    settings = get_settings()
    path = uploads_folder(settings) / f"{secrets.token_hex(16)}.csv"
    try:
        size_bytes = _store(stream, path, settings.upload_limit)
        with path.open("rb") as stored:
            file_format = sniff(stored.read(SAMPLE_BYTES))
        row = ContactImport(
            file_name=clean_line(Path(file_name or "").name)[:200] or "contacts.csv",
            stored_as=path.name,
            size_bytes=size_bytes,
            options={},
            state="uploaded",
            created_by=created_by,
            created_at=now,
        )
        guess(session, row, file_format)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    session.add(row)
    session.flush()
    return row


def guess(session: Session, row: ContactImport, file_format: FileFormat) -> None:
    """Set format, header and guessed mapping of an import whose file is stored; raises :class:`UnusableFile`."""
    if file_format.encoding not in ENCODINGS or not is_delimiter(file_format.delimiter):
        raise UnusableFile("The encoding or the delimiter is not one that can be read.", field="encoding")
    header, rows = read_sample(stored_path(row), file_format, limit=GUESS_ROWS)
    if not rows:
        raise UnusableFile("The file has no rows below its header.", field="file")
    spelling = guess_spelling(rows, file_format.delimiter)
    columns = guess_mapping(header, rows, attributes=list_attributes(session), spelling=spelling)
    row.encoding, row.delimiter, row.header = file_format.encoding, file_format.delimiter, header
    row.mapping = [column.to_json() for column in columns]
    row.options = {
        **row.options,
        "has_header": file_format.has_header,
        "day_first": spelling.day_first,
        "decimal_comma": spelling.decimal_comma,
    }


def is_delimiter(text: str) -> bool:
    """Say whether columns can be parted by ``text``."""
    return text in DELIMITERS or (len(text) == 1 and text.isprintable() and not text.isalnum() and text not in "\"' ")


def uploads_folder(settings: Settings) -> Path:
    """Return the folder of uploaded files, which only its owner can read."""
    folder = settings.home_path / "uploads"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def stored_path(row: ContactImport) -> Path:
    """Return where an import's file lies."""
    return uploads_folder(get_settings()) / row.stored_as


def format_of(row: ContactImport) -> FileFormat:
    """Return how an import's file is read."""
    return FileFormat(row.encoding, row.delimiter, has_header=bool(row.options.get("has_header", True)))


def _store(stream: IO[bytes], path: Path, limit: int) -> int:
    """Copy at most ``limit`` bytes to a new private file, seen on the disk; return how many."""
    size = 0
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        while chunk := stream.read(CHUNK_BYTES):
            size += len(chunk)
            if size > limit:
                raise UploadTooLarge(f"The file is larger than {limit // 1_000_000} MB; split it.", field="file")
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    if size == 0:
        raise UnusableFile("The file is empty.", field="file")
    return size
