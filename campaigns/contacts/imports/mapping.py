"""Which column is what: a mapping, as it is stored, checked and guessed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from campaigns.contacts.addresses import InvalidAddress, normalise
from campaigns.contacts.attributes import slug
from campaigns.contacts.text import clean_line
from campaigns.contacts.values import (
    InvalidValue,
    Spelling,
    read_boolean,
    read_date,
    read_language,
    read_number,
    read_time_zone,
)
from campaigns.errors import InvalidInput
from campaigns.models.contact import Attribute, AttributeKind


class InvalidMapping(InvalidInput):
    code = "invalid_mapping"


class Target(StrEnum):
    """What a column can be. ``attribute`` names an existing one, ``new_attribute`` makes one."""

    ignore = "ignore"
    email = "email"
    given_name = "given_name"
    family_name = "family_name"
    full_name = "full_name"
    greeting = "greeting"
    language = "language"
    time_zone = "time_zone"
    consent_source = "consent_source"
    consent_at = "consent_at"
    tracking_consent = "tracking_consent"
    list_status = "list_status"
    attribute = "attribute"
    new_attribute = "new_attribute"


MANY = (Target.ignore, Target.attribute, Target.new_attribute)


@dataclass(frozen=True)
class Column:
    """The mapping of one column: ``name`` of an existing attribute, ``label`` and ``kind`` of a new one."""

    target: Target
    name: str = ""
    label: str = ""
    kind: str = ""

    def to_json(self) -> dict[str, str]:
        given = {"target": self.target.value, "name": self.name, "label": self.label, "kind": str(self.kind)}
        return {key: value for key, value in given.items() if value}


HEADERS: dict[Target, str] = {
    Target.email: "email e_mail mail email_address e_mail_address mail_address emailadresse e_mail_adresse mailadresse "
    "sahkoposti sahkopostiosoite correo correo_electronico endereco_de_e_mail endereco_de_email adresse_e_mail "
    "courriel eposta e_posta e_posta_adresi epost",
    Target.given_name: "first_name firstname given_name givenname forename vorname etunimi nome primeiro_nome prenom "
    "nombre ad adi isim fornamn fname",
    Target.family_name: "last_name lastname family_name familyname surname nachname familienname sukunimi sobrenome "
    "apelido nom_de_famille apellido apellidos soyad soyadi soyisim efternamn lname",
    Target.full_name: "name full_name fullname contact_name vollstandiger_name nimi koko_nimi nome_completo "
    "nom_complet ad_soyad adi_soyadi namn",
    Target.greeting: "greeting salutation anrede briefanrede puhuttelu saudacao tratamento hitap",
    Target.language: "language lang locale sprache kieli idioma lingua langue dil sprak",
    Target.time_zone: "time_zone timezone tz zeitzone aikavyohyke fuso_horario fuseau_horaire zona_horaria saat_dilimi",
    Target.consent_source: "consent_source opt_in_source optin_source source_of_consent einwilligungsquelle "
    "einwilligung_quelle suostumuksen_lahde origem_do_consentimento izin_kaynagi",
    Target.consent_at: "consent_time consent_at consent_date opt_in_time optin_time opt_in_date confirm_time "
    "einwilligung_am einwilligungsdatum suostumus_annettu data_do_consentimento izin_tarihi",
    Target.tracking_consent: "tracking_consent consent_to_tracking",
    Target.list_status: "list_status subscription_status subscriber_status member_status email_marketing_status",
}
_HAN_HEADERS = {
    "電子郵件": Target.email, "電子信箱": Target.email, "信箱": Target.email,
    "邮箱": Target.email, "电子邮件": Target.email,
    "名字": Target.given_name, "名": Target.given_name, "姓": Target.family_name, "姓氏": Target.family_name,
    "姓名": Target.full_name, "語言": Target.language, "语言": Target.language, "時區": Target.time_zone,
    "时区": Target.time_zone, "稱呼": Target.greeting,
}  # fmt: skip
_TARGET_OF_HEADER = {word: target for target, words in HEADERS.items() for word in words.split()}
_TAG_HEADERS = {"tags", "tag", "labels", "schlagworte", "avainsanat", "etiquetas", "etiketler", "標籤", "标签"}


def read_mapping(data: Sequence[Mapping[str, Any]], *, width: int, attributes: Iterable[Attribute]) -> list[Column]:
    """Return the mapping of ``width`` columns; columns not named are left out.

    Raises :class:`InvalidMapping` for an unknown target or attribute, for one target twice, and without an address.
    """
    if len(data) > width:
        raise InvalidMapping(f"The file has {width} columns, the mapping {len(data)}.", field="mapping")
    known = {row.name for row in attributes}
    columns = [_read_column(item, number, known) for number, item in enumerate(data)]
    columns += [Column(Target.ignore)] * (width - len(columns))
    targets: list[str] = [column.target for column in columns if column.target not in MANY]
    names = [column.name for column in columns if column.target is Target.attribute]
    for given in (targets, names):
        twice = {one for one in given if given.count(one) > 1}
        if twice:
            raise InvalidMapping(f"Two columns are mapped to {min(twice)}.", field="mapping")
    if Target.email not in targets:
        raise InvalidMapping("Say which column holds the email address.", field="mapping")
    return columns


def _read_column(item: Mapping[str, Any], number: int, known: set[str]) -> Column:
    where = f"mapping[{number}]"
    target = item.get("target", Target.ignore)
    if target not in list(Target):
        raise InvalidMapping(f"There is no target {str(target)[:40]!r}.", field=where)
    column = Column(Target(target), *(clean_line(str(item.get(key) or "")) for key in ("name", "label", "kind")))
    if column.target is Target.attribute and column.name not in known:
        raise InvalidMapping(f"There is no attribute {column.name!r}.", field=where)
    if column.target is Target.new_attribute and (not column.label or column.kind not in list(AttributeKind)):
        raise InvalidMapping("A new attribute needs a label and a kind.", field=where)
    return column


def guess_mapping(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, attributes: Iterable[Attribute], spelling: Spelling
) -> list[Column]:
    """Return the likeliest mapping by the columns' names, then by their values; nothing is used twice."""
    known = list(attributes)
    columns: list[Column] = []
    used: set[str] = set()
    for number, name in enumerate(header):
        values = [row[number].strip() for row in rows if number < len(row) and row[number].strip()]
        column = _guess_column(name, values, known, spelling)
        key = column.name if column.target is Target.attribute else column.target.value
        if column.target not in (Target.ignore, Target.new_attribute) and key in used:
            column = Column(Target.new_attribute, label=name, kind=guess_kind(name, values, spelling))
        used.add(key)
        columns.append(column)
    return _find_address_column(columns, header, rows)


