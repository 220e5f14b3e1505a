"""A file of one's own: which format it is, every kind of broken line, and files that are no corpus at all."""

from __future__ import annotations

import time
from contextlib import suppress
from importlib import resources

import pytest

from attnviz.errors import BadInputError
from attnviz.linguistics import own_corpus as own
from attnviz.linguistics.own_corpus import own_corpus

HEADER = "ID\tText\tPronoun\tPronoun-offset\tA\tA-offset\tA-coref\tB\tB-offset\tB-coref"


def word(number: int, form: str, head: int, label: str) -> str:
    return f"{number}\t{form}\t_\t_\t_\t_\t{head}\t{label}\t_\t_"


TREE = "\n".join(
    [word(1, "The", 2, "det"), word(2, "cat", 3, "nsubj"), word(3, "sleeps", 0, "root"), word(4, "well", 3, "advmod")]
)
NAMES = f"{HEADER}\na\tAnn saw Bea and she left\tshe\t16\tAnn\t0\tTRUE\tBea\t8\tFALSE"
ENTRY = '[[example]]\ntext = "Ann saw Bea and she left"\npronoun = "she"\ncandidates = ["Ann", "Bea"]\nanswer = 0'
JOBS = "sentid\tsentence\ntechnician.customer.1.female.txt\tThe technician told the customer that she could pay"


@pytest.mark.parametrize(
    ("content", "kind"),
    [(TREE, "conllu"), (NAMES, "gap"), (JOBS, "winogender"), (ENTRY, "toml"), (f"# a note\n\n{ENTRY}", "toml")],
)
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_format_is_found_from_the_content_whatever_the_file_is_called(content: str, kind: str, ends: str, encoding: str):
    found = own_corpus("data.txt", content.replace("\n", ends).encode(encoding))
    assert (found.format, len(found.texts), found.faults) == (kind, 1, 0)


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        (TREE.replace("3\tsleeps", "3 sleeps"), 3, "10 columns with tabs between; this line has 9"),
        (TREE.replace("2\tdet", "x\tdet"), 1, "A head is the number of a word, 0 for a root; got “x”. Write a number."),
        (TREE.replace("2\tcat", "7\tcat"), 2, "Words count 1, 2, 3"),
        (
            f"{HEADER}\na\tAnn saw Bea\tshe\t4\tAnn\t0\tTRUE\tBea\t8\tFALSE",
            2,
            "An offset leads to its word; at Pronoun-",
        ),
        (f"{NAMES}\nb\tonly two", 3, "A row has the 10 columns of the first line; this one has 2"),
        (NAMES.replace("FALSE", "perhaps"), 2, "B-coref is TRUE or FALSE; got “perhaps”"),
        (ENTRY.replace("answer = 0", "answer = 5"), 1, "answer counts the candidates, 0 to 1; got “5”"),
        (ENTRY.replace("answer = 0", "answer = = 0"), 5, "An entry is written in TOML"),
        (f"{ENTRY}\n\n[[example]]\ntext = {'[' * 5000}", 7, "An entry is written in TOML"),
    ],
)
def test_a_broken_line_is_named_with_rule_value_and_remedy(content: str, line: int, says: str):
    found = own_corpus("data.txt", content.encode())
    messages = list(map(own.line_message, found.broken))
    assert any(one.startswith(f"Line {line}: ") and says in one for one in messages), messages


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n\n# nothing\n", "is empty"),
        (b"The cat sleeps well.", "line 1 of “data.txt” fits none: “The cat sleeps well.”"),
        (b"PK\x03\x04\x14\x00\x08\x00", "NUL"),
        (b"\x89PNG\r\n\x1a\n", "Line 1: A corpus is written in UTF-8; byte 1"),
        (TREE.encode("utf-16-le"), "UTF-16"),
        ("1\tcafé\t_\t_\t_\t_\t0\troot\t_\t_".encode("latin-1"), "byte 6 of this line, 0xE9"),
        (b"x" * 1_500_000, "A line is shorter than 1,000,000 bytes"),
    ],
)
def test_what_is_no_corpus_is_refused_as_a_whole(content: bytes, says: str):
    with pytest.raises(BadInputError) as error:
        own_corpus("data.txt", content)
    assert says in str(error.value)


def test_only_the_first_broken_lines_are_listed_and_all_are_counted():
    found = own_corpus("data.conllu", "\n".join(f"{number}\tbroken" for number in range(50_000)).encode())
    assert (len(found.broken), found.faults, found.texts) == (own.LISTED, 50_000, ())


def test_a_file_has_a_bounded_number_of_texts_and_relations():
    row = NAMES.partition("\n")[2]
    many = own_corpus("data.tsv", "\n".join([HEADER, *[row] * (own.MAX_TEXTS + 5)]).encode())
    assert (len(many.texts), many.beyond) == (own.MAX_TEXTS, 5)
    labels = "\n\n".join(TREE.replace("advmod", f"label{at}") for at in range(300))
    with pytest.raises(BadInputError, match=r"at most 255 relations; “data\.conllu” has 302"):
        own_corpus("data.conllu", labels.encode())


def test_two_megabytes_of_anything_are_read_in_seconds():
    names = ", ".join(f'"w#{number}"' for number in range(1, 2000))
    bombs = (
        "\n" * 2_000_000,  # refused by the number of lines
        f"1\t{'a' * 999_000}\n" * 2,
        "[[example]]\n" * 2_000,
        "\n".join([f'[[example]]\ntext = "{"w " * 4_900}"\npronoun = "w"\ncandidates = [{names}]'] * 2),
        "ID\tText\tPronoun-offset\n" + "\t" * 1_900_000,
    )
    for content in bombs:
        started = time.monotonic()
        with suppress(BadInputError):
            own_corpus("bomb.txt", content.encode())
        assert time.monotonic() - started < 20, content[:40]


@pytest.mark.parametrize("name", ["example.conllu", "example.tsv", "example.toml"])
def test_every_example_file_is_read_without_an_error(name: str):
    content = resources.files("attnviz").joinpath("content/own", name).read_bytes()
    found = own_corpus("renamed", content)
    assert not found.faults
    assert found.texts
