"""What a role includes."""

from campaigns.errors import InvalidInput
from campaigns.models.user import Role

RANK = {Role.viewer: 1, Role.editor: 2, Role.owner: 3}


class UnknownRole(InvalidInput):
    code = "unknown_role"


def read_role(text: str) -> Role:
    """Return the role named ``text``; raises :class:`UnknownRole`."""
    try:
        return Role(text)
    except ValueError as error:
        raise UnknownRole(f"There is no role {text[:40]!r}; use owner, editor or viewer.", field="role") from error


def includes(role: str, needed: str) -> bool:
    """Say whether somebody with ``role`` may do what ``needed`` may do."""
    return RANK[Role(role)] >= RANK[Role(needed)]
