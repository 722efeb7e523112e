"""From the cells of a row to what is merged into the database. Pure."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from campaigns.contacts.addresses import Address, normalise
from campaigns.contacts.imports.mapping import Column, Target
from campaigns.contacts.sorting import make_sort_key
from campaigns.contacts.text import clean_line
from campaigns.contacts.values import (
    InvalidValue,
    Spelling,
    read_boolean,
    read_date,
    read_language,
    read_time_zone,
    read_value,
)
from campaigns.models.contact import Attribute
from campaigns.models.membership import MembershipState
from campaigns.models.suppression import SuppressionReason
from campaigns.signing import KeyRing

REMEMBERED_CHARACTERS = 100  # longer cells hardly repeat, and would fill the memory
STATUSES: dict[str, str] = {
    **dict.fromkeys(
        ("confirmed", "subscribed", "active", "yes", "opted in", "opt-in", "enabled", "ja", "aktiv"),
        MembershipState.confirmed,
    ),
    **dict.fromkeys(("pending", "unconfirmed", "not confirmed"), MembershipState.pending),
    **dict.fromkeys(
        ("unsubscribed", "opted out", "opt-out", "inactive", "no", "disabled", "abgemeldet"),
        MembershipState.unsubscribed,
    ),
    **dict.fromkeys(
        ("cleaned", "bounced", "suppressed", "blocked", "blocklisted", "complained"), SuppressionReason.imported
    ),
}


class MergeRow(NamedTuple):
    """One row as it is copied into the database; None and empty texts leave what is there."""

    number: int
    email: str
    address_key: str
    address_hash: bytes
    domain: str
    given_name: str
    family_name: str
    greeting: str | None
    language: str | None
    time_zone: str | None
    attributes: str
    sort_key: str
    consent_source: str
    consent_at: datetime | None
    tracking_consent: bool | None
    status: str


@dataclass(frozen=True)
class Dropped:
    """A value that was left out, while its row was kept."""

    column: str
    reason: str
    value: str


@dataclass
class _Draft:
    """A row in the making."""

    given_name: str = ""
    family_name: str = ""
    greeting: str | None = None
    language: str | None = None
    time_zone: str | None = None
    consent_source: str = ""
    consent_at: datetime | None = None
    tracking_consent: bool | None = None
    status: str = MembershipState.confirmed
    attributes: list[str] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)


Setter = Callable[[_Draft, str], None]


class RowParser:
    """Parses the rows of one file under its mapping. An attribute that is gone is left out."""

    def __init__(
        self,
        *,
        header: Sequence[str],
        columns: Sequence[Column],
        attributes: Sequence[Attribute],
        spelling: Spelling,
        consent_source: str,
        key_ring: KeyRing,
    ) -> None:
        known = {row.name: row for row in attributes}
        self._header, self._spelling, self._key_ring = header, spelling, key_ring
        self._consent_source = consent_source
        self._address_index = next(number for number, one in enumerate(columns) if one.target is Target.email)
        setters = [(number, self._make_setter(one, known)) for number, one in enumerate(columns)]
        self._setters = [(number, setter) for number, setter in setters if setter is not None]

    def read_address(self, cells: Sequence[str]) -> Address:
        """Return the row's address; raises ``InvalidAddress``."""
        return normalise(cells[self._address_index])

    def parse(self, number: int, cells: Sequence[str], address: Address) -> tuple[MergeRow, list[Dropped]]:
        """Return a row to merge and the values left out of it; ``address`` is what :meth:`read_address` returned."""
        draft = _Draft(consent_source=self._consent_source)
        for index, setter in self._setters:
            cell = cells[index]
            if cell and not cell.isspace():
                try:
                    setter(draft, cell)
                except InvalidValue as error:
                    draft.dropped.append(Dropped(self._header[index], error.code, cell))
        row = MergeRow(
            number,
            address.email,
            address.key,
            self._key_ring.address_hash(address.key),
            address.domain,
            draft.given_name,
            draft.family_name,
            draft.greeting,
            draft.language,
            draft.time_zone,
            "{" + ",".join(draft.attributes) + "}",
            make_sort_key(draft.given_name, draft.family_name),
            draft.consent_source,
            draft.consent_at,
            draft.tracking_consent,
            draft.status,
        )
        return row, draft.dropped

    def _make_setter(self, column: Column, known: Mapping[str, Attribute]) -> Setter | None:
        if column.target is Target.attribute:
            attribute = known.get(column.name)
            return self._set_attribute(str(attribute.id), attribute.kind) if attribute else None
        return _SETTERS.get(column.target)

    def _set_attribute(self, key: str, kind: str) -> Setter:
        """Set one attribute as a piece of JSON; the values of a column repeat, so each is read and written once."""
        spelling = self._spelling

        def write_member(cell: str) -> str:
            value = read_value(kind, cell, spelling)
            return "" if value is None else f"{json.dumps(key)}:{json.dumps(value, ensure_ascii=False)}"

        write_again = lru_cache(maxsize=5000)(write_member)

        def set_value(draft: _Draft, cell: str) -> None:
            member = write_again(cell) if len(cell) <= REMEMBERED_CHARACTERS else write_member(cell)
            if member:
                draft.attributes.append(member)

        return set_value


