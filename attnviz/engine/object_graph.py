"""What Python objects hold: the attributes, closures, globals and weak references by which a value may refer to a module.

Nothing is called or changed: an object's own code never runs.
"""

from __future__ import annotations

import functools
import sys
import types
import weakref
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

ATOMS = frozenset({
    type(None), bool, int, float, complex, str, bytes, bytearray, range, type, types.ModuleType, types.GeneratorType,
    types.BuiltinFunctionType, torch.Tensor, nn.Parameter, torch.dtype, torch.device, torch.Size, torch.Generator,
})  # fmt: skip
MAPPINGS = (dict, OrderedDict, defaultdict)
SEQUENCES = (list, tuple, set, frozenset, deque)
CONTAINERS = frozenset(MAPPINGS) | frozenset(SEQUENCES)
WEAK = (weakref.WeakKeyDictionary, weakref.WeakValueDictionary, weakref.WeakSet)
SHARED = frozenset({"torch", "transformers", "tokenizers", "numpy", "pandas", "datasets", "safetensors", "huggingface_hub"})
MODULE_ATTRIBUTES = frozenset(vars(nn.Module()))  # the attributes that torch itself gives to every module
TENSORS = frozenset({"_parameters", "_buffers", "_non_persistent_buffers_set"})  # of these, the ones that hold no module
DROPPED = frozenset({"_compiled_call_impl"})  # `model.compile()` in place: compiled code runs the original's kernel


def attributes(value: Any) -> dict[str, Any]:
    """Return an object's attributes, from its dictionary and its slots, without running its own code."""
    try:
        found = dict(object.__getattribute__(value, "__dict__"))  # a copy: another thread may add to it meanwhile
    except AttributeError:
        found = {}
    for name, slot in slots(type(value)).items():
        try:
            found[name] = slot.__get__(value)
        except AttributeError:  # a slot that was never filled
            continue
    return found


@functools.lru_cache(maxsize=1024)
def slots(kind: type) -> dict[str, Any]:
    """Return the slots of a class and its base classes, by attribute name."""
    return {
        name: slot
        for above in reversed(kind.__mro__)
        for name, slot in vars(above).items()
        if isinstance(slot, types.MemberDescriptorType) and not getattr(above, "__module__", "").startswith("builtins")
    }


def is_config(value: Any) -> bool:
    """Return whether a value is a configuration of transformers, which sets a model's attention kernel."""
    return hasattr(type(value), "_attn_implementation") and hasattr(type(value), "to_dict")


def uncompiled(forward: Any) -> Any:
    """Return a forward method without `torch.compile` around it: compiled code keeps the original's kernel."""
    while (inner := getattr(forward, "_torchdynamo_orig_callable", None)) is not None:
        forward = inner
    return forward


def is_module(value: Any) -> bool:
    """Return whether a value is a module itself: `isinstance` is also true for a weak proxy of one."""
    return issubclass(type(value), nn.Module)


def children(value: Any) -> Iterator[Any]:
    """Yield what a value holds that may refer to a module. Objects of the standard library and of SHARED are not searched."""
    kind = type(value)
    if kind in MAPPINGS:
        yield from [part for pair in list(value.items()) for part in pair]
        if kind is defaultdict:
            yield value.default_factory
    elif kind in SEQUENCES or isinstance(value, tuple):
        yield from list(value)
    elif is_module(value):
        if not isinstance(value, torch.jit.ScriptModule):
            yield from _module_children(attributes(value))
    elif is_config(value) or kind is RemovableHandle:
        yield from attributes(value).values()
    elif kind is types.MethodType:
        yield value.__self__
        yield value.__func__
    elif kind is functools.partial:
        yield from (value.func, *value.args, *value.keywords.values(), *vars(value).values())
    elif kind is types.FunctionType:
        yield from _function_children(value)
    elif kind is weakref.ref or kind in weakref.ProxyTypes:
        yield referent(value)
    elif kind in WEAK:
        yield from (list(value) if kind is weakref.WeakSet else [part for pair in value.items() for part in pair])
    elif not isinstance(value, (type, torch.Tensor)) and _is_searched(kind):
        yield from attributes(value).values()


def _module_children(state: dict[str, Any]) -> Iterator[Any]:
    """Yield what a module holds: the modules in it, its hooks, and its other attributes."""
    for name, part in state.items():
        if type(part) in ATOMS or name in DROPPED or (name in MODULE_ATTRIBUTES and (name in TENSORS or not part)):
            continue
        if name == "_modules":
            yield from part.values()
        elif name == "forward":
            yield uncompiled(part)
        else:
            yield part


@functools.lru_cache(maxsize=1024)
def _is_searched(kind: type) -> bool:
    """Return whether objects of a class may be copied: its code is the caller's own, and it has no finaliser."""
    package = getattr(kind, "__module__", "").partition(".")[0]
    return package not in SHARED and package not in sys.stdlib_module_names - {"__main__"} and not hasattr(kind, "__del__")


def _function_children(value: types.FunctionType) -> Iterator[Any]:
    """Yield what a function refers to: its closure, its defaults, its attributes, and the globals that its code names."""
    if (value.__module__ or "").partition(".")[0] in ("torch", "transformers") and not value.__closure__:
        return
    yield from (cell.cell_contents for cell in value.__closure__ or () if has_content(cell))
    yield from value.__defaults__ or ()
    yield from (value.__kwdefaults__ or {}).values()
    yield from vars(value).values()
    yield from named_globals(value).values()


def named_globals(value: types.FunctionType) -> dict[str, Any]:
    """Return the globals that a function's code, or a function in it, names; none if it belongs to a library."""
    if (value.__module__ or "").partition(".")[0] in SHARED:
        return {}
    codes, names = [value.__code__], set()
    while codes:
        code = codes.pop()
        names.update(code.co_names)
        codes += [part for part in code.co_consts if isinstance(part, types.CodeType)]
    space = value.__globals__
    return {name: space[name] for name in names if name in space and type(space[name]) not in ATOMS}


def has_content(cell: types.CellType) -> bool:
    """Return whether a closure cell holds a value."""
    try:
        return cell.cell_contents is not cell
    except ValueError:
        return False


def referent(value: Any) -> Any:
    """Return the target of a weak reference, or None if it no longer exists."""
    try:
        return value.__repr__.__self__ if isinstance(value, weakref.ProxyTypes) else value()
    except ReferenceError:
        return None
