"""CSS into style attributes, through premailer, guarded: no network, no files, no lost ``!important``."""

import logging
import re

from premailer import Premailer

from campaigns.rendering.markup import read_markup
from campaigns.rendering.shield import Shield

DOCTYPE = re.compile(r"^\s*<!doctype[^>]*>\s*", re.IGNORECASE)
LEFT_ALONE = ' data-premailer="ignore"'  # premailer itself forgets to take it off where there is a media attribute
PLAIN_ELEMENTS = ("title", "textarea")


def inline_css(html: str, shield: Shield, *, css: str = "", keeps_style_sheets: bool = False) -> str:
    """Return masked ``html`` with ``css``, and its own style sheets, written into style attributes.

    ``keeps_style_sheets`` leaves the document's own style sheets as they are. Media queries stay in any case.
    """
    doctype = match.group().strip() if (match := DOCTYPE.match(html)) else "<!doctype html>"
    prepared = _prepare(html[match.end() if match else 0 :], shield, keeps_style_sheets)
    premailer = Premailer(
        prepared,
        css_text=css or None,
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
    return f"{doctype}{inlined}"


def _prepare(html: str, shield: Shield, keeps_style_sheets: bool) -> str:
    """Put block masks into comments, which may stand anywhere, and tell premailer which style sheets to leave."""
    written: list[str] = []
    inside = ""
    for token in read_markup(html):
        if token.kind == "text" and inside not in PLAIN_ELEMENTS:
            written.append(shield.pattern.sub(lambda match: _as_comment(match, shield), token.raw))
            continue
        raw = token.raw
        if token.kind == "open":
            inside = token.name
            if token.name == "style" and keeps_style_sheets:
                raw = f"{raw[:6]}{LEFT_ALONE}{raw[6:]}"
        elif token.kind == "close":
            inside = ""
        written.append(raw)
    return "".join(written)


def _as_comment(match: re.Match[str], shield: Shield) -> str:
    return f"<!--{match.group()}-->" if shield.masked(match.group(1)).kind == "block" else match.group()
