"""One change to a forward pass, as a value: what the model does differently, and in which layer."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from attnviz.engine import attention
from attnviz.engine.reference.weights import ModelWeights
from attnviz.errors import BadInputError


@dataclass(frozen=True)
class Intervention:
    """What differs from the trained model; the defaults change nothing.

    scale        divide the scores by sqrt(dim)
    temperature  also divide them by this: below 1 makes the weights sharper, above 1 more even
    causal       hide later tokens, or not; None leaves it as trained
    positions    give the model the positions of its tokens
    window       look only at keys less than this many tokens away
    stride       look only at keys a whole number of strides away; with a window, at both
    heads        only these heads have an output; None is all of them
    one_head     all heads joined into one of the full width, with a single softmax
    zeroed       tokens whose values are all zero: they get attention but add nothing
    others       token ids of another text, whose keys and values are read instead of this text's: cross-attention
    layer        the only layer with this change; None is every layer
    """

    scale: bool = True
    temperature: float = 1.0
    causal: bool | None = None
    positions: bool = True
    window: int | None = None
    stride: int | None = None
    heads: tuple[int, ...] | None = None
    one_head: bool = False
    zeroed: tuple[int, ...] = ()
    others: tuple[int, ...] = ()
    layer: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.temperature < float("inf"):
            raise BadInputError(f"A temperature is above 0 and finite; got {self.temperature}.")
        for name, length in (("window", self.window), ("stride", self.stride)):
            if length is not None and length < 1:
                raise BadInputError(f"A {name} is at least 1 token, the query itself; got {length}.")
        if self.others and (self.causal or self.window or self.stride):
            raise BadInputError("Places in two texts are not before or near each other: leave the mask or the other text out.")
        if self.one_head and self.heads is not None:
            raise BadInputError("Heads joined to one leave none to choose from: keep some, or join all.")

    def at(self, layer: int) -> Intervention:
        """Return the change in one layer."""
        return self if self.layer in (None, layer) else AS_TRAINED

    def check(self, weights: ModelWeights, tokens: int) -> None:
        """Raise BadInputError unless the model has these layers and heads, and the text these tokens."""
        if self.layer is not None and not 0 <= self.layer < weights.layers:
            raise BadInputError(f"This model has layers 0 to {weights.layers - 1}; got {self.layer}.")
        if self.layer is not None and not self.positions and weights.family == "bert":
            raise BadInputError("BERT adds positions once, before its first layer: take them away everywhere or nowhere.")
        if any(not 0 <= head < weights.heads for head in self.heads or ()):
            raise BadInputError(f"This model has heads 0 to {weights.heads - 1}; got {self.heads}.")
        read = len(self.others) or tokens
        if any(not 0 <= token < read for token in self.zeroed):
            raise BadInputError(f"The text that is looked at has tokens 0 to {read - 1}; got {self.zeroed}.")

    def hides_later(self, trained: bool) -> bool:
        """Return whether queries look only back; `None` in the change keeps what the model was trained with."""
        return trained if self.causal is None else self.causal

    def pattern(self, queries: int, keys: int) -> Tensor | None:
        """Return where a query may look, [query, key]: the window, the strides, or both; None is everywhere."""
        masks = []
        if self.window is not None:
            masks.append(attention.near_mask(queries, keys, self.window))
        if self.stride is not None:
            masks.append(attention.strided_mask(queries, keys, self.stride))
        return None if not masks else masks[0] | masks[-1]


AS_TRAINED = Intervention()
