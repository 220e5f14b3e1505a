"""Sentences with marks: which words are marked, what is assumed without marks, and every kind of broken line."""

from __future__ import annotations

import time
from importlib import resources

import pytest

from attnviz.errors import BadInputError
from attnviz.linguistics.corpora.lines import FileInMemory
from attnviz.linguistics.corpora.types import BrokenLine
from attnviz.linguistics.marked_sentences import (
    ITSELF,
    MAX_CHARACTERS,
    MAX_SENTENCES,
    NO_SOURCE,
    NO_TARGET,
    MarkedSentence,
    marked_sentence,
    marked_sentences,
)  # fmt: skip


def read(content: str | bytes) -> tuple[tuple[MarkedSentence, ...], list[BrokenLine]]:
    broken: list[BrokenLine] = []
    raw = content.encode() if isinstance(content, str) else content
    return marked_sentences(FileInMemory("class.txt", raw), broken.append), broken


def marks(one: MarkedSentence) -> tuple[str | None, str | None]:
    return tuple(None if span is None else one.text[slice(*span)] for span in (one.source, one.target))  # type: ignore[return-value]


def test_the_marks_are_taken_out_and_their_words_found():
    one = marked_sentence("The *animal* slept because [it] was tired.")
    assert one == MarkedSentence(1, "The animal slept because it was tired.", (25, 27), (4, 10))
    assert marks(one) == ("it", "animal")


def test_several_words_can_be_right_and_blanks_inside_marks_do_not_count():
    assert marks(marked_sentence("* Mary Smith * said that [ she ] left.")) == ("she", "Mary Smith")


def test_a_backslash_keeps_the_sign():
    one = marked_sentence(r"\[A\] *cat* \* [it] a\\b")
    assert one.text == r"[A] cat * it a\b"
    assert marks(one) == ("it", "cat")


def test_without_brackets_the_pronoun_looks_and_the_page_can_say_so():
    one = marked_sentence("The *farmer* fed the horses, and then he slept.")
    assert (marks(one), one.found, one.missing) == (("he", "farmer"), "pronoun", "")


def test_a_ready_sentence_has_its_own_pair():
    one = marked_sentence("The animal didn't cross the street because it was too tired")
    assert (marks(one), one.found, one.missing) == (("it", "animal"), "ready", "")


@pytest.mark.parametrize(
    ("written", "missing"),
    [
        ("The farmer slept because he was tired", NO_TARGET),
        ("The farmer slept because [he] was tired", NO_TARGET),
        ("*Snow* fell on the hills", NO_SOURCE),
        ("The farmer slept, *[he]* slept", None),
        ("The farmer slept, and *he* slept", ITSELF),
    ],
)
def test_a_sentence_that_cannot_be_counted_says_why(written: str, missing: str | None):
    if missing is None:
        with pytest.raises(BadInputError, match="do not overlap"):
            marked_sentence(written)
    else:
        assert marked_sentence(written).missing == missing


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("*a [b* c]", "do not overlap; character 4"),
        ("*a b", r"no \*"),
        ("[a b", "no ]"),
        ("a] b", "character 2 closes none"),
        ("[] a *b*", r"\[\] has none"),
        ("** a [b]", r"\*\* has none"),
        ("*a* *b* [c]", "has 2: “a” and “b”"),
        ("*a* [b] [c]", "has 2: “b” and “c”"),
        ("*an*imal [it]", "“an” is a part of one"),
        ("*a* [b c]", "“b c” are several"),
        ("x" * (MAX_CHARACTERS + 1), "2,000 characters; this line has 2,001"),
    ],
)
def test_marks_that_do_not_fit_are_named(written: str, rule: str):
    with pytest.raises(BadInputError, match=rule):
        marked_sentence(written)


def test_lines_are_numbered_with_blank_lines_and_comments_between_them():
    found, broken = read("# a class\r\n\r\n*A* saw [it]\r\n[x\r\n*B* saw [it]\r\n")
    assert [(one.line, one.text) for one in found] == [(3, "A saw it"), (5, "B saw it")]
    assert [(line.path, line.line) for line in broken] == [("class.txt", 4)]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"caf\xe9 *a* [b]", "byte 4 of this line, 0xE9"),
        ("*a* [b]".encode("utf-16-le"), "UTF-16"),
        (b"*a* \0[b]", "NUL; character 5"),
        (b"PK\x03\x04\x00\x00\xff\xfe", "A corpus is"),
        (b"*a* [b] " + b"x" * 1_200_000, "A line is shorter than 1,000,000 bytes"),
    ],
)
def test_bytes_that_are_no_text_are_one_broken_line(content: bytes, says: str):
    found, broken = read(content)
    assert not found
    assert [line.line for line in broken] == [1]
    assert says in broken[0].reason


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_is_read(encoding: str):
    found, broken = read("*Zoë* saw [it]\n".encode(encoding))
    assert ([one.text for one in found], broken) == (["Zoë saw it"], [])


def test_a_tally_is_bounded_and_says_how_many_lines_are_left_out():
    found, broken = read("*a* saw [it]\n" * (MAX_SENTENCES + 3))
    assert len(found) == MAX_SENTENCES
    assert [line.line for line in broken] == [MAX_SENTENCES + 1]
    assert "3 in all" in broken[0].reason


def test_a_million_marks_take_no_time():
    started = time.monotonic()
    found, broken = read("*a* [b] " * 120_000 + "\n" + "\n".join("[" * 1_999 for _ in range(200)))
    assert (len(found), len(broken)) == (0, 201)
    assert time.monotonic() - started < 5  # the lines are longer than a sentence, or end at their second character


def test_the_example_file_is_read_without_an_error():
    content = resources.files("attnviz").joinpath("content/own/sentences.txt").read_bytes()
    found, broken = read(content)
    assert not broken
    assert len(found) == 7
    assert not [one.missing for one in found if one.missing]
