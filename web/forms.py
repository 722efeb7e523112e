"""The base of forms: WTForms with our translations; the CSRF token is checked for the whole application."""

from typing import Any

from flask import request
from flask_babel import get_locale
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict
from wtforms import Form as BaseForm
from wtforms.fields import Field
from wtforms.validators import Length, ValidationError

LINE = Length(max=200)


def _posted() -> MultiDict[str, str]:
    """Pasted text may hold NUL, which the database has no place for."""
    return MultiDict([(name, value.replace("\0", "")) for name, value in request.form.items(multi=True)])


class _Messages:
    """Hands WTForms' own messages to our catalogue."""

    def gettext(self, text: str) -> str:
        return _(text)

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        return _(singular if number == 1 else plural)


class Form(BaseForm):  # type: ignore[misc]  # WTForms has no types
    """A form read from the request's fields."""

    class Meta:
        def get_translations(self, form: BaseForm) -> _Messages:
            return _Messages()

    @classmethod
    def read(cls, **values: Any) -> "Form":
        """Return the form as posted, or filled with ``values`` when nothing was posted."""
        return cls(_posted() if request.method == "POST" else None, data=values)

    def blame(self, field: str | None, message: str) -> None:
        """Put an engine error beside its field, or above the form when it has none here."""
        target = self._fields.get(field or "")
        if target is None:
            self.form_errors.append(message)
        else:
            target.errors = [*target.errors, message]


def strip(value: str | None) -> str:
    return (value or "").strip()


class Needed:
    """The field must hold something; says so in a sentence of our own."""

    field_flags = {"required": True}  # noqa: RUF012

    def __call__(self, form: BaseForm, field: Field) -> None:
        if not strip(field.data):
            raise ValidationError(_("Please fill this in."))


def page_language() -> str:
    """Return the language of the page as a BCP 47 tag."""
    return str(get_locale() or "en").replace("_", "-")


def page_direction() -> str:
    locale = get_locale()
    return locale.text_direction if locale else "ltr"
