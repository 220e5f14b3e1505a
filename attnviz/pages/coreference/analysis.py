"""Which candidate every head chooses for a pronoun."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from attnviz.engine.trace import Trace
from attnviz.errors import BadInputError
from attnviz.text import tokens_of

Span = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Antecedents:
    """The numbers by which heads choose a candidate: `peaks`, the largest weight on any one piece of each candidate.

    A sum over pieces would favour long names: they have more pieces. `late` are the candidates that a causal model cannot
    see from the pronoun, as indices: with only one, a head has no choice. NaN if a layer has fewer heads.
    """

    peaks: Float[np.ndarray, "layer head candidate"]
    late: tuple[int, ...] = ()

    def hits(self, right: int) -> Bool[np.ndarray, "layer head"]:
        """Return which heads give the right candidate more than every other one; ties are misses."""
        return wins(self.peaks, right)


def wins(values: Float[np.ndarray, "layer head candidate"], right: int) -> Bool[np.ndarray, "layer head"]:
    """Return where candidate `right` has more than every other one; never on a tie, nor where a value is NaN."""
    return np.asarray((values[..., right, None] > np.delete(values, right, axis=-1)).all(-1))


def antecedents(trace: Trace, pronoun: Span, candidates: Sequence[Span], block: str = "self") -> Antecedents:
    """Return each candidate's weight in every head: mean over the pronoun's pieces, maximum over the candidate's.

    The same rule scores heads on whole collections of questions (GAP, Webster et al. 2018,
    arXiv:1810.05201). Raises BadInputError for fewer than two candidates, or for a span in which no token starts.
    """
    if len(candidates) < 2:
        raise BadInputError(f"A choice needs at least two candidates; got {len(candidates)}. Add another one.")
    part = trace.block(block)
    segment = min((token.segment for token in part.queries if not token.special), default=0)
    source = list(tokens_of(pronoun, part.queries, segment))
    targets = [list(tokens_of(span, part.keys, segment)) for span in candidates]
    peaks = np.full((part.layers, part.heads, len(targets)), np.nan, np.float32)
    for layer in range(part.layers):
        row = part.weights(layer)[:, source].mean(1)  # head key
        peaks[layer, : len(row)] = np.stack([row[:, target].max(-1) for target in targets], -1)
    late = tuple(at for at, target in enumerate(targets) if part.causal and max(target) >= min(source))
    return Antecedents(peaks, late)
