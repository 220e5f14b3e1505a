"""Find out which attention calls of one forward pass build on each other: the layers of one stack, or several readings.

The modules do not show it. ALBERT calls one module once for each layer; a siamese model calls one encoder once for each
text. The data flow shows it: a layer's queries are computed from the output of the layer before it, and no text is embedded
between the two.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from attnviz.engine.wrappers import spelled
from attnviz.errors import NoAttentionError

NONE: frozenset[int] = frozenset()


class Flow(TorchDispatchMode):
    """Records, while it is active, which attention outputs each tensor was computed from, and when token ids were embedded.

    `sources` has, for each call in order, the calls that its queries were computed from; `read` is how often ids were
    embedded before it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.reached: dict[int, frozenset[int]] = {}
        self.sources: list[frozenset[int]] = []
        self.read: list[int] = []
        self.embedded = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        given = [one for one in tree_leaves((args, kwargs or {})) if isinstance(one, Tensor)]
        sources = NONE.union(*(self._of(one) for one in given))
        outputs = [one for one in tree_leaves(found) if isinstance(one, Tensor)]
        written = [
            one for one, slot in zip(args, func._schema.arguments, strict=False) if _writes(slot) and isinstance(one, Tensor)
        ]
        for tensor in (*outputs, *written):
            self.reached[_address(tensor)] = sources
        return found

    def call(self, query: Tensor, output: Tensor) -> None:
        """Record one attention call: the calls that its queries were computed from, and that its output comes from it."""
        self.sources.append(self._of(query))
        self.read.append(self.embedded)
        self.reached[_address(output)] = self._of(output) | {len(self.sources) - 1}

    def _of(self, tensor: Tensor) -> frozenset[int]:
        """Return the calls that a tensor was computed from."""
        return self.reached.get(_address(tensor), NONE)


def doubtful(names: Sequence[str]) -> bool:
    """Return whether calls by these modules may not be one stack: a module is called again, or they are in several lists."""
    return len(set(names)) < len(names) or len({re.sub(r"\d+", "#", name) for name in names}) > 1


def broken(flow: Flow, calls: Sequence[int]) -> tuple[int, int] | None:
    """Return two neighbouring calls of a block if the second does not use the first, or reads ids again; or else None."""
    for one, other in itertools.pairwise(calls):
        if one not in flow.sources[other] or flow.read[one] != flow.read[other]:
            return one, other
    return None


def watched(model: Any, flow: Flow, run: Callable[[], Any]) -> None:
    """Run one pass of a temporary shadow with `flow` active, and count how often it embeds token ids."""
    for table in {id(one): one for one in map(_embedding, model.modules()) if one is not None}.values():
        table.register_forward_pre_hook(lambda *_: setattr(flow, "embedded", flow.embedded + 1))
    with flow:
        run()


def refused(model: nn.Module, names: tuple[str, str]) -> NoAttentionError:
    """Return the error for a model that reads more than once in one pass: it names the parts, and which of them to pass.

    `names` are the modules of two calls that are not neighbours in one stack.
    """
    models = [path for path, part in model.named_modules() if _embedding(part) is not None]
    parts = list(dict.fromkeys(_part(name, names, models) for name in names))
    kind = type(model).__name__
    if len(parts) > 1:
        shown = " and ".join(map(spelled, parts))
        rule = f"{kind} reads with several parts in one pass, {shown}, which are no layers of one stack."
    elif parts[0]:
        rule = f"{kind} reads several times in one pass with {spelled(parts[0])}, and these are no layers of one stack."
    else:
        return NoAttentionError(
            f"{kind} reads several times in one pass, and these are no layers of one stack. "
            "Give a model that reads its input once."
        )
    remedy = " or ".join(_call(model, part) for part in parts)
    return NoAttentionError(f"{rule} Give the one that you mean: {remedy}.")


def _call(model: nn.Module, path: str) -> str:
    """Return the Python call that captures the attention of one part of a model."""
    main = getattr(model.get_submodule(path), "main_input_name", "input_ids")
    return (
        f"attnviz.trace({spelled(path)}, tokenizer, text)"
        if main == "input_ids"
        else f"attnviz.capture({spelled(path)}, {main}=…)"
    )


def _part(name: str, names: tuple[str, str], models: Sequence[str]) -> str:
    """Return the part of a model that a module belongs to: the outermost model that is not around both, or its stack."""
    around = sorted((path for path in models if path and name.startswith(f"{path}.")), key=len)
    alone = [path for path in around if not all(other.startswith(f"{path}.") for other in names)]
    if names[0] == names[1] or (around and not alone):
        return around[-1] if around else ""
    if alone:
        return alone[0]
    steps = [one.split(".") for one in names]
    same = next(at for at, pair in enumerate(itertools.zip_longest(*steps)) if pair[0] != pair[1])
    return ".".join(name.split(".")[: same + 1])


def _embedding(part: nn.Module) -> Any:
    """Return the table with which a model turns token ids into vectors; None if it has none, or cannot say."""
    look = getattr(type(part), "get_input_embeddings", None)
    if look is None:
        return None
    try:
        found = look(part)
    except (AttributeError, NotImplementedError):
        return None
    return found if isinstance(found, nn.Module) else None


def _writes(slot: Any) -> bool:
    """Return whether an operator writes to an argument."""
    return slot.alias_info is not None and slot.alias_info.is_write


def _address(tensor: Tensor) -> int:
    """Return the address of a tensor's numbers, which views share."""
    try:
        return tensor.untyped_storage().data_ptr()
    except (NotImplementedError, RuntimeError):  # a kind of tensor without storage of its own
        return id(tensor)
