"""Check each signature of attnviz at every call: the shapes with jaxtyping, types without shapes with beartype alone.

jaxtyping's own decorator prepares and checks every function twice, whether it takes an array or not. Here a function that
has no shape is checked once, and each is prepared at its first call: half of the time of many tests, with the same checks.
"""

from __future__ import annotations

import dataclasses
import functools
import typing
from collections.abc import Callable
from typing import Any

import jaxtyping
from beartype import BeartypeConf, beartype

with_shapes = functools.partial(jaxtyping.jaxtyped, typechecker=beartype)
without_shapes = beartype(conf=BeartypeConf(violation_type=jaxtyping.TypeCheckError))


def has_shape(annotation: object) -> bool:
    """Whether an annotation names the axes of an array somewhere inside it."""
    if isinstance(annotation, type) and issubclass(annotation, jaxtyping.AbstractArray):
        return True
    return any(has_shape(part) for part in typing.get_args(annotation))


def resolved(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of a function as types; a name that is imported for type checkers alone counts as Any."""
    scope, found = getattr(function, "__globals__", {}), {}
    for name, annotation in function.__annotations__.items():
        try:
            found[name] = typing.get_type_hints(type("", (), {"__annotations__": {name: annotation}}), scope, {}, True)[name]
        except NameError:  # it does not exist while programs run
            found[name] = Any
    return found


def prepared(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function behind its checks."""
    annotations = resolved(function)
    if any(has_shape(annotation) for annotation in annotations.values()):
        return with_shapes(function)
    function.__annotations__ = annotations
    return without_shapes(function)


def checked(thing: Any = None, *, typechecker: object = None) -> Any:
    """Stand in for `jaxtyping.jaxtyped`: a function, or the constructor of a dataclass, that is checked at every call."""
    if thing is None:
        return checked
    if isinstance(thing, type):
        if dataclasses.is_dataclass(thing) and not hasattr(thing.__init__, "__wrapped__"):
            thing.__init__ = checked(thing.__init__)
        return thing
    ready = None

    @functools.wraps(thing)
    def call(*args: Any, **named: Any) -> Any:
        nonlocal ready
        if jaxtyping.config.jaxtyping_disable:
            return thing(*args, **named)
        if ready is None:
            ready = prepared(thing)
        return ready(*args, **named)

    return call


def check_signatures(package: str) -> None:
    """Check every function of a package that is imported from now on."""
    jaxtyping.jaxtyped = checked
    jaxtyping.install_import_hook(package, "beartype.beartype")
