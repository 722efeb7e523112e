"""A hostile source costs its own child and nothing else."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from campaigns.rendering import sandbox
from campaigns.rendering.child import FORBIDDEN
from campaigns.rendering.compile import compile_content
from campaigns.rendering.content import ContentSource
from campaigns.rendering.problems import ContentErrors
from tests.rendering.people import campaign, html_source, mjml_source, reader

GOOD = mjml_source("<mj-text>Hello {{ contact.given_name }}</mj-text>", subject="For {{ contact.attributes.city }}")


def test_a_child_compiles_what_we_would() -> None:
    assert sandbox.compile_in_child(GOOD, attributes={"city": "text"}) == compile_content(
        GOOD, attributes={"city": "text"}
    )


def test_mistakes_come_back_with_line_and_column() -> None:
    with pytest.raises(ContentErrors) as caught:
        sandbox.compile_in_child(html_source("\n  {{ contact.nme }}"), attributes={})
    assert [(each.line, each.column, each.part) for each in caught.value.problems if each.severity == "error"] == [
        (2, 6, "body")
    ]


def test_a_preview_is_live() -> None:
    sandbox.warm_up()
    began = time.monotonic()
    preview = sandbox.preview(GOOD, reader(), campaign(), attributes={"city": "text"})
    assert time.monotonic() - began < 0.3
    assert "Hello Ada" in preview.html
    assert preview.subject == "For [city is missing]"
    assert [problem.code for problem in preview.problems] == ["missing_value"]


def test_a_preview_of_a_broken_source_says_why() -> None:
    preview = sandbox.preview(html_source("{{ x }}"), reader(), campaign(), attributes={})
    assert preview.html == ""
    assert preview.problems[0].code == "bad_expression"


def test_a_child_that_dies_while_idle_is_replaced_unseen() -> None:
    sandbox.warm_up()
    for child in sandbox._nursery.idle:
        os.kill(child.process.pid, signal.SIGKILL)
        child.process.wait()
    assert sandbox.check_in_child(GOOD, attributes={"city": "text"}) == []


def test_a_source_that_runs_too_long_is_stopped_and_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "WALL_SECONDS", 0.01)
    slow = html_source("<p>x</p>" * 50_000)
    problems = sandbox.check_in_child(slow, attributes={})
    assert [problem.code for problem in problems] == ["too_costly"]
    monkeypatch.undo()
    assert sandbox.compile_in_child(GOOD, attributes={"city": "text"}).links == ()


@pytest.mark.parametrize(
    "hostile",
    ["<div>" * 60_000, "<a" * 150_000, "{{" * 150_000, "<!--" * 100_000, "{% if 1 %}" * 40_000, "<a href='" * 50_000,
     "{{ " + "(" * 900 + "1" + ")" * 900 + " }}", "<![CDATA[" * 50_000, "&" * 500_000,
     "<style>" * 50_000, "{% for x in contact.email %}" * 15_000, "{{ 1" + "+1" * 900 + " }}"],
)  # fmt: skip
def test_hostile_sources_end_in_findings(hostile: str) -> None:
    for body_format in ("mjml", "html", "text"):
        began = time.monotonic()
        sandbox.check_in_child(ContentSource("x", "", body_format, hostile, "en"), attributes={})
        assert time.monotonic() - began < sandbox.WALL_SECONDS + 2


def test_the_child_has_no_secrets_and_no_network() -> None:
    sandbox.warm_up()
    child = sandbox._nursery.idle[-1].process
    names = Path(f"/proc/{child.pid}/environ").read_bytes()
    assert b"TIDINGS" not in names
    probe = (
        "import socket, subprocess, sys\nfrom campaigns.rendering.child import refuse\nsys.addaudithook(refuse)\n"
        "tries = (lambda: socket.socket(), lambda: socket.getaddrinfo('x', 1), lambda: subprocess.Popen(['true']))\n"
        "for attempt in tries:\n"
        "    try:\n        attempt()\n    except PermissionError:\n        print('refused')\n"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["refused"] * 3
    assert "socket." in FORBIDDEN


def test_no_child_outlives_a_killed_parent() -> None:
    script = (
        "import os, signal\nfrom campaigns.rendering import sandbox\nsandbox.warm_up()\n"
        "print(sandbox._nursery.idle[0].process.pid, flush=True)\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    child = int(done.stdout)
    deadline = time.monotonic() + 5
    while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
        if "\nState:\tZ" in Path(f"/proc/{child}/status").read_text():
            return
        time.sleep(0.02)
    assert not Path(f"/proc/{child}").exists()
