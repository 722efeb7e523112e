"""A content compiled: once a revision, so that no reader costs a compile.

Shield, MJML, CSS, unmask, link table, text part; what comes out is data that ``prepare.py`` turns into bytes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from campaigns.rendering import escape as e
from campaigns.rendering.assemble import Assembler
from campaigns.rendering.compile_html import complete_html
from campaigns.rendering.compile_mjml import compile_mjml
from campaigns.rendering.content import CompiledContent, ContentSource
from campaigns.rendering.inline_css import inline_css
from campaigns.rendering.links import LinkTable
from campaigns.rendering.merge_tags import LINK_FIELDS, SUBJECT_FIELD, declared_fields
from campaigns.rendering.parts import (
    Choice,
    Expression,
    Field,
    Filter,
    LinkUrl,
    Literal,
    Loop,
    Parts,
    Pixel,
    Plus,
    Value,
    expressions_in,
    fields_of,
    join_literals,
)
from campaigns.rendering.plain_text import write_plain_text
from campaigns.rendering.problems import ContentErrors, ContentProblem, Findings, Severity, raise_errors, sort_problems
from campaigns.rendering.read_html import HtmlReader
from campaigns.rendering.read_text import read_text
from campaigns.rendering.shield import Shield
from campaigns.rendering.validate import check_size, validate_html, validate_mjml

BODY_FORMATS = ("mjml", "html", "text")
MAX_SUBJECT = 500
CLIPPED_AT_BYTES = 102 * 1024
WARN_AT_BYTES = 90 * 1024
VALUE_BYTES, LINK_BYTES = 20, 160
HIDDEN = "display:none;font-size:1px;line-height:1px;max-height:0;max-width:0;opacity:0;overflow:hidden;mso-hide:all;"
# Keeps the first words of the body out of the preview line of an inbox.
FILLER = "&#847;&zwnj;&nbsp;" * 20


def compile_content(
    source: ContentSource, *, attributes: Mapping[str, str], mail_fields: Iterable[str] = ()
) -> CompiledContent:
    """Return what an author wrote, made ready to be filled.

    ``attributes`` maps the names of the installation's attributes to their kinds. ``mail_fields`` names what a
    system mail is filled with. Raises
    :class:`ContentErrors` with every finding. Runs engines that a hostile source may hurt: call it through
    :func:`campaigns.rendering.sandbox.compile_in_child` with anything an author wrote.
    """
    compiled, problems = examine(source, attributes=attributes, mail_fields=mail_fields)
    raise_errors(problems)
    if compiled is None:
        raise ContentErrors(problems)
    return compiled


def check_content(source: ContentSource, *, attributes: Mapping[str, str]) -> list[ContentProblem]:
    """Return everything found about a content, errors first. See :func:`compile_content` for where to run it."""
    _, problems = examine(source, attributes=attributes)
    return sort_problems(problems)


@dataclass(frozen=True)
class _Body:
    html: Parts | None
    text: Parts
    table: LinkTable


def examine(
    source: ContentSource, *, attributes: Mapping[str, str], mail_fields: Iterable[str] = ()
) -> tuple[CompiledContent | None, list[ContentProblem]]:
    """Return the compiled content, or None when errors keep it from being made, and all findings."""
    source = without_controls(source)
    parts = [Findings("subject", source.subject), Findings("preheader", source.preheader)]
    body_findings = Findings("body", source.body)
    declared = declared_fields(attributes, mail_fields)
    plain = {name: kind for name, kind in declared.items() if name not in (*LINK_FIELDS, SUBJECT_FIELD)}
    subject = read_line(source.subject, e.HEADER, plain, parts[0])
    if not source.subject.strip():
        parts[0].error("no_subject", "Write a subject.")
    preheader = read_line(source.preheader, e.TEXT, plain, parts[1])
    titled = source if not parts[0].problems else replace(source, subject="")
    body = _read_body(titled, preheader, declared, body_findings)
    problems = [problem for findings in (*parts, body_findings) for problem in findings.problems]
    if body is None or any(problem.severity == Severity.error for problem in problems):
        return None, problems
    return _compiled(source, subject, body, problems), problems


def without_controls(source: ContentSource) -> ContentSource:
    """Return a content with a space for each control character and half surrogate, so that every place stays."""
    clean = {part: e.CONTROLS.sub(" ", getattr(source, part)) for part in ("subject", "preheader", "body")}
    return replace(source, **clean)


def _compiled(source: ContentSource, subject: Parts, body: _Body, problems: list[ContentProblem]) -> CompiledContent:
    links = body.table.links()
    everything = (subject, body.html or (), body.text, *(link.target for link in links))
    required = {name for parts in everything for name in _required(parts)}
    size = estimate_bytes(body.html or ())
    if size >= WARN_AT_BYTES:
        what = "Gmail cuts a mail off" if size >= CLIPPED_AT_BYTES else "soon Gmail will cut the mail off"
        problems.append(
            ContentProblem(
                Severity.warning, "too_big", f"The HTML has about {size // 1024} KB; {what} (at 102 KB). Shorten it."
            )
        )
    return CompiledContent(
        language=source.language,
        subject=subject,
        html=body.html,
        text=body.text,
        links=links,
        required_fields=tuple(sorted(required)),
        has_logic=any(isinstance(part, Choice | Loop) for parts in everything for part in parts),
        size_estimate=size,
        warnings=tuple(problems),
    )


def read_line(source: str, escape: str, declared: Mapping[str, str], findings: Findings) -> Parts:
    """Read a subject or a preheader: one line of text."""
    if len(source) > MAX_SUBJECT:
        findings.error("too_large", f"{MAX_SUBJECT} characters are the most here; this has {len(source)}.")
        return ()
    shield = Shield(source)
    assembler = Assembler(shield, declared=declared, findings=findings)
    masked = e.escape_header(shield.mask_expressions(source, findings))
    assembler.add_text(e.escape_text(masked, False) if escape == e.TEXT else masked, escape)
    return assembler.finish()


def _read_body(
    source: ContentSource, preheader: Parts, declared: Mapping[str, str], findings: Findings
) -> _Body | None:
    if source.body_format not in BODY_FORMATS:
        findings.error("bad_format", f"A body is {', '.join(BODY_FORMATS)}; not {source.body_format!r}.")
    elif check_size(source.body, findings):
        if source.body_format == "text":
            return _read_text_body(source.body, declared, findings)
        return _read_markup_body(source, preheader, declared, findings)
    return None


def _read_text_body(text: str, declared: Mapping[str, str], findings: Findings) -> _Body:
    shield = Shield(text)
    masked = shield.mask_expressions(text, findings)
    assembler = Assembler(shield, declared=declared, findings=findings)
    read_text(assembler, masked.replace("\r\n", "\n").strip() + "\n")
    parts = assembler.finish()
    if not text.strip():
        findings.error("empty_body", "Write something: the body is empty.")
    _check_law(parts, findings)
    return _Body(None, parts, LinkTable(findings))


def _read_markup_body(
    source: ContentSource, preheader: Parts, declared: Mapping[str, str], findings: Findings
) -> _Body | None:
    text = source.body
    if not text.strip():
        findings.error("empty_body", "Write something: the body is empty.")
        return None
    is_mjml = source.body_format == "mjml"
    (validate_mjml if is_mjml else validate_html)(text, findings)
    shield = Shield(text + source.subject)
    masked = shield.mask_expressions(text, findings)
    _check_expressions(shield, declared, findings)
    if any(problem.severity == Severity.error for problem in findings.problems):
        return None
    html = _compile_markup(source, masked, shield, findings)
    if not html:
        return None
    table = LinkTable(findings)
    assembler = Assembler(shield, declared=declared, findings=findings)
    reader = HtmlReader(assembler, table)
    reader.after_body = _after_body(preheader)
    reader.read(html)
    parts = assembler.finish()
    plain = Assembler(shield, declared=declared, findings=findings)
    words = write_plain_text(html, shield)
    # A mail of pictures alone still says something to who reads text (rule M6).
    read_text(plain, (words or shield.mask_expressions(source.subject, Findings("subject", source.subject))) + "\n")
    text_parts = plain.finish()
    _check_law(parts, findings)
    return _Body(_end_with_line(parts), _end_with_line(text_parts), table)


def _compile_markup(source: ContentSource, masked: str, shield: Shield, findings: Findings) -> str:
    """Return the finished HTML, expressions masked, or nothing once the reason is reported."""
    title = e.escape_text(shield.mask_expressions(source.subject, Findings("subject", source.subject)), False)
    if source.body_format == "mjml":
        html, css = compile_mjml(masked, shield, language=source.language, title=title, findings=findings)
        return inline_css(html, shield, css=css, keeps_style_sheets=True) if html and css.strip() else html
    html = complete_html(masked, language=source.language, title=title)
    return inline_css(html, shield)


def _check_expressions(shield: Shield, declared: Mapping[str, str], findings: Findings) -> None:
    """Read all expressions in the order they were written, so that mistakes are told even if the markup is broken."""
    assembler = Assembler(shield, declared=declared, findings=findings)
    for masked in shield.masks:
        assembler.add_masked(masked, e.NONE)
    assembler.finish()


def _after_body(preheader: Parts) -> Parts:
    if not preheader:
        return (Pixel(),)
    return join_literals([Literal(f'<div style="{HIDDEN}">'), *preheader, Literal(f"{FILLER}</div>"), Pixel()])


def _end_with_line(parts: Parts) -> Parts:
    """End parts with a line end, so that an encoded part never ends in a soft break."""
    if parts and isinstance(parts[-1], Literal):
        return (*parts[:-1], Literal(parts[-1].text.rstrip() + "\n"))
    return (*parts, Literal("\n"))


def _check_law(parts: Parts, findings: Findings) -> None:
    names = {name for expression in expressions_in(parts) for name in fields_of(expression)}
    if "links.unsubscribe" not in names:
        findings.warn("no_unsubscribe", "There is no link to {{ links.unsubscribe }}; readers must have one.")
    if "sender.postal_address" not in names:
        findings.warn("no_postal_address", "{{ sender.postal_address }} is missing; the law wants it in each mail.")


def _required(parts: Parts) -> set[str]:
    """Return the merge tags of contacts that stand outside every block and have no fallback."""
    names: set[str] = set()
    for part in parts:
        if isinstance(part, Value):
            names |= _without_fallback(part.expression)
    return {name for name in names if name.startswith("contact.")}


def _without_fallback(expression: Expression) -> set[str]:
    match expression:
        case Field(name):
            return {name}
        case Filter("default", _, (argument,)):
            return _without_fallback(argument)
        case Filter(_, operand, _):
            return _without_fallback(operand)
        case Plus(left, right):
            return _without_fallback(left) | _without_fallback(right)
    return set()


def estimate_bytes(parts: Parts) -> int:
    """Return about how many bytes parts will have for a typical reader; of a choice, its largest branch counts."""
    size = 0
    for part in parts:
        match part:
            case Literal(text):
                size += len(text.encode())
            case Choice(branches):
                size += max(estimate_bytes(body) for _, body in branches)
            case Loop(_, _, body):
                size += 3 * estimate_bytes(body)
            case LinkUrl() | Pixel():
                size += LINK_BYTES
            case Value():
                size += VALUE_BYTES
    return size
