"""The local inbox: what was answered 250 is there, twice where it came twice, and never more than it may keep."""

import asyncio
import itertools
import smtplib
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from campaigns.delivery import inbox_server
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


class Conversation:
    """One SMTP connection, spoken byte by byte."""

    def __init__(self, settings: Settings) -> None:
        self.socket = socket.create_connection(("127.0.0.1", settings.inbox_port), timeout=10)
        self.answers = self.socket.makefile("rb")
        self.answer()
        self.say(b"HELO me\r\n")

    def answer(self) -> bytes:
        return self.answers.readline()[:3]

    def say(self, *pieces: bytes) -> bytes:
        for piece in pieces:
            self.socket.sendall(piece)
        return self.answer()

    def begin_mail(self) -> None:
        for command in (b"MAIL FROM:<a@example.com>\r\n", b"RCPT TO:<b@example.com>\r\n", b"DATA\r\n"):
            self.say(command)

    def __enter__(self) -> "Conversation":
        return self

    def __exit__(self, *_: object) -> None:
        self.answers.close()
        self.socket.close()


LINES = st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\r", b".").replace(b"\n", b".")), max_size=12)


@hypothesis_settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mails=st.lists(LINES, min_size=1, max_size=3), cuts=st.lists(st.integers(1, 60), min_size=1))
def test_any_mail_cut_anywhere_arrives_as_it_was(inbox: Settings, mails: list[list[bytes]], cuts: list[int]) -> None:
    clear(inbox)
    raws = [b"".join(line + b"\r\n" for line in lines) for lines in mails]
    head = b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n"
    stuffed = [(b"\r\n" + raw).replace(b"\r\n.", b"\r\n..")[2:] for raw in raws]
    said = b"".join(head + raw + b".\r\n" for raw in stuffed)
    with Conversation(inbox) as client:
        at = 0
        for number in itertools.cycle(cuts):
            if at >= len(said):
                break
            client.socket.sendall(said[at : at + number])
            at += number
        answers = [client.answer() for _ in range(4 * len(mails))]
    assert answers == [b"250", b"250", b"354", b"250"] * len(mails)
    assert [get_mail(inbox, mail.id).raw for mail in reversed(list_mails(inbox))] == raws


def test_a_line_longer_than_smtp_allows_is_refused_and_the_next_mail_taken(inbox: Settings) -> None:
    with Conversation(inbox) as client:
        client.begin_mail()
        assert client.say(b"x" * 999 + b"\r\n.\r\n") == b"500"
        client.begin_mail()
        assert client.say(b"x" * 998 + b"\r\n.\r\n") == b"250"
    assert [mail.size for mail in list_mails(inbox)] == [1000]


def test_a_mail_that_is_too_large_is_refused_and_the_next_one_taken(
    inbox: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_server, "LARGEST_MAIL", 100_000)
    with Conversation(inbox) as client:
        client.begin_mail()
        assert client.say(*[b"y" * 70 + b"\r\n"] * 3000, b".\r\n") == b"552"
        client.begin_mail()
        assert client.say(b"small\r\n.\r\n") == b"250"
    assert [mail.size for mail in list_mails(inbox)] == [7]


def test_a_client_that_leaves_in_the_middle_leaves_nothing(inbox: Settings) -> None:
    with Conversation(inbox) as client:
        client.begin_mail()
        client.socket.sendall(b"half a mail\r\n")
    with Conversation(inbox) as client:
        assert client.say(b"DATA\r\n") == b"503"
        assert client.say(b"NOOP\r\n") == b"250"
    assert count_mails(inbox) == 0


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
