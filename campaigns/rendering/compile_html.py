"""An HTML body made a whole document: language, direction and title set, what mails cannot hold left out."""

import html
import re

from campaigns.rendering.content import direction_of
from campaigns.rendering.markup import Token, read_markup

DROPPED = frozenset(["script", "iframe", "object", "embed", "base", "link"])
DROPPED_WITH_BODY = frozenset(["script", "iframe", "object"])
REVEALED = re.compile(r"<!\[(if[^\]]*)\]>", re.IGNORECASE)
DOCTYPE = re.compile(r"<!doctype[^>]*>\s*", re.IGNORECASE)


def complete_html(masked: str, *, language: str, title: str) -> str:
    """Return masked HTML as a whole document (rule X1). ``title`` is masked and escaped, used where there is none."""
    tokens = _kept(masked)
    names = {token.name for token in tokens if token.kind == "open"}
    body = "".join(_write(token, language) for token in tokens)
    body = DOCTYPE.sub("", body)
    head = "" if "title" in names else f"<title>{title}</title>"
    if "meta" not in names:
        head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">{head}'
    if "body" not in names:
        body = _wrap_body(body, names)
    if "head" in names:
        body = re.sub(r"<head\b[^>]*>", lambda match: match.group() + head, body, count=1, flags=re.IGNORECASE)
    elif "html" in names:
        body = re.sub(
            r"<html\b[^>]*>", lambda match: f"{match.group()}<head>{head}</head>", body, count=1, flags=re.IGNORECASE
        )
    else:
        body = f"<head>{head}</head>{body}"
    if "html" not in names:
        body = f'<html lang="{html.escape(language)}" dir="{direction_of(language)}">{body}</html>'
    return body


def _wrap_body(body: str, names: set[str]) -> str:
    if "html" in names or "head" in names:
        opened = re.search(r"</head\s*>|<html\b[^>]*>", body, re.IGNORECASE)
        closed = re.search(r"</html\s*>\s*$", body, re.IGNORECASE)
        start, end = (opened.end() if opened else 0), (closed.start() if closed else len(body))
        return f"{body[:start]}<body>{body[start:end]}</body>{body[end:]}"
    return f"<body>{body}</body>"


def _kept(masked: str) -> list[Token]:
    kept: list[Token] = []
    inside = ""
    for token in read_markup(masked):
        if inside:
            inside = "" if token.kind == "close" and token.name == inside else inside
        elif token.kind in ("open", "close") and token.name in DROPPED:
            if token.kind == "open" and token.name in DROPPED_WITH_BODY and not token.self_closing:
                inside = token.name
        elif token.kind != "cdata":
            kept.append(token)
    return kept


def _write(token: Token, language: str) -> str:
    if token.kind == "open" and token.name == "html":
        names = [attribute.name for attribute in token.attributes]
        extra = "" if "lang" in names else f' lang="{html.escape(language)}"'
        extra += "" if "dir" in names else f' dir="{direction_of(language)}"'
        return f"{token.raw[:5]}{extra}{token.raw[5:]}"
    if token.kind == "conditional" and not token.raw.startswith("<!--"):
        match = REVEALED.fullmatch(token.raw)
        return f"<!--[{match.group(1)}]><!-->" if match else "<!--<![endif]-->"
    return token.raw
