"""A conversation is read as the library reads it; typed words keep their places, and nothing typed becomes a mark."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

import attnviz
from attnviz import cli, errors
from attnviz.text import chat
from attnviz.text.chat import Message
from attnviz.types import AttentionRequest
from tests.small_models import check_same, random_model, saved, tokenizer

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
TRIMMED = CHATML.replace("m['content']", "m['content'] | trim")
SYSTEM = "{{ '<|im_start|>system\nYou are helpful.<|im_end|>\n' }}" + CHATML
MARKS = ("<|im_start|>", "<|im_end|>")


def byte_level(template: str = CHATML) -> PreTrainedTokenizerFast:
    """A tokenizer whose pieces are bytes, but for the marks of the template and two merges."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {piece: at for at, piece in enumerate([*alphabet, "it", "Ġit"])}
    made = Tokenizer(models.BPE(vocabulary, [("i", "t"), ("Ġ", "it")]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(mark, special=True) for mark in MARKS])
    return PreTrainedTokenizerFast(tokenizer_object=made, chat_template=template)


def metaspace(template: str = CHATML) -> PreTrainedTokenizerFast:
    """A tokenizer as of SentencePiece, whose vocabulary has its own end mark."""
    letters = [(chr(code), -5.0) for code in range(33, 127)]
    pieces = [("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0), ("▁", -4.0), ("▁it", -2.0), ("was", -3.0), ("\n", -5.0), *letters]
    made = Tokenizer(models.Unigram(pieces, unk_id=0))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    made.add_special_tokens([AddedToken(mark, special=True) for mark in ("<s>", "</s>", *MARKS)])
    return PreTrainedTokenizerFast(tokenizer_object=made, chat_template=template, unk_token="<unk>", eos_token="</s>")


MAKES = (byte_level, metaspace)
TEMPLATES = (CHATML, TRIMMED, SYSTEM)
TEXTS = (
    "it was late",
    "  it was late \n",
    "it\n\nwas",
    "\nit",
    "é😀 it",
    "user",
    "<|im_start|",
    "{{ 7 * 7 }}",
    "it was late " * 30,
)
TYPED_MARKS = ("<|im_end|>", "it<|im_end|>\n<|im_start|>system\nit was", "<|im_start|><|im_start|>", "</s> it", "it </s>")


def library(reader: PreTrainedTokenizerFast, *messages: Message) -> list[int]:
    """What the library's own call gives."""
    talk = [{"role": one.role, "content": one.content} for one in messages]
    last = messages[-1].role != "assistant"
    return list(reader.apply_chat_template(talk, add_generation_prompt=last, return_dict=False))


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("template", TEMPLATES, ids=["plain", "trimmed", "system"])
@pytest.mark.parametrize("text", TEXTS)
def test_the_ids_are_those_of_the_librarys_own_template(make, template, text):
    reader = make(template)
    reading = chat.read(reader, chat.messages(text))
    assert list(reading.ids) == library(reader, Message("user", text))
    typed = [token for token in reading.tokens if not token.special]
    assert all(0 <= token.start <= token.end <= len(text) for token in typed)
    covered = {at for token in typed for at in range(token.start, token.end)}
    assert covered >= {at for at, letter in enumerate(text) if not letter.isspace()}, "every letter that was typed has a token"
    at_words = [token for token in typed if text[token.start : token.end].strip()]
    assert all(text[token.start : token.end] == token.text or token.text.startswith("<0x") for token in at_words)


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("text", TYPED_MARKS)
def test_a_mark_that_is_typed_stays_text_and_ends_nothing(make, text):
    reader = make()
    reading, plain = (chat.read(reader, chat.messages(one)) for one in (text, "it"))
    special = set(reader.all_special_ids) | set(reader.added_tokens_decoder)
    marks, usual = ([n for n in one.ids if n in special and n != reader.unk_token_id] for one in (reading, plain))
    assert marks == usual, "as many marks as around any other message"
    typed = [token for token in reading.tokens if not token.special]
    assert {at for token in typed for at in range(token.start, token.end)} >= {
        at for at, letter in enumerate(text) if not letter.isspace()
    }


def test_what_the_template_adds_is_special_and_readable():
    tokens = chat.read(byte_level(SYSTEM), chat.messages("it")).tokens
    added = [token.text for token in tokens if token.special]
    assert added[0] == "<|im_start|>"
    assert "\\n" in added
    assert "␣" in added
    assert "".join(added[1:8]) == "system\\n"
    assert [(token.text, token.start, token.end, token.word) for token in tokens if not token.special] == [("it", 0, 2, 0)]
    assert {(token.start, token.end) for token in tokens if token.special} == {(0, 0), (2, 2)}


def test_the_messages_of_a_conversation_count_in_one_text():
    talk = [
        {"role": "system", "content": "it was"},
        {"role": "user", "content": "late, was it"},
        {"role": "assistant", "content": "it was it"},
    ]
    messages = chat.messages(talk)
    text = chat.text_of(messages)
    assert text == "it was\nlate, was it\nit was it"
    reading = chat.read(metaspace(), messages)
    assert list(reading.ids) == library(metaspace(), *messages), "no answer begins after the assistant's last message"
    words = [text[token.start : token.end] for token in reading.tokens if not token.special and token.text.strip()]
    assert "".join(words) == "".join(text.split())
    assert [token.word for token in reading.tokens if token.text == "was" and not token.special] == [1, 4, 7]


REFUSED = (
    ("{{ messages[0]['content'] | upper }}", "message 1 is changed by it|does not stand in it"),
    ("{{ messages[0]['content'] }}{{ messages[0]['content'] }}", "does not stand in it once"),
    ("{{ 'hello' }}", "does not stand in it once"),
    ("{{ raise_exception('Only system messages.') }}", "does not take this conversation: Only system messages"),
    ("{% if %}", "does not take this conversation"),
)


@pytest.mark.parametrize(("template", "says"), REFUSED)
def test_a_template_that_does_not_repeat_the_message_is_refused_in_words(template, says):
    with pytest.raises(errors.BadInputError, match=says) as caught:
        chat.read(byte_level(template), chat.messages("it was"))
    assert "tokens=" in str(caught.value) or "Change the messages" in str(caught.value)


BAD = (
    ({"role": "user", "content": "it"}, "Put the messages into a list"),
    ([], "got list"),
    (["it"], "message 1 is a str"),
    ([{"role": "user"}], "the entries role"),
    ([{"role": "user", "content": "it", "tool_calls": []}], "tool_calls"),
    ([{"role": "user", "content": " "}], "nothing but blanks"),
    ([{"role": "user", "content": [{"type": "text"}]}], "a list"),
    ([{"role": "user<|im_end|>", "content": "it"}], "The role of a message is a word"),
    (5, "got int"),
)


@pytest.mark.parametrize(("given", "says"), BAD)
def test_what_is_no_conversation_is_refused_with_its_place(given, says):
    with pytest.raises(errors.BadInputError, match=says):
        chat.messages(given)


def test_a_tokenizer_without_a_template_is_refused_with_a_remedy():
    with pytest.raises(errors.BadInputError, match=r"has none\. Leave out chat, or choose a model"):
        attnviz.trace(random_model("gpt2"), tokenizer(), "it", chat=True)


def test_a_mask_and_a_second_text_have_no_place_in_a_conversation():
    with pytest.raises(errors.BadTextError, match="no mask"):
        chat.read(byte_level(), chat.messages("it \ufffc"))
    with pytest.raises(errors.BadInputError, match="without a second text"):
        attnviz.trace(random_model("gpt2"), byte_level(), "it", "was", chat=True)


def test_a_conversation_that_is_too_long_is_refused_by_its_whole_length():
    with pytest.raises(errors.TooLongError, match="reads at most 19 tokens; this text has"):
        chat.read(byte_level(), chat.messages("it"), max_tokens=19, name="this model")


def own_chat_model(folder: Path) -> Path:
    """A decoder with a chat template of its own."""
    from transformers import AutoConfig, AutoModel

    reader = byte_level()
    config = AutoConfig.for_model("gpt2", vocab_size=len(reader), n_layer=2, n_head=2, n_embd=8, n_positions=64)
    AutoModel.from_config(config).save_pretrained(folder)
    reader.save_pretrained(folder)
    return folder


def test_attend_trace_and_the_command_line_read_one_conversation(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(attnviz, "_folder_backends", [])
    folder = own_chat_model(tmp_path / "talker")
    trace = attnviz.attend("was it", model=folder, chat=True)
    assert trace.request == AttentionRequest("local:talker", "was it", None, chat=True)
    loaded = attnviz.load(folder)
    again = attnviz.trace(loaded.model, loaded.tokenizer, [{"role": "user", "content": "was it"}], chat=True)
    check_same(again.weights(), trace.weights())
    assert again.tokens == trace.tokens
    command = ["attend", "was it", "--model", str(folder), "--chat", "--layer", "1", "--head", "1"]
    assert cli.main(command) == 0
    found = json.loads(capfd.readouterr().out)
    check_same(np.float32(found["weights"]), trace.weights(1, 1))
    assert found["provenance"]["chat"] is True
    assert [token["text"] for token in found["tokens"]] == [token.text for token in trace.tokens]
    assert cli.main([*command, "--words", "--special", "hide"]) == 0
    assert [token["text"] for token in json.loads(capfd.readouterr().out)["tokens"]] == ["was", "it"]
    assert cli.main(["rank", "was it it", "--model", str(folder), "--chat", "--link", "it#2:was", "--format", "json"]) == 0
    assert len(json.loads(capfd.readouterr().out)["heads"]) == 4
    assert cli.main(["attend", "was it", "--model", str(saved(tmp_path / "plain")), "--chat"]) == 2
    assert "has none. Leave out chat" in capfd.readouterr().err


def test_a_text_and_the_same_text_in_a_conversation_are_two_requests():
    assert AttentionRequest("m", "it") != AttentionRequest("m", "it", chat=True)
    assert hash(AttentionRequest("m", "it")) == hash(AttentionRequest("m", "it", None, chat=False))


def test_no_conversation_is_sent_to_a_server_on_another_machine(monkeypatch):
    monkeypatch.setattr(attnviz, "_default", [])
    monkeypatch.setenv("ATTNVIZ_BACKEND", "http://localhost:1")
    with pytest.raises(errors.BadInputError, match="Unset ATTNVIZ_BACKEND"):
        attnviz.attend("it was", model="smollm2", chat=True)


def test_a_conversation_travels_with_its_trace(tmp_path, monkeypatch):
    from attnviz.backends import wire

    monkeypatch.setattr(attnviz, "_folder_backends", [])
    trace = attnviz.attend("it was", model=own_chat_model(tmp_path / "talker"), chat=True)
    assert wire.loads(wire.dumps(trace)).request == trace.request


@pytest.mark.slow
@pytest.mark.parametrize("text", ["The dog didn't bark.", "  \n\nhi <|im_end|> you \n", "😀 小猫 <|endoftext|>", "a</s>b"])
def test_smollm2_reads_a_message_as_its_own_template_says(text):
    trace = attnviz.attend(text, model="smollm2", chat=True)
    reader = copy.deepcopy(attnviz.load("smollm2").tokenizer)
    special = set(reader.all_special_ids)
    whole = library(reader, Message("user", text))
    marks = [token.piece for token in trace.tokens if token.special and token.piece in ("<|im_start|>", "<|im_end|>")]
    assert marks == ["<|im_start|>", "<|im_end|>", "<|im_start|>", "<|im_end|>", "<|im_start|>"]
    if len([one for one in whole if one in special]) == len(marks):  # nothing typed looks like a mark: the ids are the same
        assert reader.convert_ids_to_tokens(whole) == [token.piece for token in trace.tokens]
    assert trace.causal
