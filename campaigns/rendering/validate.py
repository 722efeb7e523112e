"""Our own reading of MJML and HTML before any engine sees them: MRML drops unknown tags silently and names no line."""

from dataclasses import dataclass

from campaigns.rendering.markup import VOID, Token, read_markup
from campaigns.rendering.problems import Findings, suggest
from campaigns.rendering.shield import blank_expressions

MAX_SOURCE_BYTES = 512 * 1024
MAX_DEPTH = 200

CONTENT = frozenset(
    [
        "mj-accordion",
        "mj-button",
        "mj-carousel",
        "mj-divider",
        "mj-image",
        "mj-navbar",
        "mj-raw",
        "mj-social",
        "mj-spacer",
        "mj-table",
        "mj-text",
    ]
)
CHILDREN: dict[str, frozenset[str]] = {
    "mjml": frozenset(["mj-head", "mj-body", "mj-raw"]),
    "mj-head": frozenset(["mj-attributes", "mj-breakpoint", "mj-font", "mj-preview", "mj-raw", "mj-style", "mj-title"]),
    "mj-body": frozenset(["mj-section", "mj-wrapper", "mj-hero", "mj-raw"]),
    "mj-wrapper": frozenset(["mj-section", "mj-hero", "mj-raw"]),
    "mj-section": frozenset(["mj-column", "mj-group", "mj-raw"]),
    "mj-group": frozenset(["mj-column", "mj-raw"]),
    "mj-column": CONTENT,
    "mj-hero": CONTENT,
    "mj-accordion": frozenset(["mj-accordion-element", "mj-raw"]),
    "mj-accordion-element": frozenset(["mj-accordion-title", "mj-accordion-text", "mj-raw"]),
    "mj-carousel": frozenset(["mj-carousel-image"]),
    "mj-navbar": frozenset(["mj-navbar-link", "mj-raw"]),
    "mj-social": frozenset(["mj-social-element", "mj-raw"]),
}
HOLDING_HTML = frozenset(
    [
        "mj-text",
        "mj-button",
        "mj-table",
        "mj-accordion-title",
        "mj-accordion-text",
        "mj-navbar-link",
        "mj-social-element",
        "mj-title",
        "mj-preview",
    ]
)
EMPTY = frozenset(
    ["mj-image", "mj-divider", "mj-spacer", "mj-carousel-image", "mj-font", "mj-breakpoint", "mj-all", "mj-class"]
)
KNOWN = frozenset(CHILDREN) | CONTENT | HOLDING_HTML | EMPTY | {"mj-attributes", "mj-style"}
REFUSED = {
    "mj-include": "Nothing is included from disk or network: put the content here.",
    "mj-html-attributes": "mj-html-attributes is not supported: write the attribute where it belongs.",
}
NEEDED_CLOSED = frozenset(["p", "li"])


@dataclass(frozen=True)
class _Open:
    name: str
    start: int


def check_size(source: str, findings: Findings) -> bool:
    """Report a source that is too large; return whether it may be read on."""
    size = len(source.encode("utf-8", "surrogatepass"))
    if size > MAX_SOURCE_BYTES:
        findings.error("too_large", f"The source has {size // 1024} KB; {MAX_SOURCE_BYTES // 1024} KB is the most.")
    return size <= MAX_SOURCE_BYTES


def validate_mjml(source: str, findings: Findings) -> None:
    """Report everything that is wrong with the structure of an MJML source, with line and column.

    Unknown and misplaced tags, tags not closed, text where none may stand, includes, more than 200 levels.
    """
    stack: list[_Open] = []
    roots = 0
    for token in read_markup(blank_expressions(source)):
        parent = stack[-1].name if stack else ""
        match token.kind:
            case "text":
                _check_text(token, parent, findings)
            case "open":
                roots += not stack
                _check_tag(token, parent, roots, findings)
                if not token.self_closing and token.name not in VOID and not _push(stack, token, findings):
                    return
            case "close":
                _close(token, stack, findings)
    for opened in reversed(stack):
        findings.error("unclosed_tag", f"<{opened.name}> is not closed: add </{opened.name}>.", opened.start)
    if not roots:
        findings.error("no_mjml", "An MJML body begins with <mjml> and has an <mj-body>.", 0)


