"""Pixel and redirect over a real server that has no database: what is answered is kept, what is forged goes nowhere."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from campaigns.signing import KeyRing
from tests.web.public.conftest import Server

TARGET = "https://shop.example/garden?x=1&y=2"


def open_path(key_ring: KeyRing, campaign_id: int = 3, seq: int = 7) -> str:
    return f"/o/{key_ring.message_token(campaign_id, seq)}.gif"


def click_path(key_ring: KeyRing, campaign_id: int = 3, seq: int = 7, target: str = TARGET) -> str:
    return f"/c/{key_ring.message_token(campaign_id, seq)}.{key_ring.link_piece(campaign_id, 2, target)}"


def test_a_pixel_and_a_click_are_answered_and_kept_without_any_database(server: Server, key_ring: KeyRing) -> None:
    headers = {"User-Agent": "Firefox/128", "Sec-Purpose": "prefetch;prerender"}
    pixel = server.client.get(open_path(key_ring), headers=headers)
    assert (pixel.status_code, pixel.headers["content-type"], pixel.content[:6]) == (200, "image/gif", b"GIF89a")
    assert "no-store" in pixel.headers["cache-control"]
    click = server.client.get(click_path(key_ring))
    assert (click.status_code, click.headers["location"]) == (302, TARGET)
    assert click.headers["referrer-policy"] == "no-referrer"
    assert not {"set-cookie"} & {*pixel.headers, *click.headers}

    opened, clicked = server.new_hits()
    assert (opened["kind"], opened["campaign"], opened["seq"], opened["link"]) == ("open", 3, 7, None)
    assert (opened["agent"], opened["purpose"], opened["method"]) == ("Firefox/128", "prefetch;prerender", "GET")
    assert (clicked["kind"], clicked["link"], clicked["address"], clicked["inbox"]) == ("click", 2, None, False)


def test_head_is_answered_like_get_and_kept_with_its_method(server: Server, key_ring: KeyRing) -> None:
    assert server.client.head(open_path(key_ring)).status_code == 200
    assert server.client.head(click_path(key_ring)).headers["location"] == TARGET
    assert [record["method"] for record in server.new_hits()] == ["HEAD", "HEAD"]


def test_hits_of_the_local_inbox_carry_its_mark_and_no_other_mark_counts(server: Server, key_ring: KeyRing) -> None:
    token = key_ring.message_token(3, 7)
    mark = key_ring.inbox_mark(token)
    for given in (mark, mark[:-1] + ("A" if mark[-1] != "A" else "B"), "", "é%00"):
        assert server.client.get(f"/o/{token}.gif", params={"i": given}).status_code == 200
    assert [record["inbox"] for record in server.new_hits()] == [True, False, False, False]


def test_forged_cut_mixed_and_misshapen_tokens_never_redirect_and_leave_no_hit(
    server: Server, key_ring: KeyRing
) -> None:
    message, link = click_path(key_ring)[3:].split(".")
    stranger = KeyRing.from_text("another key that is long enough to be one")
    paths = [
        f"/c/{message}.{key_ring.link_piece(4, 2, TARGET)}",
        f"/c/{key_ring.message_token(4, 7)}.{link}",
        click_path(stranger),
        f"/c/{message}",
        f"/c/.{link}",
        f"/c/{message}.{link[:-1]}",
        f"/c/{message}.{link}A",
        f"/c/{message}.{link}=",
        f"/c/{message}.{link}/",
        f"/c/{message}.{link}%00",
        f"/c/{message}%2e%2e{link}",
        "/c/",
        "/c/%FF%FE",
        "/c/" + "A" * 20_000,
        "/c/https://evil.example",
        "/c/..%2f..%2fetc%2fpasswd",
        click_path(key_ring, target="javascript:alert(1)"),
        click_path(key_ring, target="//evil.example"),
    ]
    for path in paths:
        answer = server.client.get(path)
        assert (answer.status_code, answer.headers.get("location")) == (404, None), path
        assert "Traceback" not in answer.text
    assert server.client.get(open_path(stranger)).headers["content-type"] == "image/gif"
    assert server.client.get("/o/nonsense").headers["content-type"] == "image/gif"
    assert server.new_hits() == []


def test_a_post_to_a_link_neither_redirects_nor_counts(server: Server, key_ring: KeyRing) -> None:
    answer = server.client.post(click_path(key_ring), data={"a": "b"})
    assert answer.status_code in (404, 405)
    assert server.new_hits() == []


def test_a_target_cannot_break_out_of_its_header(server: Server, key_ring: KeyRing) -> None:
    path = click_path(key_ring, target="https://shop.example/ü\r\nSet-Cookie: a=b")
    answer = server.client.get(path)
    assert answer.headers["location"] == "https://shop.example/%C3%BC%0D%0ASet-Cookie:%20a=b"
    assert "set-cookie" not in answer.headers


def test_overlong_paths_and_headers_are_refused_politely(server: Server) -> None:
    assert server.client.get("/c/" + "a" * 60_000).status_code == 404
    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        raw.sendall(b"GET /c/" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 4")
    assert server.client.get("/o/x.gif", headers={"User-Agent": "a" * 10_000}).status_code == 200


def test_only_a_declared_proxy_is_believed(start_server: Callable[..., Server], key_ring: KeyRing) -> None:
    forwarded = {"X-Forwarded-For": "203.0.113.1, 198.51.100.2"}
    trusting = start_server(TIDINGS_TRUSTED_PROXIES="127.0.0.1")
    trusting.client.get(open_path(key_ring), headers=forwarded)
    assert [record["address"] for record in trusting.new_hits()] == ["198.51.100.2"]
    trusting.client.get(open_path(key_ring), headers=[("X-Forwarded-For", "1.1.1.1"), ("X-Forwarded-For", "2.2.2.2")])
    assert trusting.new_hits()[-1]["address"] == "2.2.2.2"


def test_every_answered_hit_survives_a_kill_under_load(
    start_server: Callable[..., Server], key_ring: KeyRing, tmp_path: Path
) -> None:
    home = tmp_path / "killed"
    answered: list[set[int]] = []
    for round_number in range(2):
        server = start_server(home=home)
        with ThreadPoolExecutor() as thread:  # a browser test before us leaves a loop running in this one
            loaded = thread.submit(asyncio.run, _load_until_killed(server, key_ring, round_number))
            answered.append(loaded.result())
        assert len(answered[-1]) > 5  # enough to mean something, also on a busy machine
    on_disk = [(record["campaign"], record["seq"]) for record in server.new_hits()]
    assert len(on_disk) == len(set(on_disk))
    for round_number, seqs in enumerate(answered):
        assert {(round_number + 1, seq) for seq in seqs} <= set(on_disk)


async def _load_until_killed(server: Server, key_ring: KeyRing, round_number: int) -> set[int]:
    """Send hits from 16 connections, kill the server in the midst of it, and return the seqs that were answered."""
    answered: set[int] = set()
    numbers = iter(range(1, 1_000_000))

    async def send(client: httpx.AsyncClient) -> None:
        while True:
            seq = next(numbers)
            try:
                answer = await client.get(server.url + open_path(key_ring, round_number + 1, seq))
            except httpx.TransportError:
                return
            if answer.status_code == 200:
                answered.add(seq)

    async with httpx.AsyncClient(timeout=5) as client:
        senders = [asyncio.create_task(send(client)) for _ in range(16)]
        await asyncio.sleep(0.6)
        server.process.kill()
        await asyncio.gather(*senders)
    server.process.wait(5)
    return answered


def test_a_full_disk_serves_the_reader_and_counts_the_loss(
    start_server: Callable[..., Server], key_ring: KeyRing
) -> None:
    server = start_server()
    server.client.get(open_path(key_ring))
    (segment,) = (server.home / "spool" / "hits").iterdir()
    subprocess.run(["prlimit", f"--pid={server.process.pid}", f"--fsize={segment.stat().st_size + 50}:"], check=True)
    assert server.client.get(open_path(key_ring)).status_code == 200
    assert server.client.get(click_path(key_ring)).headers["location"] == TARGET
    assert "tidings_hits_lost_total 2" in server.client.get("/metrics").text
    subprocess.run(["prlimit", f"--pid={server.process.pid}", "--fsize=unlimited:"], check=True)
    server.client.get(open_path(key_ring, 3, 8))
    assert [record["seq"] for record in server.new_hits()] == [7, 8]


def test_a_stop_seals_what_was_kept_and_ends_well_with_connections_open(
    start_server: Callable[..., Server], key_ring: KeyRing
) -> None:
    server = start_server()
    server.client.get(open_path(key_ring))
    server.process.terminate()
    assert server.process.wait(10) == 0
    assert [path.suffix for path in (server.home / "spool" / "hits").iterdir()] == [".sealed"]


def test_metrics_are_for_this_machine_only(server: Server) -> None:
    assert "tidings_hits_lost_total 0" in server.client.get("/metrics").text
    assert server.client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 404
    assert server.client.get("/metrics", headers={"Host": "mail.fernandfield.example"}).status_code == 404


def test_a_large_body_is_refused_on_public_pages(server: Server) -> None:
    assert server.client.post("/u/x", content=b"a" * 100_000).status_code == 413
    assert server.client.post("/u/x", content=iter([b"a" * 50_000] * 3)).status_code == 413


@pytest.mark.parametrize("module", ["campaigns.tracking.record", "web.public.tracking"])
def test_the_hot_path_loads_no_database_and_no_redis(module: str) -> None:
    code = (
        f"import sys, {module}; "
        "bad = {name.partition('.')[0] for name in sys.modules} & {'sqlalchemy', 'redis', 'rq', 'psycopg', 'flask'}; "
        "sys.exit(', '.join(sorted(bad)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ})
    assert done.returncode == 0, done.stderr
