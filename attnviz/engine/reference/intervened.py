"""Forward pass with one intervention: the attention of all heads, the states, and the next-token probabilities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from attnviz.engine.layers import locked
from attnviz.engine.reference import FAMILIES, forward, logits
from attnviz.engine.reference.intervention import Intervention
from attnviz.engine.reference.weights import ModelWeights
from attnviz.errors import TooLongError
from attnviz.types import Token

MAX_TOKENS = 40  # more rows have no room for labels in the pictures, and all heads' weights would fill a server's memory
NAMED = 8  # next tokens that are listed

PROJECTION = {"bert": "encoder.layer.{}.attention.output.dense.weight", "llama": "layers.{}.self_attn.o_proj.weight"}


@dataclass(frozen=True)
class NextToken:
    """A possible next token: its id, its text, and its probability."""

    id: int
    text: str
    share: float


@dataclass(frozen=True, eq=False)
class InterventionResult:
    """The result of reading one text with one change, or with none. Arrays are read-only.

    `keys` are the tokens that the chosen layer looks at: the text's own, or another text's. `weights` are those of every
    layer; `states` the output of each layer, the embedding first; `output` the final states. The chosen layer also has which
    keys may be `seen`, the `scaled` scores, the lengths of `values`, the output of each head (`mix`), and the length of what
    each head `adds` to a token. `next` are the probabilities of the next token (none in an encoder), and `likely` the
    largest of them.
    """

    family: str
    groups: int
    change: Intervention
    tokens: tuple[Token, ...]
    keys: tuple[Token, ...]
    weights: tuple[
        Float[np.ndarray, "_ query _"], ...
    ]  # layers may differ: joined heads count as one, and keys may come from another text
    states: Float[np.ndarray, "state token width"]
    output: Float[np.ndarray, "token width"]
    seen: Bool[np.ndarray, "query key"]
    scaled: Float[np.ndarray, "head query key"]
    values: Float[np.ndarray, "head key"]
    mix: Float[np.ndarray, "head query dim"]
    adds: Float[np.ndarray, "head query"]
    next: Float[np.ndarray, " vocabulary"]
    likely: tuple[NextToken, ...]


def intervene(
    w: ModelWeights,
    ids: Sequence[int],
    type_ids: Sequence[int] | None,
    change: Intervention,
    layer: int,
    tokens: tuple[Token, ...],
    keys: tuple[Token, ...],
    spelled: Callable[[int], str],
) -> InterventionResult:
    """Run the whole pass; `spelled` returns the text of a token id. Raises TooLongError beyond `MAX_TOKENS`."""
    fits(tokens)
    fits(keys, "the other text")
    with torch.inference_mode():
        parts = forward(w, ids, type_ids, change)
        states, weights, here = [next(parts)["output"]], [], {}
        for number, steps in enumerate(parts):
            states.append(steps["output"])
            weights.append(_own(steps["weights"]))
            here = steps if number == layer else here
        output = FAMILIES[w.family].output(w, states[-1])
        shares, likely = _next(w, _own(output), spelled)
        return InterventionResult(
            w.family, w.groups, change, tokens, keys, tuple(weights), _own(torch.stack(states)), _own(output),
            _own(torch.isfinite(here["masked"][0])), _own(here["scaled"]), _own(_lengths(w, here["v"], here["mix"])),
            _own(here["mix"]), _own(_added(w, layer, here["mix"])), shares, likely,
        )  # fmt: skip


def fits(tokens: Sequence[Token], name: str = "this text") -> None:
    """Raise TooLongError for a text beyond `MAX_TOKENS`."""
    if len(tokens) > MAX_TOKENS:
        raise TooLongError(f"Experiments run on at most {MAX_TOKENS} tokens; {name} has {len(tokens)}. Shorten it.")


def _own(tensor: Tensor) -> np.ndarray:
    """Return a read-only copy: a slice would keep the whole pass in memory."""
    return locked(np.array(tensor.numpy()))


def _lengths(w: ModelWeights, values: Float[Tensor, "group key dim"], mix: Float[Tensor, "head query _"]) -> Tensor:
    """Return the length of each value for the heads that read it, [head, key]; concatenated if all heads are joined."""
    lengths = values.norm(dim=-1).repeat_interleave(w.heads // len(values), 0)
    return lengths if len(mix) == len(lengths) else lengths.norm(dim=0, keepdim=True)


def _added(w: ModelWeights, layer: int, mix: Float[Tensor, "head query dim"]) -> Float[Tensor, "head query"]:
    """Return the length of what each head adds: its mix, times its own columns of the output projection."""
    matrix = w[PROJECTION[w.family].format(layer)]  # [width, head * dim]
    columns = matrix.view(len(matrix), len(mix), -1)  # [width, head, dim]
    return torch.einsum("hqd,whd->hqw", mix, columns).norm(dim=-1)


def _next(
    w: ModelWeights, output: Float[np.ndarray, "token width"], spelled: Callable[[int], str]
) -> tuple[np.ndarray, tuple[NextToken, ...]]:
    """Return the probabilities of the token after the last one, and the largest of them; nothing for an encoder."""
    if w.family != "llama":
        return locked(np.zeros(0, np.float32)), ()
    shares = _own(torch.softmax(torch.tensor(logits(w, output[-1:])[0]), -1))
    best = np.argsort(-shares, kind="stable")[:NAMED].tolist()
    return shares, tuple(NextToken(id, spelled(id), float(shares[id])) for id in best)
