"""Shadow models: a shadow shares every weight with its original, but no setting and no attribute.

A caller's model is never changed, not even for a moment, so other threads may use it at the same time.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from attnviz.engine import object_graph, shadow_modules

BOOKS = vars(nn.Module()).keys()  # the attributes of every module: torch's own, and `training`
COMPUTING = ("transformers.", "torch.nn.utils.")  # hooks of these collect outputs or compute a weight
ANSWERS = 64  # kept for one model; usually texts of all lengths share them
LIBRARIES = frozenset({"builtins", "collections", "functools", "torch", "transformers"})


@dataclass
class ShadowCache:
    """What is kept for one model: its shadows by implementation, and results that are valid while nothing of it changes.

    Shadows are kept only for a `plain` model. They and `answers` are valid while `parts` (modules, weights, hooks) and
    `settings` do not change; `faithful` is valid while the settings do not change: a new hook is no reason to compare recorded
    and eager attention again.
    """

    parts: tuple[int, ...]
    settings: tuple[Any, ...]
    plain: bool
    faithful: bool | None = None
    shadows: dict[str, Any] = field(default_factory=dict)
    answers: dict[Any, Any] = field(default_factory=dict)

    def shadow(self, model: nn.Module, implementation: str) -> Any:
        """Return a shadow of `model`, the model of this cache, with the attention `implementation`.

        Modules of a library store nothing of their inputs: such a model has the same shadow while nothing of it changes.
        Custom hooks and modules may write to the module that runs, so with them each pass gets its own shadow.
        """
        if not self.plain:
            return make_shadow(model, implementation)
        with _LOCK:
            if implementation not in self.shadows:
                self.shadows[implementation] = make_shadow(model, implementation)
            return self.shadows[implementation]

    def cached(self, key: Any, compute: Callable[[], Any]) -> Any:
        """Return what `compute` returned the first time. Two threads may both compute; one result is kept."""
        answers = dict(self.answers)
        if key not in answers:
            found = compute()
            with _LOCK:
                if len(self.answers) >= ANSWERS:
                    self.answers.clear()
                self.answers[key] = found
            return found
        return answers[key]

    def is_faithful(self, check: Callable[[], bool]) -> bool:
        """Return the result of `check`, computed once for each of the model's settings."""
        if self.faithful is None:
            self.faithful = check()
        return self.faithful


_KNOWN: weakref.WeakKeyDictionary[nn.Module, ShadowCache] = weakref.WeakKeyDictionary()
_LOCK = threading.Lock()


def cache_of(model: nn.Module) -> ShadowCache:
    """Return what is kept for a model in its current state."""
    with _LOCK:
        modules = tuple(model.modules())
        parts = (*map(id, modules), *map(id, _shared(modules)))
        settings = tuple(_settings(modules))
        found = _KNOWN.get(model)
        if found is None or found.settings != settings:
            found = _KNOWN[model] = ShadowCache(parts, settings, _of_libraries(modules))
        elif found.parts != parts:
            found = _KNOWN[model] = ShadowCache(parts, settings, _of_libraries(modules), found.faithful)
        return found


def make_shadow(model: nn.Module, implementation: str, *, hooked: bool = True) -> Any:
    """Return a new shadow that is not kept; without the original's hooks if they should not see this pass."""
    other: Any = shadow_modules.copy_modules(model)
    if not hooked:
        for module in other.modules():
            _silence(module)
    able = [part for part in other.modules() if _switchable(part)]
    if other in able:
        other.set_attn_implementation(implementation)
    elif able:  # a class whose source cannot be read, as in a notebook, around models with a choice of attention
        for part in able:
            part.set_attn_implementation(implementation)
    else:  # outside the interface only eager returns weights, and e.g. falcon would return the fused mask in their place
        other.config._attn_implementation = "eager"
    if getattr(other.config, "model_type", "") == "encoder-decoder":
        for part in (other.get_encoder(), other.get_decoder()):
            _levelled(part)
    return other


def switchable(model: nn.Module) -> bool:
    """Return whether the attention of a model, or of a model in it, can be chosen by name."""
    return any(map(_switchable, model.modules()))


def _switchable(module: nn.Module) -> bool:
    """Return whether the attention of this module itself can be chosen by name."""
    able = getattr(type(module), "_can_set_attn_implementation", None)
    return able is not None and bool(able())


def _levelled(part: Any) -> None:
    """Give all layers the attention of their model: a model inside another has a configuration that its layers do not use."""
    for module in part.modules():
        config = vars(module).get("config")
        if hasattr(config, "_attn_implementation"):
            config._attn_implementation = part.config._attn_implementation


def _shared(modules: tuple[nn.Module, ...]) -> Iterator[Any]:
    """Yield what a shadow shares with its original: weights, buffers, and everything called before or after a forward."""
    for module in modules:
        for kept in (module._parameters, module._buffers, module._forward_hooks, module._forward_pre_hooks):
            yield from kept.values()


def _silence(module: nn.Module) -> None:
    """Remove a module's hooks, except those with which the library collects its own outputs."""
    for books in (module._forward_hooks, module._forward_pre_hooks):
        for number in [number for number, hook in books.items() if not _of_library(hook)]:
            del books[number]


def _of_library(hook: Any) -> bool:
    """Return whether a hook comes from transformers, or from torch to compute a weight (pruned or normalised)."""
    return (getattr(hook, "__module__", None) or "").startswith(COMPUTING)


def _of_libraries(modules: tuple[nn.Module, ...]) -> bool:
    """Return whether all modules are those of a library, unchanged: no custom hook, forward or object."""
    for module in modules:
        hooks = (*module._forward_hooks.values(), *module._forward_pre_hooks.values())
        own = {name: value for name, value in list(vars(module).items()) if name not in BOOKS}
        if not type(module).__module__.startswith(("torch.nn.modules.", "transformers.")) or "forward" in own:
            return False
        if not all((getattr(hook, "__module__", None) or "").startswith("transformers.") for hook in hooks):
            return False
        if any(type(value).__module__.partition(".")[0] not in LIBRARIES for value in own.values()):
            return False
    return True


def _settings(modules: tuple[nn.Module, ...]) -> Iterator[Any]:
    """Yield the class of every module and its plain attributes: numbers, names, configurations, its own forward."""
    seen: set[int] = set()
    for module in modules:
        yield type(module)
        for name, value in list(vars(module).items()):  # a copy: another thread may add to it meanwhile
            if name not in BOOKS:
                yield name
                yield _plain(value, seen)


def _plain(value: Any, seen: set[int]) -> Any:
    """Return a value in a form to compare with a later one: lists and configurations by their contents.

    Other values are compared by address: a change inside a custom object is not noticed. A tensor that is kept from pass to
    pass is not a setting.
    """
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, Tensor):
        return Tensor
    holds = isinstance(value, (list, tuple, dict)) or object_graph.is_config(value)
    if not holds or id(value) in seen:  # many modules share one configuration, and a list may contain itself
        return id(value)
    seen.add(id(value))
    if isinstance(value, (list, tuple)):
        return tuple(_plain(part, seen) for part in list(value))
    attributes = value if isinstance(value, dict) else vars(value)
    return tuple((_plain(key, seen), _plain(part, seen)) for key, part in list(attributes.items()))
