"""What a head does on one text: shares that add up, roles at their thresholds, sinks, sentences, scores of every head."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pytest

from attnviz.analysis import head_profile, head_roles, row_stats, view
from attnviz.board.roles import roles
from attnviz.engine.block import Block
from attnviz.engine.layers import Dense, Projections
from attnviz.engine.trace import Trace
from attnviz.errors import BadInputError, UnknownHeadError
from attnviz.types import AttentionRequest, HeadRef, HiddenPart, Pattern, Token, Unit
from attnviz.view_state import ViewOptions

# [CLS] The cat saw the dog [SEP]; "the" stands twice.
WORDS = ("The", "cat", "saw", "the", "dog")


def unit(text: str, at: int, special: bool = False, segment: int = 0) -> Unit:
    """A unit of one token; what the model adds takes no characters."""
    return Unit(text, 4 * at, 4 * at if special else 4 * at + 3, (at,), special, segment)


def sentence(*words: str, special: bool = True) -> tuple[Unit, ...]:
    """Units of a text, with [CLS] and [SEP] around it unless stated otherwise."""
    texts = ("[CLS]", *words, "[SEP]") if special else words
    return tuple(unit(text, at, text.startswith("[")) for at, text in enumerate(texts))


def made(
    rows: object,
    parts: tuple[Unit, ...],
    keys: tuple[Unit, ...] | None = None,
    causal: bool = False,
    hidden_parts: Collection[HiddenPart] = (),
) -> Pattern:
    """A pattern of these rows; what they lack of 1 is hidden."""
    keys = parts if keys is None else keys
    weights = np.array(rows, np.float32)
    hidden = np.clip(1 - weights.sum(-1), 0, 1).astype(np.float32)
    hidden[hidden < 1e-6] = 0
    labels = tuple(u.text for u in parts), tuple(u.text for u in keys)
    return Pattern(*labels, weights, hidden, "", parts, keys, causal, None, frozenset(hidden_parts))


def looking(at: list[int], share: float, keys: int) -> np.ndarray:
    """Rows that give `share` to one key each and spread the rest evenly over the others."""
    rows = np.full((len(at), keys), (1 - share) / (keys - 1), np.float32)
    rows[np.arange(len(at)), at] = share
    return rows


def test_entropy_is_0_for_one_key_and_log2_n_for_an_even_row():
    rows = np.array([[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0.25, 0.25, 0.25, 0.25], [0, 0, 0, 0]], np.float32)
    found = row_stats.entropy(rows)
    np.testing.assert_allclose(found, [0, 1, 2, 0], atol=1e-6)
    assert not np.signbit(found).any()  # "-0.0 bits" would be shown


def test_entropy_of_a_row_computed_by_hand():
    # 0.5 * 1 + 0.25 * 2 + 2 * 0.125 * 3 bits
    np.testing.assert_allclose(row_stats.entropy(np.array([[[0.5, 0.25, 0.125, 0.125]]], np.float32)), [[1.75]], atol=1e-6)


def test_a_special_token_is_no_word_before_and_another_sentence_has_no_neighbour_here():
    parts = (unit("[CLS]", 0, True), unit("a", 1), unit("b", 2), unit("c", 3, segment=1))
    found = row_stats.before(parts)
    assert np.argwhere(found).tolist() == [[2, 1]]
    assert np.argwhere(row_stats.after(parts)).tolist() == [[1, 2]]


def test_hiding_a_token_between_two_words_does_not_make_them_neighbours():
    assert not row_stats.before((unit("a", 0), unit("b", 2))).any()


def test_a_repeat_is_the_same_word_elsewhere_in_any_case_and_never_itself():
    parts = sentence(*WORDS)
    assert np.argwhere(row_stats.repeats(parts, parts)).tolist() == [[1, 4], [4, 1]]


def test_facts_name_every_place_in_the_order_of_the_design_and_add_up_to_one():
    parts = sentence("The", "cat", "ran")
    rows = [
        [1.0, 0.0, 0.0, 0.0, 0.0],
        [0.5, 0.1, 0.2, 0.1, 0.1],
        [0.4, 0.2, 0.1, 0.2, 0.1],
        [0.3, 0.3, 0.2, 0.1, 0.1],
        [0.0, 0.0, 0.0, 0.0, 1.0],
    ]
    found = head_profile.profile(made(rows, parts))
    # Over The, cat and ran: before 0 + .2 + .2, itself .1 + .1 + .1, after .2 + .2 + 0, others .1 + 0 + .3, all by three.
    want = {
        "[CLS]": 0.4,
        "the word before": 0.4 / 3,
        "itself": 0.1,
        "the word after": 0.4 / 3,
        "other words": 0.4 / 3,
        "[SEP]": 0.1,
    }
    assert [label for label, _ in found.shares] == list(want)
    np.testing.assert_allclose([value for _, value in found.shares], list(want.values()), atol=1e-6)
    assert found.rows == 3
    assert found.most == pytest.approx(np.log2(5))
    assert found.entropy == pytest.approx(row_stats.entropy(np.array(rows, np.float32))[1:4].mean())


def test_facts_by_tokens_say_token():
    labels = [label for label, _ in head_profile.profile(made(np.eye(5), sentence("a", "b", "c")), words=False).shares]
    assert labels == ["[CLS]", "the token before", "itself", "the token after", "other tokens", "[SEP]"]


def test_a_causal_model_has_no_word_after_its_first_word_counts_no_row_and_is_a_line_of_its_own():
    parts = sentence("a", "b", "c", "d", special=False)
    rows = [[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0.25, 0.25, 0.5, 0], [0.25, 0.25, 0.25, 0.25]]
    found = head_profile.profile(made(rows, parts, causal=True))
    # b, c and d: the first word .5 + .25 + .25, the word before 0 + .25 + .25, itself .5 + .5 + .25, others 0 + 0 + .25.
    want = {"the first word": 1 / 3, "the word before": 0.5 / 3, "itself": 1.25 / 3, "other words": 0.25 / 3}
    assert dict(found.shares) == pytest.approx(want)
    assert [look.percent for look in found.lines] == [33, 17, 42, 8]
    # Uniform attention: the first word 1/2 + 1/3 + 1/4, the word before 0 + 1/3 + 1/4, and so on, all by three.
    assert [look.uniform for look in found.lines] == pytest.approx([13 / 36, 7 / 36, 13 / 36, 3 / 36])
    assert found.rows == 3
    assert found.most == pytest.approx((1 + np.log2(3) + 2) / 3)
    assert found.entropy == pytest.approx((1 + 1.5 + 2) / 3)


def test_what_is_hidden_is_one_more_row_and_one_more_place_in_the_entropy():
    parts = tuple(u for u in sentence("a", "b") if not u.special)
    found = head_profile.profile(made([[0.25, 0.25], [0.5, 0.0]], parts, hidden_parts={HiddenPart.SPECIAL_TOKENS}))
    assert found.shares[-1] == ("hidden tokens", pytest.approx(0.5))
    assert sum(value for _, value in found.shares) == pytest.approx(1)
    assert found.most == pytest.approx(np.log2(3))
    assert found.entropy == pytest.approx((1.5 + 1.0) / 2)  # rows (1/4, 1/4, 1/2) and (1/2, 0, 1/2)


def test_a_learned_sink_is_named_as_one():
    found = head_profile.profile(
        made([[0.25, 0.25], [0.25, 0.25]], sentence("a", "b", special=False), hidden_parts={HiddenPart.LEARNED_SINK})
    )
    assert found.shares[-1] == ("a learned sink", pytest.approx(0.5))


def test_cross_attention_has_no_neighbours_and_no_itself():
    queries = sentence("Die", "Katze", special=False)
    keys = (unit("The", 0), unit("cat", 1), unit("</s>", 2, True))
    found = head_profile.profile(made([[0.7, 0.1, 0.2], [0.1, 0.5, 0.4]], queries, keys))
    # "The" is the first token of that text: where heads rest, whatever it says.
    assert dict(found.shares) == pytest.approx({"the first word": 0.4, "words of the other text": 0.3, "</s>": 0.3})


def test_two_separators_are_one_row():
    parts = (unit("[CLS]", 0, True), unit("a", 1), unit("[SEP]", 2, True), unit("b", 3, segment=1), unit("[SEP]", 4, True))
    rows = [[0.2, 0.2, 0.2, 0.2, 0.2]] * 5
    assert dict(head_profile.profile(made(rows, parts)).shares)["[SEP]"] == pytest.approx(0.4)


def test_a_head_that_looks_back_one_word_is_called_so_with_its_numbers():
    words = ("a", "b", "c", "d", "e", "f")
    # [CLS] a b c d e f [SEP]: every word to the one before, a to [CLS], so five of six; a gives 0.01 to each other place.
    found = head_roles.role(made(looking([0, 0, 1, 2, 3, 4, 5, 6], 0.93, 8), sentence(*words)))
    assert (found.kind, found.chosen, found.rows) == ("previous", 5, 6)
    assert found.share == pytest.approx(5 * 0.93 / 6, abs=1e-6)
    assert found.uniform == pytest.approx(5 / 6 / 8)
    assert found.sentence == (
        "On this text, this head looks mostly at the word before: 78\u202f% of its attention on average "
        "(10\u202f% if spread evenly), first choice of 5 of 6 words."
    )


def test_one_text_makes_no_head_positional_in_the_sense_of_a_paper():
    found = head_roles.role(made(looking([1, 2, 3, 4, 5, 6, 7, 8, 8], 0.95, 9), sentence("a", "b", "c", "d", "e", "f", "g")))
    assert found.kind == "next"
    assert "Voita" not in found.sentence


def test_a_place_that_most_words_look_at_first_is_named_below_a_half_too():
    found = head_roles.role(made(looking([1, 2, 3, 4, 5, 6, 7, 8, 8], 0.45, 9), sentence("a", "b", "c", "d", "e", "f", "g")))
    # Six of seven give the word after 0.45, and g, which has none, nothing: 2.7 by 7.
    assert (found.kind, found.share) == ("next", pytest.approx(2.7 / 7, abs=1e-6))
    assert found.sentence.startswith("On this text, most words look first at the word after: 6 of 7, 39\u202f% of this head's")


def test_a_first_choice_of_most_words_that_gets_little_is_mentioned_and_names_no_head():
    found = head_roles.role(made(looking([1, 2, 3, 4, 5, 6, 7, 8, 8], 0.3, 9), sentence("a", "b", "c", "d", "e", "f", "g")))
    assert found.kind == "broad"
    assert found.sentence.endswith("6 of 7 words look first at the word after, with 26\u202f%.")


def test_a_place_with_hardly_more_than_uniform_attention_names_no_head():
    # Causal, six words: uniform attention gives the first (1/2 + … + 1/6) / 5 = 0.29; 0.40 is less than half as much again.
    rows = np.zeros((6, 6))
    rows[0, 0] = 1
    for at in range(1, 6):
        rows[at, : at + 1] = 0.6 / at
        rows[at, 0] = 0.4
    rows[1] = [0.4, 0.6, 0, 0, 0, 0]
    found = head_roles.role(made(rows, sentence(*"abcdef", special=False), causal=True))
    assert found.kind == "broad"
    assert "4 of 5 words look first at the first word, “a”, with 40\u202f%." in found.sentence


def test_a_few_words_never_show_a_habit():
    found = head_roles.role(made(looking([1, 2, 3, 4, 4], 0.9, 5), sentence("a", "b", "c")))
    assert found.kind == "mixed"
    assert found.sentence.startswith("This text is too short to show a habit: only 3 words can choose where to look.")


@pytest.mark.parametrize(
    ("at", "kind", "place"),
    [
        ([0, 1, 2, 3, 4, 5, 6], "itself", "the word itself"),
        ([0, 0, 0, 0, 0, 0, 0], "first", "[CLS], the first token"),
        ([6, 6, 6, 6, 6, 6, 6], "separator", "[SEP]"),
    ],
)
def test_a_head_is_called_after_the_place_that_gets_most(at: list[int], kind: str, place: str):
    found = head_roles.role(made(looking(at, 0.76, 7), sentence(*WORDS)))
    assert found.kind == kind
    assert found.share == pytest.approx(0.76, abs=1e-6)
    assert f"mostly at {place}: 76\u202f%" in found.sentence


def twinned() -> np.ndarray:
    """[CLS] the cat the dog the end [SEP]: each "the" gives 0.9 to the two others, all else is even."""
    rows = np.full((8, 8), 1 / 8, np.float32)
    for query in (1, 3, 5):
        rows[query] = 0.1 / 6
        rows[query, [key for key in (1, 3, 5) if key != query]] = (0.5, 0.4)
    return rows


def test_attention_to_twins_is_an_extra_line_and_names_no_head():
    found = head_roles.role(made(twinned(), sentence("the", "cat", "the", "dog", "the", "end")))
    assert found.kind == "mixed"
    assert found.sentence.endswith(
        "Where a word stands more than once (3 words), it gives 90\u202f% to the same word elsewhere."
    )


def test_a_head_whose_every_word_finds_its_twin_is_called_so():
    # [CLS] a b c [SEP] a b c [SEP]: six of six words look at the same word in the other sentence.
    parts = tuple(
        unit(text, at, text.startswith("["), int(at > 4))
        for at, text in enumerate(("[CLS]", "a", "b", "c", "[SEP]", "a", "b", "c", "[SEP]"))
    )
    found = head_roles.role(made(looking([0, 5, 6, 7, 4, 1, 2, 3, 8], 0.8, 9), parts))
    assert (found.kind, found.share, found.chosen, found.rows) == ("same", pytest.approx(0.8, abs=1e-6), 6, 6)
    assert found.uniform == pytest.approx(1 / 9)
    sentence_part = (
        "the same word elsewhere: 80\u202f% of its attention on average (11\u202f% if spread evenly), first choice of 6 of 6"
    )
    assert sentence_part in found.sentence


def test_a_first_word_that_occurs_again_is_a_sink_and_not_a_twin():
    # Both later "the" look at the first word as all words do.
    words = ("the", "cat", "saw", "the", "dog", "and", "the", "bird")
    rows = np.zeros((8, 8))
    rows[:, 0] = 0.9
    rows[range(8), range(8)] += 0.1
    found = head_roles.role(made(rows, sentence(*words, special=False), causal=True))
    assert (found.kind, found.chosen, found.rows) == ("first", 7, 7)
    assert "same" not in found.sentence


def test_equal_weights_have_no_first_choice():
    # Every word divides itself between [CLS] and the word itself: the first in the text is no choice of theirs.
    rows = np.zeros((7, 7))
    rows[:, 0] += 0.5
    rows[range(7), range(7)] += 0.5
    found = head_profile.profile(made(rows, sentence(*WORDS)))
    assert [look.chosen for look in found.lines] == [0] * len(found.lines)


def test_a_mask_counts_as_a_word_and_not_as_a_separator():
    parts = (
        unit("[CLS]", 0, True),
        unit("a", 1),
        Unit("[MASK]", 8, 14, (2,), True),
        unit("b", 3),
        unit("c", 4),
        unit("[SEP]", 5, True),
    )
    assert head_roles.role(made(looking([2] * 6, 0.6, 6), parts)).kind != "separator"


def test_a_first_token_that_most_words_choose_and_that_gets_over_three_tenths_names_a_head():
    # The rest is even, so nothing else has a habit.
    found = head_roles.role(made(looking([0] * 7, 0.36, 7), sentence(*WORDS)))
    assert (found.kind, found.share) == ("first", pytest.approx(0.36, abs=1e-6))
    assert found.sentence == (
        "On this text, most words look first at [CLS], the first token: 5 of 5, 36\u202f% of this head's attention on average "
        "(14\u202f% if spread evenly)."
    )


def test_an_even_head_is_broad_and_says_its_entropy():
    found = head_roles.role(made(np.full((8, 8), 0.125), sentence("a", "b", "c", "d", "e", "f")))
    assert (found.kind, found.share) == ("broad", pytest.approx(1.0))
    assert "entropy 3.0 of at most 3.0 bits" in found.sentence


def test_an_even_causal_head_of_a_short_text_is_broad_and_does_not_rest_on_its_first_word():
    # The five words with a choice give the first (1/2 + 1/3 + 1/4 + 1/5 + 1/6) / 5 = 0.29 without any preference.
    rows = np.tril(np.ones((6, 6))) / np.arange(1, 7)[:, None]
    found = head_roles.role(made(rows, sentence(*"abcdef", special=False), causal=True))
    assert (found.kind, found.share) == ("broad", pytest.approx(1.0))
    assert "first word" not in found.sentence


def test_a_head_without_a_habit_is_mixed_and_says_its_largest_share():
    parts = sentence("a", "b", "c", "d", "e", "f")
    rows = np.eye(8, dtype=np.float32)
    for query, keys in ((1, (3, 4)), (2, (5, 2)), (3, (3, 1)), (4, (2, 6)), (5, (1, 6)), (6, (6, 2))):
        rows[query] = 0
        rows[query, list(keys)] = 0.5
    found = head_roles.role(made(rows, parts))
    # In halves, a to f: others get 2, 1, 1, 2, 1, 1; itself gets three, the word after one. Entropy 1 of 3 bits.
    assert (found.kind, found.share) == ("mixed", pytest.approx(4 / 6))
    assert (
        found.sentence == "On this text, this head has no single habit: 67\u202f% goes to other words "
        "(first choice of 2 of 6 words), entropy 1.0 of at most 3.0 bits."
    )


def test_a_head_whose_attention_is_mostly_hidden_says_so():
    parts = tuple(u for u in sentence(*WORDS) if not u.special)
    found = head_roles.role(made(np.full((5, 5), 0.06), parts, hidden_parts={HiddenPart.SPECIAL_TOKENS}))
    assert found.sentence == "On this text, most of this head's attention goes to hidden tokens: 70\u202f% on average."
    assert found.kind == "hidden"


def test_one_word_of_a_causal_model_shows_no_habit():
    found = head_roles.role(made([[1.0]], sentence("a", special=False), causal=True))
    assert "too short" in found.sentence


def test_the_first_word_of_a_causal_model_has_no_choice_and_does_not_count():
    rows = np.eye(6) * 0.9
    rows[:, 0] += 0.1
    found = head_roles.role(made(rows, sentence(*"abcdef", special=False), causal=True))
    assert (found.kind, found.share) == ("itself", pytest.approx(0.9, abs=1e-6))
    assert "5 of 5 words" in found.sentence


def test_many_heads_are_described_as_each_alone_also_where_the_text_or_the_sight_changes_between_them():
    here, there = sentence(*WORDS), sentence("a", "a", "b", "b", "c", "c", special=False)
    mixed = [
        made(looking([0, 0, 1, 2, 3, 4, 5], 0.93, 7), here),
        made(looking([0] * 7, 0.36, 7), here),
        made(looking([1, 0, 3, 2, 5, 4], 0.9, 6), there),
        made(np.tril(np.full((6, 6), 0.1)) + 0.4 * np.eye(6), there, causal=True),
        made(np.full((7, 7), 0.1), here, hidden_parts={HiddenPart.SPECIAL_TOKENS}),
    ]
    found = list(head_roles.roles(mixed))
    assert found == [head_roles.role(one) for one in mixed]
    assert len({one.sentence for one in found}) == 5


def test_a_key_that_most_words_choose_and_that_takes_much_is_a_sink():
    rows = looking([0, 0, 0, 0, 4, 5, 0], 0.7, 7)
    # The words are rows 1 to 5: 0.7 three times and 0.05 twice.
    found = head_roles.sink(made(rows, sentence(*WORDS)))
    assert found is not None
    assert (found.key, found.label, found.chosen) == (0, "[CLS]", pytest.approx(0.6))
    assert found.share == pytest.approx((3 * 0.7 + 2 * 0.05) / 5, abs=1e-6)
    assert found.sentence == "[CLS] takes 44\u202f%: heads park unused attention there (a “sink”)."
    assert found.resting


def test_a_word_that_every_word_looks_at_is_not_a_sink_and_its_weights_are_described():
    found = head_roles.sink(made(looking([2] * 7, 0.44, 7), sentence(*WORDS)))
    assert found is not None
    assert (found.key, found.resting) == (2, False)
    assert found.sentence == "Most words look first at “cat”: it takes 44\u202f% of this head."


def test_a_role_says_of_such_a_word_what_the_note_beside_the_picture_says():
    found = head_roles.role(made(looking([2] * 7, 0.44, 7), sentence(*WORDS)))
    assert (found.kind, found.place, found.chosen, found.rows) == ("word", "“cat”", 5, 5)
    assert found.sentence == (
        "On this text, most words look first at “cat”: 5 of 5, 44\u202f% of this head's attention on average "
        "(14\u202f% if spread evenly)."
    )


def test_a_place_that_gets_most_is_named_where_another_is_the_first_choice_of_most_words():
    # Of six words, four give [CLS] 0.45 and "cat" 0.55, and two give [CLS] everything: 63.3 against 36.7 percent. In the
    # profile "cat" is in four lines of 9.17 each; whole numbers are 99 together, and the largest rest has the hundredth.
    parts = sentence("The", "cat", "saw", "a", "big", "dog")
    rows = np.zeros((8, 8))
    rows[:, 0], rows[:, 2] = 0.45, 0.55
    rows[5:7] = 0
    rows[5:7, 0] = 1
    found = head_roles.role(made(rows, parts))
    assert (found.kind, found.place, found.chosen) == ("word", "“cat”", 4)
    assert found.sentence.endswith(" Of all its attention, 64\u202f% goes to [CLS], the first token.")
    assert [look.percent for look in head_profile.profile(made(rows, parts)).lines] == [64, 9, 9, 9, 9, 0]


@pytest.mark.parametrize(("at", "called"), [(0, True), (6, True), (3, False)])
def test_only_first_and_special_tokens_are_called_a_sink(at: int, called: bool):
    found = head_roles.sink(made(looking([at] * 7, 0.7, 7), sentence(*WORDS)))
    assert found is not None
    assert (found.resting, "sink" in found.sentence) == (called, called)


def test_the_first_word_of_a_text_is_a_sink_only_where_it_is_the_first_token_that_the_model_reads():
    bare = sentence(*WORDS, special=False)
    after_hidden = tuple(unit(text, at) for at, text in enumerate(WORDS, 1))  # [CLS] is token 0 and hidden
    for parts, called in ((bare, True), (after_hidden, False)):
        found = head_roles.sink(made(looking([0] * 5, 0.7, 5), parts))
        assert found is not None
        assert found.resting is called


def test_a_mask_and_a_typed_separator_are_not_sinks():
    for text in ("[MASK]", "[SEP]"):
        parts = (unit("[CLS]", 0, True), *(unit(w, at) for at, w in enumerate("abcde", 1)), Unit(text, 24, 30, (6,), True))
        found = head_roles.sink(made(looking([6] * 7, 0.7, 7), parts))
        assert found is not None
        assert "sink" not in found.sentence


def test_on_a_few_words_nothing_is_called_a_sink():
    assert head_roles.sink(made(looking([0] * 6, 0.9, 6), sentence("a", "b", "c", "d"))) is None


def test_uniform_attention_is_not_a_sink():
    # Causal, six words: 0.42 is little more than the 0.29 of uniform attention.
    rows = np.zeros((6, 6))
    rows[0, 0] = 1
    for at in range(1, 6):
        rows[at, : at + 1] = 0.58 / at
        rows[at, 0] = 0.42
    assert head_roles.sink(made(rows, sentence(*"abcdef", special=False), causal=True)) is None


def test_sink_role_and_profile_write_the_same_share():
    # Over a to e, of which d's share of [CLS] makes a mean of 0.625: 62.5 and the rest are rounded together.
    rows = looking([0] * 7, 0.625, 7)
    pattern = made(rows, sentence(*WORDS))
    (look, *_), found, note = head_profile.profile(pattern).lines, head_roles.role(pattern), head_roles.sink(pattern)
    assert note is not None
    assert look.share_text in found.sentence
    assert look.share_text in note.sentence
    assert sum(one.percent for one in head_profile.profile(pattern).lines) == 100


@pytest.mark.parametrize(
    "rows",
    [looking([0, 0, 0, 3, 4, 5, 0], 0.95, 7), looking([0] * 7, 0.39, 7)],
    ids=["chosen by two of five", "takes 39\u202f%"],
)
def test_a_key_is_no_sink_where_few_choose_it_or_it_takes_little(rows: np.ndarray):
    assert head_roles.sink(made(rows, sentence(*WORDS))) is None


def test_a_row_in_which_nothing_is_shown_chooses_nothing():
    parts = tuple(u for u in sentence("a", "b", "c") if not u.special)
    assert (
        head_roles.sink(made([[0, 0, 0], [0, 0, 0], [0.9, 0.05, 0.05]], parts, hidden_parts={HiddenPart.SPECIAL_TOKENS}))
        is None
    )


def test_a_row_is_described_in_words_largest_first_and_what_is_hidden_last():
    parts = sentence("animal", "it", "was")
    rows = np.eye(5, dtype=np.float32)
    rows[2] = [0.12, 0.64, 0.07, 0.0, 0.0]
    pattern = made(rows, parts)
    assert head_roles.as_text(pattern, 2) == (
        "“it” looks most at “animal” (0.640), then at [CLS] (0.120), itself (0.070) and hidden tokens (0.170)."
    )


def test_a_row_that_is_whole_names_three_keys_and_no_hidden_tokens():
    rows = np.eye(5, dtype=np.float32)
    rows[2] = [0.12, 0.69, 0.07, 0.06, 0.06]
    pattern = made(rows, sentence("animal", "it", "was"))
    assert head_roles.as_text(pattern, 2) == "“it” looks most at “animal” (0.690), then at [CLS] (0.120) and itself (0.070)."


def test_a_row_with_one_key_is_one_clause():
    pattern = made(np.eye(5), sentence("a", "b", "c"))
    assert head_roles.as_text(pattern, 1) == "“a” looks at itself (1.000)."
    assert head_roles.as_text(pattern, 0) == "[CLS] looks at itself (1.000)."


def test_a_word_that_occurs_twice_is_numbered():
    parts = sentence("the", "cat", "the")
    rows = np.eye(5, dtype=np.float32)
    rows[1] = [0, 0, 0, 1, 0]
    assert head_roles.as_text(made(rows, parts), 1) == "“the” (no. 1) looks at “the” (no. 2) (1.000)."


def test_a_row_of_which_nothing_is_shown_says_where_it_went():
    parts = tuple(u for u in sentence("a", "b") if not u.special)
    found = head_roles.as_text(made([[0, 0], [0.5, 0.5]], parts, hidden_parts={HiddenPart.SPECIAL_TOKENS}), 0)
    assert found == "“a” gives 100\u202f% of its attention to hidden tokens and next to nothing to what is shown."


def test_cross_attention_never_says_itself():
    keys = (unit("The", 0), unit("cat", 1), unit("</s>", 2, True))
    found = head_roles.as_text(made([[0.0, 1.0, 0.0], [0.0, 1.0, 0.0]], sentence("Die", "Katze", special=False), keys), 1)
    assert found == "“Katze” looks at “cat” (1.000)."


def test_a_causal_model_says_which_words_come_too_late():
    parts = sentence("it", "was", "too", "tired", special=False)
    pattern = made(np.tril(np.ones((4, 4))) / np.arange(1, 5)[:, None], parts, causal=True)
    assert head_roles.unseen(pattern, 0) == (
        "This model reads left to right: “was too tired” come after “it” and cannot change this row."
    )
    assert head_roles.unseen(pattern, 2).startswith("This model reads left to right: “tired” comes after “too”")
    assert head_roles.unseen(pattern, 3) == ""


def test_a_model_that_reads_both_ways_has_no_words_that_come_too_late():
    assert head_roles.unseen(made(np.eye(4), sentence("a", "b")), 1) == ""


def test_a_pattern_made_by_hand_without_units_is_read_by_its_labels():
    pattern = Pattern(("a", "b"), ("a", "b"), np.array([[0.2, 0.8], [0.9, 0.1]], np.float32), np.zeros(2, np.float32))
    assert dict(head_profile.profile(pattern).shares) == pytest.approx(
        {"the first word": 0.55, "the word before": 0.0, "itself": 0.05, "the word after": 0.4, "other words": 0.0}
    )
    assert head_roles.as_text(pattern, 0) == "“a” looks most at “b” (0.800), then at itself (0.200)."


def tokens(*words: str, special: bool = True) -> tuple[Token, ...]:
    """Tokens of a text, a word each."""
    texts = ("[CLS]", *words, "[SEP]") if special else words
    found = []
    for at, text in enumerate(texts):
        extra = text.startswith("[")
        found.append(Token(text, text, 4 * at, 4 * at if extra else 4 * at + 3, None if extra else at))
    return tuple(found)


def traced(weights: np.ndarray, side: tuple[Token, ...], keys: tuple[Token, ...] | None = None, name: str = "self") -> Trace:
    """A trace of [layer, head, query, key]."""
    block = Block(name, side, side if keys is None else keys, tuple(Dense(layer) for layer in weights))
    return Trace(AttentionRequest("made", "by hand"), (block,))


def softmaxed(*shape: int, causal: bool = False) -> np.ndarray:
    """Random rows that sum to 1."""
    raw = np.random.default_rng(3).exponential(size=shape).astype(np.float32)
    raw = np.tril(raw) if causal else raw
    return raw / raw.sum(-1, keepdims=True)


def test_scores_of_every_head_are_what_a_loop_over_heads_and_words_finds():
    weights = softmaxed(2, 3, 6, 6)
    trace = traced(weights, tokens("a", "b", "c", "d"))
    for layer in range(2):
        for head in range(3):
            w = weights[layer, head]
            loops = {
                "previous": sum(w[i, i - 1] for i in (2, 3, 4)) / 4,  # the first word has only [CLS] before it
                "next": sum(w[i, i + 1] for i in (1, 2, 3)) / 4,
                "first": np.mean([w[i, 0] for i in (1, 2, 3, 4)]),
                "special": np.mean([w[i, 0] + w[i, 5] for i in (1, 2, 3, 4)]),
                "entropy": np.mean([-sum(a * np.log2(a) for a in w[i]) for i in (1, 2, 3, 4)]),
            }
            assert set(loops) == set(head_roles.SCORES)
            for name, want in loops.items():
                assert head_roles.scores(trace, name).values[layer, head] == pytest.approx(want, abs=1e-5), name


def test_a_score_says_its_unit_and_range():
    trace = traced(softmaxed(2, 3, 6, 6), tokens("a", "b", "c", "d"))
    bits, part = head_roles.scores(trace, "entropy"), head_roles.scores(trace, "previous")
    assert (bits.unit, bits.low, bits.high) == ("bits", 0.0, pytest.approx(np.log2(6)))
    assert (part.unit, part.low, part.high) == ("share", 0.0, 1.0)


def test_scores_of_a_causal_model_leave_out_the_word_that_sees_only_itself():
    weights = softmaxed(2, 3, 4, 4, causal=True)
    trace = traced(weights, tokens("a", "b", "c", "d", special=False))
    np.testing.assert_allclose(head_roles.scores(trace, "first").values, weights[..., 1:, 0].mean(-1), atol=1e-6)
    want = [[row_stats.entropy(head)[1:].mean() for head in layer] for layer in weights]
    np.testing.assert_allclose(head_roles.scores(trace, "entropy").values, want, atol=1e-6)
    assert not head_roles.scores(trace, "next").values.any()


def test_scores_agree_with_the_facts_of_the_same_head():
    trace = traced(softmaxed(2, 3, 6, 6), tokens("a", "b", "c", "d"))
    found = head_profile.profile(view.pattern(trace, HeadRef(1, 2), ViewOptions()))
    assert head_roles.scores(trace, "entropy").values[1, 2] == pytest.approx(found.entropy, abs=1e-5)
    named = dict(found.shares)
    assert head_roles.scores(trace, "special").values[1, 2] == pytest.approx(named["[CLS]"] + named["[SEP]"], abs=1e-5)
    assert head_roles.scores(trace, "first").values[1, 2] == pytest.approx(named["[CLS]"], abs=1e-5)
    assert head_roles.scores(trace, "previous").values[1, 2] == pytest.approx(named["the word before"], abs=1e-5)
    assert head_roles.scores(trace, "next").values[1, 2] == pytest.approx(named["the word after"], abs=1e-5)


def test_a_head_that_a_layer_does_not_have_has_no_score():
    part = softmaxed(3, 6, 6)
    side = tokens("a", "b", "c", "d")
    trace = Trace(AttentionRequest("made", "x"), (Block("self", side, side, (Dense(part[:2]), Dense(part))),))
    assert np.isnan(head_roles.scores(trace, "first").values).tolist() == [[False, False, True], [False, False, False]]


def test_cross_attention_has_no_previous_word_but_has_a_first_token():
    weights = softmaxed(1, 2, 3, 4)
    trace = traced(weights, tokens("x", "y", "z", special=False), tokens("a", "b"), "cross")
    with pytest.raises(BadInputError, match="no previous word"):
        head_roles.scores(trace, "previous", block="cross")
    np.testing.assert_allclose(head_roles.scores(trace, "first", block="cross").values, weights[..., 0].mean(-1), atol=1e-6)


def test_an_unknown_score_or_block_is_refused_with_those_that_exist():
    trace = traced(softmaxed(1, 1, 3, 3), tokens("a"))
    with pytest.raises(BadInputError, match="entropy, previous, next, first, special; got 'magic'"):
        head_roles.scores(trace, "magic")
    with pytest.raises(UnknownHeadError, match="cross"):
        head_roles.scores(trace, "first", block="cross")


@pytest.mark.parametrize("sinks", [None, np.array([0.5, -1.0, 3.0], np.float32)], ids=["whole rows", "a learned sink"])
def test_the_sentences_of_the_board_are_those_of_each_pattern(sinks):
    words = "the cat saw the dog and the cat".split()
    side = tuple(Token(word, word, 4 * at, 4 * at + 3, max(at, 1)) for at, word in enumerate(words))  # two pieces, then words
    draw = np.random.default_rng(3)
    calls = tuple(
        Projections(*(draw.normal(size=(3, 8, 4)).astype(np.float32) for _ in range(3)), 2.0, True, None, sinks=sinks)
        for _ in range(2)
    )
    trace = Trace(AttentionRequest("made", " ".join(words)), (Block("self", side, side, calls),))
    alone = [tuple(head_roles.role(one).sentence for one in layer) for layer in view.patterns(trace, ViewOptions())]
    assert list(roles(trace, "self")) == alone
    assert len({sentence for layer in alone for sentence in layer}) > 3
