"""Deeds that cannot be taken back ask first: in a dialog, or on a page of their own without JavaScript."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import Response, url_for
from flask_babel import gettext as _

from campaigns.models.campaign import CampaignState
from web import confirm

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Ask:
    """A question before a deed; ``id`` is the deed's name and its dialog's."""

    id: str
    label: str
    title: str
    text: str
    yes: str
    tone: str
    url: str = ""


def ask_about(deed: str, public: str) -> Ask:
    """Return the question for a deed on a campaign."""
    label, title, text, yes, tone = _words(deed)
    return Ask(f"ask-{deed}", label, title, text, yes, tone, url_for(f"campaigns.{deed}", campaign_id=public))


def controls_of(state: str, public: str) -> list[Ask]:
    """Return what can be done with a campaign that is under way."""
    deeds = {
        CampaignState.starting: ("pause", "cancel"),
        CampaignState.sending: ("pause", "cancel"),
        CampaignState.paused: ("cancel", "resume"),
        CampaignState.held: ("cancel", "release"),
    }.get(CampaignState(state), ())
    return [ask_about(deed, public) for deed in deeds]


def ask_first(deed: str) -> Callable[[Callable[P, R]], Callable[P, R | Response]]:
    """Let a view run only when the form says yes; otherwise answer with the page that asks."""

    def wrap(view: Callable[P, R]) -> Callable[P, R | Response]:
        @wraps(view)
        def asked(*args: P.args, **kwargs: P.kwargs) -> R | Response:
            if confirm.is_confirmed():
                return view(*args, **kwargs)
            public = str(kwargs["campaign_id"])
            about, back = ask_about(deed, public), url_for("campaigns.show", campaign_id=public)
            return confirm.ask(confirm.Question(about.title, about.text, about.yes, back, about.tone or "primary"))

        return asked

    return wrap


def _words(deed: str) -> tuple[str, str, str, str, str]:
    return {
        "delete": (
            _("Delete"),
            _("Delete this draft?"),
            _("Its content is gone for good. Nobody was sent anything."),
            _("Delete the draft"),
            "danger",
        ),
        "start": (
            _("Send now"),
            _("Send this campaign now?"),
            _("It goes out at once to everybody the review counts."),
            _("Yes, send it now"),
            "primary",
        ),
        "pause": (
            _("Pause"),
            _("Pause this campaign?"),
            _("Sending stops within seconds. Whoever has not got it yet waits until you go on."),
            _("Pause it"),
            "",
        ),
        "resume": (
            _("Go on"),
            _("Go on sending?"),
            _("Everybody who is still waiting gets it, with the changes you made in the meantime."),
            _("Go on sending"),
            "primary",
        ),
        "cancel": (
            _("Cancel the rest"),
            _("Cancel the rest of this campaign?"),
            _("Whoever has not got it yet will never get it. What was handed over cannot be called back."),
            _("Cancel the rest"),
            "danger",
        ),
        "release": (
            _("Release"),
            _("Release this campaign?"),
            _("It goes on sending at once to everybody who is still waiting."),
            _("Release it"),
            "primary",
        ),
    }[deed]
