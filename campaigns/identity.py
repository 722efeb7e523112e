"""Which key belongs to which database: the database remembers the fingerprint of its key."""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from campaigns.errors import TidingsError
from campaigns.models.installation import Installation
from campaigns.signing import KeyRing


class KeyDoesNotFit(TidingsError):
    """This process has another master key than the one the database was used with."""

    code = "key_does_not_fit"


def check_key(session: Session, *, key_ring: KeyRing) -> None:
    """Return when ``key_ring`` holds the database's key; the first key that comes is remembered.

    A rotated key is one whose predecessor is still in the ring: the database then remembers the new one. Raises
    :class:`KeyDoesNotFit`: with a wrong key every link sent so far would break, and new ones would be unreadable.
    """
    current = key_ring.current.fingerprint
    known = session.scalar(select(Installation.key_fingerprint).where(Installation.id == 1).with_for_update())
    if known == current:
        return
    if known is not None and known not in {key.fingerprint for key in key_ring.keys}:
        raise KeyDoesNotFit(
            f"The database was used with another master key (fingerprint {known[:8]}…, yours is {current[:8]}…): "
            "bring back keys/master.key of its data folder, set TIDINGS_SECRET_KEY to the old key, or restore both "
            "from one backup with `tidings restore FILE`."
        )
    session.execute(update(Installation).where(Installation.id == 1).values(key_fingerprint=current))
