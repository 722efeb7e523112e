"""From a request to an operation and back: validation, one transaction, idempotency, JSON."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from flask import Response, g, request
from pydantic import BaseModel, ValidationError
from sqlalchemy.orm import Session

from campaigns import clock
from campaigns.accounts import audit
from campaigns.db import read_session, transaction
from campaigns.errors import InvalidInput
from web.api import idempotency
from web.api.operation import Operation
from web.api.reading import read_json, refuse_unstorable


class BadRequestBody(InvalidInput):
    """The body or query does not fit its description; ``params['errors']`` lists each fault."""

    code = "does_not_fit"


def make_view(operation: Operation) -> Callable[..., Response]:
    """Return the Flask view of an operation."""

    def view(**path: str) -> Response:
        arguments: dict[str, Any] = {**path, **_read_arguments(operation)}
        if not operation.writes:
            with read_session() as session:
                return answer(operation, operation.function(session, **arguments))
        with transaction() as session:
            return _write(session, operation, arguments)

    view.__name__ = operation.name
    return view


def _write(session: Session, operation: Operation, arguments: dict[str, Any]) -> Response:
    keyed = _keyed(operation)
    if keyed is not None:
        kept = idempotency.find_answer(session, request=keyed)
        if kept is not None:
            return _json(kept[1], kept[0], {"Idempotent-Replayed": "true"})
    response = answer(operation, operation.function(session, **arguments))
    _note(session, operation, arguments, response)
    if keyed is not None:
        idempotency.keep_answer(
            session, request=keyed, status=response.status_code, body=response.get_json(), now=clock.now()
        )
    return response


def _note(session: Session, operation: Operation, arguments: dict[str, Any], response: Response) -> None:
    """Leave a line in the audit trail: what was called, on what, by which token."""
    if operation.role == "viewer":
        return
    named = next((arguments[name] for name in operation.path_parameters), None)
    made = (response.get_json(silent=True) or {}).get("id")
    audit.record(
        session,
        actor=g.actor,
        action=f"api.{operation.name}",
        subject=str(named or made or ""),
        now=clock.now(),
    )


def _keyed(operation: Operation) -> idempotency.KeyedRequest | None:
    key = request.headers.get("Idempotency-Key")
    if key is None or not operation.idempotent:
        return None
    return idempotency.keyed_request(
        token_id=g.actor.token_id,
        key=key,
        method=operation.method,
        path=request.path,
        body=_request_digest(operation),
    )


def _request_digest(operation: Operation) -> bytes:
    """What makes two requests the same: the body, but not the boundary of a multipart one."""
    if not operation.upload:
        return request.get_data(cache=True)
    fields = sorted((name, value) for name, value in request.form.items(multi=True))
    files = []
    for name, file in sorted(request.files.items(multi=True)):
        digest = hashlib.file_digest(file.stream, "sha256").hexdigest()  # type: ignore[arg-type]
        file.stream.seek(0)
        files.append((name, file.filename, digest))
    return json.dumps([fields, files]).encode()


def _read_arguments(operation: Operation) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    names = operation.function.__code__.co_varnames[: _argument_count(operation)]
    if "actor" in names:
        arguments["actor"] = g.actor
    if "now" in names:
        arguments["now"] = clock.now()
    if operation.query is not None:
        arguments["query"] = _parse(operation.query, _query_values(operation.query))
    if operation.body is not None:
        arguments["body"] = _parse(operation.body, _form_values() if operation.upload else _json_body())
    return arguments


def _argument_count(operation: Operation) -> int:
    code = operation.function.__code__
    return code.co_argcount + code.co_kwonlyargcount


def _query_values(model: type[BaseModel]) -> dict[str, Any]:
    """Return the query's values; a name that the operation does not know is refused, not ignored."""
    values: dict[str, Any] = request.args.to_dict()
    refuse_unstorable(values)
    unknown = sorted(set(values) - set(model.model_fields))
    if unknown:
        known = ", ".join(model.model_fields)
        raise InvalidInput(f"There is no query parameter {unknown[0]!r} here; known are {known}.", field=unknown[0])
    return values


def _form_values() -> dict[str, Any]:
    values: dict[str, Any] = request.form.to_dict()
    refuse_unstorable(values)
    return values


def _json_body() -> Any:
    data = request.get_data(cache=True)
    if not data:
        return {}
    if not request.is_json:
        raise InvalidInput("Send the body as JSON, with Content-Type: application/json.")
    return read_json(data)


def _parse(model: type[BaseModel], values: Any) -> BaseModel:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        faults = [
            {"field": ".".join(str(part) for part in fault["loc"]), "message": fault["msg"]}
            for fault in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        first = faults[0]
        message = f"{first['field']}: {first['message']}" if first["field"] else first["message"]
        raise BadRequestBody(message, field=first["field"] or None, errors=faults) from error


def answer(operation: Operation, result: Any) -> Response:
    """Return ``result`` as a response: a Response as it is, a model as JSON, None as an empty one."""
    if isinstance(result, Response):
        return result
    if result is None:
        return Response(status=operation.status)
    return _json(result.model_dump(mode="json"), operation.status, {})


def _json(body: Any, status: int, headers: dict[str, str]) -> Response:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status=status, headers=headers, content_type="application/json; charset=utf-8")
