"""The server's description for programs (OpenAPI 3.1): what may be asked, what is answered, and every limit by its number."""

from __future__ import annotations

from typing import Any

from attnviz.backends import wire
from attnviz.errors import kinds
from attnviz.server.admission import ARRIVES
from attnviz.settings import Settings
from attnviz.types import ModelCard

JSON = "application/json"
VERSION = "1.0.0"  # of what is described here


def described(settings: Settings, largest: int) -> dict[str, Any]:
    """The description; `largest` is how many bytes a question may have."""
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
            "/v1/attention": {"post": _attention(settings, largest, security)},
            "/healthz": {"get": _plain("health", "Whether this process answers.", {"200": _answer("It does.", _open("ok"))})},
            "/readyz": {"get": _ready()},
            "/metrics": {"get": _metrics(security)},
            "/openapi.json": {"get": _plain("description", "This.", {"200": _answer("It.", _open("openapi"))})},
        },
        "components": {
            "schemas": {"Question": _question(settings), "Error": _error(), "Model": _model()},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _plain(name: str, summary: str, responses: dict[str, Any]) -> dict[str, Any]:
    """An operation without a body, open to all."""
    return {"operationId": name, "summary": summary, "responses": responses}


def _attention(settings: Settings, largest: int, security: list[Any]) -> dict[str, Any]:
    """The one question there is."""
    wrong = {
        "401": "No key, or another one.",
        "404": "No such model, or its weights are not here.",
        "408": f"Not arrived within {ARRIVES:.0f} s.",
        "413": f"More than {largest:,} bytes, {settings.max_bytes:,} bytes of text, or more tokens than the model reads.",
        "415": f"Not {JSON}.",
        "422": "No question, or one that cannot be answered as asked.",
        "429": f"More than {settings.rate} requests a minute from one address.",
        "503": "Too much is asked at once, the model is being loaded, or the disk is full: try again in `retry_after` seconds.",
        "504": f"Not done within {settings.seconds} s.",
    }
    octets = {"application/octet-stream": {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}}
    return {
        "operationId": "attention",
        "summary": "The attention of every head on a text, as bytes (see attnviz/backends/wire/__init__.py).",
        "description": "`batched` in their header: other texts were read in the same pass, and numbers agree to 1e-5.",
        "security": security,
        "parameters": [_form()],
        "requestBody": {"required": True, "content": {JSON: {"schema": {"$ref": "#/components/schemas/Question"}}}},
        "responses": {"200": {"description": "The answer.", "content": octets}}
        | {status: _answer(meaning, {"$ref": "#/components/schemas/Error"}) for status, meaning in wrong.items()},
    }


def _form() -> dict[str, Any]:
    """The header that says which form of answer is read."""
    meaning = (
        f"The newest form of answer that the client reads. {wire.FORM}: a token that the model cannot read has a seventh "
        "entry, true, and `reading` counts what is read as typed. 1: neither."
    )
    schema = {"type": "integer", "minimum": 1, "maximum": 999_999_999, "default": wire.FORM}
    return {"name": wire.FORM_HEADER, "in": "header", "required": False, "description": meaning, "schema": schema}


def _models(security: list[Any]) -> dict[str, Any]:
    """The list of models."""
    listed = _open("models") | {"properties": {"models": {"type": "array", "items": {"$ref": "#/components/schemas/Model"}}}}
    wrong = {status: _answer(meaning, {"$ref": "#/components/schemas/Error"}) for status, meaning in (
        ("401", "No key, or another one."), ("429", "Too many requests from one address."),
    )}  # fmt: skip
    responses = {"200": _answer("The models.", listed)} | wrong
    return _plain("models", "Every model that may be named, and whether its weights are here.", responses) | {
        "security": security
    }


def _ready() -> dict[str, Any]:
    """Whether all models are warm."""
    return _plain(
        "ready",
        "Whether the models that the server was started with are warm.",
        {"200": _answer("They are.", _open("ready")), "503": _answer("Not yet.", _open("ready"))},
    )


def _metrics(security: list[Any]) -> dict[str, Any]:
    """What Prometheus reads."""
    text = {"description": "Samples.", "content": {"text/plain": {"schema": {"type": "string"}}}}
    wrong = _answer("No key, or another one.", {"$ref": "#/components/schemas/Error"})
    return _plain("metrics", "What happened so far, for Prometheus.", {"200": text, "401": wrong}) | {"security": security}


def _answer(meaning: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A JSON answer."""
    return {"description": meaning, "content": {JSON: {"schema": schema}}}


def _open(*names: str) -> dict[str, Any]:
    """An object with at least these entries."""
    return {"type": "object", "required": list(names)}


def _question(settings: Settings) -> dict[str, Any]:
    """What is sent."""
    text = {"type": "string", "maxLength": settings.max_bytes}
    return {
        "type": "object",
        "required": ["model", "text"],
        "additionalProperties": False,
        "properties": {
            "model": {"type": "string", "description": "An id of /v1/models."},
            "text": text | {"minLength": 1, "description": f"At most {settings.max_bytes:,} bytes of UTF-8, not only blanks."},
            "text_b": {
                "anyOf": [text, {"type": "null"}],
                "description": "The second text of a pair, or the target of an encoder-decoder.",
            },
            "whole": {"type": "boolean", "default": False, "description": "With values and outputs, for those who need them."},
        },
    }


def _error() -> dict[str, Any]:
    """What is answered to what cannot be done."""
    error = {
        "type": "object",
        "required": ["kind", "message"],
        "additionalProperties": False,
        "properties": {
            "kind": {"enum": sorted(kinds())},
            "message": {"type": "string", "description": "Rule, value and remedy, for a person."},
            "retry_after": {"type": "integer", "minimum": 1, "description": "Seconds."},
        },
    }
    return {"type": "object", "required": ["error"], "additionalProperties": False, "properties": {"error": error}}


def _model() -> dict[str, Any]:
    """A card of the catalogue."""
    names = [*ModelCard.__dataclass_fields__, "here"]
    return {"type": "object", "required": names, "properties": {"id": {"type": "string"}, "here": {"type": "boolean"}}}
