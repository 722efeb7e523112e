"""A sent message in the browser behind ``/v/``. Loads no compiler: the process that strangers reach runs it."""

from campaigns.rendering.content import CompiledContent, MailContext, Recipient, direction_of
from campaigns.rendering.evaluate import Scope
from campaigns.rendering.parts import Parts
from campaigns.rendering.program import TextBuilder
from campaigns.rendering.specialise import NO_LINKS, plain_link, specialise


def render_view(compiled: CompiledContent, recipient: Recipient, context: MailContext) -> str:
    """Return the HTML of a sent message for ``/v/``: no pixel, plain links, nobody's unsubscribe link (rule L6).

    A plain text mail comes back as its text in a ``<pre>``.
    """
    scope = Scope(recipient, context, NO_LINKS, missing=lambda field: "")
    scope.subject = write_plainly(compiled.subject, compiled, context, scope)
    if compiled.html is not None:
        return write_plainly(compiled.html, compiled, context, scope)
    return as_page(write_plainly(compiled.text, compiled, context, scope), scope.subject, compiled.language)


def as_page(text: str, title: str, language: str) -> str:
    """Return plain text as a small page."""
    head = f'<meta charset="utf-8"><title>{_escaped(title)}</title>'
    opened = f'<!doctype html><html lang="{_escaped(language)}" dir="{direction_of(language)}">'
    return f'{opened}<head>{head}</head><body><pre style="white-space:pre-wrap">{_escaped(text)}</pre></body></html>'


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def write_plainly(parts: Parts, compiled: CompiledContent, context: MailContext, scope: Scope) -> str:
    """Return parts as text for one reader: links go to their plain targets, and there is no pixel."""
    special = specialise(
        parts,
        language=compiled.language,
        right_to_left=direction_of(compiled.language) == "rtl",
        context=context,
        write_link=lambda index: plain_link(compiled.links[index]),
        pixel=(),
    )
    return TextBuilder(compiled.language).build(special).write(scope)
