"""The OpenAPI 3.1 document, made from the operations themselves."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from campaigns.segments.schema import rule_schemas
from web.api.operation import Operation

REFERENCE = "#/components/schemas/{model}"
PROBLEM = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "field": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
    "required": ["type", "title", "status"],
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 255},
    "description": "The same key and request again gives the same answer and no second effect.",
}


def describe(operations: Sequence[Operation], *, version: str, server: str) -> dict[str, Any]:
    """Return the whole document as a JSON-ready dict."""
    schemas = _schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tidings", "version": version, "description": "Everything that the UI does."},
        "servers": [{"url": f"{server}/api/v1"}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": {**schemas["definitions"], **rule_schemas(reference=REFERENCE), "Problem": PROBLEM},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _schemas(operations: Sequence[Operation]) -> dict[str, Any]:
    inputs = [model for item in operations for model in (item.body, item.query) if model is not None]
    wanted: list[tuple[type[BaseModel], Any]] = [(model, "validation") for model in dict.fromkeys(inputs)]
    answers = [item.answer for item in operations if item.answer is not None]
    wanted += [(model, "serialization") for model in dict.fromkeys(answers)]
    references, document = models_json_schema(wanted, ref_template=REFERENCE)
    return {"references": references, "definitions": _refer(document.get("$defs", {}))}


def _refer(schema: Any) -> Any:
    """Turn ``x-schema: Name`` into a reference; pydantic itself refuses references to schemas that it did not make."""
    if isinstance(schema, list):
        return [_refer(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "x-schema" in schema:
        return {"$ref": REFERENCE.format(model=schema["x-schema"])}
    return {key: _refer(value) for key, value in schema.items()}


def _operation(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": operation.description,
        "tags": [operation.tag],
        "parameters": _parameters(operation, schemas),
        "responses": {
            str(operation.status): _answer(operation, schemas),
            "default": {
                "description": "A problem.",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            },
        },
        "x-role": operation.role,
    }
    if operation.body is not None:
        media = "multipart/form-data" if operation.upload else "application/json"
        schema = schemas["references"][(operation.body, "validation")]
        described["requestBody"] = {"required": True, "content": {media: {"schema": schema}}}
    return described


def _parameters(operation: Operation, schemas: dict[str, Any]) -> list[dict[str, Any]]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in operation.path_parameters
    ]
    if operation.query is not None:
        for name, field in operation.query.model_json_schema(ref_template=REFERENCE).get("properties", {}).items():
            parameters.append(
                {
                    "name": name,
                    "in": "query",
                    "required": name in operation.query.model_json_schema().get("required", []),
                    "description": field.pop("description", ""),
                    "schema": field,
                }
            )
    return [*parameters, IDEMPOTENCY_KEY] if operation.idempotent else parameters


def _answer(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    if operation.answer is None:
        if operation.status == 204:
            return {"description": "Done."}
        return {"description": "The file.", "content": {operation.media_type: {"schema": {"type": "string"}}}}
    schema = schemas["references"][(operation.answer, "serialization")]
    return {"description": "Done.", "content": {"application/json": {"schema": schema}}}
