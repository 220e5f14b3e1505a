"""Probe how much attention a head gives to earlier copies in sequences of random tokens that are repeated once.

A sequence is `start, r_1 … r_n, r_1 … r_n, end` with n different tokens. In each probe, a head's score is the
mean attention over the queries of that probe:

    induction          from the second r_i to r_(i+1) of the first half, i = 1 … n - 1    Olsson et al. 2022 (arXiv:2209.11895)
    duplicate-token    from the second r_i to the first r_i, i = 1 … n                    Wang et al. 2022 (arXiv:2211.00593)
    previous-token     from every r but the very first to the token before it             Olsson et al. 2022

The tokens are random, so no word is likely after another and only the repetition can be followed; this
separates a probe from a habit on ordinary text (`habits`). Olsson et al. call the induction score prefix matching, repeat 25
tokens four times and leave out the most and the least common ones; TransformerLens repeats 50 tokens once, as here.

The definition is about models that read left to right. In a model that reads both ways the same cells are measured, but
there the first half can look at the second too, and no next token is predicted: it has no induction heads in their sense.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

VERSION = 1
NAMES = ("induction", "duplicate-token", "previous-token")
LENGTH = 50  # random tokens of one half, as in TransformerLens
SHORTEST = 8  # with fewer tokens a mean is uncertain, and uniform attention is already strong
SEQUENCES = 32  # half of them to choose heads on, half to report; the largest standard error of smollm2 is 0.02
SEED = 20220924  # the day on which Olsson et al. appeared
EVEN, ODD = 0, 1  # the half of the sequences on which heads are chosen, and the one that is reported
RULE = (
    "Random tokens, all different, repeated once: mean attention from the second r_i to r_(i+1) of the first half "
    "(induction), from the second r_i to the first r_i (duplicate-token), and from each r but the very first to the token "
    "before it (previous-token). Mean over the positions of a sequence, then over sequences; errors over sequences; heads "
    "are chosen on the sequences with an even number and reported on the odd ones."
)


@dataclass(frozen=True)
class Layout:
    """The positions in one sequence: `start` special tokens, twice `length` random ones, `end` special tokens."""

    start: int
    length: int
    end: int

    @property
    def tokens(self) -> int:
        """The length of the whole sequence."""
        return self.start + 2 * self.length + self.end

    def cells(self, probe: str) -> Int[np.ndarray, "cell 2"]:
        """Return the (query, key) pairs whose attention is averaged."""
        first = np.arange(self.start, self.start + self.length)
        second = first + self.length
        if probe == "induction":
            return np.stack([second[:-1], first[1:]], -1)
        if probe == "duplicate-token":
            return np.stack([second, first], -1)
        query = np.arange(self.start + 1, self.start + 2 * self.length)
        return np.stack([query, query - 1], -1)

    def uniform(self, *, causal: bool) -> tuple[float, ...]:
        """Return the score in each probe of a head that spreads its attention evenly over all visible tokens."""
        if not causal:
            return (1.0 / self.tokens,) * len(NAMES)
        return tuple(float((1.0 / (self.cells(probe)[:, 0] + 1)).mean()) for probe in NAMES)


@dataclass(frozen=True, eq=False)
class ProbeScores:
    """Results of the probes: `facts` for the header of an atlas, and the scores, or None if `facts` has the reason.

    Figures are means and standard errors over sequences; halves are even and odd sequences.
    """

    facts: dict[str, Any]
    scores: Float[np.ndarray, "figure half probe layer head"] | None = None


def missing(reason: str) -> ProbeScores:
    """Return the result for a model that cannot be probed, with the reason."""
    return ProbeScores({"version": VERSION, "missing": reason})


def random_sequences(pool: Sequence[int], length: int, count: int = SEQUENCES) -> list[tuple[int, ...]]:
    """Draw `length` different ids of `pool` for each of `count` sequences; the same in every run.

    Only uniform random numbers are taken from the generator, since its other methods may change between versions.
    """
    random = np.random.default_rng(SEED)
    ids = np.asarray(pool)
    return [tuple(ids[random.random(len(ids)).argsort(kind="stable")[:length]].tolist()) for _ in range(count)]


def scores(weights: Float[np.ndarray, "row head query key"], layout: Layout) -> Float[np.ndarray, "probe row head"]:
    """Return the score of every head on each sequence, in the order of NAMES; float64."""
    found = []
    for probe in NAMES:
        query, key = layout.cells(probe).T
        found.append(weights[:, :, query, key].mean(-1, dtype=np.float64))
    return np.stack(found)


def figures(each: Float[np.ndarray, "probe sequence layer head"]) -> Float[np.ndarray, "figure half probe layer head"]:
    """Return means over the even and over the odd sequences, then their standard errors, float32."""
    halves = [each[:, half::2] for half in (EVEN, ODD)]
    means = np.stack([one.mean(1) for one in halves])
    errors = np.stack([one.std(1, ddof=1) / np.sqrt(one.shape[1]) for one in halves])
    return np.stack([means, errors]).astype(np.float32)


def run_probes(
    layers: Callable[[Sequence[Sequence[int]]], Iterator[Float[np.ndarray, "row head query key"]]],
    size: tuple[int, int],
    pool: Sequence[int],
    around: tuple[Sequence[int], Sequence[int]],
    *,
    causal: bool,
    max_tokens: int | None,
    tokens: int,
    named: tuple[list[str], list[str]] = ([], []),
) -> ProbeScores:
    """Run the probes on one model.

    `layers` gives each layer's weights of some sequences of ids; `size` is how many layers and heads there are; `pool` are
    the ids to draw from; `around` the special ids before and after, and `named` what they are called; `tokens` bounds a pass.
    """
    start, end = around
    room = LENGTH if max_tokens is None else (max_tokens - len(start) - len(end)) // 2
    length = min(LENGTH, room, len(pool))
    if len(pool) < SHORTEST:
        return missing(
            f"{len(pool)} tokens of its vocabulary are letters only and stand alone; the probes draw at least {SHORTEST}"
        )
    if length < SHORTEST:
        return missing(f"it reads at most {max_tokens} tokens; the probes repeat at least {SHORTEST}")
    layout = Layout(len(start), length, len(end))
    rows = [(*start, *ids, *ids, *end) for ids in random_sequences(pool, length)]
    each = np.zeros((len(NAMES), len(rows), *size))
    step = max(1, tokens // layout.tokens)
    for first in range(0, len(rows), step):
        some = rows[first : first + step]
        for layer, weights in enumerate(layers(some)):
            each[:, first : first + len(some), layer, : weights.shape[1]] = scores(weights, layout)
    facts = {
        "version": VERSION, "names": list(NAMES), "rule": RULE, "seed": SEED, "length": length,
        "sequences": [len(rows[half::2]) for half in (EVEN, ODD)], "drawn_from": len(pool),
        "start": named[0], "end": named[1],
        "even_look": list(layout.uniform(causal=causal)),
    }  # fmt: skip
    return ProbeScores(facts, figures(each))
