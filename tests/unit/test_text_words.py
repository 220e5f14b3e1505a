"""Words are our own rule: blanks, punctuation, CJK characters, and what stays with its base."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnviz.text import MASK, words

CASES = {
    "The animal didn't cross.": ["The", "animal", "didn't", "cross", "."],
    "(word)": ["(", "word", ")"],
    "...": ["..."],
    "Wait...?!": ["Wait", "...", "?", "!"],
    "“Hello,” she said": ["“", "Hello", ",", "”", "she", "said"],
    "state-of-the-art 3.5% U.S.": ["state-of-the-art", "3.5", "%", "U.S", "."],
    "你好，世界": ["你", "好", "，", "世", "界"],
    "GPT模型 ジョン・ス": ["GPT", "模", "型", "ジ", "ョ", "ン", "・", "ス"],
    "한국어 조사는": ["한국어", "조사는"],
    "か\u3099き ｶﾞ 葛\U000e0100": ["か\u3099", "き", "ｶﾞ", "葛\U000e0100"],
    "cafe\u0301! a \u0301b": ["cafe\u0301", "!", "a", "\u0301b"],
    "a 👩‍👩‍👧❤️ b": ["a", "👩‍👩‍👧❤️", "b"],
    "#️⃣ ‼️": ["#️⃣", "‼️"],
    "مرحبا، بالعالم.\u200f": ["مرحبا", "،", "بالعالم", ".\u200f"],
    "</script><img src=x onerror=alert(1)>": ["</script><img", "src=x", "onerror=alert(1)>"],
    f"un{MASK}able {MASK}.": ["un", MASK, "able", MASK, "."],
    "a\x00b\tc\nd\u3000e": ["a\x00b", "c", "d", "e"],
    "": [],
    " \n\t": [],
}


@pytest.mark.parametrize("text", CASES)
def test_a_text_falls_into_the_words_a_reader_sees(text):
    assert [text[start:end] for start, end in words(text)] == CASES[text]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_every_character_that_is_not_blank_belongs_to_exactly_one_word(text):
    places = [at for start, end in words(text) for at in range(start, end)]
    assert places == sorted(set(places))
    assert {at for at, character in enumerate(text) if not character.isspace()} <= set(places)


@given(st.text(" .,'a你が\u0301\u200d…", max_size=30))
def test_words_do_not_depend_on_the_text_beyond_a_space(text):
    beyond = tuple((start + len(text) + 1, end + len(text) + 1) for start, end in words("a(b)"))
    assert words(f"{text} a(b)") == words(text) + beyond
