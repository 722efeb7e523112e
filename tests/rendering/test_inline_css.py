"""CSS: inlined where that is possible, left alone where it is not, never fetched."""

from hypothesis import given
from hypothesis import strategies as st

from campaigns.rendering.inline_css import inline_css
from campaigns.rendering.problems import Findings
from campaigns.rendering.shield import Shield
from campaigns.rendering.split_css import split_css

PAGE = '<html><head><title>t</title><style>{css}</style></head><body><p class="x">a</p><a href="#">b</a></body></html>'


def inlined(css: str) -> str:
    return inline_css(PAGE.replace("{css}", css), Shield(""))


def test_plain_rules_are_inlined_and_leave_the_style_sheet() -> None:
    html = inlined(".x { margin: 0 } p { color: #123456 }")
    assert "margin:0" in html
    assert "color:#123456" in html
    assert ".x {" not in html


def test_at_rules_and_pseudo_classes_stay_as_they_were_written() -> None:
    css = (
        "@media (prefers-color-scheme: dark) { p { color: #fff !important } }"
        '@font-face { font-family: "a}b"; src: url(x) }@supports (display: grid) { .x { display: grid } }'
    )
    html = inlined(css + "a:hover, a { color: red }")
    for rule in css.replace("}@", "}\n@").split("\n"):
        assert rule in html
    assert "a:hover, a { color: red }" in html
    assert 'style="color:red"' in html


def test_imports_are_dropped_and_nothing_is_fetched() -> None:
    html = inlined("@import url(http://127.0.0.1:9/x.css);@charset 'utf-8'; .x { color: red }")
    assert "import" not in html
    assert "color:red" in html


def test_letters_outside_ascii_and_query_strings_stay() -> None:
    shield = Shield("")
    page = '<!DOCTYPE html><html><head></head><body><a href="https://é.example/ü?a=1&amp;b=2">é 😀</a></body></html>'
    html = inline_css(page, shield, css="a { color: red }")
    assert html.startswith("<!DOCTYPE html>")
    assert 'href="https://é.example/ü?a=1&amp;b=2"' in html
    assert "é 😀" in html


def test_blocks_between_table_rows_stay_where_they_are() -> None:
    source = "<table><tr><td>1</td></tr>{% if contact.email %}<tr><td>2</td></tr>{% endif %}</table>"
    shield = Shield(source)
    masked = shield.mask_expressions(source, Findings("body", source))
    html = inline_css(f"<html><body>{masked}</body></html>", shield, css="td { color: red }")
    written = shield.unmask(html).replace("<!--", "").replace("-->", "")
    assert written.index("1</td>") < written.index("{% if") < written.index(">2<") < written.index("{% endif %}")
    assert written.index("{% endif %}") < written.index("</table>")


@given(
    st.lists(
        st.sampled_from(["p{", "}", "{", ";", "/*", "*/", '"', "a:b", "@media x", "url(", "\\", "\n"]), max_size=30
    )
)
def test_broken_css_never_stops_a_mail(pieces: list[str]) -> None:
    split_css("".join(pieces))
    assert ">b</a>" in inlined("".join(pieces))
