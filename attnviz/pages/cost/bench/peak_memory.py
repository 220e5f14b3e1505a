"""Measure the peak memory of the tensors of a computation.

Every tensor that torch makes during the computation counts while it lives. Other threads do not count, so readers of one
server do not affect each other. Private buffers of a kernel (in the fused one: a tile per thread) are not seen.
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
    """Counts the bytes of new tensor storages until they are freed."""

    def __init__(self, known: Iterable[Tensor]) -> None:
        super().__init__()
        self.live_bytes = self.peak_bytes = 0
        self.known = {tensor.untyped_storage().data_ptr() for tensor in known}
        self.lock = threading.RLock()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(found):
            if isinstance(leaf, Tensor):
                self._count(leaf)
        return found

    def _count(self, tensor: Tensor) -> None:
        """Count a tensor's storage, unless it is known already."""
        storage = tensor.untyped_storage()
        address, size = storage.data_ptr(), storage.nbytes()
        with self.lock:
            if address in self.known or not size:
                return
            self.known.add(address)
            self.live_bytes += size
            self.peak_bytes = max(self.peak_bytes, self.live_bytes)
        weakref.finalize(storage, self._uncount, address, size)

    def _uncount(self, address: int, size: int) -> None:
        """Subtract a freed storage; its address may be used again."""
        with self.lock:
            self.known.discard(address)
            self.live_bytes -= size


def peak_bytes(compute: Callable[[], object], inputs: Iterable[Tensor] = ()) -> int:
    """Return the peak bytes of `compute` beside its `inputs`, with its output."""
    with _Watch(inputs) as watch:
        answer = compute()
        del answer
    return watch.peak_bytes
