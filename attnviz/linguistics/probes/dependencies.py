"""Score which heads are right on each gold link of a batch, in both directions, from attention between words.

The rule is that of Clark et al. 2019, section 4 (arXiv:1906.04341): a head's prediction for a word is the other word that
it looks at most, special tokens left out. We differ in three ways, each stricter or more exact: a tie is a
miss, punctuation may be chosen (it is in the text), and a causal model is tested only on links to earlier words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from attnviz.linguistics.corpora.types import ParsedSentence
from attnviz.linguistics.probes.word_attention import WordGrid

MIN_WORDS, MAX_WORDS = 4, 60  # words of a scored sentence
LEFT_OUT = frozenset({"root", "punct"})
DIRECTIONS = ("dh", "hd")  # the dependent looks at its head; the head looks at its dependent
NO_TOKEN = "links of a word in which no token starts"
LATER = "links to a later word, which a causal model cannot see"


@dataclass(frozen=True, eq=False)
class ScoredLinks:
    """The links that heads are tested on, one entry for each link and direction, in the order of the texts.

    `row`, `source` and `target` say where (text of the batch, words of it); `relation` is the corpus's label, with its
    subtype; `direction` counts DIRECTIONS; `others` is how many words the source can choose from, so that chance is
    1 / others.
    """

    row: Int[np.ndarray, " link"]
    source: Int[np.ndarray, " link"]
    target: Int[np.ndarray, " link"]
    relation: tuple[str, ...]
    direction: Int[np.ndarray, " link"]
    others: Int[np.ndarray, " link"]

    @property
    def offset(self) -> Int[np.ndarray, " link"]:
        """How many words after its source each target is; below 0 where before."""
        return self.target - self.source


def fits(parsed: ParsedSentence) -> bool:
    """Return whether a sentence has 4 to 60 words."""
    return MIN_WORDS <= len(parsed.words) <= MAX_WORDS


def scored_links(batch: Sequence[ParsedSentence], grid: WordGrid, left_out: Counter[str]) -> ScoredLinks:
    """Return every link of a batch in both directions; those that cannot be scored are left out and counted by reason."""
    found: list[tuple[int, int, int, int]] = []
    relations: list[str] = []
    for row, parsed in enumerate(batch):
        numbers = {span: number for number, span in enumerate(parsed.words)}
        for link in parsed.links:
            relation, _, subtype = link.kind.partition(":")
            if relation in LEFT_OUT:
                continue
            dependent, head = numbers.get(link.source), numbers.get(link.target)
            for direction, (source, target) in enumerate(((dependent, head), (head, dependent))):
                if source is None or target is None or source == target or not grid.there[row, [source, target]].all():
                    left_out[NO_TOKEN] += 1
                elif not grid.visible[row, source, target]:
                    left_out[LATER] += 1
                else:
                    found.append((row, source, target, direction))
                    relations.append(f"{relation}:{subtype}" if subtype else relation)
    row, source, target, direction = np.array(found, int).reshape(-1, 4).T
    return ScoredLinks(row, source, target, tuple(relations), direction, grid.visible.sum(-1)[row, source])


def chosen(attention: Float[np.ndarray, "row head word other"], grid: WordGrid) -> Int[np.ndarray, "row head word"]:
    """Return the index of the visible other word that each word looks at most; -1 for a tie."""
    seen = np.where(grid.visible[:, None], attention, np.float32(-1.0))
    choice = seen.argmax(-1)  # row head word
    most = np.take_along_axis(seen, choice[..., None], -1)
    alone = np.count_nonzero(seen == most, axis=-1) == 1
    return np.where(alone & (grid.visible.sum(-1)[:, None] > 0), choice, -1)


def hits(
    attention: Float[np.ndarray, "row head word other"], grid: WordGrid, links: ScoredLinks
) -> Bool[np.ndarray, "link head"]:
    """Return which heads of a layer choose the right word on each link."""
    return chosen(attention, grid)[links.row, :, links.source] == links.target[:, None]
