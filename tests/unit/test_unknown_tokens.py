"""A token knows whether the model can read it: every kind of vocabulary, every way that a token is made or travels."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

import attnviz
from attnviz.backends import wire
from attnviz.engine.trace import Trace
from attnviz.errors import AnswerError
from attnviz.figures import encoding
from attnviz.text import read, read_output, read_target, units
from attnviz.types import AttentionRequest, Token, Unit
from tests.servers import CLIENT, FakeBackend, running_server
from tests.small_models import random_model, tokenizer
from tests.unit.test_text import KINDS
from tests.unit.test_text_walked import Whole
from tests.unit.test_wire import forged
from tests.wires import every

MINILM = KINDS["wordpiece"]
CHINESE = "小猫没有过马路因为它太累了"


def fast(model: object, pre: object | None = None, normalizer: object | None = None, **names: str) -> PreTrainedTokenizerFast:
    """A fast tokenizer over any model."""
    made = Tokenizer(model)
    if pre is not None:
        made.pre_tokenizer = pre
    if normalizer is not None:
        made.normalizer = normalizer
    return PreTrainedTokenizerFast(tokenizer_object=made, **names)


def unknown(tokenizer_: object, text: str) -> list[str]:
    """What of a text is the unknown token, as typed."""
    return [token.text for token in read(tokenizer_, text).tokens if token.unknown]


def bpe(**options: object) -> PreTrainedTokenizerFast:
    """Character BPE that knows a, b and ab."""
    vocabulary = {"<unk>": 0, "a": 1, "b": 2, "ab": 3}
    return fast(models.BPE(vocabulary, [("a", "b")], **options), pre_tokenizers.WhitespaceSplit())


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("I love 😀", ["😀"]),
        ("a parrot 🦜 flew", ["🦜"]),
        ("𝒽𝑒𝓁𝓁𝑜 world", ["𝒽𝑒𝓁𝓁𝑜"]),
        ("x" * 101, ["x" * 101]),  # max_input_chars_per_word is 100
        ("x" * 100, []),
        ("ẋ😀", ["ẋ😀"]),  # one letter is known: the whole word is not
        ("typed [UNK] here", []),  # the model reads [, un, ##k and ]
        ("CAFÉ naïve", []),
        ("It was tired.", []),
    ],
)
def test_minilm_says_of_what_it_reads_only_the_unknown_token(text: str, want: list[str]):
    assert unknown(MINILM, text) == want


def test_the_marks_are_the_ids_that_the_tokenizer_itself_gives():
    for text in (CHINESE, "I love 😀 and 🦜", "mixed 小 text"):
        reading = read(MINILM, text)

        assert list(reading.ids) == MINILM(text)["input_ids"]
        assert [token.unknown for token in reading.tokens] == [number == MINILM.unk_token_id for number in reading.ids]


def test_of_a_chinese_sentence_minilm_reads_three_characters_of_thirteen():
    assert "".join(unknown(MINILM, CHINESE)) == "猫没过马路因为它累了"  # it knows 小, 有 and 太


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "byte level" in kind])
@pytest.mark.parametrize("text", ["😀", CHINESE, "<|endoftext|>", "</s>", "<unk>", "\x00"])
def test_a_byte_level_vocabulary_reads_everything(kind: str, text: str):
    assert unknown(KINDS[kind], text) == []


@pytest.mark.parametrize("kind", ["sentencepiece", "sentencepiece, blank put first"])
@pytest.mark.parametrize("text", ["the 😀", CHINESE, "\U0010ffff"])
def test_with_bytes_to_fall_back_on_nothing_is_unknown(kind: str, text: str):
    assert unknown(KINDS[kind], text) == []


def test_a_unigram_model_reads_neighbouring_unknown_characters_as_one_unknown_token():
    assert unknown(KINDS["sentencepiece, unknown"], "the 你好 cat 😀") == ["你好", "😀"]


def test_a_model_s_own_unknown_token_counts_and_not_what_the_wrapper_names():
    words = models.WordLevel({"a": 0, "??": 1, "<unk>": 2}, unk_token="??")

    assert unknown(fast(words, pre_tokenizers.WhitespaceSplit()), "a b") == ["b"]
    assert unknown(fast(words, pre_tokenizers.WhitespaceSplit(), unk_token="<unk>"), "a b") == ["b"]


def test_a_word_stays_one_unknown_token_where_the_wrapper_names_none():
    made = Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.add_special_tokens([AddedToken("[UNK]", special=True)])
    bare = PreTrainedTokenizerFast(tokenizer_object=made)

    assert list(read(bare, "a word").ids) == bare("a word")["input_ids"] == [1, 0]
    assert unknown(bare, "a word") == ["word"]


@pytest.mark.parametrize(
    ("options", "want"),
    [
        ({"unk_token": "<unk>"}, ["x", "y"]),
        ({"unk_token": "<unk>", "fuse_unk": True}, ["xy"]),
        ({}, []),  # what it cannot spell leaves no token at all
    ],
)
def test_bpe_reads_what_it_cannot_spell_as_its_unknown_token_where_it_has_one(options: dict[str, object], want: list[str]):
    assert unknown(bpe(**options), "ab axyb") == want


def test_bytes_save_a_character_only_where_the_vocabulary_has_them_all():
    vocabulary = {"<unk>": 0, "a": 1, "<0xC3>": 2, "<0xA9>": 3}
    made = fast(models.BPE(vocabulary, [], unk_token="<unk>", byte_fallback=True))

    assert unknown(made, "aé") == []
    assert unknown(made, "aè") == ["è"]


def test_one_token_for_unknown_and_end_raises_no_alarm_for_the_end_or_for_its_name_when_typed():
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: i for i, letter in enumerate(alphabet)} | {"<|endoftext|>": len(alphabet)}
    level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    names = dict.fromkeys(("unk_token", "bos_token", "eos_token"), "<|endoftext|>")
    gpt2 = fast(models.BPE(vocabulary, [], unk_token="<|endoftext|>"), level, **names)
    gpt2.backend_tokenizer.decoder = decoders.ByteLevel()

    assert unknown(gpt2, "a 😀 <|endoftext|>") == []
    text, reading = read_output(gpt2, [gpt2.eos_token_id, vocabulary["a"]])
    assert (text, [token.unknown for token in reading.tokens]) == ("a", [False, False])


def test_a_letter_that_a_byte_level_vocabulary_lost_is_unknown():
    vocabulary = {"<unk>": 0, "a": 1}
    made = fast(models.BPE(vocabulary, [], unk_token="<unk>"), pre_tokenizers.ByteLevel(add_prefix_space=False))

    assert unknown(made, "ab") == ["b"]


def test_a_typed_unknown_token_is_what_the_model_makes_of_its_letters():
    assert unknown(tokenizer(), "the [UNK]") == ["[", "UNK", "]"]  # a vocabulary of words without any of these
    assert unknown(KINDS["sentencepiece, unknown"], "the <unk>") == ["<", ">"]
    assert unknown(Whole(), "▁the <unk>") == ["▁the", "<unk>"]  # both pieces have the unknown token's id


def test_a_tokenizer_written_in_python_says_it_by_id():
    assert unknown(Whole(), "the 你好 cat") == ["你好"]


def test_a_text_that_normalisation_makes_readable_is_known():
    plain = fast(models.WordLevel({"abc": 0, "?": 1}, unk_token="?"), pre_tokenizers.WhitespaceSplit())
    wide = fast(models.WordLevel({"abc": 0, "?": 1}, unk_token="?"), pre_tokenizers.WhitespaceSplit(), normalizers.NFKC())

    assert (unknown(plain, "Ａｂｃ".lower()), unknown(wide, "Ａｂｃ".lower())) == (["ａｂｃ"], [])


def test_a_target_and_what_a_model_wrote_are_marked_too():
    t5 = KINDS["sentencepiece, unknown"]
    cat = t5.convert_tokens_to_ids("c")

    assert [token.text for token in read_target(t5, "你 c", start=0).tokens if token.unknown] == ["你"]
    found = read_output(t5, [0, cat, t5.unk_token_id, t5.eos_token_id])[1].tokens
    assert [(token.text, token.unknown) for token in found] == [
        ("<pad>", False),
        ("c", False),
        ("<unk>", True),
        ("</s>", False),
    ]


def test_a_pair_is_marked_in_both_texts():
    found = [(token.text, token.segment) for token in read(MINILM, "a 😀", "🦜").tokens if token.unknown]

    assert found == [("😀", 0), ("🦜", 1)]


def test_special_tokens_and_a_mask_are_never_unknown():
    assert not any(token.unknown for token in read(MINILM, "a \ufffc b").tokens)


def test_a_word_is_unknown_in_whole_or_in_part():
    words = units(read(bpe(unk_token="<unk>"), "ab axb xx").tokens)

    assert [(word.text, word.unknown, word.partly) for word in words] == [
        ("ab", False, False), ("axb", True, True), ("xx", True, False),
    ]  # fmt: skip


def test_a_label_has_the_mark_beside_it_and_the_word_stays_as_typed():
    words = units(read(bpe(unk_token="<unk>"), "ab axb xx").tokens)

    assert [encoding.marked(word.text, word) for word in words] == ["ab", "axb [partly UNK]", "xx [UNK]"]
    assert encoding.marked("xx ", Token("xx ", "<unk>", 0, 3, 0, unknown=True)) == "xx  [UNK]"
    assert encoding.marked("<unk>", Unit("<unk>", 0, 0, (0,), special=True, unknown=True)) == "<unk>"


def test_every_trace_carries_the_marks():
    words = [word.text for word in units(attnviz.attend("I love 😀").tokens) if word.unknown]
    own = attnviz.trace(random_model("bert"), tokenizer(), "the parrot was tired")

    assert words == ["😀"]
    assert [token.text for token in own.block("self").keys if token.unknown] == ["parrot"]


def trace_with_an_unknown_token() -> Trace:
    """A trace that can travel, with one token unknown."""
    trace = every()["matrices"]
    tokens = tuple(replace(token, unknown=place == 2) for place, token in enumerate(trace.tokens))
    return replace(trace, parts=tuple(replace(part, queries=tokens, keys=tokens) for part in trace.parts))


def test_the_marks_travel_and_what_is_no_mark_is_refused():
    trace = trace_with_an_unknown_token()
    data = wire.dumps(trace)

    assert wire.loads(data).tokens == trace.tokens

    def lie(value: object):
        def change(header: dict) -> None:
            header["sides"][0][2][6:] = value

        return change

    assert [token.unknown for token in wire.loads(forged(data, lie([False]))).tokens] == [False] * 5
    for wrong in ([1], ["true"], [None], [[]], [True, True]):
        with pytest.raises(AnswerError):
            wire.loads(forged(data, lie(wrong)))


def test_a_client_of_an_earlier_version_gets_no_marks_and_everybody_else_does():
    class Unread(FakeBackend):
        def attend(self, request: AttentionRequest) -> Trace:
            return replace(trace_with_an_unknown_token(), request=request)

    def marks(url: str, **headers: str) -> list[bool]:
        answer = CLIENT.post(f"{url}/v1/attention", json={"model": "minilm", "text": "It slept."}, headers=headers)
        return [token.unknown for token in wire.loads(answer.content).tokens]

    marked, earlier = [False, False, True, False, False], {"user-agent": "attnviz"}
    with running_server(Unread()) as url:
        assert marks(url, **earlier) == marks(url, **{wire.FORM_HEADER: "1"}) == [False] * 5
        assert marks(url) == marks(url, **earlier, **{wire.FORM_HEADER: "2"}) == marked
        assert marks(url, **{wire.FORM_HEADER: "9"}) == marked, "a newer client than this server"
        for wrong in ("two", "0", "-1", "1.5", ""):
            question = {"model": "minilm", "text": "It slept."}
            answer = CLIENT.post(f"{url}/v1/attention", json=question, headers={wire.FORM_HEADER: wrong})
            assert (answer.status_code, "whole number from 1" in answer.text) == (422, True), wrong
