"""GAP with rows made by hand: what a row says, and every way in which it can be wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from attnviz.linguistics.corpora.pronoun_tables import gap
from attnviz.linguistics.corpora.types import AnnotatedQuestion

HEADER = "ID\tText\tPronoun\tPronoun-offset\tA\tA-offset\tA-coref\tB\tB-offset\tB-coref\tURL"
#       0         1         2
#       0123456789012345678901234567
TEXT = 'Zoë "Z" told Anna that she won'
RIGHT = ["made-1", TEXT, "she", "23", "Zoë", "0", "TRUE", "Anna", "13", "FALSE", "http://localhost"]


def read(folder: Path, *content: str, end: str = "\n") -> tuple[list[AnnotatedQuestion], list[str]]:
    """The questions of a file of these lines, and what was said of broken ones, as `line: reason`."""
    (folder / "made").write_bytes(end.join(content).encode("utf-8", "surrogateescape"))
    reasons: list[str] = []
    found = list(gap(folder / "made", lambda broken: reasons.append(str(broken).removeprefix(f"{folder / 'made'}:"))))
    return found, reasons


def changed(**cells: str) -> str:
    """The right row with some cells changed, named by their column with _ for -."""
    row = dict(zip(HEADER.split("\t"), RIGHT, strict=True))
    assert {name.replace("_", "-") for name in cells} <= set(row)
    return "\t".join((row | {name.replace("_", "-"): value for name, value in cells.items()}).values())


def test_a_row_becomes_a_question(tmp_path: Path):
    assert read(tmp_path, HEADER, changed(), "") == ([AnnotatedQuestion("made-1", TEXT, (23, 26), ((0, 3), (13, 17)), 0)], [])


@pytest.mark.parametrize(
    ("a", "b", "answer"),
    [("TRUE", "FALSE", 0), ("true", "False", 0), ("FALSE", "TRUE", 1), ("false", "True", 1), ("FALSE", "FALSE", None)],
)
def test_the_answer_is_the_one_that_is_right_if_one_is(tmp_path: Path, a: str, b: str, answer: int | None):
    (question,), reasons = read(tmp_path, HEADER, changed(A_coref=a, B_coref=b))
    assert (question.answer, reasons) == (answer, [])


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_columns_go_by_their_names_and_a_url_is_not_needed(tmp_path: Path, end: str):
    names, cells = HEADER.split("\t")[:10], RIGHT[:10]
    backwards = ("\ufeff" + "\t".join(names[::-1]), "\t".join(cells[::-1]), "")
    assert read(tmp_path, *backwards, end=end) == read(tmp_path, HEADER, changed())


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (
            changed(Pronoun_offset="22"),
            "An offset leads to its word; at Pronoun-offset 22 is “sh”, not “she”. Count again.",
        ),
        (changed(A_offset="1"), "at A-offset 1 is “oë”, not “Zoë”"),
        (changed(B="anna"), "at B-offset 13 is “Anna”, not “anna”"),
        (changed(B_offset="28"), "at B-offset 28 is “on”, not “Anna”"),
        (changed(B_offset="9999999"), "at B-offset 9999999 is “”, not “Anna”"),
        (changed(B_offset="-5"), "An offset counts the characters before a word; B-offset is “-5”. Write a number."),
        (changed(B_offset=""), "B-offset is “”"),
        (changed(B_offset="1" * 5000), "An offset counts the characters before a word; B-offset is “1111"),
        (changed(B="", B_offset="13"), "at B-offset 13 is “”, not “”"),
        (changed(B=" ", B_offset="12"), "not “”"),
        (changed(B_coref="TRUE"), "A-coref and B-coref are both TRUE. Make one FALSE."),
        (changed(A_coref="yes"), "A-coref is TRUE or FALSE; got “yes”. Write one of them."),
        (changed(A_coref=""), "A-coref is TRUE or FALSE; got “”"),
        (changed(B='Zoë "Z"', B_offset="0"), "do not overlap; two of them share character 1. Correct the places."),
        (changed(B="e won", B_offset="25"), "two of them share character 26."),
        (changed() + "\tmore", "A row has the 11 columns of the first line; this one has 12. Complete it."),
        ("made-1", "this one has 1."),
        (changed(ID="\udce4"), "A corpus is written in UTF-8; byte 1 of this line, 0xE4"),
    ],
)
def test_a_broken_row_is_reported_by_its_line_and_the_next_one_is_read(tmp_path: Path, bad: str, says: str):
    found, reasons = read(tmp_path, HEADER, "", bad, changed(ID="made-2"))
    assert [question.id for question in found] == ["made-2"]
    assert [reason.split(":")[0] for reason in reasons] == ["3"]
    assert says in reasons[0]


@pytest.mark.parametrize("first", [changed(), HEADER.replace("B-coref", "B-right"), "", "\udce4"])
def test_without_the_names_of_the_columns_nothing_is_read(tmp_path: Path, first: str):
    found, reasons = read(tmp_path, first, changed())
    assert found == []
    assert [reason.split(":")[0] for reason in reasons] == ["1"]


def test_the_missing_column_is_named(tmp_path: Path):
    _, (reasons,) = read(tmp_path, HEADER.replace("A-coref", "coref"))
    assert reasons.startswith("1: The first line names the columns, with tabs between; A-coref not among them: “ID Text ")
    assert reasons.endswith("Add the line; nothing of this file was read.")


def test_an_empty_file_has_no_questions(tmp_path: Path):
    assert read(tmp_path) == ([], [])