def _guess_column(name: str, values: list[str], known: list[Attribute], spelling: Spelling) -> Column:
    target = _TARGET_OF_HEADER.get(slug(name)) or _HAN_HEADERS.get(name.strip())
    if target is not None and _fits(target, values):
        return Column(target)
    for row in known:
        if row.label.lower() == name.lower() or row.name == slug(name):
            return Column(Target.attribute, name=row.name)
    return Column(Target.new_attribute, label=name, kind=guess_kind(name, values, spelling))


def _fits(target: Target, values: list[str]) -> bool:
    """A column called *Language* that holds something else is an attribute."""
    readers = {Target.language: read_language, Target.time_zone: read_time_zone, Target.consent_at: read_date}
    return target not in readers or _share(values, readers[target]) >= 0.5


def _find_address_column(columns: list[Column], header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Column]:
    if any(column.target is Target.email for column in columns):
        return columns
    shares = [_share([row[number] for row in rows if number < len(row)], normalise) for number in range(len(header))]
    best = max(range(len(shares)), key=shares.__getitem__, default=None)
    if best is not None and shares[best] > 0.5:
        columns[best] = Column(Target.email)
    return columns


def _share(values: Sequence[str], read: Any) -> float:
    """Return which part of the values can be read."""
    if not values:
        return 1.0
    return sum(1 for value in values if _can_read(read, value)) / len(values)


def _can_read(read: Any, value: str) -> bool:
    try:
        read(value)
    except (InvalidValue, InvalidAddress):
        return False
    return True


def guess_kind(name: str, values: Sequence[str], spelling: Spelling) -> AttributeKind:
    """Return the kind that nearly all values fit. Numbers with leading zeros or a plus are codes: text."""
    if slug(name) in _TAG_HEADERS or name.strip() in _TAG_HEADERS:
        return AttributeKind.tags
    if not values:
        return AttributeKind.text
    if _share(values, lambda value: read_date(value, spelling)) >= 0.9:
        return AttributeKind.date
    if any(value[0] == "+" or (value[0] == "0" and value[1:2].isdigit()) for value in values):
        return AttributeKind.text
    if _share(values, lambda value: read_number(value, spelling)) >= 0.95:
        return AttributeKind.number
    if _share(values, read_boolean) >= 0.95:
        return AttributeKind.boolean
    return AttributeKind.text


def guess_spelling(rows: Sequence[Sequence[str]], delimiter: str) -> Spelling:
    """Return how the file seems to write dates and numbers: a second part above 12 means months come first."""
    cells = [cell.strip() for row in rows for cell in row]
    day_first = sum(1 for cell in cells if _can_read(lambda value: read_date(value, Spelling(True)), cell))
    month_first = sum(1 for cell in cells if _can_read(lambda value: read_date(value, Spelling(False)), cell))
    comma = sum(1 for cell in cells if _is_decimal(cell, ","))
    point = sum(1 for cell in cells if _is_decimal(cell, "."))
    return Spelling(day_first=day_first >= month_first, decimal_comma=comma > point and delimiter != ",")


def _is_decimal(cell: str, mark: str) -> bool:
    whole, found, rest = cell.rpartition(mark)
    return bool(found) and rest.isdigit() and len(rest) != 3 and whole.lstrip("-").replace(".", "").isdigit()
