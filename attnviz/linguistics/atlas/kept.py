"""Keep what a function computes from a value, at most so many results for each value, until that value is gone."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar
from weakref import WeakKeyDictionary, ref

Owner = TypeVar("Owner")
P = ParamSpec("P")
R = TypeVar("R")


def kept(most: int) -> Callable[[Callable[Concatenate[Owner, P], R]], Callable[Concatenate[Owner, P], R]]:
    """Decorate a function whose first argument owns its results: other arguments are hashable, results do not hold the owner.

    An atlas of a file that a user gave lives with the user's session; a plain `lru_cache` would keep it for all.
    """

    def decorate(make: Callable[Concatenate[Owner, P], R]) -> Callable[Concatenate[Owner, P], R]:
        found: WeakKeyDictionary[Owner, Any] = WeakKeyDictionary()  # of functions of the other arguments

        @wraps(make)
        def get(owner: Owner, *args: P.args, **kwargs: P.kwargs) -> R:
            mine = found.get(owner)
            if mine is None:
                there = ref(owner)

                def again(*args: P.args, **kwargs: P.kwargs) -> R:
                    alive = there()
                    assert alive is not None  # `get` holds it
                    return make(alive, *args, **kwargs)

                mine = found.setdefault(owner, lru_cache(most)(again))
            return mine(*args, **kwargs)

        return get

    return decorate
