"""Measure how much every head attends to positions and repetitions instead of meaning, as sums over a batch.

These are means over all sentences of a corpus; what a head does on one text is `analysis.head_roles`.
Each habit is attention from a token of the text to certain tokens, averaged over the tokens that have such tokens:

    previous, next      the token just before or after           Voita et al. 2019 (arXiv:1905.09418), section 5.1
    first               the first token of the text
    separator           special tokens that are not the first token of all, such as [SEP]
    same                the same token elsewhere
    repeated            earlier occurrences of the same token
    after-repeated      the tokens after earlier occurrences
    sink                the first token of all, [CLS] in BERT    Gu et al. 2025 (arXiv:2410.10781), who count its own row too
    entropy             none: how spread the row is, in bits     Clark et al. 2019 (arXiv:1906.04341), section 3.3, in nats

`after-repeated` is not an induction score, though it had that name. In ordinary text a token often comes again after the same
other token, as commas do, and what followed it is then the token just before, where many heads look anyway. `probes` measures
induction as Olsson et al. 2022 do (arXiv:2209.11895), on random tokens, and ranks the heads differently.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from attnviz.types import Token

PLACES = ("previous", "next", "first", "separator", "same", "repeated", "after-repeated", "sink")  # habits that are cells
NAMES = (*PLACES, "entropy")
RENAMED = {"induction": "after-repeated"}  # what older atlases, addresses and commands call a habit
TINY = np.float32(1e-38)  # 0 log 0 counts as 0


@dataclass(frozen=True, eq=False)
class HabitCells:
    """The `cells` where each habit of PLACES would look, in a batch; `text` marks the tokens of the text, whose rows count.

    `counts` is how many rows have such a cell; for entropy, the number of rows.
    """

    cells: Float[np.ndarray, "row cell habit"]
    text: Float[np.ndarray, "row query"]
    counts: Int[np.ndarray, " kind"]


def habit_cells(ids: Sequence[Sequence[int]], tokens: Sequence[Sequence[Token]], *, causal: bool) -> HabitCells:
    """Return the cells of a batch of texts, padded to the longest.

    Ids and tokens are all that a habit sees: no words, no gold links. `measure.Measurer` has the annotated texts.
    """
    shape = len(ids), max(map(len, ids), default=0)
    number, real, text = np.full(shape, -1), np.zeros(shape, bool), np.zeros(shape, bool)
    for row, (mine, inner) in enumerate(zip(ids, tokens, strict=True)):
        number[row, : len(mine)], real[row, : len(mine)] = mine, True
        text[row, : len(mine)] = [not token.special for token in inner]
    at = np.arange(shape[1])
    query, key = at[:, None], at[None, :]
    visible = np.tril(np.ones((len(at), len(at)), bool)) if causal else np.ones((len(at), len(at)), bool)
    among = text[:, :, None] & text[:, None] & visible & (query != key)  # row query key
    same = among & (number[:, :, None] == number[:, None])
    repeated = same & (key < query)
    after = np.zeros_like(repeated)
    after[:, :, 1:] = repeated[:, :, :-1]
    special = (real & ~text)[:, None] & text[:, :, None] & visible
    first = np.where(text.any(1), text.argmax(1), -1)[:, None, None]
    by_name = {
        "previous": among & (key == query - 1),
        "next": among & (key == query + 1),
        "first": among & (key == first),
        "separator": special & (key > 0),
        "same": same,
        "repeated": repeated,
        "after-repeated": after & among & (key < query),
        "sink": text[:, :, None] & real[:, None] & visible & (key == 0) & (query > 0),
    }
    cells = np.stack([by_name[name] for name in PLACES], -1)  # row query key habit
    counts = np.append(cells.any(2).sum((0, 1)), text.sum())
    return HabitCells(cells.reshape(shape[0], -1, len(PLACES)).astype(np.float32), text.astype(np.float32), counts)


def sums(weights: Float[np.ndarray, "row head query key"], found: HabitCells) -> Float[np.ndarray, "kind head"]:
    """Return sums over the rows that count, for every head of a layer, in the order of NAMES; float64."""
    rows, heads = weights.shape[:2]
    looked = weights.reshape(rows, heads, -1) @ found.cells  # row head habit
    bits = entropies(weights)  # row head query
    spread = np.einsum("rhq,rq->h", bits, found.text, dtype=np.float64)
    return np.concatenate([looked.sum(0, dtype=np.float64).T, spread[None]])


def entropies(weights: Float[np.ndarray, "*lead query key"]) -> Float[np.ndarray, "*lead query"]:
    """Return the entropy of each row in bits, as `analysis.row_stats.entropy`, in two passes instead of five."""
    logs = np.log(np.maximum(weights, TINY))
    logs *= weights
    return logs.sum(-1) * np.float32(-1.0 / np.log(2.0))


def means(
    total: Float[np.ndarray, "kind layer head"], counts: Int[np.ndarray, " kind"]
) -> Float[np.ndarray, "kind layer head"]:
    """Convert sums to means, float32; NaN if no row counted."""
    rows = np.where(counts > 0, counts, np.nan)[:, None, None]
    return (total / rows).astype(np.float32)
