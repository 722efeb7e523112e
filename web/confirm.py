"""Deeds that ask first, also where no script can open a dialog."""

from dataclasses import dataclass

from flask import Response, render_template, request


@dataclass(frozen=True)
class Question:
    """What is asked: ``yes`` is the button's word, ``tone`` its colour, ``back`` where "Not now" leads."""

    title: str
    text: str
    yes: str
    back: str
    tone: str = "primary"


def is_confirmed() -> bool:
    """Say whether the person said yes, in the dialog or on the page."""
    return request.form.get("confirmed") == "yes"


def ask(question: Question) -> Response:
    """Return the page that asks; its form posts the same fields again with the yes."""
    kept = [pair for pair in request.form.items(multi=True) if pair[0] not in ("csrf_token", "confirmed")]
    return Response(render_template("parts/confirm.html", ask=question, kept=kept))
