"""Starters: a campaign's first words, from the mails in templates_email/."""

import re
from dataclasses import dataclass

from campaigns.errors import InvalidInput
from templates_email.load import NoSuchTemplate, list_templates, load_template

DEFAULT_STARTER = "newsletter"
_ROOT = re.compile(r"<mjml\b[^>]*>")
_RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})


class UnknownStarter(InvalidInput):
    code = "unknown_starter"


@dataclass(frozen=True)
class Starter:
    """The words a campaign begins with; ``body`` is MJML."""

    name: str
    title: str
    subject: str
    preheader: str
    body: str


def list_starters() -> list[Starter]:
    """Return all starters as they are kept, by name."""
    return [Starter(each.name, each.title, each.subject, each.preheader, each.body) for each in list_templates()]


def fill_starter(name: str, *, language: str) -> Starter:
    """Return the starter called ``name`` marked as being in ``language``; raises :class:`UnknownStarter`."""
    try:
        found = load_template(name)
    except NoSuchTemplate as error:
        raise UnknownStarter(f"There is no starter {name[:40]!r}.", field="starter") from error
    if found.kind != "starter":
        raise UnknownStarter(f"{name!r} is a mail of the system, not a starter.", field="starter")
    direction = "rtl" if language.split("-")[0] in _RIGHT_TO_LEFT else "ltr"
    body = _ROOT.sub(f'<mjml lang="{language}" dir="{direction}">', found.body, count=1)
    return Starter(found.name, found.title, found.subject, found.preheader, body)
