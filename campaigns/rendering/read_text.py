"""Masked plain text to parts. A value that continues a URL is percent-encoded; none may form its host."""

import re

from campaigns.rendering import escape as e
from campaigns.rendering.assemble import Assembler
from campaigns.rendering.parts import Value
from campaigns.rendering.read_html import is_own_link

URL_BEFORE = re.compile(r"https?://\S*$", re.IGNORECASE)
HOST_BEFORE = re.compile(r"https?://[^\s/?#]*$", re.IGNORECASE)


def read_text(assembler: Assembler, masked: str) -> None:
    """Read masked text into the assembler."""
    position, line = 0, ""
    for match in assembler.shield.pattern.finditer(masked):
        text = masked[position : match.start()]
        assembler.add_literal(text)
        line += text
        _add(assembler, match, line)
        hole = assembler.shield.masked(match.group(1))
        line += "x" if hole.kind == "value" else ""
        position = match.end()
    assembler.add_literal(masked[position:])


def _add(assembler: Assembler, match: re.Match[str], before: str) -> None:
    masked = assembler.shield.masked(match.group(1))
    if masked.kind == "block":
        assembler.add_masked(masked, e.PLAIN)
        return
    if HOST_BEFORE.search(before):
        assembler.findings.error(
            "link_host_personal",
            "A merge tag may not form the scheme or the host of a URL: begin it with https://host/.",
            masked.offset,
        )
    expression = assembler.read(masked)
    if expression is None:
        return
    value = Value(expression, e.PLAIN_URL if URL_BEFORE.search(before) else e.PLAIN)
    assembler.add_part(Value(expression, e.NONE) if is_own_link((value,)) else value)
