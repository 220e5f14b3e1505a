"""Compare attention on a text with attention on its words in another order.

Without positions, attention treats the tokens as a set: for any order P, the weights of the shuffled words are the shuffled
weights, A(P x) = P A(x) P^T. Lee et al. 2019 (Set Transformer), arXiv:1810.00825, section 3.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from attnviz.engine.layers import locked
from attnviz.engine.reference import FAMILIES, forward
from attnviz.engine.reference.intervention import Intervention
from attnviz.engine.reference.weights import ModelWeights
from attnviz.types import HeadRef, Token

APART = 0.01  # a larger difference is visible
WORDS = {"bert": "embeddings.word_embeddings.weight", "llama": "embed_tokens.weight"}


@dataclass(frozen=True, eq=False)
class Deviation:
    """The difference of weights and final states from the original ones, after the shuffle is undone.

    `weights` is the largest difference of any weight in any head and layer, `many` how many weights differ by more than
    `APART`, `states` the largest difference of the final states, relative to their largest number.
    """

    weights: float
    states: float
    many: int


@dataclass(frozen=True, eq=False)
class WordOrderResult:
    """One head on a text and on its shuffled words, in float64: token i of the shuffled text is token `order[i]` of the text.

    `double` and `single` are the differences between both after the shuffle is undone, in float64 and float32; `compared`
    is how many weights were compared.
    """

    order: tuple[int, ...]
    plain: Float[np.ndarray, "query key"]
    mixed: Float[np.ndarray, "query key"]
    double: Deviation
    single: Deviation
    compared: int

    @property
    def undone(self) -> Float[np.ndarray, "query key"]:
        """Return the weights of the shuffled words, with each row and column moved back to its place."""
        back = np.argsort(self.order)
        return self.mixed[np.ix_(back, back)]


class Float64Tensors(dict[str, Tensor]):
    """Tensors that are converted to float64 on access: a whole model in float64 would double its memory."""

    def __getitem__(self, name: str) -> Tensor:
        return super().__getitem__(name).double()


def shuffled_order(tokens: Sequence[Token], seed: int) -> tuple[int, ...]:
    """Return a random order of the words, always the same for a seed. Pieces of a word stay together.

    Special tokens stay where they are. A text of one word keeps its order.
    """
    words: dict[tuple[int, int], list[int]] = {}
    for place, token in enumerate(tokens):
        if token.word is not None:
            words.setdefault((token.segment, token.word), []).append(place)
    groups = list(words.values())
    mixed = random.Random(seed).sample(groups, len(groups))
    if mixed == groups:
        mixed = groups[1:] + groups[:1]
    flat = iter([place for group in mixed for place in group])
    return tuple(place if token.special else next(flat) for place, token in enumerate(tokens))


def compare_orders(
    w: ModelWeights,
    ids: Sequence[int],
    type_ids: Sequence[int] | None,
    found: tuple[int, ...],
    change: Intervention,
    head: HeadRef,
) -> WordOrderResult:
    """Read both texts with the change, layer by layer, in float64 and in float32, and compare them."""
    used = sorted(set(ids))  # only this text's rows of the word table are converted
    own = {**w.tensors, WORDS[w.family]: w[WORDS[w.family]][used]}
    text = [used.index(id) for id in ids], list(type_ids or [0] * len(ids))
    narrow = replace(w, tensors=own, vocabulary=len(used))
    plain, mixed, double = _compared(replace(narrow, tensors=Float64Tensors(own)), *text, found, change, head)
    single = _compared(narrow, *text, found, change, head)[2]
    return WordOrderResult(found, plain, mixed, double, single, w.layers * w.heads * len(ids) ** 2)


def _compared(
    w: ModelWeights, ids: list[int], types: list[int], found: tuple[int, ...], change: Intervention, head: HeadRef
) -> tuple[np.ndarray, np.ndarray, Deviation]:
    """Return the head's weights on both texts, and the largest differences of all heads."""
    places, off, many, kept = list(found), 0.0, 0, []
    with torch.inference_mode():
        texts = forward(w, ids, types, change), forward(w, [ids[i] for i in places], [types[i] for i in places], change)
        x, y = next(texts[0]), next(texts[1])
        for number, (x, y) in enumerate(zip(*texts, strict=True)):
            apart = (x["weights"][:, places][:, :, places] - y["weights"]).abs()
            off, many = max(off, float(apart.max())), many + int((apart > APART).sum())
            if number == head.layer:
                kept = [locked(np.array(steps["weights"][head.head].numpy())) for steps in (x, y)]
        ends = [FAMILIES[w.family].output(w, steps["output"]) for steps in (x, y)]
        states = float((ends[0][places] - ends[1]).abs().max() / ends[0].abs().max())
    return kept[0], kept[1], Deviation(off, states, many)
