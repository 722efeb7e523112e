"""The link table: which links are tracked, where they lead, and what they are called.

A merge value may fill a path, a query or a fragment. It never forms the scheme or the host of a link, so no
contact can send another reader elsewhere.
"""

import re
from collections.abc import Callable
from urllib.parse import quote

import idna

from campaigns.rendering.content import Link
from campaigns.rendering.merge_tags import is_same_for_everybody
from campaigns.rendering.parts import Choice, Literal, Loop, Part, Parts, expressions_in, fields_of, uses_variable
from campaigns.rendering.problems import Findings

ORIGIN = re.compile(r"(https?)://([^\s/?#\\]+)", re.IGNORECASE)
WHOLE_ORIGIN = re.compile(r"https?://[^\s/?#\\]+[/?#]", re.IGNORECASE)
SCHEME = re.compile(r"([a-z][a-z0-9+.\-]*):", re.IGNORECASE)
UNTRACKED_SCHEMES = ("mailto", "tel", "sms")
MAX_TARGET = 2000
MAX_LABEL = 100


class LinkTable:
    """Collects tracked links while a body is read: one number a target, from 1, in order of first appearance."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.targets: dict[str, tuple[Parts, str]] = {}

    def add(self, template: str, target: Parts, label: str, offset: int | None = None) -> int:
        """Return the index of the link to ``target``; ``template`` is the URL as the author wrote it."""
        if len(template) > MAX_TARGET:
            self.findings.error("link_too_long", f"A link may have {MAX_TARGET} characters at most.", offset)
        if template not in self.targets:
            self.targets[template] = (target, "")
        index = list(self.targets).index(template)
        self.name(index, label)
        return index

    def name(self, index: int, label: str) -> None:
        """Keep the words of a link; the first that say something stay."""
        template, (target, known) = list(self.targets.items())[index]
        words = " ".join(label.split())
        self.targets[template] = (target, known or words[:MAX_LABEL])

    def links(self) -> tuple[Link, ...]:
        return tuple(
            Link(number, template, label, is_personal(target), target)
            for number, (template, (target, label)) in enumerate(self.targets.items(), 1)
        )


def is_personal(parts: Parts) -> bool:
    """Say whether parts may come out differently for two readers."""
    return any(
        uses_variable(expression) or not all(map(is_same_for_everybody, fields_of(expression)))
        for expression in expressions_in(parts)
    )


def scheme_of(parts: Parts) -> str | None:
    """Return the scheme in which a URL starts, in lower case; ``""`` for none, None when a value comes first."""
    if not parts:
        return ""
    if not isinstance(parts[0], Literal):
        return None
    match = SCHEME.match(parts[0].text)
    return match.group(1).lower() if match else ""


def has_fixed_host(parts: Parts, before: str = "") -> bool:
    """Say whether scheme and host are the author's own words, whichever branch is taken."""
    for position, part in enumerate(parts):
        if isinstance(part, Literal):
            before += part.text
            if WHOLE_ORIGIN.match(before):
                return True
        elif isinstance(part, Choice):
            rest = parts[position + 1 :]
            bodies = [body for _, body in part.branches]
            if part.branches[-1][0] is not None:
                bodies.append(())  # no branch may be taken at all
            return all(has_fixed_host((*body, *rest), before) for body in bodies)
        else:
            return False
    return ORIGIN.match(before) is not None


def map_literals(parts: Parts, change: Callable[[str, bool], str], first: bool = True) -> Parts:
    """Return parts with every literal changed; ``change`` is told whether it begins the whole."""
    changed: list[Part] = []
    for part in parts:
        match part:
            case Literal(text):
                changed.append(Literal(change(text, first)))
            case Choice(branches):
                bodies = ((condition, map_literals(body, change, first)) for condition, body in branches)
                changed.append(Choice(tuple(bodies)))
            case Loop(variable, over, body):
                changed.append(Loop(variable, over, map_literals(body, change, False)))
            case _:
                changed.append(part)
        first = False
    return tuple(changed)


def as_ascii(url: str, first: bool) -> str:
    """Return a literal piece of a URL in ASCII: the host as A-labels (IDNA 2008), the rest percent-encoded."""
    if first and (match := ORIGIN.match(url)):
        return match.group(1).lower() + "://" + _host(match.group(2)) + as_ascii(url[match.end() :], False)
    return quote(url, safe="!#$%&'()*+,/:;=?@[]~")


def _host(host: str) -> str:
    user, at, name = host.rpartition("@")
    name, colon, port = name.partition(":") if not name.startswith("[") else (name, "", "")
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except idna.IDNAError:
            name = quote(name)
    return quote(user, safe=":%") + at + name.lower() + colon + port
