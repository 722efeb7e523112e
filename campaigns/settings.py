"""The only reader of the environment."""

import hashlib
import os
import tempfile
from functools import cache
from pathlib import Path
from urllib.parse import quote

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

SOCKET_PATH_LIMIT = 90  # a unix socket's whole path must stay under 108 bytes


class Settings(BaseSettings):
    """Every setting of an installation, read from ``TIDINGS_…`` variables."""

    model_config = SettingsConfigDict(env_prefix="TIDINGS_", extra="ignore", frozen=True)

    home: Path = Field(Path("var"), description="The data folder.")
    port: int = Field(8000, ge=1, le=65535, description="The port the web process listens on.")
    bind: str = Field("127.0.0.1", description="The address the web process listens on.")
    database_url: str | None = Field(None, repr=False, description="PostgreSQL 15 or newer; default: the embedded one.")
    redis_url: str | None = Field(None, repr=False, description="Redis 6.2 or newer; default: the embedded Valkey.")
    smtp_url: str | None = Field(
        None, repr=False, description="smtp://user:pass@host:port or smtps://…, ?starttls=…; default: the local inbox."
    )
    public_url: str | None = Field(None, description="What links in mails begin with, never the Host header.")
    trusted_proxies: str = Field("", description="Comma-separated networks whose X-Forwarded-For is believed.")
    log: str = Field("info", description="Log level: debug, info, warning or error.")
    secret_key: str | None = Field(
        None, repr=False, description="Master key; made and kept on first start with the embedded database."
    )
    settle_seconds: float = Field(60.0, ge=0, description="How long a verdict may still change.")
    lease_seconds: float = Field(60.0, gt=0, description="How long a claimed batch belongs to a silent worker.")
    pump_seconds: float = Field(60.0, gt=0, description="How long one send job claims batches before it ends.")
    late_seconds: float = Field(3600.0, ge=0, description="A scheduled campaign later than this is held.")
    retry_seconds: float = Field(
        300.0, gt=0, description="The first wait before a deferred message is tried again; later ones grow."
    )
    tick_seconds: float = Field(1.0, gt=0, description="How often the scheduler looks for due work.")
    batch_size: int = Field(1000, ge=1, description="Messages in one batch.")
    window_size: int = Field(32, ge=1, le=32, description="Messages handed to SMTP between two marks.")
    send_workers: int = Field(2, ge=1, description="Send worker processes that `tidings up` starts.")
    inbox_port: int = Field(8025, ge=1, le=65535, description="The local inbox's SMTP port on 127.0.0.1.")
    inbox_limit: int = Field(50_000, ge=1, description="How many mails the local inbox keeps.")
    upload_limit: int = Field(200_000_000, ge=1, description="The largest upload, in bytes.")

    @property
    def home_path(self) -> Path:
        """The data folder as an absolute path."""
        return self.home.expanduser().absolute()

    @property
    def run_path(self) -> Path:
        """The folder for sockets and process ids: under home, or a short one when home's path is too long."""
        folder = self.home_path / "run"
        if len(os.fsencode(folder)) <= SOCKET_PATH_LIMIT - len("/.s.PGSQL.5432"):
            return folder
        digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"tidings-{os.getuid()}-{digest}"

    @property
    def uses_embedded_database(self) -> bool:
        return self.database_url is None

    @property
    def uses_embedded_redis(self) -> bool:
        return self.redis_url is None

    @property
    def uses_local_inbox(self) -> bool:
        """No transport is configured, so every mail stays on this machine."""
        return self.smtp_url is None

    @property
    def effective_database_url(self) -> str:
        """The SQLAlchemy URL in use, always with the psycopg driver."""
        if self.database_url is None:
            return f"postgresql+psycopg://tidings@/tidings?host={quote(str(self.run_path))}"
        scheme, _, rest = self.database_url.partition("://")
        return f"postgresql+psycopg://{rest}" if scheme in ("postgres", "postgresql") else self.database_url

    @property
    def effective_redis_url(self) -> str:
        return self.redis_url or f"unix://{self.run_path / 'valkey.sock'}"

    @property
    def effective_smtp_url(self) -> str:
        return self.smtp_url or f"smtp://127.0.0.1:{self.inbox_port}"

    @property
    def effective_public_url(self) -> str:
        """What links in mails begin with, without a slash at the end."""
        if self.public_url:
            return self.public_url.rstrip("/")
        host = "127.0.0.1" if self.bind in ("0.0.0.0", "::", "127.0.0.1") else self.bind  # noqa: S104
        return f"http://{host}:{self.port}"


@cache
def get_settings() -> Settings:
    """Return this process's settings, read once. Tests clear with ``get_settings.cache_clear()``."""
    return Settings()
