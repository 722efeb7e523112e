"""A content as one reader would see it, in the editor and in the browser behind ``/v/``: no valid token in either."""

from collections.abc import Mapping

from campaigns.rendering.compile import examine, read_line, without_controls
from campaigns.rendering.content import CompiledContent, ContentSource, MailContext, Preview, Recipient, direction_of
from campaigns.rendering.escape import HEADER
from campaigns.rendering.evaluate import Scope
from campaigns.rendering.merge_tags import declared_fields
from campaigns.rendering.parts import Parts
from campaigns.rendering.problems import ContentProblem, Findings, Severity, sort_problems
from campaigns.rendering.program import TextBuilder
from campaigns.rendering.specialise import NO_LINKS, plain_link, specialise


def render_preview(
    source: ContentSource, recipient: Recipient, context: MailContext, *, attributes: Mapping[str, str]
) -> Preview:
    """Return a content as ``recipient`` would see it, with missing values marked and everything found about it.

    Links go to their plain targets, unsubscribe and its like nowhere, and there is no pixel. Call it through
    :func:`campaigns.rendering.sandbox.preview`, which bounds what a hostile source may cost.
    """
    source = without_controls(source)
    compiled, found = examine(source, attributes=attributes)
    problems = sort_problems(found)
    if compiled is None:
        return Preview("", "", source.subject, source.preheader, tuple(problems), 0)
    missing: dict[str, str] = {}

    def mark(field: str) -> str:
        return missing.setdefault(field, f"[{field.rpartition('.')[2]} is missing]")

    scope = Scope(recipient, context, NO_LINKS, missing=mark)
    findings = Findings("preheader", source.preheader)
    preheader = read_line(source.preheader, HEADER, declared_fields(attributes), findings)
    scope.subject = _write(compiled.subject, compiled, context, scope)
    html = _write(compiled.html or (), compiled, context, scope)
    text = _write(compiled.text, compiled, context, scope)
    written = _write(preheader, compiled, context, scope)
    problems += [
        ContentProblem(Severity.warning, "missing_value", f"This reader has no {field}, and it has no fallback.")
        for field in missing
    ]
    return Preview(html, text, scope.subject, written, tuple(problems), len(html.encode()))


def render_view(compiled: CompiledContent, recipient: Recipient, context: MailContext) -> str:
    """Return the HTML of a sent message for ``/v/``: no pixel, plain links, nobody's unsubscribe link (rule L6).

    A plain text mail comes back as its text in a ``<pre>``.
    """
    scope = Scope(recipient, context, NO_LINKS, missing=lambda field: "")
    scope.subject = _write(compiled.subject, compiled, context, scope)
    if compiled.html is not None:
        return _write(compiled.html, compiled, context, scope)
    return as_page(_write(compiled.text, compiled, context, scope), scope.subject, compiled.language)


def as_page(text: str, title: str, language: str) -> str:
    """Return plain text as a small page."""
    head = f'<meta charset="utf-8"><title>{_escaped(title)}</title>'
    opened = f'<!doctype html><html lang="{_escaped(language)}" dir="{direction_of(language)}">'
    return f'{opened}<head>{head}</head><body><pre style="white-space:pre-wrap">{_escaped(text)}</pre></body></html>'


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def _write(parts: Parts, compiled: CompiledContent, context: MailContext, scope: Scope) -> str:
    special = specialise(
        parts,
        language=compiled.language,
        right_to_left=direction_of(compiled.language) == "rtl",
        context=context,
        write_link=lambda index: plain_link(compiled.links[index]),
        pixel=(),
    )
    return TextBuilder(compiled.language).build(special).write(scope)
