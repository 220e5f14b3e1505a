"""CoNLL-U with sentences made by hand, one for each rule of the format and one for each way to break it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from attnviz.linguistics.corpora.conllu import conllu
from attnviz.linguistics.corpora.types import ParsedSentence
from attnviz.types import Link


def row(number: object, form: str, head: object = "_", relation: str = "_", misc: str = "_") -> str:
    """A line of ten columns."""
    return f"{number}\t{form}\t_\t_\t_\t_\t{head}\t{relation}\t_\t{misc}"


def read(folder: Path, *content: str, end: str = "\n") -> tuple[list[ParsedSentence], list[str]]:
    """The sentences of a file of these lines, and what was said of broken ones, as `line: reason`."""
    (folder / "made").write_bytes(end.join(content).encode("utf-8", "surrogateescape"))
    reasons: list[str] = []
    found = list(conllu(folder / "made", lambda broken: reasons.append(str(broken).removeprefix(f"{folder / 'made'}:"))))
    return found, reasons


def one(folder: Path, *content: str) -> ParsedSentence:
    """The only sentence of a file in which nothing is broken."""
    found, reasons = read(folder, *content, "", "")
    assert reasons == []
    (sentence,) = found
    return sentence


def forms(sentence: ParsedSentence) -> list[str]:
    """What stands in the places of the words."""
    return [sentence.text[start:end] for start, end in sentence.words]


def named_links(sentence: ParsedSentence) -> list[tuple[str, str, str]]:
    """The links, in words: dependent, head, relation."""
    text = sentence.text
    return [(text[slice(*link.source)], text[slice(*link.target)], link.kind) for link in sentence.links]


SEES = (row(1, "She", 2, "nsubj"), row(2, "sees", 0, "root"), row(3, "it", 2, "obj", "SpaceAfter=No"), row(4, ".", 2, "punct"))
RUNS = ("# sent_id = runs", row(1, "He", 2, "nsubj"), row(2, "runs", 0, "root"))


def test_a_sentence_has_its_text_its_words_and_its_links(tmp_path: Path):
    #          0         1
    #          0123456789012
    comments = ("# newpar", "# sent_id = a-1", "# text_de = Sie sieht es.", "# text = She sees it.")
    assert one(tmp_path, *comments, *SEES) == ParsedSentence(
        id="a-1",
        text="She sees it.",
        words=((0, 3), (4, 8), (9, 11), (11, 12)),
        links=(Link((0, 3), (4, 8), "nsubj"), Link((9, 11), (4, 8), "obj"), Link((11, 12), (4, 8), "punct")),
    )


def test_without_a_text_the_forms_make_one_and_without_an_id_the_line_does(tmp_path: Path):
    sentence = one(tmp_path, "# nothing = said", "", *SEES)
    assert (sentence.text, sentence.id) == ("She sees it.", "line 3")
    assert sentence.words == ((0, 3), (4, 8), (9, 11), (11, 12))


@pytest.mark.parametrize("misc", ["SpaceAfter=No", "Gloss=x|SpaceAfter=No", "SpaceAfter=No|Gloss=x"])
def test_space_after_no_joins_two_words(tmp_path: Path, misc: str):
    assert one(tmp_path, row(1, "a", 0, "root", misc), row(2, "b", 1, "dep")).text == "ab"
    assert one(tmp_path, row(1, "a", 0, "root", f"Not{misc}x"), row(2, "b", 1, "dep")).text == "a b"


def test_blanks_of_the_text_may_be_wide_or_other_than_a_space(tmp_path: Path):
    sentence = one(tmp_path, "# text =  a  b\u00a0c ", row(1, "a", 0, "root"), row(2, "b", 1, "x"), row(3, "c", 1, "x"))
    assert (sentence.text, sentence.words) == ("a  b\u00a0c", ((0, 1), (3, 4), (5, 6)))


def test_a_form_may_hold_blanks_and_be_any_sign(tmp_path: Path):
    sentence = one(
        tmp_path, row(1, "10 000", 2, "nummod"), row(2, "#", 0, "root"), row(3, "_", 2, "punct"), row(4, '"', 2, "punct")
    )
    assert sentence.text == '10 000 # _ "'
    assert forms(sentence) == ["10 000", "#", "_", '"']


def test_parts_that_join_up_to_their_multiword_token_are_words_of_their_own(tmp_path: Path):
    sentence = one(
        tmp_path,
        "# text = I don't.",
        row(1, "I", 2, "nsubj"),
        row("2-3", "don't", misc="SpaceAfter=No"),
        row(2, "do", 0, "root"),
        row(3, "n't", 2, "advmod"),
        row(4, ".", 2, "punct"),
    )
    assert sentence.words == ((0, 1), (2, 4), (4, 7), (7, 8))
    assert named_links(sentence) == [("I", "do", "nsubj"), ("n't", "do", "advmod"), (".", "do", "punct")]


def test_parts_that_do_not_join_up_are_one_word_with_the_links_of_all(tmp_path: Path):
    sentence = one(
        tmp_path,
        "# text = geht zum Haus",
        row(1, "geht", 0, "root"),
        row("2-3", "zum"),
        row(2, "zu", 4, "case"),
        row(3, "dem", 4, "det"),
        row(4, "Haus", 1, "obl"),
    )
    assert forms(sentence) == ["geht", "zum", "Haus"]
    assert named_links(sentence) == [("zum", "Haus", "case"), ("zum", "Haus", "det"), ("Haus", "geht", "obl")]


def test_a_link_within_one_written_word_is_left_out_and_an_equal_one_counts_once(tmp_path: Path):
    sentence = one(
        tmp_path,
        row("1-3", "dámelo"),
        row(1, "da", 0, "root"),
        row(2, "me", 1, "iobj"),
        row(3, "lo", 1, "obj"),
        row(4, "ya", 1, "advmod"),
        row("5-6", "del"),
        row(5, "de", 1, "obl"),
        row(6, "el", 1, "obl"),
    )
    assert forms(sentence) == ["dámelo", "ya", "del"]
    assert named_links(sentence) == [("ya", "dámelo", "advmod"), ("del", "dámelo", "obl")]


def test_space_after_counts_for_the_whole_of_a_multiword_token(tmp_path: Path):
    rows = (
        row("1-2", "im"),
        row(1, "in", 3, "case", "SpaceAfter=No"),
        row(2, "dem", 3, "det", "SpaceAfter=No"),
        row(3, "Haus", 0, "root"),
    )
    assert one(tmp_path, *rows).text == "im Haus"


def test_empty_nodes_are_skipped(tmp_path: Path):
    rows = (row("0.1", "E"), row(1, "a", 0, "root"), row("1.1", "E", "_", "_"), row(2, "b", 1, "dep"), row("2.10", "E"))
    sentence = one(tmp_path, "# text = a b", *rows)
    assert forms(sentence) == ["a", "b"]


def test_a_sentence_may_have_several_roots_or_none(tmp_path: Path):
    assert named_links(one(tmp_path, row(1, "a", 0, "root"), row(2, "b", 0, "root"), row(3, "c", 2, "x"))) == [("c", "b", "x")]
    assert named_links(one(tmp_path, row(1, "a", 2, "x"), row(2, "b", 1, "y"))) == [("a", "b", "x"), ("b", "a", "y")]


def test_relations_keep_their_subtypes(tmp_path: Path):
    assert named_links(one(tmp_path, row(1, "a", 2, "nmod:poss"), row(2, "b", 0, "root"))) == [("a", "b", "nmod:poss")]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("tail", [(), ("",), ("", ""), ("", "", " ", "")])
def test_sentences_end_at_blank_lines_and_at_the_end_of_the_file(tmp_path: Path, end: str, tail: tuple[str, ...]):
    found, reasons = read(tmp_path, "\ufeff# sent_id = sees", *SEES, "", "", *RUNS, *tail, end=end)
    assert reasons == []
    assert [(sentence.id, sentence.text) for sentence in found] == [("sees", "She sees it."), ("runs", "He runs")]


def test_a_file_of_blanks_and_comments_has_no_sentence(tmp_path: Path):
    assert read(tmp_path, "# global.columns = ID FORM", "", "", "# end") == ([], [])


@pytest.mark.parametrize(
    ("bad", "line", "says"),
    [
        # columns
        (["1\ta\tb"], 1, "A word has 10 columns with tabs between; this line has 3 columns. Complete it."),
        (["1 a _ _ _ _ 0 root _ _"], 1, "this line has 1 column."),
        ([row(1, "a", 0, "root") + "\t_"], 1, "this line has 11 columns"),
        ([row("x", "a", 0, "root")], 1, "The first column is a number: 3, 3-4 or 3.1; got “x”. Number the word."),
        ([row("1-", "a", 0, "root")], 1, "got “1-”"),
        ([row("１", "a", 0, "root")], 1, "got “１”"),  # a digit, but not one of ours
        ([row(1, "", 0, "root")], 1, "A form starts and ends with a character that is no blank; got “”."),
        ([row(1, "a ", 0, "root")], 1, "A form starts and ends"),
        ([row(1, "a", "_", "root")], 1, "A head is the number of a word, 0 for a root; got “_”."),
        ([row(1, "a", -1, "root")], 1, "got “-1”"),
        ([row(1, "a", 0, "_")], 1, "A relation has a name without blanks; got “_”."),
        ([row(1, "a", 0, "")], 1, "A relation has a name without blanks; got “”."),
        ([row(1, "a", 0, "the root")], 1, "got “the root”"),
        # numbers
        ([row(2, "a", 0, "root")], 1, "Words count 1, 2, 3; .*; got 2. Correct the numbers."),
        ([row(0, "a", 0, "root")], 1, "got 0"),
        ([row(1, "a", 0, "root"), row(1, "b", 0, "root")], 2, "got 1."),
        ([row(1, "a", 0, "root"), row(3, "b", 1, "x")], 2, "got 3."),
        ([row(1, "a", 0, "root"), row("1-2", "ab"), row(2, "b", 1, "x")], 2, "a range such as 3-4 is before .*; got 1-2."),
        ([row("1-3", "ab"), row(1, "a", 0, "root"), row(2, "b", 1, "x")], 1, "got 1-3."),
        ([row("1-1", "a"), row(1, "a", 0, "root")], 1, "got 1-1."),
        ([row("1-2", "ab"), row(1, "a", 0, "root"), row("2-3", "bc"), row(2, "b", 1, "x"), row(3, "c", 1, "x")], 3, "got 2-3."),
        ([row("1-2", "ab"), row("1-2", "ab"), row(1, "a", 0, "root"), row(2, "b", 1, "x")], 2, "got 1-2."),
        # heads
        (
            [row(1, "a", 0, "root"), row(2, "b", 3, "x")],
            2,
            "another word of the sentence, 1 to 2, or 0; word 2 names 3. Correct",
        ),
        ([row(1, "a", 0, "root"), row(2, "b", 2, "x")], 2, "word 2 names 2."),
        # text
        (["# text = a c", row(1, "a", 0, "root"), row(2, "b", 1, "x")], 3, "at character 3 is “c”, not “b”."),
        (["# text = A b", row(1, "a", 0, "root"), row(2, "b", 1, "x")], 2, "at character 1 is “A b”, not “a”."),
        (["# text = a", row(1, "a", 0, "root"), row(2, "b", 1, "x")], 3, "before “b” the text has none."),
        (
            ["# text = ab", row(1, "a", 0, "root"), row(2, "b", 1, "x")],
            3,
            "A blank follows a word unless .* before “b” the text has none.",
        ),
        (["# text = a b", row(1, "a", 0, "root", "SpaceAfter=No"), row(2, "b", 1, "x")], 3, "before “b” the text has one."),
        (["# text = a b", row(1, "a", 0, "root")], 2, "The last word ends the text; “b” follows. Correct"),
        (["# text = abc", row(1, "a", 0, "root")], 2, "“bc” follows"),
        (["# text = a b"], 1, "A sentence has words; this one has only a text."),
        (["# sent_id = \udcff", row(1, "a", 0, "root")], 1, "A corpus is written in UTF-8; byte 13 of this line, 0xFF"),
        ([row(1, "a", 0, "root"), row(2, "\udce4", 1, "x")], 2, "A corpus is written in UTF-8; byte 3 of this line, 0xE4"),
    ],
)
def test_a_broken_sentence_is_reported_by_its_line_and_the_next_one_is_read(
    tmp_path: Path, bad: list[str], line: int, says: str
):
    found, reasons = read(tmp_path, *bad, "", *RUNS)
    assert [sentence.id for sentence in found] == ["runs"]
    assert len(reasons) == 1
    assert reasons[0].startswith(f"{line}: ")
    assert re.search(says, reasons[0])


def test_each_line_that_cannot_be_read_is_reported(tmp_path: Path):
    found, reasons = read(tmp_path, row(1, "a", 0, "root"), "two", row("x", "c"), "", *RUNS, "", "last")
    assert [sentence.id for sentence in found] == ["runs"]
    assert [reason.split(":")[0] for reason in reasons] == ["2", "3", "9"]


def test_a_sentence_without_an_end_is_reported_and_the_next_one_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("attnviz.linguistics.corpora.lines.LONGEST", 200)
    found, reasons = read(tmp_path, *(row(i, "word", 0, "root") for i in range(1, 40)), "", *RUNS)
    assert [sentence.id for sentence in found] == ["runs"]
    # a line has 25 characters and its end, so the eighth is the one that goes beyond 200
    assert reasons == ["8: A text and its lines have at most 200 characters; here are more. Divide it."]
