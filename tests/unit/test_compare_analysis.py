"""Panels side by side: sums and means by hand, one link followed through other texts, and the files of all of them."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest

from attnviz.analysis import compare, view
from attnviz.engine.block import Block
from attnviz.engine.layers import Dense
from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError
from attnviz.models import catalog
from attnviz.pages.compare import analysis, data_export
from attnviz.types import AttentionRequest, HeadRef, Pattern, Token
from attnviz.view_state import Panel, Pin, TokenSelection, ViewOptions

PLAIN = ViewOptions()
CARDS = {card.id: card for card in catalog.cards()}


def tokens(text: str, special: bool = True) -> tuple[Token, ...]:
    """[CLS], each word as one token, [SEP]."""
    found, at = [], 0
    for number, word in enumerate(text.split()):
        start = text.index(word, at)
        at = start + len(word)
        found.append(Token(word, word, start, at, number))
    edges = [Token("[CLS]", "[CLS]", 0, 0, None), Token("[SEP]", "[SEP]", len(text), len(text), None)]
    return (edges[0], *found, edges[1]) if special else tuple(found)


def traced(text: str, heads: list[np.ndarray], model: str = "minilm", special: bool = True) -> Trace:
    """One layer of these heads, each [query, key]."""
    row = tokens(text, special)
    block = Block("self", row, row, (Dense(np.stack(heads).astype(np.float32)),))
    return Trace(AttentionRequest(model, text), (block,), "digest")


def evenly(n: int, query: int, key: int, weight: float) -> np.ndarray:
    """Every row even, but one in which `key` gets `weight`."""
    rows = np.full((n, n), 1.0 / n)
    rows[query] = (1.0 - weight) / (n - 1)
    rows[query, key] = weight
    return rows


TIRED = traced("animal it tired", [evenly(5, 2, 1, 0.6), evenly(5, 2, 1, 0.2), evenly(5, 2, 3, 0.8)])
WIDE = traced("animal it wide", [evenly(5, 2, 1, 0.3)])
OTHER = traced("an animal it", [evenly(3, 2, 1, 0.5)], "smollm2", special=False)
TRACES: dict[AttentionRequest, Trace | AttnvizError] = {trace.request: trace for trace in (TIRED, WIDE, OTHER)}
BASE = (TIRED.tokens, TIRED.tokens)
IT = TokenSelection(7)


def pin(trace: Trace, head: int = 0, over: str = "") -> Pin:
    return Pin(trace.request, HeadRef(0, head), over=over)


def test_the_same_link_is_followed_into_every_panel_by_its_words():
    made = analysis.build_panels([pin(TIRED), pin(WIDE), pin(OTHER)], [Panel("difference", (0, 1))], TRACES, PLAIN)
    found = analysis.follow_selection(made, IT, BASE)
    assert [(link.query, link.key) for link in found if link] == [("it", "animal")] * 4
    assert [link.weight for link in found if link] == pytest.approx([0.6, 0.3, 0.5, 0.3])


def test_the_chosen_head_says_which_link_is_followed():
    made = analysis.build_panels([pin(TIRED), pin(TIRED, 2)], [], TRACES, PLAIN)
    found = analysis.follow_selection(made, IT, BASE, pin(TIRED, 2))
    assert [link.key for link in found if link] == ["tired", "tired"]
    assert [link.weight for link in found if link] == pytest.approx([0.1, 0.8])


def test_a_word_that_a_text_lacks_has_no_link_there():
    made = analysis.build_panels([pin(TIRED, 2), pin(OTHER)], [], TRACES, PLAIN)
    found = analysis.follow_selection(made, IT, BASE)
    assert found[0] is not None
    assert found[1] is None


def test_several_selected_words_are_summed_and_keys_can_be_selected_too():
    made = analysis.build_panels([pin(TIRED)], [], TRACES, PLAIN)
    (both,) = analysis.follow_selection(made, TokenSelection(7, also=(TokenSelection(10),)), BASE)
    assert both is not None
    assert (both.query, both.key, both.weight) == ("it + tired", "animal", pytest.approx(0.6 + 0.2))
    (looked,) = analysis.follow_selection(made, TokenSelection(0, side="key"), BASE)
    assert looked is not None
    assert (looked.query, looked.key, looked.weight) == ("it", "animal", pytest.approx(0.6))
    assert analysis.follow_selection(made, None, BASE) == (None,)


def test_a_layers_mean_is_that_of_its_heads_and_its_sum_as_many_times_more():
    mean = view.layer_pattern(TIRED, HeadRef(0, 1), PLAIN, "mean")
    assert mean.weights[2, 1] == pytest.approx((0.6 + 0.2 + 0.05) / 3)
    assert view.layer_pattern(TIRED, HeadRef(0, 1), PLAIN, "sum").weights.sum(-1) == pytest.approx([3.0] * 5)
    hidden = view.layer_pattern(TIRED, HeadRef(0, 1), ViewOptions(special="hide"), "sum")
    assert hidden.weights.sum(-1) == pytest.approx(3.0 - hidden.hidden)


def test_sum_and_mean_take_the_words_that_all_texts_have():
    first, second = view.pattern(TIRED, HeadRef(0, 0), PLAIN), view.pattern(WIDE, HeadRef(0, 0), PLAIN)
    total = compare.combined("sum", [first, second])
    assert total.keys == ("[CLS]", "animal", "it", "tired/wide", "[SEP]")
    assert total.weights[2, 1] == pytest.approx(0.9)
    third = view.pattern(OTHER, HeadRef(0, 0), PLAIN)
    mean = compare.combined("mean", [first, second, third])
    assert mean.keys == ("animal", "it")
    assert mean.weights[1, 0] == pytest.approx((0.6 + 0.3 + 0.5) / 3)
    assert "Only the third has “an”" in mean.note


def test_a_missing_head_is_reported_in_its_panel_and_the_others_stay():
    missing = AttentionRequest("gpt2", "a b")
    traces = TRACES | {missing: AttnvizError("GPT-2 is not on this machine.")}
    pins = [pin(TIRED), Pin(missing, HeadRef(0, 0)), Pin(TIRED.request, HeadRef(0, 9))]
    made = analysis.build_panels(pins, [Panel("difference", (0, 1)), Panel("sum", (0, 2))], traces, PLAIN)
    assert made[0].pattern is not None
    assert made[1].problem == "GPT-2 is not on this machine."
    assert "heads 0 to 2" in made[2].problem
    assert made[3].problem == "This needs panel 2, which is not here."
    assert made[4].problem == "This needs panel 3, which is not here."


def test_texts_without_a_common_word_are_not_aligned():
    strange = traced("x y", [np.full((2, 2), 0.5)], special=False)
    made = analysis.build_panels(
        [pin(OTHER), pin(strange)], [Panel("difference", (0, 1))], TRACES | {strange.request: strange}, PLAIN
    )
    assert made[2].pattern is None
    assert made[2].problem == analysis.NOTHING_SHARED


def test_two_models_are_compared_by_words_though_tokens_are_shown():
    cut = (Token("ani", "ani", 0, 3, 0), Token("mal", "mal", 3, 6, 0), Token("it", "it", 7, 9, 1))
    rows = np.array([[0.5, 0.3, 0.2], [0.1, 0.7, 0.2], [0.25, 0.5, 0.25]], np.float32)
    pieces = Trace(AttentionRequest("smollm2", "animal it"), (Block("self", cut, cut, (Dense(rows[None]),)),))
    traces = TRACES | {pieces.request: pieces}
    made = analysis.build_panels([pin(TIRED), pin(pieces)], [Panel("difference", (0, 1))], traces, ViewOptions(words=False))
    assert made[1].pattern is not None
    assert made[1].pattern.keys == ("ani", "mal", "it")
    assert made[2].pattern is not None
    assert made[2].pattern.keys == ("animal", "it")
    assert made[2].pattern.weights[1, 0] == pytest.approx(0.6 - 0.75)


def test_a_token_and_its_counterpart_count_pieces_within_their_word():
    cut = (Token("ani", "ani", 0, 3, 0), Token("mal", "mal", 3, 6, 0), Token("it", "it", 7, 9, 1))
    whole = tokens("animal it")
    assert [compare.counterpart(at, cut, whole) for at in range(3)] == [1, 1, 2]
    assert [compare.counterpart(at, whole, cut) for at in range(4)] == [None, 0, 2, None]


@pytest.fixture
def exported_panels() -> tuple[analysis.ComparePanel, ...]:
    return analysis.build_panels(
        [pin(TIRED), pin(WIDE), pin(TIRED, 1, "mean")], [Panel("difference", (0, 1)), Panel("mean", (0, 1))], TRACES, PLAIN
    )


def test_the_json_file_has_every_panel_with_where_its_numbers_come_from(exported_panels):
    data = data_export.as_json(exported_panels, TRACES, CARDS, PLAIN, IT)
    assert data == data_export.as_json(exported_panels, TRACES, CARDS, PLAIN, IT)
    found = json.loads(data)["panels"]
    assert [one["panel"] for one in found] == ["1 L0·H0", "2 L0·H0", "3 L0 mean", "1 − 2", "mean of 1, 2"]
    assert found[3]["weights"][2][1] == pytest.approx(0.3)
    assert [head["text"] for head in found[3]["heads"]] == ["animal it tired", "animal it wide"]
    assert found[2]["heads"][0]["over"] == "mean"
    assert found[0]["heads"][0]["weights_sha256"] == "digest"


def test_the_csv_file_has_a_row_for_each_weight_and_no_cell_that_is_a_formula(exported_panels):
    named = [Pin(TIRED.request, HeadRef(0, 0), "=1+1")]
    data = data_export.as_csv((*exported_panels, *analysis.build_panels(named, [], TRACES, PLAIN)), CARDS, PLAIN).decode()
    rows = list(csv.reader(io.StringIO("".join(line for line in data.splitlines(True) if not line.startswith("#")))))
    assert len(rows) == 1 + 6 * 25
    assert rows[1 + 5 * 2 + 1][3:] == ["[2] it", "[1] animal", "0.6"]
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "@"))]


def test_a_panel_without_a_picture_is_named_in_the_json_and_left_out_of_the_csv():
    made = (analysis.ComparePanel((pin(TIRED),), (1,), problem="Not here."),)
    assert json.loads(data_export.as_json(made, TRACES, CARDS, PLAIN, None))["panels"][0]["problem"] == "Not here."
    assert len(data_export.as_csv(made, CARDS, PLAIN).decode().splitlines()) == 3 + 2


def test_patterns_stay_as_they_were():
    pattern = view.pattern(TIRED, HeadRef(0, 0), PLAIN)
    assert isinstance(compare.combined("sum", [pattern, pattern]), Pattern)
    assert pattern.weights[2, 1] == pytest.approx(0.6)
