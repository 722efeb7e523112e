"""A strict reader of raw mails: each finding names the rule of docs/mail-rules that is broken."""

import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime

ONCE = ("From", "To", "Date", "Message-ID", "Subject", "MIME-Version", "Content-Type", "List-Id", "List-Unsubscribe")
NO_ENCODED_WORDS = ("list-", "message-id", "feedback-id", "dkim-signature")
ALLOWED = {
    "from", "to", "subject", "date", "message-id", "reply-to", "list-id", "list-unsubscribe", "list-unsubscribe-post",
    "feedback-id", "mime-version", "content-type", "content-transfer-encoding", "auto-submitted",
}  # fmt: skip
HEADER = re.compile(rb"([!-9;-~]+): ?(.*)", re.DOTALL)
ENCODED_WORD = re.compile(r"=\?[^?\s]+\?[bqBQ]\?[^?\s]*\?=")


def broken_rules(raw: bytes, *, has_smtputf8: bool = False) -> list[str]:
    """Return every rule that ``raw`` breaks; a good mail has none."""
    return [*_octets(raw), *_headers(raw, has_smtputf8), *_structure(raw)]


def _octets(raw: bytes) -> list[str]:
    found = []
    if b"\0" in raw:
        found.append("M1: NUL")
    if re.search(rb"(?<!\r)\n|\r(?!\n)", raw):
        found.append("M1: bare CR or LF")
    if not raw.endswith(b"\r\n"):
        found.append("M1: no line end at the end")
    head, _, body = raw.partition(b"\r\n\r\n")
    found += [f"M1: header line of {len(line)}" for line in head.split(b"\r\n") if len(line) > 998]
    found += [f"M1: body line of {len(line)}" for line in body.split(b"\r\n") if len(line) > 76]
    if re.search(rb"[^\x20-\x7e\r\n]", body):
        found.append("M1: body is not 7 bit")
    return found


def _header_lines(raw: bytes) -> list[tuple[str, bytes]]:
    head = raw.partition(b"\r\n\r\n")[0]
    lines = re.sub(rb"\r\n(?=[ \t])", b"", head).split(b"\r\n")
    matches = [HEADER.fullmatch(line) for line in lines]
    return [
        (match.group(1).decode(), match.group(2)) if match else ("?", line)
        for match, line in zip(matches, lines, strict=True)
    ]


def _headers(raw: bytes, has_smtputf8: bool) -> list[str]:
    found = []
    headers = _header_lines(raw)
    names = [name.lower() for name, _ in headers]
    found += [f"M5: strange header {name}" for name in names if name not in ALLOWED]
    found += [f"M3: {names.count(name.lower())} times {name}" for name in ONCE if names.count(name.lower()) > 1]
    found += [f"M3: no {name}" for name in ONCE[:7] if name.lower() not in names]
    for name, value in headers:
        if not value.isascii() and not (has_smtputf8 and name == "To"):
            found.append(f"M7: {name} is not ASCII")
        text = value.decode("utf-8", "replace")
        words = ENCODED_WORD.findall(text)
        found += [f"M1: encoded-word of {len(word)} in {name}" for word in words if len(word) > 75]
        if "=?" in text and name.lower().startswith(NO_ENCODED_WORDS):
            found.append(f"M4: encoded-word in {name}")
        for quoted in re.findall(r'"(?:\\.|[^"\\])*"|<[^>]*>', ENCODED_WORD.sub("", text)):
            if "=?" in quoted:
                found.append(f"M4: encoded-word inside quotes or an address in {name}")
        if re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", value):
            found.append(f"M5: control character in {name}")
    for line in raw.partition(b"\r\n\r\n")[0].split(b"\r\n"):
        if line.startswith((b" ", b"\t")) and not line.strip():
            found.append("M1: folded line of white space only")
    return found


def _structure(raw: bytes) -> list[str]:
    found = []
    mail = message_from_bytes(raw, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    parts = [part for part in mail.walk() if not part.is_multipart()]
    for part in mail.walk():
        found += [f"M1: {defect!r}" for defect in part.defects]
    if mail.is_multipart():
        if mail.get_content_type() != "multipart/alternative":
            found.append(f"M6: {mail.get_content_type()}")
        if [part.get_content_type() for part in parts] != ["text/plain", "text/html"]:
            found.append("M6: text first, then HTML")
    found += [f"M6: {part.get_content_charset()}" for part in parts if part.get_content_charset() != "utf-8"]
    if not parts[0].get_content().strip():
        found.append("M6: empty text part")
    parsedate_to_datetime(str(mail["Date"]))
    domain = str(mail["From"].addresses[0].domain)
    if not re.fullmatch(r"<[A-Za-z0-9.]+@[A-Za-z0-9.-]+>", str(mail["Message-ID"])) or not str(
        mail["Message-ID"]
    ).endswith(f"@{domain}>"):
        found.append("M3: Message-ID does not end in the sender's domain")
    return found
