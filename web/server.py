"""The web server: one port, one process. Hits go the short way; everything else is handed to Flask in threads."""

import asyncio
import logging
import resource
import signal
from typing import TYPE_CHECKING

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from campaigns.hits import SpoolWriter
from campaigns.keys import load_key_ring
from campaigns.settings import Settings
from campaigns.signing import KeyRing
from campaigns.tracking.client_address import TrustedProxies
from web.bridge import Bridge
from web.public.app import create_public_app
from web.public.tracking import HitKeeper, Tracking
from web.shipping import Shipper

if TYPE_CHECKING:
    from granian._granian import RSGIHTTPProtocol
    from granian.rsgi import Scope

log = logging.getLogger(__name__)

PUBLIC_PREFIXES = ("/u/", "/p/", "/v/", "/c/", "/public/")
PUBLIC_PATHS = ("/healthz", "/metrics")
PUBLIC_BODY_BYTES = 64_000
PAGE_BODY_BYTES = 5_000_000
UPLOAD_PATHS = ("/imports/new", "/api/v1/imports")
PUBLIC_THREADS = 4
PAGE_THREADS = 12
BACKLOG = 2048
FORM_ROOM_BYTES = 1_000_000  # around an upload of the largest size
HTTP_LIMITS = HTTP1Settings(header_read_timeout=15_000, max_buffer_size=64 * 1024)
STOP_SECONDS = 8


class Site:
    """Sends each request to whoever answers it."""

    def __init__(self, *, tracking: Tracking, keeper: HitKeeper, public: Bridge, pages: Bridge) -> None:
        self._tracking = tracking
        self._keeper = keeper
        self._public = public
        self._pages = pages

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._keeper.begin(loop)

    async def __rsgi__(self, scope: "Scope", protocol: "RSGIHTTPProtocol") -> None:
        path = scope.path
        if path.startswith("/o/"):
            await self._tracking.answer_open(scope, protocol)
        elif path.startswith("/c/") and await self._tracking.answer_click(scope, protocol):
            return
        elif path.startswith(PUBLIC_PREFIXES) or path in PUBLIC_PATHS:
            await self._public.answer(scope, protocol)
        else:
            await self._pages.answer(scope, protocol)


def serve(settings: Settings, public_only: bool = False) -> None:
    """Serve until SIGTERM or SIGINT; with ``public_only`` nothing but what subscribers and machines may see."""
    key_ring = load_key_ring(settings)
    keeper = HitKeeper(SpoolWriter(settings.home_path / "spool" / "hits"))
    site = make_site(settings, key_ring, keeper, public_only=public_only)
    shipper = Shipper(settings, key_ring)
    raise_file_limit()
    shipper.start()
    try:
        uvloop.run(_serve(site, settings))
    finally:
        keeper.close()
        shipper.stop()


def make_site(settings: Settings, key_ring: KeyRing, keeper: HitKeeper, *, public_only: bool) -> Site:
    """Return the site: hot path, public pages and, unless ``public_only``, the pages behind the sign-in."""
    proxies = TrustedProxies.parse(settings.trusted_proxies)
    public = Bridge(
        create_public_app(settings, key_ring, keeper),
        threads=PUBLIC_THREADS,
        body_limit=PUBLIC_BODY_BYTES,
        proxies=proxies,
    )
    tracking = Tracking(key_ring, proxies, keeper)
    if public_only:
        return Site(tracking=tracking, keeper=keeper, public=public, pages=public)
    from web.app import create_app  # the pages are a good part of the memory; a public-only host does without

    pages = Bridge(
        create_app(settings, key_ring),
        threads=PAGE_THREADS,
        body_limit=PAGE_BODY_BYTES,
        proxies=proxies,
        upload_limit=settings.upload_limit + FORM_ROOM_BYTES,
        upload_paths=UPLOAD_PATHS,
    )
    return Site(tracking=tracking, keeper=keeper, public=public, pages=pages)


async def _serve(site: Site, settings: Settings) -> None:
    server = Server(
        site,
        address=settings.bind,
        port=settings.port,
        interface=Interfaces.RSGI,
        http=HTTPModes.http1,
        http1_settings=HTTP_LIMITS,
        websockets=False,
        backlog=BACKLOG,
        log_enabled=False,
    )
    server.workers_kill_timeout = STOP_SECONDS
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    log.info("Listening on %s:%d", settings.bind, settings.port)
    try:
        await server.serve()
    except TimeoutError:
        log.warning("Some connections were cut after %d s", STOP_SECONDS)


def raise_file_limit() -> None:
    """Allow as many open connections as the system lets us have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
