"""The files that shops really export, against what a correct import finds."""

import csv
import io
import json
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns.contacts import attributes, suppress, unsubscribe
from campaigns.contacts.imports import report, start
from campaigns.models.contact import Contact
from campaigns.models.membership import Membership
from campaigns.models.suppression import SuppressionReason
from campaigns.signing import KeyRing, UnsubscribeRef
from tests.builders import make_list
from tests.contacts.imports.files import NOW, counts, import_file


@pytest.fixture
def expected(shared_data: Path) -> dict[str, int]:
    return json.loads((shared_data / "data" / "expected.json").read_text())


def find(session: Session, email: str) -> Contact:
    return session.scalars(select(Contact).where(Contact.address_key == email)).one()


def test_the_counts_are_those_expected_and_the_same_file_again_changes_nothing(
    session: Session, shared_data: Path, expected: dict[str, int], key_ring: KeyRing
) -> None:
    data = (shared_data / "data" / "contacts.csv").read_bytes()
    news, other = make_list(session), make_list(session)
    first = import_file(session, data, mailing_list=news, consent_source="")
    people = expected["distinct_valid_addresses"]
    rejected = {name.removeprefix("invalid_"): number for name, number in expected.items() if "invalid_" in name}
    assert first.state == "done"
    assert counts(first) == {
        "rows": expected["rows"],
        "created": people,
        "rejected": sum(rejected[code] for code in ("no_at", "empty", "space")),
        "duplicates": expected["duplicate_rows_same_person_other_case"],
        "values_dropped": expected["bad_date_in_signed_up"],
        "subscribed": people,
    }
    reasons = {(one.reason, one.column): one.number for one in report.count_reasons(session, import_id=first.id)}
    assert reasons == {
        ("no_at", ""): expected["invalid_no_at"],
        ("empty", ""): expected["invalid_empty"],
        ("space", ""): expected["invalid_space"],
        ("bad_date", "Signed up"): expected["bad_date_in_signed_up"],
    }

    leaver, hated = find(session, "c7.1@kunde.example"), find(session, "c7.2@example.net")
    ref = UnsubscribeRef(news.id, leaver.id, leaver.address_hash[:10], 0, 0)
    unsubscribe.unsubscribe(session, ref=ref, source="page", now=NOW)
    reason = SuppressionReason.complaint
    suppress.suppress(session, address_hash=hated.address_hash, reason=reason, source="fbl", hint="", now=NOW)

    again = import_file(session, data, mailing_list=news, consent_source="")
    assert counts(again) == {
        "rows": expected["rows"],
        "unchanged": people,
        "rejected": 600,
        "duplicates": expected["duplicate_rows_same_person_other_case"],
        "values_dropped": expected["bad_date_in_signed_up"],
    }
    assert session.scalar(select(func.count()).select_from(Contact)) == people
    states = dict(session.execute(select(Membership.state, func.count()).group_by(Membership.state)).all())
    assert states == {"confirmed": people - 1, "unsubscribed": 1}
    assert suppress.is_suppressed(session, address_hash=hated.address_hash)
    assert session.scalar(select(func.count()).where(Membership.list_id == other.id)) == 0


def test_values_are_kept_as_the_file_says_and_the_later_row_wins(session: Session, shared_data: Path) -> None:
    news = make_list(session)
    import_file(session, (shared_data / "data" / "contacts.csv").read_bytes(), mailing_list=news, consent_source="")
    names = {row.name: str(row.id) for row in attributes.list_attributes(session)}
    kinds = {row.name: row.kind for row in attributes.list_attributes(session)}
    assert kinds == {
        "country": "text", "signed_up": "date", "last_order": "date", "orders": "number",
        "total_spent": "number", "tags": "tags", "notes": "text",
    }  # fmt: skip
    luisa = find(session, "c7.0@example.com")
    assert (luisa.given_name, luisa.family_name, luisa.language) == ("Luísa", "Gonçalves", "pt")
    assert luisa.time_zone == "Europe/Lisbon"
    assert luisa.attributes == {
        names["country"]: "BR",
        names["signed_up"]: "2020-09-09",
        names["last_order"]: "2020-10-04",
        names["orders"]: 1,
        names["total_spent"]: 999.99,
        names["tags"]: ["b2b", "vip"],
        names["notes"]: "likes tea\nand biscuits",
    }
    assert find(session, "c7.5@example.net").attributes[names["notes"]] == '=HYPERLINK("http://x")'
    source = select(Membership.source).where(Membership.contact_id == luisa.id)
    assert session.scalar(source) == "shop checkout"


@pytest.mark.parametrize(("file_name", "encoding"), [("kunden-latin1.csv", "cp1252"), ("asiakkaat.tsv", "utf-16")])
def test_other_encodings_and_delimiters_are_recognised(
    session: Session, shared_data: Path, file_name: str, encoding: str, expected: dict[str, dict[str, object]]
) -> None:
    path = shared_data / "data" / file_name
    told = expected[file_name]
    row = import_file(session, path.read_bytes())
    assert row.encoding == told["encoding"] == encoding
    assert row.delimiter == {"tab": "\t"}.get(str(told["delimiter"]), told["delimiter"])
    assert counts(row) == {"rows": told["rows"], "created": 1000}
    letters = "".join(session.scalars(select(Contact.family_name)))
    assert "�" not in letters
    assert any(sign in letters for sign in "ßöäçãşÖ")


def test_every_rejected_row_stands_in_the_report_with_its_reason(session: Session, shared_data: Path) -> None:
    row = import_file(session, (shared_data / "data" / "contacts.csv").read_bytes())
    text = "".join(report.rejections_csv(session, import_id=row.id))
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert len(rows) == 600
    assert {one["Reason"] for one in rows} == {"no_at", "empty", "space"}
    assert {one["E-mail"] for one in rows if one["Reason"] == "space"} == {"two words@example.com"}
    assert not [cell for one in rows for cell in one.values() if cell.startswith("=")]
    dropped = list(csv.reader(io.StringIO("".join(report.dropped_values_csv(session, import_id=row.id)))))
    assert len(dropped) == 201
    assert dropped[1][2:5] == ["Signed up", "31/02/2024", "bad_date"]


def test_the_uploaded_file_is_gone_when_the_import_is_done(session: Session, shared_data: Path, settings) -> None:
    row = import_file(session, "email\na@example.com\n")
    assert list((settings.home_path / "uploads").iterdir()) == []
    assert start.get_import(session, import_id=row.id).state == "done"
