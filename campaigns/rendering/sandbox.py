"""Compiling and previewing in a bounded child process (promise 11).

A few children are kept warm, since starting one costs as much as ten previews. A child that overruns its time or
memory, or that a source crashes, is killed, and the author is told; the next request gets a fresh one.
"""

import atexit
import json
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from campaigns.errors import TidingsError
from campaigns.rendering.content import (
    CompiledContent,
    ContentSource,
    MailContext,
    Preview,
    Recipient,
    problem_from_plain,
)
from campaigns.rendering.problems import ContentErrors, ContentProblem, Severity

WALL_SECONDS = 10.0
QUICK_SECONDS = 1.0
KEPT_WARM = 2
AT_ONCE = 4
REQUESTS_PER_CHILD = 500
LENGTH_BYTES = 4


class CompilerUnavailable(TidingsError):
    """No child process could be started for compiling. Try again; if it stays so, look at memory and processes."""

    code = "compiler_unavailable"


class _ChildEnded(Exception):
    """The child is gone in the middle of a request."""


class _Child:
    """One child process, used by one thread at a time."""

    def __init__(self) -> None:
        environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "LANG": "C.UTF-8", "PATH": os.defpath}
        self.requests = 0
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "campaigns.rendering.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=tempfile.gettempdir(),
            env=environment,
        )

    def ask(self, request: bytes, deadline: float) -> bytes:
        """Return the answer to a request; raises :class:`_ChildEnded` or TimeoutError."""
        assert self.process.stdin is not None
        self.requests += 1
        try:
            self.process.stdin.write(len(request).to_bytes(LENGTH_BYTES, "big") + request)
            self.process.stdin.flush()
        except OSError as error:
            raise _ChildEnded from error
        return self._read(int.from_bytes(self._read(LENGTH_BYTES, deadline), "big"), deadline)

    def _read(self, length: int, deadline: float) -> bytes:
        assert self.process.stdout is not None
        file, pieces = self.process.stdout.fileno(), b""
        poll = select.poll()  # select() fails on file numbers beyond 1,023
        poll.register(file, select.POLLIN)
        while len(pieces) < length:
            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise TimeoutError
            piece = os.read(file, min(length - len(pieces), 1 << 20))
            if not piece:
                raise _ChildEnded
            pieces += piece
        return pieces

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


class _Nursery:
    """The warm children of this process."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Start anew: after a fork the children belong to the parent."""
        self.idle: list[_Child] = []
        self.lock = threading.Lock()
        self.places = threading.BoundedSemaphore(AT_ONCE)

    def ask(self, request: bytes) -> bytes:
        with self.places:
            child = self._take()
            was_used, began = child.requests > 0, time.monotonic()
            try:
                answer = child.ask(request, time.monotonic() + WALL_SECONDS)
            except _ChildEnded:
                child.end()
                if not was_used or time.monotonic() - began > QUICK_SECONDS:
                    raise
                answer = self._ask_a_new_one(request)  # it may have ended while it was idle
            except BaseException:
                child.end()
                raise
            else:
                self._put_back(child)
            return answer

    def _ask_a_new_one(self, request: bytes) -> bytes:
        child = _start()
        try:
            answer = child.ask(request, time.monotonic() + WALL_SECONDS)
        except BaseException:
            child.end()
            raise
        self._put_back(child)
        return answer

    def _take(self) -> _Child:
        with self.lock:
            if self.idle:
                return self.idle.pop()
        return _start()

    def _put_back(self, child: _Child) -> None:
        with self.lock:
            if len(self.idle) < KEPT_WARM and child.requests < REQUESTS_PER_CHILD:
                self.idle.append(child)
                return
        child.end()

    def end(self) -> None:
        with self.lock:
            children, self.idle = self.idle, []
        for child in children:
            child.end()


def _start() -> _Child:
    try:
        return _Child()
    except OSError as error:
        raise CompilerUnavailable(f"A child process for compiling could not be started: {error}.") from error


_nursery = _Nursery()
os.register_at_fork(after_in_child=_nursery.forget)
atexit.register(_nursery.end)


def compile_in_child(source: ContentSource, *, attributes: Mapping[str, str]) -> CompiledContent:
    """Return a compiled content, made in a child process.

    ``attributes`` maps attribute names to kinds. Raises :class:`ContentErrors`, also when the source takes too
    much time or memory, and :class:`CompilerUnavailable`.
    """
    answer = _ask("compile", source, attributes)
    return CompiledContent.from_json(answer["compiled"].encode())


def check_in_child(source: ContentSource, *, attributes: Mapping[str, str]) -> list[ContentProblem]:
    """Return everything found about a content, errors first; a source that costs too much is a finding too."""
    try:
        return [problem_from_plain(plain) for plain in _ask("check", source, attributes)["problems"]]
    except ContentErrors as error:
        return list(error.problems)


def preview(
    source: ContentSource, recipient: Recipient, context: MailContext, *, attributes: Mapping[str, str]
) -> Preview:
    """Return a content as ``recipient`` would see it, with every finding; see :mod:`campaigns.rendering.preview`.

    Nothing in it is a valid token. A content with errors comes back without HTML and text, never as an exception.
    """
    try:
        answer = _ask("preview", source, attributes, recipient=asdict(recipient), context=asdict(context))["preview"]
    except ContentErrors as error:
        return Preview("", "", source.subject, source.preheader, error.problems, 0)
    return Preview(**{**answer, "problems": tuple(map(problem_from_plain, answer["problems"]))})


def warm_up() -> None:
    """Start a child ahead of the first request, so that the first preview is as quick as the next."""
    check_in_child(ContentSource("x", "", "text", "x", "en"), attributes={})


def _ask(do: str, source: ContentSource, attributes: Mapping[str, str], **more: Any) -> dict[str, Any]:
    request = {"do": do, "source": asdict(source), "attributes": dict(attributes), **more}
    try:
        answer: dict[str, Any] = json.loads(_nursery.ask(json.dumps(request, default=str).encode()))
    except TimeoutError as error:
        raise _too_costly(f"Compiling took longer than {WALL_SECONDS:.0f} seconds") from error
    except _ChildEnded as error:
        raise _too_costly("Compiling took too much time or memory") from error
    if "too_costly" in answer:
        raise _too_costly("Compiling took too much memory")
    if "errors" in answer:
        raise ContentErrors([problem_from_plain(plain) for plain in answer["errors"]])
    return answer


def _too_costly(what: str) -> ContentErrors:
    message = f"{what} and was stopped. Look for very deep nesting or very much repetition, and make it simpler."
    return ContentErrors([ContentProblem(Severity.error, "too_costly", message)])