def _push(stack: list[_Open], token: Token, findings: Findings) -> bool:
    stack.append(_Open(token.name, token.start))
    if len(stack) > MAX_DEPTH:
        findings.error("too_deep", f"Tags may be nested {MAX_DEPTH} deep.", token.start)
    return len(stack) <= MAX_DEPTH


def _check_text(token: Token, parent: str, findings: Findings) -> None:
    words = token.raw.strip()
    if not words or not (parent in CHILDREN or parent in EMPTY or not parent):
        return
    offset = token.start + len(token.raw) - len(token.raw.lstrip())
    where = f"directly in <{parent}>" if parent else "outside <mjml>"
    findings.error("misplaced_text", f"Text may not stand {where}; put it into <mj-text>.", offset)


def _check_tag(token: Token, parent: str, roots: int, findings: Findings) -> None:
    name = token.name
    if name in REFUSED:
        findings.error("refused_tag", REFUSED[name], token.start)
    elif (name.startswith("mj") and name not in KNOWN) or (name.startswith("mj-") and parent in HOLDING_HTML):
        _unknown_or_misplaced(token, parent, findings)
    elif not parent:
        if name != "mjml" or roots > 1:
            findings.error("misplaced_tag", f"<{name}> stands outside <mjml>; everything goes into one.", token.start)
    elif parent in CHILDREN and name not in CHILDREN[parent]:
        allowed = ", ".join(sorted(CHILDREN[parent] - {"mj-raw"}))
        findings.error("misplaced_tag", f"<{name}> may not stand in <{parent}>, only {allowed}.", token.start)
    elif parent in EMPTY:
        findings.error("misplaced_tag", f"<{parent}> holds nothing; close it before <{name}>.", token.start)
    elif name == "mj-raw" and token.get("position") == "file-start":
        findings.error("refused_tag", 'mj-raw position="file-start" is not supported.', token.start)
    if name in ("mj-image", "mj-carousel-image") and token.get("alt") is None:
        findings.warn("image_without_alt", f'<{name}> has no alt: say what it shows, or alt="".', token.start)


def _unknown_or_misplaced(token: Token, parent: str, findings: Findings) -> None:
    if token.name in KNOWN:
        findings.error("misplaced_tag", f"<{token.name}> may not stand in <{parent}>.", token.start)
    else:
        findings.error("unknown_tag", f"There is no <{token.name}>.{suggest(token.name, sorted(KNOWN))}", token.start)


def _close(token: Token, stack: list[_Open], findings: Findings) -> None:
    if token.name in VOID:
        findings.error("stray_tag", f"</{token.name}> has no meaning; <{token.name}> needs no end.", token.start)
        return
    names = [opened.name for opened in stack]
    if token.name not in names:
        findings.error("stray_tag", f"</{token.name}> closes nothing.", token.start)
        return
    while stack[-1].name != token.name:
        opened = stack.pop()
        findings.error(
            "unclosed_tag", f"<{opened.name}> is not closed before </{token.name}>: add </{opened.name}>.", opened.start
        )
    stack.pop()


def validate_html(source: str, findings: Findings) -> None:
    """Report what keeps an HTML body from being sent well: depth, MJML by mistake, scripts, images without alt."""
    stack: list[str] = []
    for token in read_markup(blank_expressions(source)):
        if token.kind == "open":
            _check_html_tag(token, findings)
            if not token.self_closing and token.name not in VOID:
                if token.name in NEEDED_CLOSED and stack and stack[-1] == token.name:
                    stack.pop()
                stack.append(token.name)
            if len(stack) > MAX_DEPTH:
                findings.error("too_deep", f"Tags may be nested {MAX_DEPTH} deep.", token.start)
                return
        elif token.kind == "close" and token.name in stack:
            while stack.pop() != token.name:
                pass


def _check_html_tag(token: Token, findings: Findings) -> None:
    if token.name == "mjml" or token.name.startswith("mj-"):
        findings.error("mjml_in_html", f"<{token.name}> is MJML; choose MJML as the body's format.", token.start)
    elif token.name in ("script", "iframe", "object", "embed", "base"):
        findings.warn("dropped_tag", f"<{token.name}> does not work in mails and is left out.", token.start)
    elif token.name == "link":
        findings.warn("dropped_tag", "Style sheets are not fetched: put the rules into <style>.", token.start)
    elif token.name == "img" and token.get("alt") is None:
        findings.warn("image_without_alt", 'This image has no alt: say what it shows, or alt="".', token.start)
