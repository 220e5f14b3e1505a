"""A model in, a twin out: it shares every weight with the original and no setting, and is made anew when that changes.

Somebody else's model is never switched, not even for a moment, so other threads may use it meanwhile.
"""

from __future__ import annotations

import copy
import threading
import types
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from torch import nn

BOOKS = vars(nn.Module()).keys()  # what every module has: torch's own, and whether it trains


@dataclass
class Known:
    """What is kept of one model: the twins by implementation, and whether its recorded attention is what eager computes.

    Twins hold while `parts` (modules, weights, hooks) and `settings` are those that they were made of, `faithful` while
    the settings are: a hook that comes and goes is no reason to look again.
    """

    parts: tuple[int, ...]
    settings: tuple[Any, ...]
    twins: dict[str, Any] = field(default_factory=dict)
    faithful: bool | None = None


_KNOWN: weakref.WeakKeyDictionary[nn.Module, Known] = weakref.WeakKeyDictionary()
_LOCK = threading.Lock()


def twin(model: nn.Module, implementation: str) -> Any:
    """The twin of `model` that attends by `implementation`; the same one while nothing of the model changes."""
    with _LOCK:
        known = _known(model)
        if implementation not in known.twins:
            known.twins[implementation] = made(model, implementation)
        return known.twins[implementation]


def faithful(model: nn.Module, look: Callable[[], bool]) -> bool:
    """What `look` says of the model, asked once for each of its settings. Two threads may both ask; the answer is one."""
    with _LOCK:
        known = _known(model)
        answer = known.faithful
    if answer is None:
        answer = look()
        with _LOCK:
            known.faithful = answer
    return answer


def made(model: nn.Module, implementation: str, *, hooked: bool = True) -> Any:
    """A twin of its own, kept nowhere; without the original's hooks where a pass of ours is no business of theirs."""
    memo: dict[int, Any] = {id(part): part for part in _shared(tuple(model.modules())) if part is not None}
    other: Any = copy.deepcopy(model, memo)
    for module in other.modules():
        replaced = vars(module).get("forward")
        if isinstance(replaced, types.FunctionType):
            vars(module)["forward"] = _moved(replaced, memo)
        elif isinstance(replaced, types.MethodType) and isinstance(replaced.__func__, types.FunctionType):
            vars(module)["forward"] = types.MethodType(_moved(replaced.__func__, memo), replaced.__self__)
        if not hooked:
            _silence(module)
    other.eval()
    if other._can_set_attn_implementation():
        other.set_attn_implementation(implementation)
    else:  # outside the interface only eager returns weights, and e.g. falcon would take the fused mask for them
        other.config._attn_implementation = "eager"
    if getattr(other.config, "model_type", "") == "encoder-decoder":
        for part in (other.get_encoder(), other.get_decoder()):
            _levelled(part)
    return other


def _levelled(part: Any) -> None:
    """All layers attend as their model does: one that was put into another has a configuration that its layers do not hold."""
    for module in part.modules():
        config = vars(module).get("config")
        if hasattr(config, "_attn_implementation"):
            config._attn_implementation = part.config._attn_implementation


def _known(model: nn.Module) -> Known:
    """What is kept of a model as it is now. The lock is held."""
    modules = tuple(model.modules())
    parts = (*map(id, modules), *map(id, _shared(modules)))
    settings = tuple(_settings(modules))
    known = _KNOWN.get(model)
    if known is None or known.settings != settings:
        known = _KNOWN[model] = Known(parts, settings)
    elif known.parts != parts:
        known = _KNOWN[model] = Known(parts, settings, faithful=known.faithful)
    return known


def _shared(modules: tuple[nn.Module, ...]) -> Iterator[Any]:
    """What a twin has in common with its original: weights, buffers, and all that is called before or after a forward."""
    for module in modules:
        for kept in (module._parameters, module._buffers, module._forward_hooks, module._forward_pre_hooks):
            yield from kept.values()


def _silence(module: nn.Module) -> None:
    """Take away a module's hooks, but for those by which the library itself collects what it returns."""
    for books in (module._forward_hooks, module._forward_pre_hooks):
        for number in [number for number, hook in books.items() if not _of_library(hook)]:
            del books[number]


def _of_library(hook: Any) -> bool:
    """Whether transformers itself made a hook."""
    return (getattr(hook, "__module__", None) or "").startswith("transformers.")


def _settings(modules: tuple[nn.Module, ...]) -> Iterator[Any]:
    """The class of every module, and all its plain attributes: numbers, names, configurations, a forward of its own."""
    seen: set[int] = set()
    for module in modules:
        yield type(module)
        for name, value in vars(module).items():
            if name not in BOOKS:
                yield name
                yield _plain(value, seen)


def _plain(value: Any, seen: set[int]) -> Any:
    """A value as it is now, to be compared with what it is later: lists and configurations by what they hold.

    Anything else is only known by its address: what is changed inside an object of somebody's own is not noticed.
    """
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, (list, tuple)):
        return tuple(_plain(part, seen) for part in value)
    if isinstance(value, dict):
        return tuple((key, _plain(part, seen)) for key, part in value.items())
    if id(value) not in seen and hasattr(value, "to_dict"):  # a configuration, which many modules hold
        seen.add(id(value))
        return tuple((name, _plain(part, seen)) for name, part in vars(value).items())
    return id(value)


def _moved(function: types.FunctionType, memo: dict[int, Any]) -> types.FunctionType:
    """A function that stands in a module's place, with the original's modules in its closure or globals made the twin's.

    Copying leaves functions as they are, so that one which calls the forward that it replaced would call the original's,
    by the original's kernel.
    """

    def other(value: Any) -> Any:
        owner = getattr(value, "__self__", value)
        if not isinstance(owner, nn.Module) or id(owner) not in memo:
            return value
        return types.MethodType(value.__func__, memo[id(owner)]) if isinstance(value, types.MethodType) else memo[id(owner)]

    cells = tuple(types.CellType(other(cell.cell_contents)) for cell in function.__closure__ or ())
    named = {name: function.__globals__[name] for name in function.__code__.co_names if name in function.__globals__}
    changed = {name: other(value) for name, value in named.items() if other(value) is not value}
    space = {**function.__globals__, **changed} if changed else function.__globals__
    found = types.FunctionType(function.__code__, space, function.__name__, function.__defaults__, cells or None)
    found.__kwdefaults__ = function.__kwdefaults__
    return found
