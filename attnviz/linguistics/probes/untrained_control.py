"""Count how often heads of an untrained twin are right: the result of architecture and tokenizer without any training.

The twin has the same architecture and tokenizer and random weights. Its hits are kept as counts, of the even and of the odd
half of the texts, so that its best head is chosen and counted like the model's own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Int

from attnviz.linguistics.probes.dependencies import DIRECTIONS, ScoredLinks

HALVES = 2  # texts with an even and with an odd number


class ControlCounts:
    """Hits of every head of the twin, summed over a chunk."""

    def __init__(self, size: tuple[int, int]) -> None:
        """Start without hits; `size` is the number of layers and heads."""
        self._links: dict[tuple[str, int, int], np.ndarray] = defaultdict(lambda: np.zeros(size, np.int64))
        self._answers = np.zeros((HALVES, *size), np.int64)

    def add_links(
        self, hits: Bool[np.ndarray, "link layer head"], texts: Int[np.ndarray, " link"], scored: ScoredLinks
    ) -> None:
        """Add the hits on the links of one pass; `texts` are the ordinals of their texts."""
        groups: dict[tuple[str, int, int], list[int]] = defaultdict(list)
        directions, halves = scored.direction.tolist(), (texts % HALVES).tolist()
        for at, key in enumerate(zip(scored.relation, directions, halves, strict=True)):
            groups[key].append(at)
        for key, rows in groups.items():
            self._links[key] += hits[rows].sum(0)

    def add_questions(self, hits: Bool[np.ndarray, "question layer head"], texts: Int[np.ndarray, " question"]) -> None:
        """Add the hits on the questions of one pass."""
        for half in range(HALVES):
            self._answers[half] += hits[texts % HALVES == half].sum(0)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all counts, for a part."""
        keys, size = sorted(self._links), self._answers.shape[1:]
        return {
            "relation": np.array([relation for relation, _, _ in keys], dtype=str),
            "direction": np.array([direction for _, direction, _ in keys], np.uint8),
            "half": np.array([half for _, _, half in keys], np.uint8),
            "counts": np.array([self._links[key] for key in keys], np.uint32).reshape(len(keys), *size),
            "answers": self._answers.astype(np.uint32),
        }


def links(
    parts: Iterable[Mapping[str, np.ndarray]], relations: Sequence[str], size: tuple[int, int]
) -> Int[np.ndarray, "relation direction half layer head"]:
    """Return the sums of the counts of all parts, by the number of the relation."""
    number = {name: at for at, name in enumerate(relations)}
    found = np.zeros((len(relations), len(DIRECTIONS), HALVES, *size), np.int64)
    for part in parts:
        at = np.array([number[name] for name in part["relation"].tolist()], int)
        np.add.at(found, (at, part["direction"], part["half"]), part["counts"])
    return found


def questions(
    parts: Iterable[tuple[int, Mapping[str, np.ndarray]]], corpora: int, size: tuple[int, int]
) -> Int[np.ndarray, "corpus half layer head"]:
    """Return the sums of the counts of all parts, by the number of the corpus."""
    found = np.zeros((corpora, HALVES, *size), np.int64)
    for corpus, part in parts:
        found[corpus] += part["answers"]
    return found
