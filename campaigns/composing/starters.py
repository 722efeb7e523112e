"""Starters: a campaign's first words, from the mails in templates_email/."""

from dataclasses import dataclass
from pathlib import Path

import templates_email
from campaigns.errors import InvalidInput

FOLDER = Path(templates_email.__file__).parent
DEFAULT_STARTER = "newsletter"


class UnknownStarter(InvalidInput):
    code = "unknown_starter"


@dataclass(frozen=True)
class Starter:
    """The words a campaign begins with; ``body`` is MJML."""

    name: str
    subject: str
    preheader: str
    body: str


def fill_starter(name: str, *, language: str) -> Starter:
    """Return the starter called ``name`` with the content's language written in; raises :class:`UnknownStarter`."""
    folder = FOLDER / name
    if not name.isidentifier() or not (folder / "body.mjml").is_file():
        raise UnknownStarter(f"There is no starter {name[:40]!r}.", field="starter")
    subject, _, preheader = (folder / "subject.txt").read_text("utf-8").strip().partition("\n")
    return Starter(name, subject, preheader.strip(), (folder / "body.mjml").read_text("utf-8"))
