"""The local inbox: what was answered 250 is there, twice where it came twice, and never more than it may keep."""

import asyncio
import smtplib
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import pytest

from campaigns.delivery.inbox import (
    NoSuchMail,
    ReceivedMail,
    clear,
    count_mails,
    get_mail,
    inbox_path,
    list_mails,
    open_inbox,
    store_mails,
)
from campaigns.delivery.inbox_server import decode_words, read_header, serve
from campaigns.settings import Settings, get_settings

RAW = b"From: a@example.com\r\nSubject: Hello\r\nMessage-ID: <1@example.com>\r\n\r\n.A dot, and \xc3\xa4\r\n"


class RunningInbox:
    """The server in a thread, as another process would have it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.ready = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.run()))

    async def run(self) -> None:
        self.loop, self.stop = asyncio.get_running_loop(), asyncio.Event()
        serving = asyncio.create_task(serve(self.settings, stop=self.stop))
        while not serving.done():
            try:
                socket.create_connection(("127.0.0.1", self.settings.inbox_port), timeout=1).close()
                break
            except OSError:
                await asyncio.sleep(0.02)
        self.ready.set()
        await serving


@pytest.fixture
def inbox(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        monkeypatch.setenv("TIDINGS_INBOX_PORT", str(probe.getsockname()[1]))
    get_settings.cache_clear()
    running = RunningInbox(get_settings())
    running.thread.start()
    running.ready.wait(10)
    yield get_settings()
    running.loop.call_soon_threadsafe(running.stop.set)
    running.thread.join(10)


def keep(settings: Settings, *subjects: str, limit: int = 100) -> None:
    connection = open_inbox(inbox_path(settings))
    now = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    mails = [ReceivedMail(now, "from@example.com", [f"{s}@example.com"], s, f"<{s}@x>", RAW) for s in subjects]
    store_mails(connection, mails=mails, limit=limit)
    connection.close()


def test_a_mail_is_there_when_it_was_answered(inbox: Settings) -> None:
    with smtplib.SMTP("127.0.0.1", inbox.inbox_port) as client:
        client.sendmail("from@example.com", ["one@example.com", "two@example.com"], RAW)
        mails = list_mails(inbox)
    assert len(mails) == 1
    mail = get_mail(inbox, mails[0].id)
    assert mail.raw == RAW
    assert mail.rcpt_to == ("one@example.com", "two@example.com")
    assert (mail.mail_from, mail.subject, mail.message_id) == ("from@example.com", "Hello", "<1@example.com>")
    assert mail.size == len(RAW)
    assert abs(datetime.now(UTC) - mail.received_at) < timedelta(seconds=30)


def test_the_same_mail_accepted_twice_is_shown_twice(inbox: Settings) -> None:
    with smtplib.SMTP("127.0.0.1", inbox.inbox_port) as client:
        for _ in range(2):
            client.sendmail("from@example.com", ["one@example.com"], RAW)
    assert [mail.message_id for mail in list_mails(inbox)] == ["<1@example.com>"] * 2


def test_the_server_takes_pipelined_commands_and_any_address(inbox: Settings) -> None:
    with (
        socket.create_connection(("127.0.0.1", inbox.inbox_port), timeout=5) as client,
        client.makefile("rb") as answers,
    ):
        assert answers.readline().startswith(b"220")
        client.sendall(b"EHLO me\r\n")
        offers = [answers.readline()]
        while offers[-1][3:4] == b"-":
            offers.append(answers.readline())
        assert b"250-PIPELINING\r\n" in offers
        commands = "MAIL FROM:<> SMTPUTF8\r\nRCPT TO:<grün@example.com>\r\nDATA\r\n".encode()
        client.sendall((commands + RAW.replace(b"\r\n.", b"\r\n..") + b".\r\n") * 2)
        assert [answers.readline()[:3] for _ in range(8)] == [b"250", b"250", b"354", b"250"] * 2
    assert [get_mail(inbox, mail.id).raw for mail in list_mails(inbox)] == [RAW] * 2
    assert list_mails(inbox)[0].rcpt_to == ("grün@example.com",)


def test_only_the_newest_mails_are_kept(settings: Settings) -> None:
    keep(settings, *(f"mail{number}" for number in range(7)), limit=3)
    keep(settings, "last", limit=3)
    assert [mail.subject for mail in list_mails(settings)] == ["last", "mail6", "mail5"]


def test_pages_follow_each_other_from_the_newest_on(settings: Settings) -> None:
    keep(settings, "a", "b", "c", "d", "e")
    first = list_mails(settings, limit=2)
    second = list_mails(settings, limit=2, before_id=first[-1].id)
    assert [mail.subject for mail in [*first, *second]] == ["e", "d", "c", "b"]
    assert first[0].received_at == datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


@pytest.mark.parametrize(("search", "found"), [("ANNA", ["anna"]), ("100%", ["100% off"]), ("_", ["a_b"]), ("\\", [])])
def test_search_finds_what_is_written_and_nothing_else(settings: Settings, search: str, found: list[str]) -> None:
    keep(settings, "anna", "bert", "100% off", "1000 off", "a_b", "acb")
    assert [mail.subject for mail in list_mails(settings, search=search)] == found
    assert count_mails(settings, search=search) == len(found)


def test_clearing_leaves_nothing_and_says_how_many_there_were(settings: Settings) -> None:
    assert (clear(settings), count_mails(settings), list_mails(settings)) == (0, 0, [])
    keep(settings, "a", "b")
    number = list_mails(settings)[0].id
    assert (clear(settings), count_mails(settings)) == (2, 0)
    with pytest.raises(NoSuchMail):
        get_mail(settings, number)
    keep(settings, "c")
    assert list_mails(settings)[0].id > number


def test_no_number_is_an_error_of_its_own_kind(settings: Settings) -> None:
    for number in (1, -1, 2**80):
        with pytest.raises(NoSuchMail):
            get_mail(settings, number)


@pytest.mark.parametrize(
    ("raw", "subject"),
    [
        (b"Subject: one\r\n two\r\nTo: x\r\n\r\n", "one two"),
        (b"To: x\r\nSUBJECT:bare\r\n\r\n", "bare"),
        (b"To: x\r\n\r\nSubject: in the body\r\n", ""),
        (b"Subject:\r\nTo: x\r\n\r\n", ""),
        (b"X-Subject: no\r\n\r\n", ""),
    ],
)
def test_headers_are_read_from_the_head_only(raw: bytes, subject: str) -> None:
    assert read_header(raw, b"Subject") == subject


def test_subjects_are_decoded_and_malformed_ones_left() -> None:
    message = EmailMessage()
    message["Subject"] = "Hyvää päivää 你好 🎉 " * 5
    raw = message.as_bytes().replace(b"\n", b"\r\n")
    assert decode_words(read_header(raw, b"Subject")).strip() == ("Hyvää päivää 你好 🎉 " * 5).strip()
    assert decode_words("=?nowhere?q?x?=") == "=?nowhere?q?x?="
