"""Lines of a corpus with bytes made by hand: ends, marks, bytes that are no text, lines and texts without an end."""

from __future__ import annotations

from pathlib import Path

import pytest

from attnviz.errors import BadInputError
from attnviz.linguistics.corpora.lines import CorpusLine, groups, lines


def read(folder: Path, content: bytes) -> list[CorpusLine]:
    """The lines of a file of these bytes."""
    (folder / "made").write_bytes(content)
    return list(lines(folder / "made"))


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        (b"", []),
        (b"a\nb\n", ["a", "b"]),
        (b"a\nb", ["a", "b"]),  # the last line has no end
        (b"a\r\nb\r\n\r\n", ["a", "b", ""]),
        (b"a\rb\n", ["a\rb"]),  # a carriage return alone ends no line
        (b"\xef\xbb\xbfa\nb", ["a", "b"]),
        (b"a\n\xef\xbb\xbfb", ["a", "\ufeffb"]),  # only the first line has a byte order mark
        ("a\u2028b\x0bc\x85d\n".encode(), ["a\u2028b\x0bc\x85d"]),  # and neither do these
        ("ä\t😀 \n".encode(), ["ä\t😀 "]),
    ],
)
def test_lines_are_counted_and_have_no_line_ends(tmp_path: Path, content: bytes, texts: list[str]):
    assert read(tmp_path, content) == [CorpusLine(i, text) for i, text in enumerate(texts, 1)]


def test_a_byte_that_is_no_text_spoils_its_line_alone(tmp_path: Path):
    before, bad, behind = read(tmp_path, b"one\nt\xfco\nthree\n")
    assert (before, behind) == (CorpusLine(1, "one"), CorpusLine(3, "three"))
    assert (bad.number, bad.text) == (2, "")
    assert (
        bad.fault
        == "A corpus is written in UTF-8; byte 2 of this line, 0xFC, belongs to no character. Save the file as UTF-8, "
        "or convert it: iconv -f latin1 -t utf-8."
    )


def test_a_line_that_is_too_long_is_read_past(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("attnviz.linguistics.corpora.lines.LONGEST", 10)
    found = read(tmp_path, b"123456789\n1234567890\n" + b"x" * 35 + b"\nlast\n" + b"y" * 10)
    assert [(line.number, line.text) for line in found] == [(1, "123456789"), (2, ""), (3, ""), (4, "last"), (5, "")]
    assert [bool(line.fault) for line in found] == [False, True, True, False, True]
    assert found[2].fault == "A line is shorter than 10 bytes; this one is longer. Divide it."


@pytest.mark.parametrize("name", ["absent", "."])
def test_an_unreadable_file_is_refused_by_name(tmp_path: Path, name: str):
    with pytest.raises(BadInputError, match=r"A corpus is a file that can be read; .*(No such file|Is a directory)"):
        next(lines(tmp_path / name))


def test_a_group_starts_with_each_line_that_says_so():
    found = [
        CorpusLine(1, "a"),
        CorpusLine(2, "*"),
        CorpusLine(3, "b"),
        CorpusLine(4, "", "bad"),
        CorpusLine(5, "*"),
        CorpusLine(6, "*"),
    ]
    assert [[line.number for line in group] for group in groups(found, lambda text: text in ("*", ""))] == [
        [1],
        [2, 3, 4],
        [5],
        [6],
    ]


def test_a_group_that_is_too_long_is_one_line_with_a_fault_where_it_became_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("attnviz.linguistics.corpora.lines.LONGEST", 10)
    found = [
        CorpusLine(1, "*"),
        CorpusLine(2, "1234567"),
        CorpusLine(3, "*"),
        CorpusLine(4, "12345678"),
        CorpusLine(5, ""),
        CorpusLine(6, "*"),
        CorpusLine(7, "a"),
    ]
    whole, cut, behind = groups(found, "*".__eq__)
    assert ([line.number for line in whole], [line.number for line in behind]) == ([1, 2], [6, 7])
    assert [(line.number, line.text) for line in cut] == [(4, "")]
    assert cut[0].fault == "A text and its lines have at most 10 characters; here are more. Divide it."
