"""Check the numbers, in digits or words, in the prose of the page Beyond text."""

from __future__ import annotations

import re

from attnviz.analysis import token_counts
from attnviz.lessons.long import long_texts
from attnviz.pages.places import analysis, lesson
from attnviz.pages.places.modalities import count
from attnviz.pages.places.myths import LONGER
from tests.content.prose import prose

NAMES = r"T5|all-MiniLM-L6-v2|@\{\w+\}"


def text_of(id: str) -> str:
    return next(place.how for place in lesson.media() if place.id == id)


def test_digits_are_written_only_where_live_numbers_cannot_be():
    found = {
        number
        for text in prose(lesson.content(), but=r"id|sources|when")
        for number in re.findall(r"\d+", re.sub(NAMES, "", text))
    }
    # Years of papers; one step, whatever the length; and a recurrent network's work, which doubles with the text.
    assert found == {"1990", "2017", "1", "2"}
    assert token_counts.recurrent(26, 7) == 2 * token_counts.recurrent(13, 7)


def test_half_a_patch_makes_four_times_the_tokens_and_sixteen_times_the_weights():
    assert "four times as many tokens and sixteen times as many weights" in text_of("image")
    whole, half = (token_counts.attention(token_counts.image(224, 224, side), 1) for side in (16, 8))
    assert half.tokens == 4 * whole.tokens
    assert half.pairs == 16 * whole.pairs


def test_sound_is_cut_as_it_says():
    assert "a hundred slices a second" in text_of("sound")
    assert "joins them in pairs" in text_of("sound")
    assert "a fiftieth of a second" in next(place.token for place in lesson.media() if place.id == "sound")
    assert (token_counts.MEL, token_counts.STRIDE) == (100, 2)
    assert token_counts.sound(1) == 50


def test_a_few_seconds_of_film_are_more_tokens_than_a_long_text():
    assert "a few seconds are more tokens than a long article" in text_of("video")
    film = next(place for place in lesson.media() if place.id == "video")
    sizes = {field.id: field.value for field in film.fields}
    assert sizes["seconds"] <= 5
    assert count("video", sizes, 0) > 1.5 * max(len(one.text.split()) for one in long_texts())


def test_words_for_numbers_in_the_myths_are_the_numbers_that_are_used():
    near, _, _, faster = lesson.myths()
    assert "the two words on either side" in near.answer
    assert analysis.NEAR == 2
    assert "more than half" in near.more
    assert analysis.HALF == 0.5
    assert "a hundred times as long" in faster.more
    assert LONGER == 100


def test_a_flash_kernel_computes_every_score_and_every_mix():
    """Tiles change the order, not the count: a tile of b queries and c keys has b c d for scores and b c d for the mix."""
    n, width, tile = 12, 5, 4
    tiles = sum(2 * tile * tile * width for _ in range(n // tile) for _ in range(n // tile))
    assert tiles == token_counts.attention(n, width).mixing
