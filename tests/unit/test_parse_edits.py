"""A reader's own arcs laid over a parse: exchanged, added, taken away; one head a word and no ring."""

from __future__ import annotations

import pytest

from attnviz.errors import BadInputError
from attnviz.linguistics.corpora.types import ParsedSentence
from attnviz.linguistics.parse_edits import apply_edits, edits_from_url, edits_to_url
from attnviz.types import Link

TEXT = "Old dogs bark loudly"
OLD, DOGS, BARK, LOUDLY = (0, 3), (4, 8), (9, 13), (14, 20)
PARSE = ParsedSentence("parse", TEXT, (OLD, DOGS, BARK, LOUDLY), (Link(OLD, DOGS, "amod"), Link(DOGS, BARK, "nsubj")))


def test_without_edits_nothing_changes():
    assert apply_edits(PARSE, {}) == PARSE


def test_an_arc_is_exchanged_added_and_taken_away():
    found = apply_edits(PARSE, {OLD: Link(OLD, BARK, "advmod"), LOUDLY: Link(LOUDLY, BARK, "advmod"), DOGS: None})
    assert found.links == (Link(OLD, BARK, "advmod"), Link(LOUDLY, BARK, "advmod"))
    assert found.words == PARSE.words


def test_no_word_is_its_own_head_or_hangs_on_itself_over_others():
    with pytest.raises(BadInputError, match="“dogs” cannot be its own head"):
        apply_edits(PARSE, {DOGS: Link(DOGS, DOGS, "nsubj")})
    with pytest.raises(BadInputError, match="would depend on itself"):
        apply_edits(PARSE, {BARK: Link(BARK, OLD, "dep")})
    assert apply_edits(PARSE, {BARK: Link(BARK, OLD, "dep"), DOGS: None}).links[-1] == Link(BARK, OLD, "dep")


def test_an_arc_runs_between_words_of_the_sentence():
    for edits in ({(0, 2): None}, {OLD: Link(OLD, (1, 2), "det")}, {OLD: Link(DOGS, BARK, "det")}):
        with pytest.raises(BadInputError):
            apply_edits(PARSE, edits)


def test_arcs_are_written_to_a_link_and_read_back():
    edits = {OLD: Link(OLD, BARK, "advmod"), DOGS: None}
    assert edits_to_url(edits) == "0-3:9-13:advmod,4-8"
    assert edits_from_url("0-3:9-13:advmod,4-8", PARSE, ("advmod", "det")) == edits
    assert edits_to_url({}) == ""


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ("0-3:9-13", "got “0-3:9-13”"),
        ("0-3:9-13:<b>", "got “0-3:9-13:<b>”"),
        ("0-3:9-13:obl", "got “0-3:9-13:obl”"),
        ("4-8,", "got “”"),
        ("0-2", "two words of the sentence"),
        ("99-100:0-3:det", "two words of the sentence"),
        ("9-13:0-3:det", "would depend on itself"),
        ("0-3:0-3:det", "cannot be its own head"),
    ],
)
def test_arcs_that_do_not_fit_the_sentence_are_refused(raw: str, says: str):
    with pytest.raises(BadInputError, match=says):
        edits_from_url(raw, PARSE, ("advmod", "det"))
