"""Sentences of our own in TOML, made by hand: both kinds in one file, and every way to write one wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from attnviz.linguistics.corpora.toml import own
from attnviz.linguistics.corpora.types import AnnotatedQuestion, ParsedSentence
from attnviz.types import Link

QUESTION = """[[example]]
id = "asked"
title = "What others read"
text = "The cat saw the dog before it ran"
pronoun = "it"
candidates = ["cat", "dog"]
answer = 1
claims = [
  { model = "minilm", head = "L3·H1" },
]
"""
SENTENCE = """[[sentence]]
id = "drawn"
text = "The cat saw the dog."
arcs = [
  ["The", "cat", "det"], ["cat", "saw", "nsubj"],
  ["the", "dog", "det"], ["dog", "saw", "obj"], [".", "saw", "punct"],
]
"""
LAST = '[[sentence]]\nid = "last"\ntext = "It ran"\narcs = []\n'


def read(folder: Path, content: str) -> tuple[list[ParsedSentence | AnnotatedQuestion], list[str]]:
    """The entries of a file of this content, and what was said of broken ones, as `line: reason`."""
    (folder / "made").write_bytes(content.encode("utf-8", "surrogateescape"))
    reasons: list[str] = []
    found = list(own(folder / "made", lambda broken: reasons.append(str(broken).removeprefix(f"{folder / 'made'}:"))))
    return found, reasons


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_file_may_hold_both_kinds(tmp_path: Path, end: str):
    content = ("\ufeff# Ours.\n\n" + SENTENCE + "\n# More.\n" + QUESTION + LAST).replace("\n", end)
    found, reasons = read(tmp_path, content)
    assert reasons == []
    # 0         1         2
    # 012345678901234567890123456789
    # The cat saw the dog before it ran
    assert found[:2] == [
        ParsedSentence(
            id="drawn",
            text="The cat saw the dog.",
            words=((0, 3), (4, 7), (8, 11), (12, 15), (16, 19), (19, 20)),
            links=(
                Link((0, 3), (4, 7), "det"),
                Link((4, 7), (8, 11), "nsubj"),
                Link((12, 15), (16, 19), "det"),
                Link((16, 19), (8, 11), "obj"),
                Link((19, 20), (8, 11), "punct"),
            ),
        ),
        AnnotatedQuestion("asked", "The cat saw the dog before it ran", (27, 29), ((4, 7), (16, 19)), 1),
    ]
    assert [entry.id for entry in found] == ["drawn", "asked", "last"]


def test_the_second_of_a_word_is_named_by_its_number(tmp_path: Path):
    content = '[[sentence]]\ntext = "the cat and the dog"\narcs = [["the#2", "dog", "det"], ["the", "cat", "nmod:poss"]]'
    (sentence,), reasons = read(tmp_path, content)
    assert reasons == []
    assert isinstance(sentence, ParsedSentence)
    assert sentence.links == (Link((12, 15), (16, 19), "det"), Link((0, 3), (4, 7), "nmod:poss"))


def test_an_entry_without_an_id_is_named_by_its_line(tmp_path: Path):
    found, _ = read(tmp_path, "# One.\n\n" + LAST.replace('id = "last"\n', "") + QUESTION.replace('id = "asked"\n', ""))
    assert [entry.id for entry in found] == ["line 3", "line 6"]


def test_a_question_without_an_answer_means_none(tmp_path: Path):
    (question,), reasons = read(tmp_path, QUESTION.replace("answer = 1\n", ""))
    assert isinstance(question, AnnotatedQuestion)
    assert (question.answer, reasons) == (None, [])


def test_tables_within_an_entry_belong_to_it_and_a_heading_may_have_blanks_and_a_remark(tmp_path: Path):
    content = QUESTION + "[[example.more]]\na = 1\n[example.other]\nb = 2\n [[ sentence ]] # here\n" + LAST.split("\n", 1)[1]
    found, reasons = read(tmp_path, content)
    assert ([entry.id for entry in found], reasons) == (["asked", "last"], [])


def problem_of(folder: Path, entry: str, right: str, wrong: str) -> str:
    """What is said of an entry with one thing changed, once the entry behind it was read all the same."""
    assert entry.count(right) == 1
    found, reasons = read(folder, entry.replace(right, wrong) + LAST)
    assert [one.id for one in found] == ["last"]
    (reason,) = reasons
    return reason


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ("answer = 1", "answer =", "7: An entry is written in TOML; Invalid value. Correct it."),
        ("answer = 1", 'answer = 1\nid = "twice"', "8: An entry is written in TOML; Cannot overwrite a value. Correct it."),
        ("},\n]", "}", "1: An entry is written in TOML; Unclosed array. Correct it."),
        ("answer = 1", "answer = " + "1" * 5000, "1: An entry is written in TOML; Exceeds the limit"),
        ("answer = 1", "answer = " + "[" * 50_000, "1: An entry is written in TOML; maximum recursion depth"),
        ("What others read", "\udce4", "3: A corpus is written in UTF-8; byte 10 of this line, 0xE4"),
    ],
)
def test_what_is_no_toml_is_reported_by_its_line_where_that_is_known(tmp_path: Path, right: str, wrong: str, says: str):
    assert problem_of(tmp_path, QUESTION, right, wrong).startswith(says)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("[[sentance]]\nid = 1\n", "sentance"),
        ('[sentence]\ntext = "It ran"\narcs = []\n', "sentence"),
        ("example = [1]\n", "example"),
        ("example = 1\n", "example"),
        ("format = 1\n", "format"),
    ],
)
def test_an_invalid_entry_is_reported_by_name(tmp_path: Path, content: str, name: str):
    found, reasons = read(tmp_path, content + LAST)
    assert [one.id for one in found] == ["last"]
    says = f"A file of sentences has [[example]] and [[sentence]]; got “{name}”. Write one of them."
    assert reasons == [f"1: {says}"]


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ('"asked"', "1", "id is a string that is not empty; got “1”. Write one."),
        ('text = "The cat saw the dog before it ran"', "", "text is a string that is not empty; got “None”."),
        ('"The cat saw the dog before it ran"', '" "', "text is a string that is not empty; got “”."),
        ("before it ran", "before it ran" + " x" * 4984, "“The cat saw the dog before it ran x x x …” has 10,001. Divide it."),
        ('pronoun = "it"', "", "pronoun is a string that is not empty; got “None”."),
        ('"it"', '"its"', "written in the text, the#2 where it is the second; “its” is not in “The cat"),
        ('"it"', '"it#2"', "“it#2” is not in “The cat saw the dog before it ran”. Name another."),
        ('"cat", "dog"', '"cat", "Dog"', "“Dog” is not in"),
        ('"cat", "dog"', '"dog"', "candidates are two words of the text or more; got “['dog']”. Name them."),
        ('["cat", "dog"]', '"cat dog"', "candidates are two words of the text or more; got “cat dog”."),
        ('"cat", "dog"', '"cat", 2', "candidates are two words"),
        ('"cat", "dog"', '"dog", "dog#1"', "Pronoun and candidates do not overlap; two of them share character 17."),
        ('"cat", "dog"', '"cat", "it"', "two of them share character 28."),
        ("answer = 1", "answer = 2", "answer counts the candidates, 0 to 1; got “2”. Correct it."),
        ("answer = 1", "answer = -1", "answer counts the candidates, 0 to 1; got “-1”."),
        ("answer = 1", "answer = true", "answer counts the candidates, 0 to 1; got “True”."),
        ("answer = 1", 'answer = "dog"', "answer counts the candidates, 0 to 1; got “dog”."),
    ],
)
def test_a_question_that_cannot_be_scored_is_reported(tmp_path: Path, right: str, wrong: str, says: str):
    reason = problem_of(tmp_path, QUESTION, right, wrong)
    assert reason.startswith("1: ")
    assert says in reason


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ('["cat", "saw"]', 'An arc is ["dependent", "head", "relation"]; got “[\'cat\', \'saw\']”. Write all three.'),
        ('["cat", "saw", " "]', "An arc is"),
        ('["cat", 3, "nsubj"]', "An arc is"),
        ('"cat"', "An arc is"),
        ('["cow", "saw", "nsubj"]', "“cow” is not in “The cat saw the dog.”"),
        ('["cat", "sees", "nsubj"]', "“sees” is not in"),
        ('["cat", "cat#1", "nsubj"]', "A head is another word; “cat” names itself."),
        ('["The#1", "saw", "x"]', "A word has one head; “The” has more. Take an arc away"),
    ],
)
def test_an_arc_that_cannot_be_drawn_is_reported(tmp_path: Path, wrong: str, says: str):
    reason = problem_of(tmp_path, SENTENCE, '["cat", "saw", "nsubj"]', wrong)
    assert reason.startswith("1: ")
    assert says in reason


def test_a_sentence_needs_a_list_of_arcs(tmp_path: Path):
    says = '1: arcs are a list; got “None”. Write arcs = [["dependent", "head", "relation"]].'
    assert read(tmp_path, '[[sentence]]\ntext = "It ran"\n') == ([], [says])
