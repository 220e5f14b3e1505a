"""Links as one types them: words, the second time a word stands there, characters, and what is none of these."""

from __future__ import annotations

import pytest

from attnviz.cli import link_syntax
from attnviz.errors import BadInputError
from attnviz.types import Link

TEXT = "the cat saw the dog at 10:30, not 4-10, and C#2 ran"


@pytest.mark.parametrize(
    ("written", "source", "target"),
    [
        ("dog:cat", (16, 19), (4, 7)),
        ("dog:the", (16, 19), (0, 3)),
        ("dog:the#2", (16, 19), (12, 15)),
        ("16-19:4-7", (16, 19), (4, 7)),
        ("10:30:dog", (23, 28), (16, 19)),  # a word with a colon of its own
        ("dog:10:30", (16, 19), (23, 28)),
        ("10:30:4-10", (23, 28), (34, 38)),  # a word of the text, before it is a range
        ("C#2:cat", (44, 47), (4, 7)),  # likewise
        (",:,#2", (28, 29), (38, 39)),
        ("0-7:saw", (0, 7), (8, 11)),  # two words together
    ],
)
def test_a_link_is_found_in_the_text(written: str, source: tuple[int, int], target: tuple[int, int]):
    assert link_syntax.link(TEXT, written) == Link(source, target)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("dog:horse", "“horse” is no word of the text. Name a word as it is written there"),
        ("Dog:cat", "“Dog” is no word"),
        ("dog:the#3", "“the” occurs 2 times in the text; got number 3"),
        ("dog#0:cat", "“dog” occurs once in the text; got number 0"),
        ("5-99:cat", "from 0 to the text's 51; got 5-99"),
        ("7-4:cat", "got 7-4"),
        ("dog", "SOURCE:TARGET, e.g. it:animal; got “dog”"),
        ("dog:", "SOURCE:TARGET"),
        (":", "SOURCE:TARGET"),
        ("", "SOURCE:TARGET"),
        ("dog:16-19", "leads from one place to another"),
        ("²-4:cat", "“²-4” is no word"),
    ],
)
def test_what_is_not_in_the_text_is_reported_with_its_remedy(written: str, says: str):
    with pytest.raises(BadInputError) as caught:
        link_syntax.link(TEXT, written)
    assert says in str(caught.value)
