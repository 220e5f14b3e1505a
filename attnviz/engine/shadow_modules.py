"""Copy a model's modules as shells: new module objects of the same classes that share all weights with the originals.

Nothing is deep-copied, so attributes may hold a lock, an open file or a tensor. What a shell may change is its own:
attributes, hooks, lists. What refers to an original module (a bound method, a closure, a partial, a weak reference, a
helper object) refers to its shell instead, so that a pass through shells never runs an original or writes to it.
"""

from __future__ import annotations

import functools
import types
import weakref
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from attnviz.engine.object_graph import (
    ATOMS,
    CONTAINERS,
    DROPPED,
    MAPPINGS,
    MODULE_ATTRIBUTES,
    TENSORS,
    WEAK,
    attributes,
    children,
    has_content,
    is_config,
    is_module,
    named_globals,
    referent,
    slots,
    uncompiled,
)

MAX_COPIED = 4_096  # elements: counters and running means; larger tensors are tables and masks, which nothing writes to
MAX_OBJECTS = 20_000  # objects besides modules that are searched; a model that holds more shares the rest with its shells


def copy_modules(model: nn.Module) -> Any:
    """Return the shell of a module, with shells of all modules in it. Nothing of the original is called or changed."""
    copier = _Copier(model)
    found = copier.of(model)
    if copier.weak:
        object.__getattribute__(found, "__dict__")["_weakly_referenced"] = copier.weak
    return found


