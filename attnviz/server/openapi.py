"""The service's OpenAPI 3.1 description: routes, schemas of every body, and every limit by its number."""

from __future__ import annotations

from typing import Any

import msgspec

from attnviz.backends import wire
from attnviz.errors import kinds
from attnviz.server.admission import BODY_SECONDS
from attnviz.server.schemas import Error, Health, Models, Question, Readiness
from attnviz.settings import Settings

JSON = "application/json"
VERSION = "1.0.0"  # of the described interface
REF = "#/components/schemas/{name}"
NO_KEY = "No key, or a wrong one."


def describe(settings: Settings, max_body_bytes: int) -> dict[str, Any]:
    """Return the description of a server with these settings; `max_body_bytes` bounds the body of a question."""
    security = [{"key": []}] if settings.key else []
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "attnviz backend",
            "version": VERSION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "Attention weights of every head of a model on a text. No text is written to disk or to a log.",
        },
        "paths": {
            "/v1/models": {"get": _models(security)},
            "/v1/attention": {"post": _attention(settings, max_body_bytes, security)},
            "/healthz": {"get": _operation("health", "Whether this process lives.", {200: _json("It does.", "Health")})},
            "/readyz": {"get": _ready()},
            "/metrics": {"get": _metrics(security)},
            "/openapi.json": {"get": _openapi()},
        },
        "components": {
            "schemas": _schemas(settings),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _schemas(settings: Settings) -> dict[str, Any]:
    """Return the schemas of all bodies, with the limits that only the settings and the errors know."""
    _, schemas = msgspec.json.schema_components((Question, Error, Models, Health, Readiness), ref_template=REF)
    text = {"type": "string", "maxLength": settings.max_bytes}
    question = schemas["Question"]["properties"]
    limit = f"At most {settings.max_bytes:,} bytes of UTF-8, not only blanks."
    question["text"] |= text | {"minLength": 1, "description": limit}
    question["text_b"]["anyOf"] = [text, {"type": "null"}]
    schemas["ErrorDetail"]["properties"]["kind"]["enum"] = sorted(kinds())
    return schemas


def _operation(name: str, summary: str, responses: dict[int, Any], security: list[Any] | None = None) -> dict[str, Any]:
    """Return an operation; without `security` it is open to all."""
    described = {"operationId": name, "summary": summary, "responses": {str(code): entry for code, entry in responses.items()}}
    return described if security is None else described | {"security": security}


def _json(meaning: str, schema: str) -> dict[str, Any]:
    """Return a JSON answer."""
    return {"description": meaning, "content": {JSON: {"schema": {"$ref": REF.format(name=schema)}}}}


def _errors(meanings: dict[int, str]) -> dict[int, Any]:
    """Return answers that carry an error."""
    return {code: _json(meaning, "Error") for code, meaning in meanings.items()}


def _attention(settings: Settings, max_body_bytes: int, security: list[Any]) -> dict[str, Any]:
    """Describe the route that answers questions."""
    errors = {
        401: NO_KEY,
        404: "No such model, or its weights are not here.",
        408: f"Not arrived within {BODY_SECONDS:.0f} s.",
        413: (
            f"More than {max_body_bytes:,} bytes, {settings.max_bytes:,} bytes of text, or more tokens than the model reads."
        ),
        415: f"Not {JSON}.",
        422: "Not a question, or one that this model cannot answer.",
        429: f"More than {settings.rate} requests a minute from one address.",
        503: ("Too many requests, the model is being loaded, or the disk is full: try again in `retry_after` seconds."),
        504: f"Not done within {settings.seconds} s.",
    }
    octets = {"application/octet-stream": {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}}
    answer = {200: {"description": "The answer.", "content": octets}}
    summary = "The attention of every head on a text, as bytes (see attnviz/backends/wire/__init__.py)."
    return _operation("attention", summary, answer | _errors(errors), security) | {
        "description": "`batched` in their header: other texts were read in the same pass, and numbers agree to 1e-5.",
        "parameters": [_form()],
        "requestBody": {"required": True, "content": {JSON: {"schema": {"$ref": REF.format(name="Question")}}}},
    }


def _form() -> dict[str, Any]:
    """Describe the header with the form of answer that a client reads."""
    meaning = (
        f"The newest form of answer that the client reads. {wire.FORM}: a token that the model cannot read has a seventh "
        "entry, true, and `reading` counts what is read as typed. 1: neither."
    )
    schema = {"type": "integer", "minimum": 1, "maximum": 999_999_999, "default": wire.FORM}
    return {"name": wire.FORM_HEADER, "in": "header", "required": False, "description": meaning, "schema": schema}


def _models(security: list[Any]) -> dict[str, Any]:
    """Describe the list of models."""
    errors = {401: NO_KEY, 429: "Too many requests from one address."}
    summary = "Every model that a question may name, and whether its weights are here."
    return _operation("models", summary, {200: _json("The models.", "Models")} | _errors(errors), security)


def _ready() -> dict[str, Any]:
    """Describe whether the models of `--warm` can be used."""
    summary = "Whether the models that the server loads at its start can be used."
    return _operation("ready", summary, {200: _json("They can.", "Readiness"), 503: _json("Not yet.", "Readiness")})


def _metrics(security: list[Any]) -> dict[str, Any]:
    """Describe the metrics."""
    text = {"description": "Samples.", "content": {"text/plain": {"schema": {"type": "string"}}}}
    return _operation("metrics", "Metrics for Prometheus.", {200: text} | _errors({401: NO_KEY}), security)


def _openapi() -> dict[str, Any]:
    """Describe this description."""
    body = {"type": "object", "required": ["openapi"]}
    answer = {"description": "An OpenAPI document.", "content": {JSON: {"schema": body}}}
    return _operation("description", "This description.", {200: answer})
