"""No secret gets into a log, a traceback or an error message by being printed."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from campaigns.delivery.smtp_address import BadSmtpUrl, read_smtp_urls
from campaigns.settings import Settings
from campaigns.signing import KeyRing

SECRET = "kd8s7f6gks8d7fgk"


def test_printing_the_settings_or_the_keys_tells_no_secret() -> None:
    settings = Settings(
        secret_key=SECRET,
        database_url=f"postgresql://u:{SECRET}@h/d",
        redis_url=f"redis://:{SECRET}@h",
        smtp_url=f"smtp://u:{SECRET}@h",
    )
    assert SECRET not in f"{settings!r} {settings}"
    assert SECRET not in repr(KeyRing.from_text(SECRET * 3))


@pytest.mark.parametrize("url", ["smtp://u:{}/x@h:25", "smtp://u:{}#x@h", "smtp://[{}@h", "imap://u:{}@h"])
def test_a_mail_server_that_cannot_be_read_is_not_quoted_with_its_password(url: str) -> None:
    with pytest.raises(BadSmtpUrl) as caught:
        read_smtp_urls(url.format(SECRET))
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None or SECRET not in str(caught.value.__cause__)


def test_an_error_of_the_database_does_not_quote_values(session: Session) -> None:
    with pytest.raises(DBAPIError) as caught, session.begin_nested():
        session.execute(text("SELECT CAST('x' AS integer), :hash"), {"hash": SECRET})
    assert SECRET not in str(caught.value)
