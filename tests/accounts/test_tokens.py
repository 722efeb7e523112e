from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from campaigns import clock
from campaigns.accounts import audit, tokens
from campaigns.accounts.roles import UnknownRole, includes
from campaigns.errors import NotFound


def test_a_token_is_found_by_its_plain_text_only(session: Session) -> None:
    now = clock.now()
    row, plain = tokens.create_token(session, name="Shop", role="editor", now=now)
    other, _ = tokens.create_token(session, name="Other", role="owner", now=now)
    assert plain.startswith(f"tid_{row.prefix}_")
    assert tokens.find_by_bearer(session, bearer=plain, now=now) is row
    assert plain.rpartition("_")[2].encode() not in row.secret_hash
    for forged in ("", "tid", "tid__", f"tid_{row.prefix}_", plain[:-1], plain + "x", plain.replace("tid", "TID")):
        assert tokens.find_by_bearer(session, bearer=forged, now=now) is None
    swapped = plain.replace(row.prefix, other.prefix)
    assert tokens.find_by_bearer(session, bearer=swapped, now=now) is None


def test_a_revoked_or_expired_token_is_dead(session: Session) -> None:
    now = clock.now()
    ending, plain = tokens.create_token(session, name="A", role="viewer", now=now, expires_at=now + timedelta(days=1))
    assert tokens.find_by_bearer(session, bearer=plain, now=now) is ending
    assert tokens.find_by_bearer(session, bearer=plain, now=now + timedelta(days=1)) is None
    row, plain = tokens.create_token(session, name="B", role="viewer", now=now)
    tokens.revoke_token(session, token_id=row.id, now=now)
    assert tokens.find_by_bearer(session, bearer=plain, now=now) is None
    assert tokens.list_tokens(session) == [ending]
    with pytest.raises(NotFound):
        tokens.revoke_token(session, token_id=row.id + 1000, now=now)


def test_the_last_use_is_written_at_most_once_a_minute(session: Session) -> None:
    now = clock.now()
    row, _ = tokens.create_token(session, name="Shop", role="editor", now=now)
    for seconds, shown in ((0, 0), (59, 0), (60, 60), (90, 60)):
        tokens.touch(session, token_id=row.id, now=now + timedelta(seconds=seconds))
        session.refresh(row)
        assert row.last_used_at == now + timedelta(seconds=shown)


def test_a_token_needs_a_name_and_a_known_role(session: Session) -> None:
    with pytest.raises(tokens.UnnamedToken):
        tokens.create_token(session, name="  ", role="editor", now=clock.now())
    with pytest.raises(UnknownRole):
        tokens.create_token(session, name="Shop", role="root", now=clock.now())


@given(st.sampled_from(["viewer", "editor", "owner"]), st.sampled_from(["viewer", "editor", "owner"]))
def test_each_role_includes_the_ones_below_it(role: str, needed: str) -> None:
    order = ["viewer", "editor", "owner"]
    assert includes(role, needed) == (order.index(role) >= order.index(needed))


def test_the_audit_trail_shows_the_newest_first_and_pages(session: Session) -> None:
    for number in range(5):
        subject = "cmp_1" if number % 2 else "cmp_2"
        audit.record(session, actor=audit.MACHINE, action=f"deed.{number}", subject=subject, now=clock.now())
    page = audit.list_entries(session, limit=2)
    assert [entry.action for entry in page] == ["deed.4", "deed.3"]
    rest = audit.list_entries(session, before_id=page[-1].id, limit=9)
    assert [entry.action for entry in rest] == ["deed.2", "deed.1", "deed.0"]
    assert [entry.action for entry in audit.list_entries(session, subject="cmp_1")] == ["deed.3", "deed.1"]
