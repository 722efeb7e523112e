"""CSS into style attributes, through premailer, guarded: no network, no files, no lost ``!important``."""

import logging
import re

from premailer import Premailer

from campaigns.rendering.markup import read_markup
from campaigns.rendering.shield import Shield
from campaigns.rendering.split_css import split_css

DOCTYPE = re.compile(r"^\s*<!doctype[^>]*>\s*", re.IGNORECASE)
LEFT_ALONE = ' data-premailer="ignore"'  # premailer itself forgets to take it off where there is a media attribute
NOT_ASCII = re.compile(r"[^\x00-\x7f]+")  # libxml2 percent-encodes it in URLs, hosts included
PLAIN_ELEMENTS = ("title", "textarea")


def inline_css(html: str, shield: Shield, *, css: str = "", keeps_style_sheets: bool = False) -> str:
    """Return masked ``html`` with ``css``, and its own style sheets, written into style attributes.

    ``keeps_style_sheets`` leaves the document's own style sheets as they are. Media queries stay in any case.
    """
    doctype = match.group().strip() if (match := DOCTYPE.match(html)) else "<!doctype html>"
    rules: list[str] = [split_css(css)[0]]
    prepared = _prepare(html[match.end() if match else 0 :], shield, None if keeps_style_sheets else rules)
    premailer = Premailer(
        prepared,
        css_text="\n".join(rules),
        external_styles=None,
        allow_network=False,
        allow_loading_external_files=False,
        strip_important=False,
        disable_validation=True,
        align_floating_images=False,
        cache_css_parsing=False,
        disable_link_rewrites=True,
        cssutils_logging_level=logging.CRITICAL,
    )
    inlined = str(premailer.transform(pretty_print=False)).replace(LEFT_ALONE, "")
    return f"{doctype}{shield.unmask_markup(inlined)}"


def _prepare(html: str, shield: Shield, rules: list[str] | None) -> str:
    """Put block masks into comments, which may stand anywhere, and tell premailer to leave the style sheets.

    Their plain rules move to ``rules``, if given.
    """
    written: list[str] = []
    inside = media = ""
    for token in read_markup(html):
        if token.kind == "text" and inside not in PLAIN_ELEMENTS:
            written.append(shield.pattern.sub(lambda match: _as_comment(match, shield), token.raw))
            continue
        raw = token.raw
        if token.kind == "open":
            raw = NOT_ASCII.sub(lambda match: shield.mask_markup(match.group()), raw)
            inside, media = token.name, token.get("media") or ""
            if token.name == "style":
                raw = f"{raw[:6]}{LEFT_ALONE}{raw[6:]}"
        elif token.kind == "close":
            inside = ""
        elif token.kind == "opaque" and token.name == "style" and rules is not None and is_for_screens(media):
            plain, raw = split_css(token.raw)
            rules.append(plain)
        written.append(raw)
    return "".join(written)


def is_for_screens(media: str) -> bool:
    """Say whether a style sheet's media attribute means every screen, so that its rules may be inlined."""
    return media.strip().lower() in ("", "all", "screen")


def _as_comment(match: re.Match[str], shield: Shield) -> str:
    return f"<!--{match.group()}-->" if shield.masked(match.group(1)).kind == "block" else match.group()
