"""The loader with sentences made by hand, and what every ready sentence keeps to whatever a model makes of it."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path

import pytest

from attnviz.errors import BadInputError
from attnviz.lessons.examples import KINDS, LONG, SHORT, Example, WeightClaim, example, examples, parsed, sentences, span
from attnviz.linguistics.corpora import own, strict
from attnviz.linguistics.corpora.types import AnnotatedQuestion
from attnviz.text import words
from attnviz.types import HeadRef, Link
from attnviz.view_state import TokenSelection

MISSION = ("tired", "wide")

#       0         1         2         3         4
#       0123456789012345678901234567890123456789012
TEXT = "The cat saw the cat#1 and the dog in C# (1)"

MADE = """
[[example]]
id = "first"
title = "First"
text = "So the dog saw the cat before it ran"
pronoun = "it"
candidates = ["dog", "cat"]
answer = 1
cue = ["So", "the#2"]
pair = "second"
teaches = "guessing"
note = "Nobody knows."
claims = [
  { model = "minilm", head = "L3·H1", more = "dog", less = "the#2", weight = 0.25 },
  { model = "smollm2", head = "L13·H8", more = "cat", less = "dog" },
]

[[example]]
id = "second"
title = "Second"
text = "The dog ran"
pronoun = "ran"
candidates = ["The", "dog"]
teaches = "nothing"
note = ""
"""


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("cat", (4, 7)),
        ("cat#1", (4, 7)),  # the number counts; the word that looks like one is the next line's
        ("cat#1#1", (16, 21)),
        ("the", (12, 15)),  # "The" is another word
        ("the#2", (26, 29)),
        ("C", (37, 38)),
        ("#", (38, 39)),  # a mark at the end of a word is a word of its own
        ("1", (41, 42)),
    ],
)
def test_a_word_is_named_as_it_is_written_and_by_its_number(name: str, place: tuple[int, int]):
    assert span(TEXT, name) == place


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("bird", "“bird” stands 0 times in “The cat .*number 1 was asked for"),
        ("CAT", "“CAT” stands 0 times"),
        ("C#", "“C#” stands 0 times"),
        ("ca", "“ca” stands 0 times"),
        ("cat#2", "“cat” stands once .*number 2 was asked for"),
        ("the#3", "“the” stands 2 times .*number 3 was asked for"),
        ("the#0", "“the” stands 2 times .*number 0 was asked for"),
        ("the#-1", "“the#-1” stands 0 times"),
        ("", "“” stands 0 times"),
    ],
)
def test_an_unknown_word_is_refused_by_name(name: str, says: str):
    with pytest.raises(BadInputError, match=says):
        span(TEXT, name)


def test_a_file_becomes_sentences_in_its_order():
    first, second = parsed(MADE)
    #        0         1         2         3
    #        0123456789012345678901234567890123456
    text = "So the dog saw the cat before it ran"
    assert first == Example(
        id="first",
        title="First",
        text=text,
        pronoun=(30, 32),
        candidates=((7, 10), (19, 22)),
        answer=1,
        teaches="guessing",
        note="Nobody knows.",
        pair="second",
        cue=((0, 2), (15, 18)),
        claims=(
            WeightClaim("minilm", HeadRef(3, 1), (7, 10), (15, 18), 0.25),
            WeightClaim("smollm2", HeadRef(13, 8), (19, 22), (7, 10), None),
        ),
    )
    assert first.focus == TokenSelection(30)
    assert first.gold == Link((30, 32), (19, 22), "coreference")
    assert [first.word(place) for place in first.candidates] == ["dog", "cat"]
    assert (second.id, second.pair, second.claims, second.cue) == ("second", None, (), ())


def test_a_sentence_without_an_answer_has_no_right_candidate_and_no_gold_link():
    _, second = parsed(MADE)
    assert second.answer is None
    assert second.gold is None


@pytest.mark.parametrize("field", ["id", "title", "text", "pronoun", "candidates", "teaches", "note"])
def test_a_missing_field_is_named(field: str):
    lines = [line for line in MADE.splitlines() if not line.startswith(f"{field} = ")]
    with pytest.raises(KeyError, match=field):
        parsed("\n".join(lines))


@pytest.mark.parametrize(
    ("right", "wrong", "error", "says"),
    [
        ('pronoun = "it"', 'pronoun = "its"', BadInputError, "“its” stands 0 times in “So the dog"),
        ('candidates = ["dog", "cat"]', 'candidates = ["dog", "cart"]', BadInputError, "“cart” stands 0 times"),
        ('cue = ["So", "the#2"]', 'cue = ["so"]', BadInputError, "“so” stands 0 times"),
        ('less = "the#2"', 'less = "the#3"', BadInputError, "“the” stands 2 times"),
        ('head = "L3·H1"', 'head = "third"', BadInputError, "A head is written L3·H1"),
        ("answer = 1", "answer =", tomllib.TOMLDecodeError, "line 8"),
        ("[[example]]", "[[sentence]]", KeyError, "example"),
    ],
)
def test_a_mistake_in_a_file_is_reported(right: str, wrong: str, error: type[Exception], says: str):
    assert right in MADE
    with pytest.raises(error, match=says):
        parsed(MADE.replace(right, wrong))


def test_an_example_is_found_by_its_id_and_an_unknown_one_is_answered_with_what_there_is():
    assert example("wide").text == "The animal didn't cross the street because it was too wide"
    with pytest.raises(BadInputError, match=r"no example 'broad'.*tired, wide, "):
        example("broad")


def test_there_are_thirteen_sentences_besides_the_two_of_the_mission():
    assert [one.id for one in examples()][:2] == list(MISSION)
    assert len(examples()) - len(MISSION) >= 13


def test_there_are_eighty_sentences_and_six_of_every_kind_in_the_order_of_the_kinds():
    kinds = [one.teaches for one in sentences()]
    assert len(kinds) >= 80
    assert min(map(kinds.count, KINDS)) >= 6
    assert list(dict.fromkeys(kinds)) == list(KINDS)


def test_the_short_list_stays_short_and_is_among_all_sentences():
    assert len(examples()) <= 30
    assert set(examples()) < set(sentences())


def test_the_door_to_corpora_reads_the_same_questions():
    content = resources.files("attnviz").joinpath("content")
    read = [one for name in (SHORT, LONG) for one in own(Path(str(content.joinpath(name))), strict)]
    wanted = {(one.id, one.text, one.pronoun, one.candidates, one.answer) for one in sentences()}
    assert {
        (one.id, one.text, one.pronoun, one.candidates, one.answer) for one in read if isinstance(one, AnnotatedQuestion)
    } == wanted
    assert len(read) == len(wanted)


@pytest.mark.parametrize("field", ["id", "title", "text"])
def test_no_two_sentences_share_an_id_a_title_or_a_text(field: str):
    found = [getattr(one, field) for one in sentences()]
    assert len(set(found)) == len(found)


def test_a_title_fits_the_picker():
    for one in sentences():
        assert 0 < len(one.title) <= 18  # what the 176 pixels of the picker show of it
        assert one.title == one.title.strip()


def test_a_pronoun_has_candidates_one_of_which_is_right_unless_it_is_ambiguous_on_purpose():
    for one in sentences():
        places = words(one.text)
        assert one.pronoun in places
        assert len(one.candidates) >= 2
        assert len({one.pronoun, *one.candidates}) == len(one.candidates) + 1
        assert set(one.candidates) <= set(places)
        assert one.focus == TokenSelection(one.pronoun[0])
        assert (one.answer is None) == (one.teaches == "ambiguous on purpose") == (one.gold is None)
        if one.answer is not None:
            assert 0 <= one.answer < len(one.candidates)
            assert one.gold == Link(one.pronoun, one.candidates[one.answer], "coreference")


def test_something_decides_that_is_no_candidate_unless_nothing_does():
    for one in sentences():
        assert bool(one.cue) == (one.answer is not None)
        assert set(one.cue) <= set(words(one.text))
        assert not set(one.cue) & set(one.candidates)


def test_a_sentence_without_an_answer_says_so():
    for one in sentences():
        assert (one.answer is None) == ("there is no right answer" in one.note.casefold())


def test_no_candidate_is_the_first_word():
    for one in sentences():
        assert words(one.text)[0] not in one.candidates


def test_a_sentence_says_what_it_teaches_and_why_the_answer_is_right():
    for one in sentences():
        assert one.teaches.strip()
        assert one.note.endswith((".", "?"))
        assert one.text == " ".join(one.text.split())
        assert not one.text.endswith(".")


def test_the_other_sentence_of_a_pair_is_there():
    for one in sentences():
        assert one.pair is None or example(one.pair).id == one.pair != one.id


def test_a_claim_compares_two_candidates():
    for one in sentences():
        for claim in one.claims:
            assert {claim.more, claim.less} <= set(one.candidates)
            assert claim.more != claim.less
            assert claim.weight is not None
            assert 0.0 < claim.weight <= 1.0
        assert len({(claim.model, claim.head) for claim in one.claims}) == len(one.claims)
