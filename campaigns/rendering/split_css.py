"""Style sheets split in two: rules that can stand in style attributes, and the rest, which must stay as written.

The CSS engine behind premailer loses at-rules it does not know (``prefers-color-scheme`` among them), so it is only
given plain rules.
"""

import re
from collections.abc import Iterator

COMMENT = re.compile(r"/\*.*?(?:\*/|$)|<!--|-->", re.DOTALL)
STRING = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'", re.DOTALL)
FETCHED = ("@import", "@charset", "@namespace")


def split_css(css: str) -> tuple[str, str]:
    """Return the rules to inline and the CSS to keep: at-rules, pseudo-classes, ``*``. Imports are dropped."""
    inline: list[str] = []
    kept: list[str] = []
    for selector, block in _rules(COMMENT.sub("", css)):
        if selector.startswith("@") or not block:
            if not selector.lower().startswith(FETCHED):
                kept.append(f"{selector} {block}".strip())
            continue
        selectors = [each.strip() for each in selector.split(",")]
        simple = [each for each in selectors if not any(mark in each for mark in ":*")]
        if simple:
            inline.append(f"{', '.join(simple)} {block}")
        if len(simple) < len(selectors):
            kept.append(f"{selector} {block}")
    return "\n".join(inline), "\n".join(kept)


def _rules(css: str) -> Iterator[tuple[str, str]]:
    """Yield prelude and block of each rule at the top; a rule without a block has an empty one."""
    position = 0
    while position < len(css):
        start, end = position, _next(css, position, "{;")
        if end >= len(css):
            return
        if css[end] == ";":
            yield css[start : end + 1].strip(), ""
            position = end + 1
            continue
        depth, inside = 1, end + 1
        while depth and inside < len(css):
            inside = _next(css, inside, "{}")
            depth += {"{": 1, "}": -1}.get(css[inside : inside + 1], 0)
            inside += 1
        yield css[start:end].strip(), css[end:inside]
        position = inside


def _next(css: str, position: int, wanted: str) -> int:
    """Return where the next of ``wanted`` stands outside a string, or the end."""
    while position < len(css) and css[position] not in wanted:
        match = STRING.match(css, position)
        position = match.end() if match else position + 1
    return position
