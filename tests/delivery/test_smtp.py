"""The SMTP client alone: URLs, addresses and bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.delivery.smtp import SmtpTransport, stuff_dots, wire_address
from campaigns.delivery.smtp_address import BadSmtpUrl, StartTls, read_smtp_urls
from campaigns.delivery.transport import Mail, Refused, Sent
from tests.smtp_sink import SmtpSink


def test_urls_are_read_with_their_options() -> None:
    one, two = read_smtp_urls("smtp://me%40x:p%3Aw@relay.example:587, smtps://other.example?verify=no")
    assert (one.host, one.port, one.user, one.password) == ("relay.example", 587, "me@x", "p:w")
    assert one.starttls is StartTls.required  # a password never goes in the clear by accident
    assert (two.port, two.implicit_tls, two.verify) == (465, True, False)
    assert "p:w" not in repr(one)


@pytest.mark.parametrize("text", ["", "http://x", "smtp://", "smtp://x?starttls=maybe", "smtp://x:port"])
def test_bad_urls_are_named(text: str) -> None:
    with pytest.raises(BadSmtpUrl):
        read_smtp_urls(text)


@given(st.lists(st.sampled_from([b".", b"..", b"a", b"", b".a", b"a."]), min_size=1, max_size=8))
def test_dots_survive_and_nothing_ends_the_body_early(lines: list[bytes]) -> None:
    wire = stuff_dots(b"\r\n".join(lines) + b"\r\n")
    assert wire.endswith(b"\r\n.\r\n") or wire == b".\r\n"
    received = wire.split(b"\r\n")[:-2]
    assert b"." not in received
    assert [line[1:] if line.startswith(b".") else line for line in received] == lines


def test_domains_go_out_as_a_labels() -> None:
    assert wire_address("anna@bücher.example") == "anna@xn--bcher-kva.example"


@pytest.mark.parametrize("address", ["a@b.example>\r\nDATA", "a b@c.example", "<x@y.example>", "nobody", ""])
def test_an_address_cannot_speak_smtp(address: str) -> None:
    sink = SmtpSink().start()
    transport = SmtpTransport(read_smtp_urls(sink.url))
    mails = [Mail("s@x.example", address, b"Hi\r\n"), Mail("s@x.example", "a@b.example", b"Hi\r\n")]
    refused, sent = transport.deliver(mails)
    transport.close()
    sink.stop()
    assert isinstance(refused, Refused)
    assert refused.permanent
    assert isinstance(sent, Sent)
    assert [mail.to for mail in sink.mails] == ["a@b.example"]


@pytest.mark.parametrize(("offers", "kept"), [((), 0), (("PIPELINING", "SMTPUTF8"), 1)])
def test_a_local_part_beyond_ascii_needs_smtputf8(offers: tuple[str, ...], kept: int) -> None:
    sink = SmtpSink(offers=offers).start()
    transport = SmtpTransport(read_smtp_urls(sink.url))
    [result] = transport.deliver([Mail("s@x.example", "дима@b.example", b"Hi\r\n")])
    transport.close()
    sink.stop()
    assert isinstance(result, Sent if kept else Refused)
    assert len(sink.mails) == kept


def test_a_mail_above_the_offered_size_is_not_sent() -> None:
    sink = SmtpSink(offers=("SIZE 10",)).start()
    transport = SmtpTransport(read_smtp_urls(sink.url))
    [result] = transport.deliver([Mail("s@x.example", "a@b.example", b"x" * 50)])
    transport.close()
    sink.stop()
    assert isinstance(result, Refused)
    assert result.stage == "size"


def test_a_connection_is_renewed_after_its_share_of_mails() -> None:
    sink = SmtpSink().start()
    transport = SmtpTransport(read_smtp_urls(f"{sink.url}?max=3"))
    results = list(transport.deliver([Mail("s@x.example", f"a{n}@b.example", b"Hi\r\n") for n in range(8)]))
    transport.close()
    sink.stop()
    assert all(isinstance(result, Sent) for result in results)
    assert [mail.to for mail in sink.mails] == [f"a{n}@b.example" for n in range(8)]
    assert sink.connections == 3
