"""Prepared long texts as data: every one is long, complete and names words that it has; what is wrong in a file is reported."""

from __future__ import annotations

import re

import pytest

from attnviz.errors import BadInputError
from attnviz.lessons.long import LongText, long_texts, parsed
from attnviz.models import catalog
from attnviz.selection import IN_URL
from attnviz.types import HeadRef
from attnviz.view_state import TokenSelection

EVERY = pytest.mark.parametrize("one", long_texts(), ids=lambda one: one.id)
ENTRY = """
[[long]]
id = "made"
title = "Made"
file = "made.txt"
model = "smollm2"
head = "L2·H3"
selected = "{selected}"
finds = "clue#1"
note = "L2·H3 gives it 0.250."
claims = [{{ head = "L2·H3", selected = "clue#2", finds = "clue#1", weight = 0.25 }}]
"""
TEXT = "A clue, and much later the clue again.\n"


def test_an_entry_becomes_a_text_with_places():
    (made,) = parsed(ENTRY.format(selected="clue#2"), {"made.txt": TEXT}.__getitem__)
    assert (made.text, made.head, made.focus) == (TEXT.strip(), HeadRef(2, 3), TokenSelection(27))
    assert (made.finds, made.claims[0].selected, made.claims[0].most) == ((2, 6), (27, 31), False)


def test_a_word_that_the_text_lacks_is_refused():
    with pytest.raises(BadInputError, match="clue"):
        parsed(ENTRY.format(selected="clue#3"), {"made.txt": TEXT}.__getitem__)


def test_there_are_three_with_names_of_their_own():
    assert [one.id for one in long_texts()] == ["contract", "support", "news"]
    assert len({one.title for one in long_texts()}) == 3


@EVERY
def test_each_is_long_and_still_travels_in_a_link(one: LongText):
    assert 600 <= len(one.text.split()) <= 1500
    assert len(one.text.encode()) <= IN_URL


@EVERY
def test_each_opens_with_an_existing_model_and_head_and_an_earlier_partner(one: LongText):
    card = catalog.card(one.model)
    assert one.head.layer < card.layers
    assert one.head.head < card.heads
    assert one.finds[1] < one.selected[0]


@EVERY
def test_every_number_and_head_that_a_note_names_is_claimed(one: LongText):
    claimed = {f"{claim.weight:.3f}" for claim in one.claims}
    assert set(re.findall(r"0\.\d{3}", one.note)) == claimed
    assert set(re.findall(r"L\d+·H\d+", one.note)) <= {str(claim.head) for claim in one.claims}
