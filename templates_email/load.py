"""Reads the mails that come with Tidings: starters to begin a campaign from, and its own system mails."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any


@dataclass(frozen=True)
class MailTemplate:
    """One folder of ``templates_email``. ``kind`` is ``starter`` or ``system``; ``sample`` is example data."""

    name: str
    kind: str
    title: str
    description: str
    subject: str
    preheader: str
    body: str
    sample: Mapping[str, Any]


class NoSuchTemplate(LookupError):
    """There is no mail of this name."""


@cache
def load_template(name: str) -> MailTemplate:
    """Return the mail ``name``; raises :class:`NoSuchTemplate`."""
    folder = next((folder for folder in _folders() if folder.name == name), None)
    if folder is None:
        raise NoSuchTemplate(f"There is no template {name!r}; there are {', '.join(f.name for f in _folders())}.")
    sample = json.loads(folder.joinpath("sample.json").read_text("utf-8"))
    kind, title, description = (sample.pop(key) for key in ("kind", "title", "description"))
    subject, preheader = (
        folder.joinpath(f"{line}.txt").read_text("utf-8").strip() for line in ("subject", "preheader")
    )
    body = folder.joinpath("body.mjml").read_text("utf-8")
    return MailTemplate(name, kind, title, description, subject, preheader, body, sample)


def list_templates(kind: str = "starter") -> list[MailTemplate]:
    """Return all mails of a kind, by name."""
    return [template for folder in _folders() if (template := load_template(folder.name)).kind == kind]


def _folders() -> list[Traversable]:
    folders = (folder for folder in files("templates_email").iterdir() if folder.joinpath("body.mjml").is_file())
    return sorted(folders, key=lambda folder: folder.name)