class _Copier:
    """Builds one set of shells: knows which objects must be copied, and the copies made so far."""

    def __init__(self, model: nn.Module) -> None:
        self.made: dict[int, Any] = {}
        self.keep_alive: list[Any] = []  # objects are known by address here, so none may be freed meanwhile
        self.weak: list[Any] = []  # shells that are reached by weak references only; the originals are kept alive elsewhere
        self.moving = self._reaching(model)

    def _reaching(self, model: nn.Module) -> set[int]:
        """Return the addresses of all objects that refer to a module or a configuration, and of containers in modules."""
        holders: dict[int, list[int]] = {}
        moving: set[int] = set()
        seen: set[int] = set()
        owned: set[int] = set()
        left: list[Any] = [model]
        others = 0
        while left:
            value = left.pop()
            mark = id(value)
            if mark in seen:
                continue
            seen.add(mark)
            self.keep_alive.append(value)
            found_module = is_module(value)
            if found_module or is_config(value):
                moving.add(mark)
            else:
                others += 1
                if others > MAX_OBJECTS:
                    continue
            owns = found_module or mark in owned
            for child in children(value):
                kind = type(child)
                if kind in ATOMS:
                    continue
                if kind in CONTAINERS:
                    if owns:
                        owned.add(id(child))
                    elif not child:
                        continue
                holders.setdefault(id(child), []).append(mark)
                left.append(child)
        moving |= owned
        spread = list(moving)
        while spread:
            for holder in holders.get(spread.pop(), ()):
                if holder not in moving:
                    moving.add(holder)
                    spread.append(holder)
        return moving

    def of(self, value: Any) -> Any:
        """Return the copy of a value, or the value itself if nothing in it refers to a module."""
        mark = id(value)
        if mark in self.made:
            return self.made[mark]
        if type(value) in ATOMS or mark not in self.moving:
            return value
        kind = type(value)
        for kinds, make in _MAKERS:
            if kind in kinds:
                found = make(self, value)
                break
        else:
            found = self._object(value)
        self.made[mark] = found
        return found

    def _object(self, value: Any) -> Any:
        """Copy a module, a configuration or a custom object: the same class, the same attributes."""
        if isinstance(value, tuple):
            return self._tuple(value)
        inner = attributes(value).get("_modules", {}).get("_orig_mod") if _is_compiled(value) else None
        if inner is not None:
            return self.of(inner)
        if isinstance(value, torch.jit.ScriptModule):
            return value
        try:
            found = object.__new__(type(value))
        except TypeError:  # a class in C that cannot be created without its own constructor
            return value
        self.made[id(value)] = found
        state = attributes(value)
        state = (
            self._attributes(state, _writes_in_place(value))
            if is_module(value)
            else {name: self.of(part) for name, part in state.items()}
        )
        own_slots = slots(type(value))
        space = object.__getattribute__(found, "__dict__") if hasattr(found, "__dict__") else {}
        if not own_slots:
            space.update(state)
            return found
        for name, part in state.items():
            if name in own_slots:
                own_slots[name].__set__(found, part)
            else:
                space[name] = part
        return found

    def _attributes(self, state: dict[str, Any], written: bool) -> dict[str, Any]:
        """Return a module's attributes for its shell, never in training; tensors `written` in place become its own."""
        found = {}
        for name, part in state.items():
            if written and name == "_buffers":
                found[name] = {key: self._own(tensor) for key, tensor in part.items()}
            elif type(part) in ATOMS:
                found[name] = self._own(part) if written else part
            elif name in MODULE_ATTRIBUTES and (name in TENSORS or not part):
                found[name] = part.copy()
            elif name == "_modules":
                found[name] = {key: self.of(child) for key, child in part.items()}
            elif name == "forward":
                found[name] = self.of(uncompiled(part))
            elif name not in DROPPED:
                found[name] = self.of(part)
        found["training"] = False  # set here: a custom `train` may merge weights in place
        for name in ("_backward_hooks", "_backward_pre_hooks"):  # nothing is trained on a shell
            found[name] = type(state[name])()
        return found

    def _own(self, value: Any) -> Any:
        """Return a copy of a tensor small enough to be a counter or a running mean, or else the tensor itself."""
        if type(value) is not torch.Tensor or value.numel() > MAX_COPIED or value.device.type == "meta":
            return value
        mark = id(value)
        if mark not in self.made:
            self.made[mark] = value.detach().clone()
        return self.made[mark]

    def _mapping(self, value: Any) -> Any:
        """Copy a dictionary of a class that can be created empty and filled."""
        found = defaultdict(self.of(value.default_factory)) if isinstance(value, defaultdict) else type(value)()
        self.made[id(value)] = found
        for key, part in list(value.items()):
            found[self.of(key)] = self.of(part)
        return found

    def _sequence(self, value: Any) -> Any:
        """Copy a list or queue, registered before it is filled: it may hold itself."""
        found = deque(maxlen=value.maxlen) if isinstance(value, deque) else []
        self.made[id(value)] = found
        found.extend(self.of(part) for part in list(value))
        return found

    def _tuple(self, value: Any) -> Any:
        """Copy a tuple, with or without names, or a set."""
        parts = [self.of(part) for part in list(value)]
        return type(value)._make(parts) if hasattr(value, "_make") else type(value)(parts)

    def _method(self, value: types.MethodType) -> types.MethodType:
        """Return a method bound to the copy of its object."""
        return types.MethodType(self.of(value.__func__), self.of(value.__self__))

    def _partial(self, value: Any) -> Any:
        """Copy a partial function."""
        found = functools.partial(
            self.of(value.func), *map(self.of, value.args), **{name: self.of(part) for name, part in value.keywords.items()}
        )
        vars(found).update({name: self.of(part) for name, part in vars(value).items()})
        return found

    def _reference(self, value: Any) -> Any:
        """Return a weak reference to the copy."""
        target = referent(value)
        found = self.of(target)
        if found is target:
            return value
        self.weak.append(found)
        return weakref.proxy(found) if isinstance(value, weakref.ProxyTypes) else weakref.ref(found)

    def _weak(self, value: Any) -> Any:
        """Copy a collection of weak references."""
        found = type(value)()
        self.made[id(value)] = found
        self.weak += [self.of(part) for part in children(value)]
        if isinstance(value, weakref.WeakSet):
            for part in list(value):
                found.add(self.of(part))
        else:
            for key, part in list(value.items()):
                found[self.of(key)] = self.of(part)
        return found

    def _function(self, value: types.FunctionType) -> types.FunctionType:
        """Copy a function so that its closure and globals refer to shells; other cells stay shared, so counters count."""
        cells = tuple(self._cell(cell) for cell in value.__closure__ or ())
        named = named_globals(value)
        changed = {name: self.of(part) for name, part in named.items() if id(part) in self.moving}
        space = {**value.__globals__, **changed} if changed else value.__globals__
        found = types.FunctionType(value.__code__, space, value.__name__, value.__defaults__, cells or None)
        self.made[id(value)] = found
        found.__qualname__, found.__module__, found.__doc__ = value.__qualname__, value.__module__, value.__doc__
        for cell, old in zip(cells, value.__closure__ or (), strict=True):
            if cell is not old:
                cell.cell_contents = self.of(old.cell_contents)
        if value.__defaults__:
            found.__defaults__ = tuple(map(self.of, value.__defaults__))
        if value.__kwdefaults__:
            found.__kwdefaults__ = {name: self.of(part) for name, part in value.__kwdefaults__.items()}
        vars(found).update({name: self.of(part) for name, part in vars(value).items()})
        return found

    def _cell(self, cell: types.CellType) -> types.CellType:
        """Return a new closure cell if its content is copied, shared as before, or else the same cell."""
        if not (has_content(cell) and id(cell.cell_contents) in self.moving):
            return cell
        return self.made.setdefault(id(cell), types.CellType())


_MAKERS: tuple[tuple[tuple[type, ...], Callable[[_Copier, Any], Any]], ...] = (
    (MAPPINGS, _Copier._mapping),
    ((list, deque), _Copier._sequence),
    ((tuple, set, frozenset), _Copier._tuple),
    ((types.MethodType,), _Copier._method),
    ((functools.partial,), _Copier._partial),
    ((types.FunctionType,), _Copier._function),
    ((weakref.ref, *weakref.ProxyTypes), _Copier._reference),
    (WEAK, _Copier._weak),
)


def _writes_in_place(module: nn.Module) -> bool:
    """Return whether a pass may write to a module's tensors in place: library modules do so only in training."""
    state = attributes(module)
    own = not type(module).__module__.startswith(("torch.", "transformers."))
    return own or bool(state["_forward_hooks"] or state["_forward_pre_hooks"]) or "forward" in state


def _is_compiled(value: Any) -> bool:
    """Return whether a module is the wrapper that `torch.compile` returns."""
    return type(value).__name__ == "OptimizedModule"
