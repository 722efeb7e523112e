"""The same mail made the slow and obvious way: walk the parts, write text, let the standard library read it."""

import html
import urllib.parse
from dataclasses import dataclass
from email import message_from_bytes, policy
from typing import Any

from campaigns.rendering.content import CompiledContent, MailContext, Recipient
from campaigns.rendering.evaluate import MissingValue
from campaigns.rendering.parts import (
    Choice,
    Compare,
    Constant,
    Expression,
    Field,
    Filter,
    LinkUrl,
    Literal,
    Logic,
    Loop,
    Parts,
    Pixel,
    Plus,
    Value,
    Variable,
)
from campaigns.signing import KeyRing


class Gone(Exception):
    def __init__(self, field: str) -> None:
        self.field = field


@dataclass
class SlowComposer:
    compiled: CompiledContent
    context: MailContext
    keys: KeyRing
    recipient: Recipient
    seq: int
    unsubscribe_token: str

    def subject(self) -> str:
        return " ".join(self.write(self.compiled.subject, {}).split())

    def text(self) -> str:
        return self.write(self.compiled.text, {})

    def html(self) -> str:
        assert self.compiled.html is not None
        return self.write(self.compiled.html, {})

    @property
    def token(self) -> str:
        return self.keys.message_token(self.context.campaign_id, self.seq)

    def write(self, parts: Parts, names: dict[str, Any]) -> str:
        written = ""
        for part in parts:
            match part:
                case Literal(text):
                    written += text
                case Value(expression, escape):
                    try:
                        written += self.escaped(self.evaluate(expression, names), escape)
                    except Gone as gone:
                        raise MissingValue(gone.field) from gone
                case LinkUrl(index):
                    written += self.link(index, names)
                case Pixel():
                    if self.context.tracking:
                        written += (
                            f'<img src="{self.context.public_url}/o/{self.token}.gif" alt="" width="1" height="1" '
                            'border="0" style="display:block;width:1px;height:1px;border:0;">'
                        )
                case Choice(branches):
                    for condition, body in branches:
                        if condition is None or self.holds(condition, names):
                            written += self.write(body, names)
                            break
                case Loop(variable, over, body):
                    items = self.recipient.attributes.get(over.name.split(".")[-1]) or []  # type: ignore[union-attr]
                    for item in items:
                        written += self.write(body, {**names, variable: item})
        return written

    def link(self, index: int, names: dict[str, Any]) -> str:
        link = self.compiled.links[index]
        target = self.write(link.target, names)
        if not self.context.tracking:
            return html.escape(target, quote=True)
        piece = self.keys.link_piece(self.context.campaign_id, link.number, target)
        return f"{self.context.public_url}/c/{self.token}.{piece}"

    def escaped(self, value: Any, escape: str) -> str:
        if value is True or value is False:
            value = "yes" if value else "no"
        text = ", ".join(value) if isinstance(value, list) else str(value)
        if escape == "text":
            return html.escape(text).replace("&#x27;", "'").replace("\n", "<br>")
        if escape in ("attribute", "title"):
            return html.escape(text).replace("&#x27;", "&#39;")
        if escape in ("url", "plain_url"):
            return urllib.parse.quote(text, safe="")
        return text.replace("\n", " ") if escape == "header" else text

    def holds(self, expression: Expression, names: dict[str, Any]) -> bool:
        try:
            return bool(self.evaluate(expression, names))
        except Gone:
            return False

    def or_none(self, expression: Expression, names: dict[str, Any]) -> Any:
        try:
            return self.evaluate(expression, names)
        except Gone:
            return None

    def evaluate(self, expression: Expression, names: dict[str, Any]) -> Any:
        match expression:
            case Constant(value):
                return value
            case Variable(name):
                return names[name]
            case Field(name):
                value = self.field(name)
                if value in (None, "", []):
                    raise Gone(name)
                return value
            case Filter("default", operand, (argument,)):
                try:
                    return self.evaluate(operand, names)
                except Gone:
                    return self.evaluate(argument, names)
            case Compare("==", left, right):
                return self.or_none(left, names) == self.or_none(right, names)
            case Logic("and", (left, right)):
                return self.holds(left, names) and self.holds(right, names)
            case Logic("or", (left, right)):
                return self.holds(left, names) or self.holds(right, names)
            case Logic("not", (inner,)):
                return not self.holds(inner, names)
            case Plus(left, right):
                return self.evaluate(left, names) + self.evaluate(right, names)
        raise NotImplementedError(expression)

    def field(self, name: str) -> Any:
        url = self.context.public_url
        if name.startswith("contact.attributes."):
            return self.recipient.attributes.get(name.split(".")[-1])
        return {
            "list.name": self.context.list_name,
            "sender.company": self.context.company,
            "sender.postal_address": self.context.postal_address,
            "links.unsubscribe": f"{url}/u/{self.unsubscribe_token}",
            "links.preferences": f"{url}/p/{self.unsubscribe_token}",
            "links.view": f"{url}/v/{self.token}",
        }.get(name) or getattr(self.recipient, name.split(".")[-1])


def read(raw: bytes) -> Any:
    """Return a mail as the standard library reads it."""
    return message_from_bytes(raw, policy=policy.default)


def body(raw: bytes, kind: str) -> str:
    """Return a body's text with ``\\n`` as line end."""
    part = read(raw).get_body((kind,))
    return part.get_payload(decode=True).decode("utf-8").replace("\r\n", "\n")