_clean_again = lru_cache(maxsize=20_000)(clean_line)


def _read_name(cell: str) -> str:
    return _clean_again(cell) if len(cell) <= REMEMBERED_CHARACTERS else clean_line(cell)


def _set_given(draft: _Draft, cell: str) -> None:
    draft.given_name = _read_name(cell)


def _set_family(draft: _Draft, cell: str) -> None:
    draft.family_name = _read_name(cell)


def _set_full(draft: _Draft, cell: str) -> None:
    draft.given_name, draft.family_name = split_name(clean_line(cell))


def _set_greeting(draft: _Draft, cell: str) -> None:
    draft.greeting = clean_line(cell) or None


def _set_language(draft: _Draft, cell: str) -> None:
    draft.language = read_language(cell)


def _set_time_zone(draft: _Draft, cell: str) -> None:
    draft.time_zone = read_time_zone(cell)


def _set_consent_source(draft: _Draft, cell: str) -> None:
    draft.consent_source = _read_name(cell) or draft.consent_source


def _set_consent_at(draft: _Draft, cell: str) -> None:
    draft.consent_at = read_instant(cell.strip())


def _set_tracking(draft: _Draft, cell: str) -> None:
    draft.tracking_consent = read_boolean(cell)


def _set_status(draft: _Draft, cell: str) -> None:
    status = STATUSES.get(cell.strip().lower().replace("_", " "))
    if status is None:
        # Nobody gets mail because a status was not understood.
        draft.status = MembershipState.pending
        raise InvalidValue("bad_status")
    draft.status = status


_SETTERS: dict[Target, Setter] = {
    Target.given_name: _set_given,
    Target.family_name: _set_family,
    Target.full_name: _set_full,
    Target.greeting: _set_greeting,
    Target.language: _set_language,
    Target.time_zone: _set_time_zone,
    Target.consent_source: _set_consent_source,
    Target.consent_at: _set_consent_at,
    Target.tracking_consent: _set_tracking,
    Target.list_status: _set_status,
}


def split_name(name: str) -> tuple[str, str]:
    """Return given and family name: ``Family, Given``; ``Given Family``; Han names begin with the family's sign."""
    family, comma, given = name.partition(",")
    if comma:
        return given.strip(), family.strip()
    if 2 <= len(name) <= 4 and all("\u4e00" <= sign <= "\u9fff" for sign in name):
        return name[1:], name[:1]
    given, _, family = name.rpartition(" ")
    return (given, family) if given else (family, "")


def read_instant(text: str) -> datetime:
    """Return an instant in UTC from ISO 8601 or a date; without a zone it is UTC."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = datetime.fromisoformat(read_date(text) or "")
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    if not 1900 <= at.year < 9000:
        raise InvalidValue("bad_date")
    return at.astimezone(UTC)
