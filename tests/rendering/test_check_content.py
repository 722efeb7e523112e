"""Whatever an author writes ends in a mail or in findings with a place, never in anything else."""

from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.rendering.compile import check_content, examine
from campaigns.rendering.content import CompiledContent, ContentSource
from campaigns.rendering.prepare import prepare
from campaigns.rendering.preview import render_preview
from tests.rendering.mail_rules import broken_rules
from tests.rendering.people import KEY_RING, NOW, TOKEN, campaign, reader

SOUP = st.lists(
    st.sampled_from(
        [
            "<mjml>", "</mjml>", "<mj-body>", "</mj-body>", "<mj-section>", "</mj-section>", "<mj-column>",
            "</mj-column>", "<mj-text>", "</mj-text>", "<mj-raw>", "</mj-raw>", "<mj-head>", "</mj-head>",
            "<mj-style inline='inline'>", "</mj-style>", "<mj-image src='x'/>", "<p>", "</p>",
            "<a href='https://a.example/", "'>", '">', "</a>", "<br>", "<!--", "-->", "<!--[if mso]>",
            "<![endif]-->", "<![CDATA[", "]]>", "<style>", "</style>", "<title>", "<", ">", "&", '"', "'",
            "{{", "}}", "{%", "%}", "{#", "#}", "{{ contact.email }}",
            "{{ contact.given_name | default('x') }}", "{% if true %}", "{% else %}", "{% endif %}",
            "{% for t in contact.attributes.tags %}", "{{ t }}", "{% endfor %}", "{{ links.view }}", " ", "\n",
            "words", "é", "\u202e", "\u0000", "\ud800", "qzxbbbbbb", "qzx", "untracked:", "<html>",
            "<body style='", "</body>",
        ]
    ),
    max_size=25,
).map("".join)  # fmt: skip
WHOLE = st.sampled_from(
    ["{}", "<mjml><mj-body><mj-section><mj-column><mj-text>{}</mj-text></mj-column></mj-section></mj-body></mjml>"]
)


@settings(max_examples=600, deadline=None)
@given(soup=SOUP, whole=WHOLE, line=SOUP, body_format=st.sampled_from(["mjml", "html", "text"]))
def test_any_soup_is_a_mail_or_has_findings(soup: str, whole: str, line: str, body_format: str) -> None:
    source = ContentSource(line, line, body_format, whole.replace("{}", soup), "en")
    compiled, problems = examine(source, attributes={"tags": "tags"})
    assert compiled is not None or any(problem.severity == "error" for problem in problems)
    for problem in problems:
        assert problem.message
        lines = {"subject": line, "preheader": line, "body": source.body}[problem.part].split("\n")
        assert 0 <= problem.line <= len(lines)
        assert problem.column <= len(lines[problem.line - 1]) + 1
    if compiled is not None:
        person = reader(attributes={"tags": ["a", "<b>"]})
        mail = prepare(compiled, campaign(), KEY_RING).fill(person, seq=1, unsubscribe_token=TOKEN, now=NOW)
        assert broken_rules(mail.raw) == []
        assert CompiledContent.from_json(compiled.to_json()) == compiled
    render_preview(source, reader(), campaign(), attributes={"tags": "tags"})


def test_findings_come_errors_first_and_in_the_order_of_the_eye() -> None:
    source = ContentSource("{{ a }}", "{{ b }}", "html", "<img src='https://a.example/'>\n{{ c }}", "en")
    found = [(problem.severity.value, problem.part) for problem in check_content(source, attributes={})]
    assert found[:3] == [("error", "subject"), ("error", "preheader"), ("error", "body")]
    assert {severity for severity, _ in found[3:]} == {"warning"}
