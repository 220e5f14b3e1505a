"""Winogender with sentences made by hand: positions, gender, and what cannot be found."""

from __future__ import annotations

from pathlib import Path

import pytest

from attnviz.linguistics.corpora.pronoun_tables import WORDINGS, winogender
from attnviz.linguistics.corpora.types import AnnotatedQuestion

HEADER = "sentid\tsentence"
NEXT = "cook.guest.1.male.txt\tThe cook asked the guest what he wanted."


def read(folder: Path, *content: str) -> tuple[list[AnnotatedQuestion], list[str]]:
    """The questions of a file of these lines, and what was said of broken ones, as `line: reason`."""
    (folder / "made").write_text("\n".join(content))
    reasons: list[str] = []
    found = list(winogender(folder / "made", lambda broken: reasons.append(str(broken).removeprefix(f"{folder / 'made'}:"))))
    return found, reasons


def one(folder: Path, row: str) -> AnnotatedQuestion:
    """The question of a file of one right row."""
    (question,), reasons = read(folder, HEADER, row, "")
    assert reasons == []
    return question


@pytest.mark.parametrize("answer", [0, 1])
def test_the_candidates_are_the_occupation_and_the_participant_in_this_order(tmp_path: Path, answer: int):
    #       0         1         2         3
    #       0123456789012345678901234567890123456
    text = "The guest asked the cook what he made"
    row = f"cook.guest.{answer}.male.txt\t{text}"
    assert one(tmp_path, row) == AnnotatedQuestion(f"cook.guest.{answer}.male.txt", text, (30, 32), ((20, 24), (4, 9)), answer)


@pytest.mark.parametrize(
    ("gender", "pronoun"),
    [
        *(("male", word) for word in ("he", "him", "his", "himself", "He")),
        *(("female", word) for word in ("she", "her", "hers", "herself")),
        *(("neutral", word) for word in ("they", "them", "their", "theirs", "themself", "themselves")),
    ],
)
def test_the_pronoun_is_the_one_of_its_gender(tmp_path: Path, gender: str, pronoun: str):
    question = one(tmp_path, f"cook.guest.0.{gender}\tThe cook told the guest {pronoun} saw.")
    assert question.pronoun == (24, 24 + len(pronoun))


def test_words_are_whole_and_found_in_capitals_too(tmp_path: Path):
    #                                             0         1         2         3         4
    #                                             0123456789012345678901234567890123456789012345
    question = one(tmp_path, "cook.someone.1.female.txt\tSomeone saw the cookbook of the cook where she was")
    assert question.candidates == ((32, 36), (0, 7))
    assert question.pronoun == (43, 46)


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (
            "cook.guest.1.male.txt\tThe guest left as he liked.",
            "occur once in a sentence; cook occurs 0 times in “The guest left",
        ),
        ("cook.guest.1.male.txt\tThe cook left as he liked.", "guest occurs 0 times"),
        ("cook.guest.1.male.txt\tThe cook left the guest to a cook as he liked.", "cook occurs 2 times"),
        ("cook.guest.1.male.txt\tThe cook told the guest she knew.", "he, him, his or himself occurs 0 times"),
        ("cook.guest.1.male.txt\tThe cook told the guest he knew him.", "he, him, his or himself occurs 2 times"),
        (
            "cook.guest.2.male.txt\tThe cook told the guest he knew.",
            "A sentid is written like technician.customer.1.female.txt: ",
        ),
        ("cook.guest.1.both.txt\tThe cook told the guest he knew.", "got “cook.guest.1.both.txt”. Correct it."),
        ("cook.1.male.txt\tThe cook told the guest he knew.", "A sentid is written like"),
        ("c(k.guest.1.male.txt\tThe cook told the guest he knew.", "c(k occurs 0 times"),  # a name is no pattern
        ("guest.guest.1.male.txt\tThe cook told the guest he knew.", "do not overlap; two of them share character 19."),
        ("cook.guest.1.male.txt", "A row has the 2 columns of the first line; this one has 1."),
    ],
)
def test_what_cannot_be_found_is_reported_by_its_line_and_the_next_one_is_read(tmp_path: Path, bad: str, says: str):
    found, reasons = read(tmp_path, HEADER, bad, NEXT)
    assert [question.id for question in found] == ["cook.guest.1.male.txt"]
    assert found[0].text.endswith("wanted.")
    assert [reason.split(":")[0] for reason in reasons] == ["2"]
    assert says in reasons[0]


def test_without_the_names_of_the_columns_nothing_is_read(tmp_path: Path):
    found, (reasons,) = read(tmp_path, NEXT, NEXT)
    assert found == []
    assert reasons.startswith("1: The first line names the columns, with tabs between; sentid and sentence not among them")


def test_the_published_file_has_six_wordings_of_a_sentence_in_a_row(corpora: Path):
    reasons: list[str] = []
    found = list(winogender(corpora / "winogender.tsv", lambda broken: reasons.append(str(broken))))
    assert (reasons, len(found)) == ([], 720)
    sentences = [found[at : at + WORDINGS] for at in range(0, 720, WORDINGS)]
    names = [{(one.id.split(".")[0], one.answer) for one in wordings} for wordings in sentences]
    assert all(len(name) == 1 for name in names), "one occupation and one answer"
    assert len(set.union(*names)) == 120, "and no other sentence has both"
