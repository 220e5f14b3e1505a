"""A model's weights, a text and the name of one head in; all that the text goes through in that head, step by step, out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from attnviz.engine.scratch import run
from attnviz.engine.scratch.weights import Weights
from attnviz.engine.trace import locked
from attnviz.errors import TooLongError
from attnviz.types import HeadRef, Token

MOST = 96  # tokens: more are not read one by one, and their steps would fill the memory of a server

NAMES = {  # of what is learned: the matrix of the queries, and the norm that stands before attention is reached
    "bert": ("encoder.layer.{}.attention.self.query", "embeddings.LayerNorm"),
    "llama": ("layers.{}.self_attn.q_proj", "layers.{}.input_layernorm"),
}


@dataclass(frozen=True, eq=False)
class OneHead:
    """One head of one layer on one text, from the words to what is passed on. Arrays are read-only.

    Names are those of `STEPS`. `segments`, `positions`, `summed` and `added_norm` are BERT's alone and zero elsewhere;
    `unnormed` and `normed` are what the norm before attention takes and gives: of the embedding in BERT, of the layer's
    input in Llama. What of a head's queries is learned is `query_map` and `query_bias`, of that norm `gain` and `shift`.
    """

    family: str
    head: HeadRef
    group: int
    heads: int
    groups: int
    base: float
    epsilon: float
    tokens: tuple[Token, ...]
    words: Float[np.ndarray, "token width"]
    segments: Float[np.ndarray, "token width"]
    positions: Float[np.ndarray, "token width"]
    unnormed: Float[np.ndarray, "token width"]
    normed: Float[np.ndarray, "token width"]
    embedded: Float[np.ndarray, "token width"]
    input: Float[np.ndarray, "token width"]
    projects: Float[np.ndarray, "token width"]
    q: Float[np.ndarray, "token dim"]
    k: Float[np.ndarray, "token dim"]
    v: Float[np.ndarray, "token dim"]
    q_turned: Float[np.ndarray, "token dim"]
    k_turned: Float[np.ndarray, "token dim"]
    scores: Float[np.ndarray, "token token"]
    scaled: Float[np.ndarray, "token token"]
    masked: Float[np.ndarray, "token token"]
    weights: Float[np.ndarray, "token token"]
    mix: Float[np.ndarray, "token dim"]
    joined: Float[np.ndarray, "token joint"]
    projected: Float[np.ndarray, "token width"]
    added: Float[np.ndarray, "token width"]
    added_norm: Float[np.ndarray, "token width"]
    query_map: Float[np.ndarray, "dim width"]
    query_bias: Float[np.ndarray, " dim"]
    gain: Float[np.ndarray, " width"]
    shift: Float[np.ndarray, " width"]

    @property
    def causal(self) -> bool:
        """Whether the mask hides what stands later."""
        return self.family == "llama"


def one_head(
    w: Weights, ids: Sequence[int], type_ids: Sequence[int] | None, tokens: tuple[Token, ...], head: HeadRef
) -> OneHead:
    """The steps of one head; of all else nothing is kept. Raises TooLongError from `MOST` tokens on."""
    if len(ids) > MOST:
        raise TooLongError(f"A head is walked through on at most {MOST} tokens; this text has {len(ids)}. Shorten the text.")
    found = run(w, ids, type_ids, keep=(head.layer,))
    start, steps, group = found.embedding, found.layers[head.layer], w.group(head.head)
    bert, nothing = w.family == "bert", np.zeros_like(start["words"])
    taken = {name: steps[name][head.head] for name in ("q", "scores", "scaled", "masked", "weights", "mix")}
    taken |= {name: steps[name][group] for name in ("k", "v")}
    taken |= {"q_turned": steps.get("q_turned", steps["q"])[head.head], "k_turned": steps.get("k_turned", steps["k"])[group]}
    taken |= {name: steps[name] for name in ("input", "joined", "projected", "added")}
    taken |= {"words": start["words"], "embedded": start["output"], "added_norm": steps["added_norm"] if bert else nothing}
    taken |= {name: start.get(name, nothing) for name in ("segments", "positions")}
    taken |= {
        "unnormed": start["summed"] if bert else steps["input"],
        "normed": start["output"] if bert else steps["input_norm"],
        "projects": steps["input"] if bert else steps["input_norm"],
    }
    taken |= _learned(w, head)
    return OneHead(
        w.family, head, group, w.heads, w.groups, w.base, w.epsilon, tokens,
        **{name: locked(np.array(array)) for name, array in taken.items()},  # copies: a slice would keep all heads alive
    )  # fmt: skip


def _learned(w: Weights, head: HeadRef) -> dict[str, np.ndarray]:
    """The head's rows of the query matrix, and the norm's two vectors; what a family lacks is zero."""
    query, norm = (name.format(head.layer) for name in NAMES[w.family])
    rows = slice(head.head * w.dim, (head.head + 1) * w.dim)
    matrix, gain = w[f"{query}.weight"][rows].numpy(), w[f"{norm}.weight"].numpy()
    bias, shift = (w.tensors.get(f"{name}.bias") for name in (query, norm))
    return {
        "query_map": matrix, "query_bias": np.zeros(len(matrix), np.float32) if bias is None else bias[rows].numpy(),
        "gain": gain, "shift": np.zeros_like(gain) if shift is None else shift.numpy(),
    }  # fmt: skip
