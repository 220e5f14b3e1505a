"""Tokens, words and lists of texts that a program gives in place of one text."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

import attnviz
from attnviz import errors
from attnviz import text as texts
from attnviz.analysis import view
from attnviz.types import HeadRef
from attnviz.view_state import ViewOptions
from tests.small_models import WORDS, check_same, random_model, tokenizer
from tests.unit.test_chat import byte_level, metaspace


def wordpiece() -> PreTrainedTokenizerFast:
    """BERT's own kind of tokenizer: pieces of words, special tokens around."""
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "new", "york", "an", "##im", "##al", "tire", "##d", ".", "'", "s"]
    made = Tokenizer(models.WordPiece({piece: at for at, piece in enumerate(pieces)}, unk_token="[UNK]"))
    made.normalizer, made.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    names = {f"{name}_token": f"[{name.upper()}]" for name in ("unk", "cls", "sep", "pad", "mask")}
    return PreTrainedTokenizerFast(tokenizer_object=made, **names)


BERT = random_model("bert").eval()
READER = tokenizer()
TEXT = "the animal did not cross the street"
IDS = [2, 5, 6, 7, 3]  # [CLS] the animal did [SEP]


def eager(ids: list[int]) -> np.ndarray:
    """The library's own weights of a row of ids."""
    model = random_model("bert").eval()
    model.set_attn_implementation("eager")
    with torch.inference_mode():
        found = model(torch.tensor([ids]), output_attentions=True).attentions
    return torch.stack([layer[0] for layer in found]).numpy()


def test_tokens_are_read_exactly_as_given():
    trace = attnviz.trace(BERT, READER, tokens=IDS)
    np.testing.assert_allclose(trace.weights(), eager(IDS), atol=1e-6)  # float32
    pieces = ["[CLS]", "[SEP]", "new", "an", "##im", "[MASK]", "##al", "[SEP]"]
    trace = attnviz.trace(BERT, wordpiece(), tokens=pieces)
    assert trace.request.text == "new animal"
    assert [(t.text, t.piece, t.start, t.end, t.word) for t in trace.tokens] == [
        ("[CLS]", "[CLS]", 0, 0, None), ("[SEP]", "[SEP]", 0, 0, None), ("new", "new", 0, 3, 0), ("an", "an", 4, 6, 1),
        ("im", "##im", 6, 8, 1), ("[MASK]", "[MASK]", 10, 10, None), ("al", "##al", 8, 10, 1), ("[SEP]", "[SEP]", 10, 10, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "given",
    [
        tuple(IDS), np.array(IDS), torch.tensor(IDS), torch.tensor([IDS]), [IDS], [np.int64(n) for n in IDS],
        ["[CLS]", "the", "animal", "did", "[SEP]"], ["[CLS]", 5, "animal", 7, 3], iter(IDS),
    ],
)  # fmt: skip
def test_tokens_may_be_ids_pieces_and_rows_of_tensors(given):
    trace = attnviz.trace(BERT, READER, tokens=given)
    check_same(trace.weights(), attnviz.trace(BERT, READER, tokens=IDS).weights())


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ([2, 99], errors.BadInputError, "Ids of tokens are 0 to 15 in .*; token 1 has the id 99"),
        ([-1], errors.BadInputError, "token 0 has the id -1"),
        (["[CLS]", "Animals"], errors.BadInputError, "token 1, “Animals”, is none. As text it is read as"),
        (["the", ""], errors.BadInputError, "token 1 is empty"),
        (["the", None], errors.BadInputError, "token 1 is “None”"),
        ([True], errors.BadInputError, "token 0 is “True”"),
        ([1.5], errors.BadInputError, "token 0 is “1.5”"),
        ([[1, 2], [3, 4]], errors.BadInputError, "got 2 rows"),
        ("the animal", errors.BadInputError, "got str. Give a list"),
        (7, errors.BadInputError, "got int"),
        ([], errors.EmptyTextError, "at least one"),
        ([5] * 41, errors.TooLongError, "at most"),
    ],
)
def test_an_invalid_token_is_refused_with_its_position(given, error, says):
    with pytest.raises(error, match=says):
        attnviz.trace(BERT, READER, tokens=given)


def test_an_id_without_a_piece_is_refused():
    model = random_model("bert")
    model.resize_token_embeddings(20)
    with pytest.raises(errors.BadInputError, match=r"No piece of the tokenizer has the id 18 \(token 1\)"):
        attnviz.trace(model, READER, tokens=[5, 18])


@pytest.mark.parametrize("text", ["it was", "é😀 it", "小猫", "it  was\nlate", "<|im_start|>it<|im_end|>"])
def test_ids_of_bytes_give_their_text_and_positions(text):
    reader = byte_level()
    ids = reader(text)["input_ids"]
    spelled, reading = texts.read_ids(reader, ids)
    assert spelled == text.replace("<|im_start|>", "").replace("<|im_end|>", "")
    assert reading.ids == tuple(ids)
    plain = texts.read(reader, spelled).tokens
    assert [(t.text, t.start, t.end) for t in reading.tokens if not t.special] == [(t.text, t.start, t.end) for t in plain]
    assert [t.text for t in reading.tokens if t.special] == [mark for mark in ("<|im_start|>", "<|im_end|>") if mark in text]


def test_many_ids_are_decoded_in_the_same_way_as_a_few():
    reader = metaspace()
    text = "it was it was was it " * 60
    spelled, reading = texts.read_ids(reader, reader(text.strip(), add_special_tokens=False)["input_ids"])
    assert spelled.split() == text.split()
    words = [spelled[t.start : t.end] for t in reading.tokens if t.text.strip()]
    assert words == text.split()


