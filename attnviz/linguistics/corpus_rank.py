"""The rank of every head on annotated texts for the kind of link that a reader looks at, where that kind is known.

The kind of a link is known in a sentence with gold annotation, from a parse, and from a third-person pronoun to an earlier
word that may be its antecedent.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Int

from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError
from attnviz.lessons import examples
from attnviz.linguistics import claim_text, claims, gold_sentences
from attnviz.linguistics.anaphor import BE, BETWEEN, OTHERS, POINTING, RELATIVE, THIRD
from attnviz.linguistics.atlas import reader
from attnviz.linguistics.atlas.reader import Atlas
from attnviz.linguistics.corpora.types import ParsedSentence
from attnviz.linguistics.relations import CORPUS, PARSER, UNCOUNTED, relation
from attnviz.types import HeadRef, Link, joined

PRONOUN = "gap"  # the questions on which heads are ranked for a pronoun's link
QUESTIONS = {"gap": "GAP", "winogender": "Winogender"}
SMALL = frozenset(
    "a an the and or but nor if because although while when before after since until as than then to of in on at by for "
    "from with about do does did has have had can could will would may might must shall should there here".split()
)
NEVER = THIRD | OTHERS | POINTING | RELATIVE | BE | BETWEEN | SMALL  # no pronoun refers to these
DIGITS = string.digits + string.ascii_lowercase  # to the base 36
WORD = re.compile(r"[^\W\d_]+")
MOST = 30  # pronouns that the board knows
Kind = tuple[str, str]  # relation and direction, as an atlas has them


@dataclass(frozen=True, eq=False)
class CorpusRanks:
    """The rank of every head on one kind of link: 1 is right most often, and equal heads share one.

    Counted on the held-out half of the texts; on all of them where there are no halves. `n` is how many links these are,
    `hits` on how many of them each head is right, `half` the name of the half, `source` the corpus.
    """

    relation: str
    direction: str
    ranks: Int[np.ndarray, "layer head"]
    hits: Int[np.ndarray, "layer head"]
    n: int
    source: str
    half: str

    @property
    def on(self) -> str:
        """The kind of link and the texts, `pronoun → antecedent, GAP held-out`."""
        ends = claim_text.link_ends(self.relation, self.direction) if self.direction else "pronoun → antecedent"
        return f"{ends}, {self.source.replace(',', '')} {self.half}"

    def rank(self, head: HeadRef) -> int:
        """Return the rank of one head."""
        return int(self.ranks[head.layer, head.head])

    def sentence(self, head: HeadRef) -> str:
        """Return the rank of one head, `3rd of 72 heads on pronoun → antecedent, GAP held-out`."""
        return f"{ordinal(self.rank(head))} of {self.ranks.size} heads on {self.on}"

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON fields of the ranking."""
        return {
            "relation": self.relation, "direction": self.direction or None, "on": self.on, "n": self.n,
            "heads": int(self.ranks.size), "source": self.source, "half": self.half,
        }  # fmt: skip


def of_links(
    trace: Trace, links: Sequence[Link], block: str = "self", parsed: ParsedSentence | None = None
) -> CorpusRanks | None:
    """Return the ranks of the model's heads on the kind of these links.

    None where the kind is not known, the links are of several kinds, or these weights were not measured on it.
    """
    kinds = {kind(trace.request.text, link, parsed) for link in links}
    found = next(iter(kinds)) if len(kinds) == 1 else None
    return None if found is None else of_kind(trace, *found, block)


def of_kind(trace: Trace, name: str, direction: str = "dh", block: str = "self") -> CorpusRanks | None:
    """Return the ranks of the model's heads on one kind of link; None if these weights were not measured on it."""
    try:
        atlas = reader.shipped(trace.request.model) if block == "self" else None
        return None if atlas is None or atlas.header.digest != trace.digest else ranks(atlas, name, direction)
    except AttnvizError:  # a damaged atlas, or one without this kind: there is no rank
        return None


@lru_cache(maxsize=64)
def ranks(atlas: Atlas, name: str, direction: str = "dh") -> CorpusRanks | None:
    """Return the ranks of all heads of an atlas on one kind of link; None where there are fewer than `claims.ENOUGH` of it.

    Raises BadInputError for a kind that the atlas does not have.
    """
    known = name if name in atlas.kinds else atlas.counting(name) or name
    all_found = claims.hits(atlas, known, direction)
    odd = all_found.where(~all_found.even)
    found = odd if len(odd) >= claims.ENOUGH else all_found
    if len(found) < claims.ENOUGH:
        return None
    counts = found.counts
    above = counts.size - np.searchsorted(np.sort(counts, axis=None), counts, side="right")
    source = QUESTIONS.get(known) or joined(tuple(dict.fromkeys(one.name for one in atlas.corpora(found))))
    half = "all texts" if found is all_found else "second half" if all_found.groups else "held-out"
    return CorpusRanks(known, "" if found.offset is None else direction, 1 + above, counts, len(found), source, half)


def for_board(trace: Trace, block: str = "self") -> dict[str, Any] | None:
    """Return the ranks of all heads for the pronouns of a text as JSON for the board; None without a pronoun or a rank.

    `pronouns` are the characters where they begin; `ranks` has two digits to the base 36 for each head.
    """
    pronouns = [found.start() for found in WORD.finditer(trace.request.text) if found[0].casefold() in THIRD]
    known = of_kind(trace, PRONOUN, block=block) if pronouns else None
    if known is None:
        return None
    digits = "".join(f"{DIGITS[rank // 36]}{DIGITS[rank % 36]}" for rank in known.ranks.ravel().tolist())
    return {"pronouns": pronouns[:MOST], "ranks": digits, "of": int(known.ranks.size), "on": known.on, "short": known.source}


def kind(text: str, link: Link, parsed: ParsedSentence | None = None) -> Kind | None:
    """Return the kind of a link and its direction, as an atlas counts it; None if it is not known.

    Gold annotation comes first, then a parse, then a pronoun's link to an earlier word.
    """
    ends = link.source, link.target
    if any(
        one.gold is not None and ends == (one.gold.source, one.gold.target) for one in examples.sentences() if one.text == text
    ):
        return PRONOUN, "dh"
    readings = gold_sentences.readings(text)
    for one, scheme in [
        *((reading.parsed, CORPUS) for reading in readings),
        *(() if readings or parsed is None else ((parsed, PARSER),)),
    ]:
        for known in one.links:
            if known.kind.partition(":")[0] in UNCOUNTED or {*ends} != {known.source, known.target}:
                continue
            counted = relation(known.kind, scheme).counted
            return (counted, "dh" if ends[0] == known.source else "hd") if counted else None
    words = [text[slice(*end)].casefold() for end in ends]
    if words[0] in THIRD and words[1] not in NEVER and any(map(str.isalpha, words[1])) and link.target[0] < link.source[0]:
        return PRONOUN, "dh"
    return None


def ordinal(number: int) -> str:
    """Return `1st`, `2nd`, `3rd`, `11th`."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
