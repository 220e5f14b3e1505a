"""Which heads were right on each link or question of one kind, and which instances are not independent."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from jaxtyping import Bool, Float, Int, Integer, UInt8

from attnviz.analysis import statistics
from attnviz.errors import BadInputError
from attnviz.linguistics.atlas import contexts, npz


@dataclass(frozen=True, eq=False)
class Hits:
    """Which heads were right on each of n links of one kind, or on each of n questions about a pronoun.

    `text` is the ordinal of the text within its corpus, `corpus` which one. Of links, `offset` is the target's word number
    minus the source's and `others` how many words the source could have chosen; of questions, `nearest` says whether the
    right candidate is the nearer one, `mentioned` how often “the name mentioned more often” is right (a share where names
    tie), and `answer` which candidate is right, in the order of the text. `group` numbers the sentences that instances are
    wordings of; None if each is independent. Instances with one number in `context` look the same to the model.
    """

    text: Integer[np.ndarray, " n"]
    corpus: Integer[np.ndarray, " n"]
    hits: Bool[np.ndarray, "n layer head"]
    offset: Integer[np.ndarray, " n"] | None = None
    others: Integer[np.ndarray, " n"] | None = None
    nearest: Bool[np.ndarray, " n"] | None = None
    group: Integer[np.ndarray, " n"] | None = None
    mentioned: Float[np.ndarray, " n"] | None = None
    answer: Integer[np.ndarray, " n"] | None = None
    context: Integer[np.ndarray, " n"] | None = None

    def __post_init__(self) -> None:
        for array in vars(self).values():
            if array is not None:
                array.flags.writeable = False  # shared between sessions

    @property
    def even(self) -> Bool[np.ndarray, " n"]:
        """Whether heads and offsets are chosen on an instance; the others are reported on."""
        return self.text % 2 == 0

    @property
    def counts(self) -> Int[np.ndarray, "layer head"]:
        """How often each head was right."""
        return self.hits.sum(0, dtype=np.int64)

    @property
    def groups(self) -> int | None:
        """How many sentences these are wordings of; None if each is independent."""
        many = len(self) if self.group is None else len(np.unique(self.group))
        return many if many < len(self) else None

    @property
    def effective_sample_size(self) -> Float[np.ndarray, "layer head"]:
        """The effective number of independent instances for each head: n, or fewer where some are wordings of one sentence."""
        if self.group is None or self.groups is None:
            return np.full(self.hits.shape[1:], float(len(self)))
        _, at, sizes = np.unique(self.group, return_inverse=True, return_counts=True)
        sums = np.zeros((len(sizes), *self.hits.shape[1:]), np.int64)
        np.add.at(sums, at, self.hits)
        return statistics.effective_sample_size(sums, sizes)

    @property
    def ceiling(self) -> float:
        """The highest rate that any head can have: among instances that look the same, it is right on those with one answer.

        A head chooses once for each context. So it finds one of two adjectives of a noun, and, where it reads left to right,
        is right on one of two sentences that are the same up to the pronoun and differ in what that refers to.
        """
        choices = self.offset if self.answer is None else self.answer
        if self.context is None or choices is None or not len(self):
            return 1.0
        return contexts.ceiling(self.context, choices) / len(self)

    @property
    def decidable(self) -> Bool[np.ndarray, " n"]:
        """Whether an instance looks different from all with another answer."""
        choices = self.offset if self.answer is None else self.answer
        if self.context is None or choices is None or not len(self):
            return np.ones(len(self), bool)
        return contexts.decidable(self.context, choices)

    @property
    def cluster(self) -> Integer[np.ndarray, " n"]:
        """A number for the sentence of each instance: instances of one sentence are not independent."""
        return self.text + self.corpus.astype(np.int64) * 2**32 if self.group is None else self.group

    def where(self, rows: Bool[np.ndarray, " n"]) -> Hits:
        """Return some of the instances."""
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: column[rows] for name, column in columns.items() if column is not None})

    def __len__(self) -> int:
        return len(self.text)


def unpacked(packed: UInt8[np.ndarray, "n byte"], size: tuple[int, int]) -> Bool[np.ndarray, "n layer head"]:
    """Unpack bits, eight heads a byte in the order of layers and heads; `size` is how many layers and heads there are."""
    layers, heads = size
    if len(packed) * layers * heads > npz.MAX_BYTES:
        raise BadInputError(
            f"{len(packed):,} links of {layers * heads:,} heads take more than the {npz.MAX_BYTES:,} bytes allowed. "
            "Build the atlas from fewer texts."
        )
    return np.unpackbits(packed, axis=-1, count=layers * heads).view(bool).reshape(-1, layers, heads)
