"""Which heads were right on each link or question of one kind, as a value; which of them are wordings of one sentence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Integer, UInt8

from attnviz.analysis import evidence
from attnviz.errors import BadInputError
from attnviz.linguistics import members


@dataclass(frozen=True, eq=False)
class Hits:
    """Which heads were right on each of n links of one kind, or on each of n questions about a pronoun.

    `text` is the ordinal of the text within its corpus, `corpus` which one. Of links, `offset` is the target's word number
    minus the source's and `others` how many words the source could have chosen; of questions, `nearest` says whether the
    right candidate is the nearer one. `group` numbers the sentences that instances are wordings of; None where each stands
    for itself.
    """

    text: Integer[np.ndarray, " n"]
    corpus: Integer[np.ndarray, " n"]
    hits: Bool[np.ndarray, "n layer head"]
    offset: Integer[np.ndarray, " n"] | None = None
    others: Integer[np.ndarray, " n"] | None = None
    nearest: Bool[np.ndarray, " n"] | None = None
    group: Integer[np.ndarray, " n"] | None = None

    def __post_init__(self) -> None:
        for array in vars(self).values():
            if array is not None:
                array.flags.writeable = False  # shared between sessions

    @property
    def even(self) -> Bool[np.ndarray, " n"]:
        """Those on which heads and offsets are chosen; the others are reported on."""
        return self.text % 2 == 0

    @property
    def counts(self) -> Int[np.ndarray, "layer head"]:
        """How often each head was right."""
        return self.hits.sum(0, dtype=np.int64)

    @property
    def groups(self) -> int | None:
        """How many sentences these are wordings of; None where each stands for itself."""
        many = len(self) if self.group is None else len(np.unique(self.group))
        return many if many < len(self) else None

    @property
    def worth(self) -> Float[np.ndarray, "layer head"]:
        """How many independent instances these are worth for each head: n, or fewer where some are wordings of one."""
        if self.group is None or self.groups is None:
            return np.full(self.hits.shape[1:], float(len(self)))
        _, at, sizes = np.unique(self.group, return_inverse=True, return_counts=True)
        sums = np.zeros((len(sizes), *self.hits.shape[1:]), np.int64)
        np.add.at(sums, at, self.hits)
        return evidence.worth(sums, sizes)

    def where(self, rows: Bool[np.ndarray, " n"]) -> Hits:
        """Some of the instances."""
        parts = (self.offset, self.others, self.nearest, self.group)
        return Hits(self.text[rows], self.corpus[rows], self.hits[rows], *(None if p is None else p[rows] for p in parts))

    def __len__(self) -> int:
        return len(self.text)


def unpacked(packed: UInt8[np.ndarray, "n byte"], size: tuple[int, int]) -> Bool[np.ndarray, "n layer head"]:
    """Eight heads a byte, in the order of layers and heads, as one truth value each; `size` is how many there are of both."""
    layers, heads = size
    if len(packed) * layers * heads > members.MOST:
        raise BadInputError(
            f"{len(packed):,} links of {layers * heads:,} heads take more than the {members.MOST:,} bytes allowed. "
            "Build the atlas from fewer texts."
        )
    return np.unpackbits(packed, axis=-1, count=layers * heads).view(bool).reshape(-1, layers, heads)
