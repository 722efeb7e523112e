"""One operation of the API, described by its function's own signature.

A function ``create_contact(session, *, actor: Actor, body: ContactIn) -> ContactOut`` says everything: which body or
query it takes, which path parameters (plain ``str``), and what it answers. Routing, validation and the OpenAPI
document are all made from that, so that they can't disagree.
"""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, get_type_hints

from pydantic import BaseModel

PATH_PARAMETER = re.compile(r"\{(\w+)\}")

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Operation:
    """What one method of one path takes, needs and answers."""

    method: str
    path: str
    role: str
    tag: str
    status: int
    function: Callable[..., Any]
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    answer: type[BaseModel] | None
    media_type: str
    upload: bool
    idempotent: bool

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def summary(self) -> str:
        return (inspect.getdoc(self.function) or "").split("\n")[0].rstrip(".")

    @property
    def description(self) -> str:
        return inspect.getdoc(self.function) or ""

    @property
    def path_parameters(self) -> list[str]:
        return PATH_PARAMETER.findall(self.path)

    @property
    def writes(self) -> bool:
        return self.method != "GET"


class Operations:
    """The operations of one resource, collected by its module in the order they are written."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.items: list[Operation] = []

    def get(
        self, path: str, *, role: str = "viewer", media_type: str = "application/json"
    ) -> Callable[[Function], Function]:
        return self._add("GET", path, role=role, media_type=media_type)

    def post(
        self, path: str, *, role: str = "editor", status: int = 200, upload: bool = False, idempotent: bool = False
    ) -> Callable[[Function], Function]:
        return self._add("POST", path, role=role, status=status, upload=upload, idempotent=idempotent)

    def put(self, path: str, *, role: str = "editor") -> Callable[[Function], Function]:
        return self._add("PUT", path, role=role)

    def patch(self, path: str, *, role: str = "editor") -> Callable[[Function], Function]:
        return self._add("PATCH", path, role=role)

    def delete(self, path: str, *, role: str = "editor") -> Callable[[Function], Function]:
        return self._add("DELETE", path, role=role, status=204)

    def _add(
        self,
        method: str,
        path: str,
        *,
        role: str,
        status: int = 200,
        media_type: str = "application/json",
        upload: bool = False,
        idempotent: bool = False,
    ) -> Callable[[Function], Function]:
        def register(function: Function) -> Function:
            hints = get_type_hints(function)
            self.items.append(
                Operation(
                    method=method,
                    path=path,
                    role=role,
                    tag=self.tag,
                    status=status,
                    function=function,
                    body=_model(hints.get("body")),
                    query=_model(hints.get("query")),
                    answer=_model(hints.get("return")),
                    media_type=media_type,
                    upload=upload,
                    idempotent=idempotent,
                )
            )
            return function

        return register


def _model(hint: Any) -> type[BaseModel] | None:
    return hint if isinstance(hint, type) and issubclass(hint, BaseModel) else None
