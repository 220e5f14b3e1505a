"""The links of one sentence as the page shows them, and the URL parameters that choose them."""

from __future__ import annotations

from dataclasses import dataclass

from attnviz.linguistics.corpora.types import ParsedSentence, Span
from attnviz.linguistics.gold_sentences import GoldSentence
from attnviz.linguistics.relations import CORPUS, PARSER

DIRECTIONS = {"dh": "From each word to its head", "hd": "From each head to its words"}
SOURCES = {CORPUS: "Gold", PARSER: "Parser"}
NO_SENTENCE = ""  # the option for none of our own sentences
DIRECTION_PARAM, TREE_PARAM, SOURCE_PARAM = "way", "reading", "by"  # URL parameters


@dataclass(frozen=True)
class SentenceLinks:
    """The links on screen: their scheme, their gold sentence (None: by the parser), and what the reader changed.

    `own` holds the words whose arcs the reader set; `changed` counts deleted arcs too. `unknown` holds the words that the
    model cannot read.
    """

    parsed: ParsedSentence
    scheme: str
    sentence: GoldSentence | None = None
    own: frozenset[Span] = frozenset()
    changed: int = 0
    unknown: frozenset[Span] = frozenset()

    @property
    def words(self) -> tuple[str, ...]:
        """Return the words as typed."""
        return tuple(self.parsed.text[slice(*place)] for place in self.parsed.words)
