"""Bodies of the HTTP service as structs: msgspec checks requests with them, and OpenAPI describes them."""

from __future__ import annotations

from types import GenericAlias
from typing import Annotated, get_type_hints

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from attnviz.types import ModelCard


class Question(Struct, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /v1/attention`."""

    model: Annotated[str, Meta(description="An id of /v1/models.")]
    text: str
    text_b: Annotated[str | None, Meta(description="The second text of a pair, or the target of an encoder-decoder.")] = None
    # "whole" in JSON, since version 0.1: what the code calls full_trace
    full: Annotated[bool, Meta(description="Also return values and outputs.")] = msgspec.field(name="whole", default=False)


class ErrorDetail(Struct, frozen=True, forbid_unknown_fields=True):
    """What went wrong."""

    kind: Annotated[str, Meta(description="Class name of the error.")]
    message: Annotated[str, Meta(description="Rule, value and remedy, for a person.")]
    retry_after: Annotated[int, Meta(ge=1, description="Seconds.")] | UnsetType = UNSET


class Error(Struct, frozen=True, forbid_unknown_fields=True):
    """Body of every answer with a status of 400 or more."""

    error: ErrorDetail


# A card of the catalogue, and whether the weights of the model are on this machine.
Model = msgspec.defstruct("Model", [*get_type_hints(ModelCard).items(), ("here", bool)], frozen=True)


# Body of `GET /v1/models`.
Models = msgspec.defstruct("Models", [("models", GenericAlias(list, (Model,)))], frozen=True)


class Health(Struct, frozen=True):
    """Body of `GET /healthz`."""

    ok: bool


class Readiness(Struct, frozen=True):
    """Body of `GET /readyz`: `loading` names the models that are still loading, `failed` each failed one with its error."""

    ready: bool
    loading: list[str]
    failed: dict[str, str]
