"""Terms in our sentences become links to the glossary, once each, and nothing else in them changes."""

from __future__ import annotations

import pytest

from attnviz.errors import BadInputError
from attnviz.lessons import glossary
from attnviz.ui import glossary_links


def test_the_first_mention_of_a_term_is_linked_and_no_other():
    assert glossary_links.linked("Softmax, then softmax again.") == "[Softmax](glossary?term=softmax), then softmax again."


def test_the_longest_name_wins_and_plurals_are_known():
    linked = glossary_links.linked("Cross-attention has heads; self-attention too.")
    assert linked == (
        "[Cross-attention](glossary?term=cross-attention) has [heads](glossary?term=head); "
        "[self-attention](glossary?term=self-attention) too."
    )


def test_a_name_inside_another_word_does_not_count():
    assert glossary_links.linked("headache, ahead, non-softmax, softmaxed") == "headache, ahead, non-softmax, softmaxed"


@pytest.mark.parametrize(
    "text",
    ["[softmax](elsewhere)", "`softmax`", "$softmax$", "it says “softmax”", '<b title="softmax">', "![softmax](picture.png)"],
)
def test_links_code_formulas_and_what_readers_wrote_stay_as_they_are(text: str):
    assert glossary_links.linked(text) == text


def test_marks_that_were_escaped_are_found():
    assert glossary_links.linked(r"by cross\-attention\.") == r"by [cross\-attention](glossary?term=cross-attention)\."


def test_a_name_in_capitals_is_found_in_capitals_only():
    assert glossary_links.linked("A gap in GAP, by UD.") == (
        "A gap in [GAP](glossary?term=gap), by [UD](glossary?term=universal-dependencies)."
    )


def test_everyday_words_are_linked_only_where_they_are_named():
    text = "An exact value of the key, by softmax."
    assert glossary_links.linked(text) == "An exact value of the key, by [softmax](glossary?term=softmax)."
    assert glossary_links.linked(text, "value", "key") == (
        "An exact [value](glossary?term=value) of the [key](glossary?term=key), by softmax."
    )


def test_every_term_is_linked_by_its_own_name():
    for one in glossary.terms():
        assert glossary_links.linked(f"the {one.name} here", one.id) == f"the [{one.name}](glossary?term={one.id}) here"


def test_help_is_the_sentence_and_a_link():
    assert glossary_links.help("head").startswith(glossary.term("head").short)
    assert glossary_links.help("head").endswith("(glossary?term=head)")
    with pytest.raises(BadInputError):
        glossary_links.help("no such term")


def test_everyday_words_are_found_beside_all_others_where_a_page_says_so():
    assert glossary_links.linked("A tie in softmax, and a value.", everyday=("tie",)) == (
        "A [tie](glossary?term=tie) in [softmax](glossary?term=softmax), and a value."
    )
