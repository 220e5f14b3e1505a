"""The glossary as data: an anchor for every term, nothing named that is not there, and a search that finds what it should."""

from __future__ import annotations

import re

import pytest

from attnviz.errors import BadInputError
from attnviz.lessons import glossary
from attnviz.lessons.glossary import FaqEntry, Term, parsed

TERMS = pytest.mark.parametrize("one", glossary.terms(), ids=lambda one: one.id)
QUESTIONS = pytest.mark.parametrize("one", glossary.questions(), ids=lambda one: one.question)
WANTED = {
    "self-attention", "query", "key", "value", "head", "multi-head", "cross-attention", "causal-mask", "positional-encoding",
    "rotary", "softmax", "residual", "layer-norm", "context-length", "grouped-queries", "flash-attention", "sparse-attention",
    "sink", "rollout", "coreference", "antecedent", "dependent", "dependency-relation", "head-atlas", "baseline", "interval",
    "token", "word", "layer", "entropy", "encoder", "decoder", "gold", "held-out", "gap", "universal-dependencies", "corpus",
    "parser", "margin", "p-value", "feed-forward", "parameter", "logit", "special-token", "unknown-token", "weight", "score",
}  # fmt: skip
MADE = """
[sources]
a = "Somebody 2001"
[[term]]
id = "zebra"
name = "Zebra"
also = ["striped horse"]
short = "An animal."
long = '''
It has
stripes.
'''
see = ["ant"]
sources = ["a"]
[[term]]
id = "ant"
name = "ant"
everyday = true
short = "Small."
long = "A zebra is larger."
formula = 'x^2'
symbols = "$x$ is a length."
see = ["zebra"]
sources = []
[[question]]
question = "Why stripes?"
answer = "Nobody knows."
terms = ["zebra"]
sources = ["a"]
"""


def test_a_file_becomes_terms_by_name_and_questions():
    (ant, zebra), (why,) = parsed(MADE)
    assert (ant.id, ant.everyday, ant.formula, ant.symbols) == ("ant", True, "x^2", "$x$ is a length.")
    assert (zebra.spellings, zebra.long, zebra.sources) == (("Zebra", "striped horse"), "It has stripes.", ("Somebody 2001",))
    assert why == FaqEntry("Why stripes?", "Nobody knows.", ("zebra",), ("Somebody 2001",))


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ('see = ["ant"]', 'see = ["bee"]', "bee"),
        ('terms = ["zebra"]', 'terms = ["horse"]', "horse"),
        ('sources = ["a"]', 'sources = ["b"]', "“b”"),
        ('id = "ant"', 'id = "zebra"', "zebra"),
    ],
)
def test_what_is_named_and_not_there_is_refused(before: str, after: str, named: str):
    with pytest.raises(BadInputError, match=named):
        parsed(MADE.replace(before, after, 1))


def test_every_term_that_the_pages_use_has_its_anchor():
    assert {one.id for one in glossary.terms()} >= WANTED
    assert [one.name.casefold() for one in glossary.terms()] == sorted(one.name.casefold() for one in glossary.terms())


@TERMS
def test_a_term_says_what_it_is_in_a_sentence_then_in_a_paragraph(one: Term):
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", one.id)
    assert one.short.endswith(".")
    assert len(one.short) <= 160
    assert 200 <= len(one.long) <= 800
    assert one.see
    assert one.id not in one.see
    assert bool(one.formula) == bool(one.symbols)


@TERMS
def test_a_term_cites_a_source_unless_it_claims_nothing(one: Term):
    assert one.sources


@TERMS
def test_a_formula_closes_what_it_opens(one: Term):
    for text in (one.formula, *re.findall(r"\$([^$]*)\$", one.symbols + one.long)):
        assert text.count("{") == text.count("}")
        assert text.count(r"\left") - text.count(r"\leftarrow") == text.count(r"\right") - text.count(r"\rightarrow")
    assert (one.symbols + one.long).count("$") % 2 == 0


@QUESTIONS
def test_an_answer_is_short_and_leads_to_terms(one: FaqEntry):
    assert one.question.endswith("?")
    assert 80 <= len(one.answer) <= 600
    assert one.terms
    assert one.sources
    assert one.answer.count("$") % 2 == 0


def test_no_two_terms_share_a_spelling():
    spellings = [name.casefold() for one in glossary.terms() for name in one.spellings]
    assert sorted(spellings) == sorted(set(spellings))


def test_a_search_finds_by_other_spellings_and_puts_names_first():
    found, asked = glossary.matching("  RoPE ")
    assert found[0].id == "rotary"
    assert not asked
    assert glossary.matching("head")[0][0].name.casefold().startswith("head")
    assert [one.question for one in glossary.matching("many heads why")[1]] == ["Why so many heads?"]
    assert glossary.matching("  ") == (glossary.terms(), glossary.questions())
    assert glossary.matching("gibberish that is nowhere") == ((), ())


def test_a_term_that_is_not_there_is_refused_with_the_two_that_are_spelt_most_like_it():
    assert glossary.term("softmax").name == "Softmax"
    with pytest.raises(BadInputError) as raised:
        glossary.term("soft-maxx")
    assert str(raised.value).startswith("The glossary has no term “soft-maxx”. Nearest in spelling are “Softmax” and “")
    assert str(raised.value).count("“") == 3
    assert [one.id for one in glossary.nearest("Sliding-windows", 1)] == ["sparse-attention"]  # another spelling of it
    assert len(glossary.nearest("\0" * 10_000)) == 2
