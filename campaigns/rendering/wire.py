"""The MIME tree, decided once a revision: text before HTML, each in the shorter encoding (rules M1, M6)."""

from collections.abc import Callable

from campaigns.rendering.encodings import base64_is_shorter, encode_base64
from campaigns.rendering.evaluate import Scope
from campaigns.rendering.parts import Choice, Literal, Loop, Parts, Value
from campaigns.rendering.program import Program, QuotedPrintableBuilder, TextBuilder

BOUNDARY = "=_tidings_part"  # neither quoted-printable nor base64 can ever hold "=_"


class WirePart:
    """One text/… part: its MIME headers, and what writes its encoded body."""

    def __init__(
        self, subtype: str, parts: Parts, language: str, personal: dict[Value, Callable[[Scope], str]] | None = None
    ) -> None:
        is_base64 = base64_is_shorter(literal_text(parts))
        encoding = "base64" if is_base64 else "quoted-printable"
        self.headers = (
            f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode()
        )
        self._text: Program[str] | None = None
        self._bytes: Program[bytes] | None = None
        if is_base64:
            text_builder = TextBuilder(language)
            text_builder.own.update(personal or {})
            self._text = text_builder.build(parts)
        else:
            builder = QuotedPrintableBuilder(language)
            builder.own.update(personal or {})
            self._bytes = builder.build(parts)

    def run(self, scope: Scope) -> list[bytes]:
        """Return the encoded body in pieces; it ends with a line end."""
        if self._bytes is not None:
            return self._bytes.run(scope)
        assert self._text is not None
        return [encode_base64(self._text.write(scope))]


def literal_text(parts: Parts) -> str:
    """Return all that is literal in parts, every branch included."""
    written: list[str] = []
    for part in parts:
        match part:
            case Literal(text):
                written.append(text)
            case Choice(branches):
                written += [literal_text(body) for _, body in branches]
            case Loop(_, _, body):
                written.append(literal_text(body))
    return "".join(written)


def multipart_headers() -> bytes:
    return f'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="{BOUNDARY}"\r\n\r\n'.encode()


def opening(part: WirePart) -> bytes:
    return f"--{BOUNDARY}\r\n".encode() + part.headers


def between(part: WirePart) -> bytes:
    return f"\r\n--{BOUNDARY}\r\n".encode() + part.headers


def closing() -> bytes:
    return f"\r\n--{BOUNDARY}--\r\n".encode()
