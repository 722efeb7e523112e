"""A content as one reader would see it, for the editor: no valid token in it."""

from collections.abc import Mapping

from campaigns.rendering.compile import examine, read_line, without_controls
from campaigns.rendering.content import ContentSource, MailContext, Preview, Recipient
from campaigns.rendering.escape import HEADER
from campaigns.rendering.evaluate import Scope
from campaigns.rendering.merge_tags import declared_fields
from campaigns.rendering.problems import ContentProblem, Findings, Severity, sort_problems
from campaigns.rendering.specialise import NO_LINKS
from campaigns.rendering.view import write_plainly


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
    scope.subject = write_plainly(compiled.subject, compiled, context, scope)
    html = write_plainly(compiled.html or (), compiled, context, scope)
    text = write_plainly(compiled.text, compiled, context, scope)
    written = write_plainly(preheader, compiled, context, scope)
    problems += [
        ContentProblem(Severity.warning, "missing_value", f"This reader has no {field}, and it has no fallback.")
        for field in missing
    ]
    return Preview(html, text, scope.subject, written, tuple(problems), len(html.encode()))
