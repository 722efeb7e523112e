"""Parts made special for one campaign: what is the same for everybody is written now, links and pixel take shape."""

from collections.abc import Callable

from campaigns.rendering.content import Link, MailContext, Recipient
from campaigns.rendering.escape import NONE
from campaigns.rendering.evaluate import PersonalLinks, Scope, build_expression, build_value, is_true
from campaigns.rendering.merge_tags import MESSAGE_TOKEN, is_same_for_everybody
from campaigns.rendering.parts import (
    Choice,
    Expression,
    Field,
    LinkUrl,
    Literal,
    Loop,
    Part,
    Parts,
    Pixel,
    Value,
    fields_of,
    join_literals,
    uses_variable,
)
from campaigns.rendering.read_html import attribute_parts

NOBODY = Recipient(0, "", "", "", "", "", "", "", {})
NO_LINKS = PersonalLinks("#", "#", "#")
TOKEN = Value(Field(MESSAGE_TOKEN), NONE)


def specialise(
    parts: Parts,
    *,
    language: str,
    right_to_left: bool,
    context: MailContext,
    write_link: Callable[[int], Parts],
    pixel: Parts,
) -> Parts:
    """Return parts for one campaign.

    ``write_link`` returns what stands for the URL of a link in an attribute; ``pixel`` what stands for the pixel.
    """
    scope = Scope(NOBODY, context, NO_LINKS, missing=lambda field: "")

    def special(part: Part) -> list[Part]:
        match part:
            case LinkUrl(index):
                return list(write_link(index))
            case Pixel():
                return list(pixel)
            case Value(expression) if is_shared(expression):
                return [Literal(build_value(part, language, right_to_left)(scope))]
            case Choice(branches):
                return _special_choice(branches)
            case Loop(variable, over, body):
                return [Loop(variable, over, run(body))]
        return [part]

    def _special_choice(branches: tuple[tuple[Expression | None, Parts], ...]) -> list[Part]:
        kept: list[tuple[Expression | None, Parts]] = []
        for condition, body in branches:
            if condition is not None and is_shared(condition):
                if not is_true(build_expression(condition, language)(scope)):
                    continue
                condition = None
            kept.append((condition, run(body)))
            if condition is None:
                break
        if kept and kept[0][0] is None:
            return list(kept[0][1])
        return [Choice(tuple(kept))] if kept else []

    def run(parts: Parts) -> Parts:
        return join_literals([inner for part in parts for inner in special(part)])

    return run(parts)


def is_shared(expression: Expression) -> bool:
    """Say whether an expression has one value for a whole campaign."""
    return not uses_variable(expression) and all(map(is_same_for_everybody, fields_of(expression)))


def plain_link(link: Link) -> Parts:
    """Return a link's own target, as it stands in an attribute when nothing is tracked."""
    return tuple(attribute_parts(link.target))


def tracked_link(context: MailContext, piece: str) -> Parts:
    """Return the click URL of a link whose signed piece is the same for everybody."""
    return (Literal(f"{context.public_url}/c/"), TOKEN, Literal(f".{piece}"))


def personal_link(index: int, context: MailContext) -> Parts:
    """Return the click URL of a link whose piece is signed for each reader, as ``link.<index>``."""
    return (Literal(f"{context.public_url}/c/"), TOKEN, Literal("."), Value(Field(f"piece.{index}"), NONE))


def pixel_image(context: MailContext) -> Parts:
    """Return the tracking pixel (rules X1, Z1)."""
    image = '.gif" alt="" width="1" height="1" border="0" style="display:block;width:1px;height:1px;border:0;">'
    return (Literal(f'<img src="{context.public_url}/o/'), TOKEN, Literal(image))
