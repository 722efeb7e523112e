"""Transfer encodings (RFC 2045): quoted-printable in pieces that can be joined, and base64.

A piece begins at the start of a line and ends at one, with a soft line break where need be; so pieces encoded
once and values encoded later can be joined in any order and every line stays within 76 octets.
"""

import re
from base64 import b64encode

LINE = 76
SOFT_BREAK = b"=\r\n"
UNSAFE = re.compile(rb"[^\x20-\x3c\x3e-\x7e]")
SAFE_VALUE = re.compile(r"[A-EG-Za-z0-9 ,;:!?/()@&+'*_#~-][A-Za-z0-9 .,;:!?/()@&+'*_#~-]*", re.ASCII)


def encode_quoted_printable(text: str, column: int = 0) -> tuple[bytes, int]:
    """Return ``text`` as quoted-printable from ``column`` on, and the column behind it. ``\\n`` is a line end."""
    written: list[bytes] = []
    lines = text.encode("utf-8", "replace").split(b"\n")
    for number, line in enumerate(lines):
        if number:
            written.append(b"\r\n")
            column = 0
        encoded = UNSAFE.sub(_encode_octet, line)
        if number < len(lines) - 1 and encoded.endswith(b" "):
            encoded = encoded[:-1] + b"=20"
        if column == 0 and encoded.startswith(b"From "):
            encoded = b"=46" + encoded[1:]  # some hosts write ">From " and break the signature
        wrapped, column = _wrap(encoded, column)
        written.append(wrapped)
    return b"".join(written), column


def _encode_octet(match: re.Match[bytes]) -> bytes:
    return b"=%02X" % match.group()[0]


def _wrap(line: bytes, column: int) -> tuple[bytes, int]:
    written: list[bytes] = []
    position = 0
    while len(line) - position > LINE - 1 - column:
        end = position + LINE - 1 - column
        # an =XX group stays whole
        for back in (1, 2):
            if end - back >= position and line[end - back : end - back + 1] == b"=":
                end -= back
                break
        written += [line[position:end], SOFT_BREAK]
        position, column = end, 0
    written.append(line[position:])
    return b"".join(written), column + len(line) - position


def quoted_printable_piece(text: str) -> bytes:
    """Return ``text`` as a piece: from the start of a line to the start of a line."""
    if SAFE_VALUE.fullmatch(text):
        octets = text.encode("ascii")
        if len(octets) < LINE:
            return octets + SOFT_BREAK
        lines = [octets[start : start + LINE - 1] for start in range(0, len(octets), LINE - 1)]
        return SOFT_BREAK.join(lines) + SOFT_BREAK
    encoded, column = encode_quoted_printable(text)
    return encoded + SOFT_BREAK if column else encoded


def encode_base64(text: str) -> bytes:
    """Return ``text`` as base64 in lines of 76, with CRLF as its line ends within and without."""
    letters = b64encode(text.replace("\n", "\r\n").encode("utf-8", "replace"))
    return b"\r\n".join([letters[start : start + LINE] for start in range(0, len(letters), LINE)]) + b"\r\n"


def base64_is_shorter(text: str) -> bool:
    """Say whether ``text`` is shorter in base64 than in quoted-printable, as Han is."""
    raw = text.encode("utf-8", "replace")
    return len(raw) * 4 / 3 < len(raw) + 2 * len(UNSAFE.findall(raw))