def test_exactly_one_of_text_tokens_and_words_is_given():
    for given in ({}, {"text": TEXT, "tokens": IDS}, {"text": TEXT, "words": ["a"]}, {"tokens": IDS, "words": ["a"]}):
        with pytest.raises(errors.BadInputError, match="one of them at a time"):
            attnviz.trace(BERT, READER, **given)
    with pytest.raises(errors.BadInputError, match="chat template is put around a text"):
        attnviz.trace(BERT, READER, tokens=IDS, chat=True)
    with pytest.raises(errors.BadInputError, match="text_b"):
        attnviz.trace(BERT, READER, tokens=IDS, text_b="it")


def test_an_encoder_decoder_reads_tokens_as_its_source():
    model = random_model("t5")
    given = attnviz.trace(model, READER, tokens=[5, 6, 7], text_b="it was")
    typed = attnviz.trace(model, READER, "the animal did", "it was")
    check_same(given.block("cross").weights(), typed.block("cross").weights())


LABELLED = (["New York", "animal", "'s", "tired."], ["GPE", "NOUN", "PART", "ADJ"])


def test_words_group_their_pieces_as_the_library_does_and_keep_their_labels():
    reader = wordpiece()
    words, labels = LABELLED
    text, reading = texts.read_words(reader, words)
    library = reader(words, is_split_into_words=True)
    assert text == "New York animal 's tired."
    assert list(reading.ids) == library["input_ids"]
    assert [token.word for token in reading.tokens] == library.word_ids()
    assert [labels[token.word] for token in reading.tokens if token.word is not None] == [
        "GPE", "GPE", "NOUN", "NOUN", "NOUN", "PART", "PART", "ADJ", "ADJ", "ADJ",
    ]  # fmt: skip
    assert [unit.text for unit in texts.units(reading.tokens)] == ["[CLS]", *words, "[SEP]"]


def test_attention_between_given_words_sums_their_pieces():
    model = random_model("bert").eval()
    trace = attnviz.trace(model, wordpiece(), words=LABELLED[0])
    whole = trace.weights(1, 0)
    groups = [[0], [1, 2], [3, 4, 5], [6, 7], [8, 9, 10], [11]]
    want = [[whole[np.ix_(rows, columns)].sum(1).mean() for columns in groups] for rows in groups]
    pattern = view.pattern(trace, HeadRef(1, 0), ViewOptions())
    assert pattern.queries == ("[CLS]", *LABELLED[0], "[SEP]")
    np.testing.assert_allclose(pattern.weights, want, atol=1e-6)


@pytest.mark.parametrize("make", [byte_level, metaspace])
def test_other_tokenizers_keep_the_words_too(make):
    words = ["it's", "New York", "<|im_end|>", "was", "."]
    _, reading = texts.read_words(make(), words)
    of = [token.word for token in reading.tokens if token.word is not None and token.word < len(words)]
    assert sorted(set(of)) == [0, 1, 2, 3, 4]
    assert of == sorted(of)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["the", ""], "word 1, counted from 0, is"), (["the", "  "], "word 1"), ([5], "word 0"), ("the animal", "got str"),
        (["the "], "has blanks at its ends"), ([], "at least one"), ({"a": 1}, "got dict"), ([["the", "animal"]], "word 0"),
    ],
)  # fmt: skip
def test_an_invalid_list_of_words_is_refused_with_the_position(given, says):
    with pytest.raises(errors.BadInputError, match=says):
        attnviz.trace(BERT, READER, words=given)


def test_each_of_several_texts_has_the_trace_of_a_single_text():
    given = [TEXT, "it was", "the street"]
    traces = attnviz.trace(BERT, READER, given)
    assert isinstance(traces, tuple)
    for trace, text in zip(traces, given, strict=True):
        alone = attnviz.trace(BERT, READER, text)
        check_same(trace.weights(), alone.weights())
        assert trace.request == alone.request
        assert not trace.batched
    assert attnviz.trace(BERT, READER, []) == ()
    import pandas as pd

    column = attnviz.trace(BERT, READER, pd.Series(given))
    assert [trace.request.text for trace in column] == given
    assert [trace.request.text for trace in attnviz.trace(BERT, READER, (text for text in given))] == given


def test_second_texts_are_paired_with_first_texts():
    one, two = attnviz.trace(BERT, READER, ["it", "the"], ["was", None])
    assert (one.request.text_b, two.request.text_b) == ("was", None)
    for wrong in ("was", ["was"]):
        with pytest.raises(errors.BadInputError, match="Give text_b as a list of 2"):
            attnviz.trace(BERT, READER, ["it", "the"], wrong)


@pytest.mark.parametrize(
    ("bad", "error", "says"),
    [
        (" ", errors.EmptyTextError, "Text 2 of 3: A text needs"),
        (5, errors.BadInputError, "Text 2 of 3: text must be a text"),
        ("it " * 50, errors.TooLongError, "Text 2 of 3: .* at most"),
        (None, errors.BadInputError, "Text 2 of 3"),
    ],
)
def test_an_error_names_its_text(bad, error, says):
    with pytest.raises(error, match=says):
        attnviz.trace(BERT, READER, ["it", bad, "was"])


def test_messages_without_chat_are_refused_with_the_remedy():
    with pytest.raises(errors.BadInputError, match="Add chat=True"):
        attnviz.trace(BERT, READER, [{"role": "user", "content": "it"}])


def test_a_single_text_is_read_as_before():
    assert attnviz.trace(BERT, READER, TEXT).weights().shape == (3, 2, 7, 7)
    assert len(WORDS) == 16
