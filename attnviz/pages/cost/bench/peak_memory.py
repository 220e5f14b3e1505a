"""Something to compute in; the most memory that its tensors held at once, out.

Every tensor that torch makes on the way is counted while it lives. What other threads do is not, so readers of one server
do not see each other. What a kernel keeps for itself (the fused one: a tile a thread) is not seen either.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class _Watch(TorchDispatchMode):
    """Counts the bytes of the storages that appear while it is on, until they are gone."""

    def __init__(self, known: Iterable[Tensor]) -> None:
        super().__init__()
        self.held = self.most = 0
        self.known = {tensor.untyped_storage().data_ptr() for tensor in known}
        self.lock = threading.RLock()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(found):
            if isinstance(leaf, Tensor):
                self._see(leaf)
        return found

    def _see(self, tensor: Tensor) -> None:
        """Counts a tensor's storage, unless it was counted before or handed in."""
        storage = tensor.untyped_storage()
        address, size = storage.data_ptr(), storage.nbytes()
        with self.lock:
            if address in self.known or not size:
                return
            self.known.add(address)
            self.held += size
            self.most = max(self.most, self.held)
        weakref.finalize(storage, self._gone, address, size)

    def _gone(self, address: int, size: int) -> None:
        """A storage was given back; its address may be used again."""
        with self.lock:
            self.known.discard(address)
            self.held -= size


def most_held(compute: Callable[[], object], given: Iterable[Tensor] = ()) -> int:
    """Bytes that `compute` holds at most beside the tensors it was `given`, its answer included."""
    with _Watch(given) as watch:
        answer = compute()
        del answer
    return watch.most
