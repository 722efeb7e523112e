"""Imports that are killed, doubled, malformed, or meant ill."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from campaigns import db, work
from campaigns.contacts import suppress
from campaigns.contacts.imports import report, run, start, upload
from campaigns.contacts.imports.mapping import InvalidMapping
from campaigns.models.contact import Contact
from campaigns.models.contact_import import ContactImport, ImportProblem
from campaigns.models.membership import Membership
from campaigns.models.suppression import SuppressionReason
from campaigns.models.work import Work
from campaigns.settings import get_settings
from campaigns.signing import KeyRing
from tests.builders import make_attribute, make_contact, make_list, make_member
from tests.contacts.imports.files import NOW, counts, import_file, start_import


def people(number: int) -> str:
    rows = [f"p{one}@example.com,Given {one},Family {one},{one}" for one in range(number)]
    return "\n".join(["Email,First name,Last name,Points", *rows, "nobody,,,", "P0@example.com,Late,Row,7"]) + "\n"


class Killed(BaseException):
    """Stands for a kill: nothing in the product may catch it."""


def test_an_import_that_dies_goes_on_where_its_last_batch_ended(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "BATCH_ROWS", 10)
    news = make_list(session)
    import_id, work_id = start_import(session, people(35), mailing_list=news)
    merge, calls = run._merge, []

    def die_after_two(*args: Any, **how: Any) -> None:
        calls.append(1)
        merge(*args, **how)
        if len(calls) == 3:
            raise Killed

    monkeypatch.setattr(run, "_merge", die_after_two)
    with pytest.raises(Killed):
        run.run_import(work_id)
    half = start.get_import(session, import_id=import_id)
    assert (half.state, half.rows, half.bytes_done > 0) == ("running", 20, True)
    assert half.created == 19
    assert session.scalar(select(func.count()).select_from(Contact)) == 19

    monkeypatch.setattr(run, "_merge", merge)
    run.run_import(work_id)
    assert start.get_import(session, import_id=import_id).rows == 20, "the lease still holds"
    session.execute(update(Work).values(lease_until=func.now() - func.make_interval(0, 0, 0, 1)))
    run.run_import(work_id)
    done = start.get_import(session, import_id=import_id)
    assert done.state == "done"
    assert counts(done) == {"rows": 37, "created": 35, "rejected": 1, "duplicates": 1, "subscribed": 35}
    assert session.scalars(select(Contact.given_name).where(Contact.email == "p0@example.com")).one() == "Late"


def test_a_worker_that_wakes_after_its_lease_writes_nothing(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    import_id, work_id = start_import(session, people(3))
    look_ahead = run._look_ahead

    def oversleep(*args: Any) -> Any:
        repeats = look_ahead(*args)
        session.execute(update(Work).values(lease_until=func.now() - func.make_interval(0, 0, 0, 1)))
        assert work.claim_work(session, work_id=work_id, lease_seconds=60)
        return repeats

    monkeypatch.setattr(run, "_look_ahead", oversleep)
    with pytest.raises(work.LeaseLost):
        run.run_import(work_id)
    assert session.scalar(select(func.count()).select_from(Contact)) == 0
    assert start.get_import(session, import_id=import_id).rows == 0


def test_a_killed_process_loses_and_doubles_nobody(committed_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDINGS_LEASE_SECONDS", "0.5")
    get_settings.cache_clear()
    with db.transaction() as session:
        import_id, work_id = start_import(session, people(3000), mailing_list=make_list(session))
    slow = f"from campaigns.contacts.imports import run; run.BATCH_ROWS = 50; run.run_import({work_id})"
    child = subprocess.Popen([sys.executable, "-c", slow])
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and rows_done(import_id) < 200:
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert 200 <= rows_done(import_id) < 3000
    while rows_done(import_id) < 3002 and time.monotonic() < deadline:
        run.run_import(work_id)
        time.sleep(0.1)
    with db.read_session() as session:
        row = start.get_import(session, import_id=import_id)
        assert counts(row) == {"rows": 3002, "created": 3000, "rejected": 1, "duplicates": 1, "subscribed": 3000}
        assert session.scalar(select(func.count()).select_from(Contact)) == 3000


def rows_done(import_id: int) -> int:
    with db.read_session() as session:
        return start.get_import(session, import_id=import_id).rows


def test_a_file_that_is_gone_ends_the_import_with_a_sentence(session: Session) -> None:
    import_id, work_id = start_import(session, people(3))
    row = start.get_import(session, import_id=import_id)
    upload.stored_path(row).unlink()
    run.run_import(work_id)
    row = start.get_import(session, import_id=import_id)
    assert row.state == "failed"
    assert "Upload it again" in str(row.error)


def test_only_what_the_file_says_changes(session: Session) -> None:
    colour, size = make_attribute(session, name="colour"), make_attribute(session, name="size", kind="number")
    values = {str(colour.id): "red", str(size.id): 3}
    ada = make_contact(session, email="ada@example.com", attributes=values, greeting="Dear Ada")
    noise = make_contact(session, email="noise@example.com")
    row = import_file(session, "Email,Last name,Colour,Size,Language\nADA@example.com,Byron,,4,\nnew@example.com,,,,\n")
    session.expire_all()
    assert counts(row) == {"rows": 2, "created": 1, "updated": 1}
    assert (ada.given_name, ada.family_name, ada.language, ada.greeting) == ("Ada", "Byron", "en", "Dear Ada")
    assert ada.attributes == {**values, str(size.id): 4}
    assert ada.sort_key.startswith("byron")
    assert ada.sort_key.endswith("ada")
    assert noise.family_name == "Lovelace"
    assert session.scalar(select(func.count()).select_from(Membership)) == 0


def test_an_unsubscription_in_the_file_counts_and_a_subscription_of_the_unsubscribed_does_not(
    session: Session,
) -> None:
    news = make_list(session)
    leaves = make_member(session, mailing_list=news, email="leaves@example.com")
    left = make_member(session, mailing_list=news, email="left@example.com")
    asked = make_member(session, mailing_list=news, email="asked@example.com")
    state = {left.id: "unsubscribed", asked.id: "pending"}
    for contact_id, was in state.items():
        session.execute(update(Membership).where(Membership.contact_id == contact_id).values(state=was))
    file = (
        "email,list status\nleaves@example.com,Unsubscribed\nleft@example.com,subscribed\n"
        "asked@example.com,subscribed\nnew@example.com,active\nold@example.com,unsubscribed\nbad@example.com,cleaned\nodd@example.com,???\n"
    )
    row = import_file(session, file, mailing_list=news)
    states = dict(session.execute(select(Contact.email, Membership.state).join(Membership)).all())
    assert states == {
        "leaves@example.com": "unsubscribed",
        "left@example.com": "unsubscribed",
        "asked@example.com": "pending",
        "new@example.com": "confirmed",
        "old@example.com": "unsubscribed",
        "odd@example.com": "pending",
    }
    assert row.subscribed == 1
    assert leaves.email
    suppressed = suppress.list_suppressions(session).rows
    assert [(one.reason, one.hint) for one in suppressed] == [("imported", "b…@example.com")]


def test_who_was_erased_is_not_brought_back(session: Session, key_ring: KeyRing) -> None:
    gone = key_ring.address_hash("gone@example.com")
    reason = SuppressionReason.erased
    suppress.suppress(session, address_hash=gone, reason=reason, source="", hint="", now=NOW)
    short = key_ring.address_hash("short@example.com")[:10]
    reason = SuppressionReason.manual
    suppress.suppress(session, address_hash=short, reason=reason, source="unsubscribe", hint="", now=NOW)
    row = import_file(session, "email,note\ngone@example.com,secret\nshort@example.com,x\nada@example.com,y\n")
    assert counts(row) == {"rows": 3, "created": 2, "rejected": 1}
    (problem,) = session.scalars(select(ImportProblem))
    assert (problem.reason, problem.row) == ("erased", [])
    assert suppress.is_suppressed(session, address_hash=key_ring.address_hash("short@example.com"))
    assert not suppress.is_suppressed(session, address_hash=key_ring.address_hash("ada@example.com"))
    session.expire_all()
    assert {len(one.address_hash) for one in suppress.list_suppressions(session).rows} == {16}


@pytest.mark.parametrize(
    ("file", "good", "reasons"),
    [
        ('email,name\na@example.com,"never closed\nb@example.com,B\nc@example.com,C\n', 2, ["broken_row"]),
        ("email,name\na@example.com,A,too,much\nb@example.com,B,,\n", 1, ["too_many_columns"]),
        ("email,name\na@example.com\nb@example.com,B\n\n\n", 2, []),
        (b"email,name\na@example.com,\x00A\x00\nb\x00@example.com,B\nc@example.com,C\n", 2, ["invalid"]),
        (b"email,name\n" + "a@example.com,Ä\n".encode() * 20 + b"b@example.com,\xff\xfe\n", 2, []),
        ("email,name\r\na@example.com,A\rb@example.com,B\r\n", 2, []),
        ("sep=;\nemail;name\na@example.com;A\n", 1, []),
        ("a@example.com,A\nb@example.com,B\n", 2, []),
        ("email,name\n" + "a@example.com," + "x" * 200_000 + "\nb@example.com,B\n", 1, ["broken_row"]),
        ("email\n" + "@" * 5000 + "\na@example.com\n", 1, ["invalid"]),
        ('email,name\n"a@example.com",5" pipe\nb@example.com,B\n', 2, []),
    ],
)
def test_one_bad_row_never_ends_an_import(session: Session, file: str | bytes, good: int, reasons: list[str]) -> None:
    row = import_file(session, file)
    assert row.state == "done"
    assert (row.created, row.rejected) == (good, len(reasons))
    assert [one.reason for one in report.count_reasons(session, import_id=row.id)] == reasons


def test_naughty_strings_in_every_column_survive(session: Session, shared_data: Path) -> None:
    strings = json.loads((shared_data / "corpora" / "naughty-strings.json").read_text())
    buffer = io.StringIO()

    writer = csv.writer(buffer)
    writer.writerow(["email", "first name", "last name", "greeting", "language", "time zone", "note"])
    for number, text in enumerate(strings):
        writer.writerow([f"n{number}@example.com", *[text.replace("\ud800", "")] * 6])
        writer.writerow([text, *[text] * 6])
    targets = ["email", "given_name", "family_name", "greeting", "language", "time_zone"]
    mapping = [{"target": target} for target in targets] + [
        {"target": "new_attribute", "label": "note", "kind": "text"}
    ]
    row = import_file(session, buffer.getvalue().encode("utf-8", "replace"), mapping=mapping)
    assert row.state == "done"
    assert row.rows == 2 * len(strings)
    assert row.created >= len(strings)
    kept = session.scalars(select(Contact.attributes).where(Contact.email == "n3@example.com")).one()
    assert list(kept.values()) == [strings[3].strip()]


def test_an_upload_beyond_the_limit_leaves_no_file(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDINGS_UPLOAD_LIMIT", "1000")
    get_settings.cache_clear()
    with pytest.raises(upload.UploadTooLarge):
        start_import(session, people(100))
    with pytest.raises(upload.UnusableFile):
        start_import(session, "")
    with pytest.raises(upload.UnusableFile):
        start_import(session, "email,name\n")
    assert list((get_settings().home_path / "uploads").iterdir()) == []


def test_a_list_needs_to_know_where_the_consent_comes_from(session: Session) -> None:
    with pytest.raises(start.ConsentMissing):
        start_import(session, people(1), mailing_list=make_list(session), consent_source=" ")


@pytest.mark.parametrize(
    "mapping",
    [
        [{"target": "given_name"}],
        [{"target": "email"}, {"target": "email"}],
        [{"target": "email"}, {"target": "nonsense"}],
        [{"target": "email"}, {"target": "attribute", "name": "nonsense"}],
        [{"target": "email"}, {"target": "new_attribute", "label": "X", "kind": "nonsense"}],
        [{"target": "email"}] * 9,
    ],
)
def test_a_mapping_that_makes_no_sense_is_refused(session: Session, mapping: list[dict[str, str]]) -> None:
    with pytest.raises(InvalidMapping):
        start_import(session, people(1), mapping=mapping)


def test_an_import_starts_once(session: Session) -> None:
    import_id, _ = start_import(session, people(1))
    with pytest.raises(start.ImportStarted):
        start.confirm(session, import_id=import_id, mapping=None, list_id=None, consent_source=None, now=NOW)
    with pytest.raises(start.ImportStarted):
        start.discard(session, import_id=import_id)
    assert session.scalar(select(func.count()).select_from(ContactImport)) == 1
