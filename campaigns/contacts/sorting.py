"""The key that contacts are sorted and found by, written by Python (the database has no ICU)."""

from functools import lru_cache

from campaigns.contacts.names import sort_key

MAX_KEY_CHARACTERS = 300  # an index row holds 2,704 bytes, and folding can make one sign eighteen


@lru_cache(maxsize=20_000)
def make_sort_key(given_name: str, family_name: str) -> str:
    """Return a contact's ``sort_key``, short enough for its index."""
    return sort_key(given_name, family_name)[:MAX_KEY_CHARACTERS].replace("\x00", "")


def make_search_key(text: str) -> str:
    """Return what somebody typed, folded as sort keys are."""
    return sort_key("", text)[:MAX_KEY_CHARACTERS].replace("\x00", "").strip()
