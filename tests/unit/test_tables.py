"""A trace as a table: every weight stands in the row of its layer, head, query and key, with the words beside it."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import attnviz
from attnviz import errors
from attnviz.analysis import tables
from attnviz.engine.trace import Trace
from tests.small_models import random_model, tokenizer
from tests.unit.test_program_input import LABELLED, wordpiece

TEXT = "the animal did not cross"


@pytest.fixture(scope="module")
def trace() -> Trace:
    """Words of several pieces between special tokens: 3 layers of 2 heads on 12 tokens."""
    return attnviz.trace(random_model("bert"), wordpiece(), words=LABELLED[0])


def test_each_row_has_the_weight_of_its_place(trace):
    table = trace.to_frame()
    whole = trace.weights()
    assert len(table) == whole.size
    assert list(table) == [
        "block", "layer", "head", "query", "query_text", "query_word", "key", "key_text", "key_word", "weight",
    ]  # fmt: skip
    for row in table.sample(200, random_state=1).itertuples():
        assert row.weight == whole[row.layer, row.head, row.query, row.key]
        assert row.query_text == trace.tokens[row.query].text
        assert row.key_text == trace.tokens[row.key].text
        word = trace.tokens[row.key].word
        assert (row.key_word is pd.NA) if word is None else row.key_word == word
    assert set(table["block"]) == {"self"}
    assert not table.duplicated(["layer", "head", "query", "key"]).any()


def test_words_are_merged_as_everywhere_and_rows_sum_to_one(trace):
    table = trace.to_frame(1, 0, words=True)
    grid = table.pivot(index="query", columns="key", values="weight").to_numpy()
    whole = trace.weights(1, 0)
    groups = [[0], [1, 2], [3, 4, 5], [6, 7], [8, 9, 10], [11]]
    want = [[whole[np.ix_(rows, columns)].sum(1).mean() for columns in groups] for rows in groups]
    np.testing.assert_allclose(grid, want, atol=1e-6)
    np.testing.assert_allclose(table.groupby("query").weight.sum(), 1.0, atol=1e-5)
    assert list(table["query_text"].unique()) == ["[CLS]", *LABELLED[0], "[SEP]"]
    assert "query_word" not in table


@pytest.mark.parametrize("words", [True, False])
def test_hidden_special_tokens_have_no_row_and_keep_the_numbers_of_the_others(trace, words):
    shown, hidden = trace.to_frame(2, words=words), trace.to_frame(2, words=words, special="hide")
    left = shown[~shown.query_text.isin(["[CLS]", "[SEP]"]) & ~shown.key_text.isin(["[CLS]", "[SEP]"])]
    np.testing.assert_array_equal(left.weight.to_numpy(), hidden.weight.to_numpy())
    rescaled = trace.to_frame(2, words=words, special="renormalise")
    np.testing.assert_allclose(rescaled.groupby(["head", "query"]).weight.sum(), 1.0, atol=1e-5)
    if not words:
        assert list(hidden["query"].unique()) == list(range(1, 11)), "a token keeps its number"


@pytest.mark.parametrize(
    ("layer", "head", "sizes"), [(None, None, (3, 2)), (1, None, (1, 2)), (None, 1, (3, 1)), (2, 0, (1, 1))]
)
@pytest.mark.parametrize("words", [True, False])
def test_a_layer_a_head_or_both_may_be_chosen(trace, layer, head, sizes, words):
    table = trace.to_frame(layer, head, words=words)
    assert (table.layer.nunique(), table["head"].nunique()) == sizes
    assert layer is None or set(table.layer) == {layer}
    assert head is None or set(table["head"]) == {head}
    grid = trace.to_xarray(layer, head, words=words)
    assert grid.shape[:2] == sizes
    np.testing.assert_array_equal(grid.to_numpy().ravel(), table.weight.to_numpy())


def test_an_array_has_its_axes_and_its_words(trace):
    grid = trace.to_xarray()
    assert isinstance(grid, xr.DataArray)
    assert grid.dims == ("layer", "head", "query", "key")
    np.testing.assert_array_equal(grid.to_numpy(), trace.weights())
    np.testing.assert_array_equal(grid.sel(layer=2, head=1).to_numpy(), trace.weights(2, 1))
    assert list(grid.query_text.to_numpy()) == [token.text for token in trace.tokens]
    assert list(grid.key_word.to_numpy()) == [-1, 0, 0, 1, 1, 1, 2, 2, 3, 3, 3, -1]
    assert grid.attrs["text"] == trace.request.text
    assert grid.attrs["model"] == trace.request.model
    assert list(trace.to_xarray(words=True, special="hide").query_text.to_numpy()) == LABELLED[0]


def test_several_blocks_are_named_and_each_has_its_own_sides():
    trace = attnviz.trace(random_model("t5"), tokenizer(), TEXT, "it was")
    for make in (trace.to_frame, trace.to_xarray):
        with pytest.raises(errors.BlocksError, match=r"encoder, decoder, cross\. Name one, e\.g\. block='cross'"):
            make()
        with pytest.raises(errors.UnknownHeadError, match="no block 'self'"):
            make(block="self")
    table = trace.to_frame(block="cross")
    assert (table["query"].nunique(), table["key"].nunique()) == (3, 5)
    assert set(table["block"]) == {"cross"}
    np.testing.assert_array_equal(table.weight.to_numpy(), trace.block("cross").weights().ravel())


def test_a_head_that_is_not_there_is_refused(trace):
    for wrong in ({"layer": 3}, {"layer": -1}, {"head": 2}, {"layer": 0, "head": -1}):
        with pytest.raises(errors.UnknownHeadError, match="there is no"):
            trace.to_frame(**wrong)
    with pytest.raises(errors.BadInputError, match="Special tokens are one of"):
        trace.to_frame(special="gone")


def test_a_table_that_would_be_too_large_is_refused_before_it_is_made(trace, monkeypatch):
    monkeypatch.setattr(tables, "MAX_WEIGHTS", 800)  # 3 layers of 2 heads on 12 x 12 tokens are 864
    for make in (trace.to_frame, trace.to_xarray):
        with pytest.raises(errors.TooLongError, match=r"at most 800 weights; 6 heads on 12 × 12 tokens make 864\. Give"):
            make()
        assert make(1).size > 0


def test_without_xarray_the_error_says_how_to_get_it(trace, monkeypatch):
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(errors.UnavailableError, match="pip install xarray"):
        trace.to_xarray()


def test_a_word_that_occurs_twice_stays_two_keys():
    trace = attnviz.trace(random_model("bert"), tokenizer(), "the animal the street")
    table = trace.to_frame(0, 0)
    assert table.groupby(["query", "key"]).size().max() == 1
    assert table["key_text"].nunique() == 3
    assert table.pivot(index="query", columns="key", values="weight").shape == (4, 4)
